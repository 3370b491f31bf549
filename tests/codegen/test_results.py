"""Results of generated call functions, by the type in the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate

TASKS = """
tasks:
  restart:
    {doc: R., status: things.get_status, working: w, completed: c, unknown: u,
     confirm: things.get_health, started: begun}
  install:
    {doc: I., status: things.get_status, working: w, completed: c, unknown: u, ok: fine, log: text,
     error: wrong, confirm: things.get_health, listed: things.list}
"""


async def test_none_result_ignores_the_body(generate: Generate) -> None:
    """returns: none returns None, whatever the body."""
    client = generate("operations: {go: {call: POST /api/go, returns: {200: none}}}")

    assert await client.call_with_response("go", {"ignored": 1}) is None


@pytest.mark.parametrize(
    ("kind", "value"), [("int", 5), ("list[str]", ["a"]), ("json", {"a": None}), ("str", "x")]
)
async def test_json_is_checked_against_its_type(
    generate: Generate, kind: str, value: object
) -> None:
    """JSON of the stated type is returned unchanged; anything else is refused."""
    client = generate(f"operations: {{get: {{call: GET /api/x, returns: {{200: '{kind}'}}}}}}")

    assert await client.call_with_response("get", value) == value
    client.response = httpx.Response(200, html="<p>Not JSON</p>")
    with pytest.raises(client.errors.DecodeError):
        await client.call("get")


async def test_paged_list_is_awaited_for_its_first_page(generate: Generate) -> None:
    """paging: names the keys of the items and of the next page, and the parameter for it."""
    client = generate("""
models: {Thing: {doc: A thing., fields: {id: {type: int, doc: Number.}}}}
operations:
  list:
    call: GET /api/things
    parameters: {page_token: {in: query, type: str, wire: next, doc: Page.}}
    returns: {200: "page[Thing]"}
    paging: {page_param: page_token, items: things, next: more}
""")
    thing, page = client.models.Thing, client.import_module("pagination").Page

    client.response = httpx.Response(200, json={"things": [{"id": 1}], "more": "x"})
    first = await client.call("list", page_token="w")

    assert isinstance(first, page)
    assert (first.items, first.next_page_token) == ([thing(id=1)], "x")
    assert client.requests[-1].url.query == b"next=w"
    last = await client.call_with_response("list", [{"id": 2}])
    assert (last.items, last.next_page_token) == ([thing(id=2)], None)


async def test_task_returns_a_handle(generate: Generate) -> None:
    """task[kind] returns a handle of the task_id; none means that no task was started."""
    client = generate(
        """
operations:
  get_health: {call: GET /api/health}
  restart: {call: POST /api/restart, returns: {200: "task[restart]", 204: none}}
  get_status: {call: GET /api/status}
  list: {call: GET /api/things}
""",
        common=TASKS,
    )
    handle = client.import_module("tasks").TaskHandle
    _, restart, status, _ = client.spec.operations

    task = await client.call_with_response("restart", {"task_id": "abc"})

    assert task == handle(id="abc", kind="restart", operation="things.restart")
    assert await client.call_with_response("restart", None, 204) is None
    assert (restart.task, status.task) == ("restart", "")
    with pytest.raises(client.errors.DecodeError, match="task_id"):
        await client.call_with_response("restart", {})


async def test_task_has_its_start_time(generate: Generate) -> None:
    """The start time comes from the server's clock, so clocks need not be in sync."""
    client = generate(
        """
operations:
  get_health: {call: GET /api/health}
  restart: {call: POST /api/restart, returns: {200: "task[restart]"}}
  get_status: {call: GET /api/status}
  list: {call: GET /api/things}
""",
        common=TASKS,
    )
    client.response = httpx.Response(
        200, json={"task_id": "abc"}, headers={"Date": "Thu, 01 Jan 1970 00:01:40 GMT"}
    )

    assert (await client.call("restart")).started_at == 100.0


@pytest.mark.parametrize(
    ("argument", "package"),
    [
        ("docassemble.demo", "docassemble-demo"),
        ("Docassemble_Demo==1.0", "docassemble-demo"),
        (" docassemble--demo[x]", "docassemble-demo"),
        ("docassemble.demo ~= 1", "docassemble-demo"),
        ("", ""),
        (None, ""),
    ],
)
async def test_package_check_sets_the_expected_state(
    generate: Generate, argument: str | None, package: str
) -> None:
    """package_check: names the argument with the package; its name is normalised as pip does it."""
    client = generate(
        """
operations:
  get_health: {call: GET /api/health}
  install:
    call: POST /api/install
    parameters: {name: {in: body, type: str, doc: Name.}}
    returns: {200: "task[install]"}
    package_check: {package: name, expected_state: listed}
  get_status: {call: GET /api/status}
  list: {call: GET /api/things}
""",
        common=TASKS,
    )
    client.response = httpx.Response(200, json={"task_id": "abc"})

    handle = await client.call("install", name=argument)

    assert (handle.package, handle.expected_state) == (package, "listed" if package else "")


def test_table_describes_how_to_wait_for_tasks(generate: Generate) -> None:
    """Each key of a task is in the table; omitted ones are empty."""
    client = generate(
        """
operations:
  get_health: {call: GET /api/health}
  install: {call: POST /api/install, returns: {200: "task[install]"}}
  restart: {call: POST /api/restart, returns: {200: "task[restart]"}}
  get_status: {call: GET /api/status}
  list: {call: GET /api/things}
""",
        common=TASKS,
    )
    kind = client.import_module("operation").TaskKind
    values = {
        "status_operation": "things.get_status",
        "confirm_operation": "things.get_health",
        "working_state": "w",
        "completed_state": "c",
        "unknown_state": "u",
    }

    tasks = client.import_module("operations").TASKS

    restart = kind(**values, start_time_attribute="begun")
    install = kind(
        **values,
        ok_attribute="fine",
        log_attribute="text",
        error_attribute="wrong",
        list_operation="things.list",
    )
    assert vars(tasks["restart"]) == vars(restart)
    assert vars(tasks["install"]) == vars(install)


async def test_binary_result_is_a_download(generate: Generate) -> None:
    """An operation that returns only files is awaited for the content."""
    client = generate("operations: {download: {call: GET /api/file, returns: {200: binary}}}")
    client.response = httpx.Response(200, content=b"\x00", headers={"content-type": "image/png"})

    content = await client.call("download")

    assert (content.content, content.content_type) == (b"\x00", "image/png")


async def test_text_result_is_a_string(generate: Generate) -> None:
    """returns: text returns the body as text."""
    client = generate("operations: {get: {call: GET /api/log, returns: {200: text}}}")
    client.response = httpx.Response(200, text="grün")

    assert await client.call("get") == "grün"


async def test_media_type_selects_json_or_bytes(generate: Generate) -> None:
    """If a status may have JSON or bytes, the media type decides."""
    client = generate("""
models: {Thing: {doc: A thing., fields: {id: {type: int, doc: Number.}}}}
operations:
  get: {call: GET /api/thing, returns: {200: {json: Thing, binary: true}, 2XX: text}}
""")

    thing = await client.call_with_response("get", {"id": 1})
    client.response = httpx.Response(200, content=b"%PDF")
    pdf = await client.call("get")
    client.response = httpx.Response(202, text="later")

    assert thing == client.models.Thing(id=1)
    assert pdf.content == b"%PDF"
    assert await client.call("get") == "later"


async def test_undescribed_status_is_refused(generate: Generate) -> None:
    """An undescribed success status is not a valid response of the operation."""
    client = generate("operations: {get: {call: GET /api/x, returns: {200: int}}}")

    with pytest.raises(client.errors.DecodeError, match="status 201"):
        await client.call_with_response("get", 1, 201)
