"""What generated call functions bring, by what the specification says of the answer."""

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


def test_no_content_is_none(generate: Generate) -> None:
    """returns: none brings None, whatever the body."""
    client = generate("operations: {go: {call: POST /api/go, returns: {200: none}}}")

    assert client.answered("go", {"ignored": 1}) is None


@pytest.mark.parametrize(
    ("kind", "answer"), [("int", 5), ("list[str]", ["a"]), ("json", {"a": None}), ("str", "x")]
)
def test_json_is_checked_against_its_type(generate: Generate, kind: str, answer: object) -> None:
    """An answer of the stated type is brought as it is; another is refused."""
    client = generate(f"operations: {{get: {{call: GET /api/x, returns: {{200: '{kind}'}}}}}}")

    assert client.answered("get", answer) == answer
    client.reply = httpx.Response(200, html="<p>Not JSON</p>")
    with pytest.raises(client.errors.DecodeError):
        client.call("get")


def test_paged_list_is_awaited_for_its_first_page(generate: Generate) -> None:
    """paging: names the keys of the items and of the next page, and the parameter for it."""
    client = generate("""
models: {Thing: {doc: A thing., fields: {id: {type: int, doc: Number.}}}}
operations:
  list:
    call: GET /api/things
    parameters: {resume_from: {in: query, type: str, wire: next, doc: Page.}}
    returns: {200: "page[Thing]"}
    paging: {resume: resume_from, items: things, next: more}
""")
    thing, page = client.models.Thing, client.module("pagination").Page

    client.reply = httpx.Response(200, json={"things": [{"id": 1}], "more": "x"})
    first = client.call("list", resume_from="w")

    assert first == page(items=[thing(id=1)], next_id="x")
    assert client.requests[-1].url.query == b"next=w"
    assert client.answered("list", [{"id": 2}]) == page(items=[thing(id=2)], next_id=None)


def test_task_brings_a_handle(generate: Generate) -> None:
    """task[kind] makes a handle of the task_id, and none says that nothing was begun."""
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
    handle = client.module("tasks").TaskHandle
    _, restart, status, _ = client.spec.operations

    begun = client.answered("restart", {"task_id": "abc"})

    assert begun == handle(id="abc", kind="restart", operation="things.restart")
    assert client.answered("restart", None, 204) is None
    assert (restart.task, status.task) == ("restart", "")
    with pytest.raises(client.errors.DecodeError, match="task_id"):
        client.answered("restart", {})


def test_task_knows_when_it_began(generate: Generate) -> None:
    """The server's own clock dates the task, so that no other clock has to agree with it."""
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
    client.reply = httpx.Response(
        200, json={"task_id": "abc"}, headers={"Date": "Thu, 01 Jan 1970 00:01:40 GMT"}
    )

    assert client.call("restart").started == 100.0


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("docassemble.demo", "docassemble-demo"),
        ("Docassemble_Demo==1.0", "docassemble-demo"),
        (" docassemble--demo[x]", "docassemble-demo"),
        ("docassemble.demo ~= 1", "docassemble-demo"),
        ("", ""),
        (None, ""),
    ],
)
def test_verify_says_what_the_task_must_leave_behind(
    generate: Generate, given: str | None, target: str
) -> None:
    """verify: names the argument with the package; its name is compared as pip compares names."""
    client = generate(
        """
operations:
  get_health: {call: GET /api/health}
  install:
    call: POST /api/install
    parameters: {name: {in: body, type: str, doc: Name.}}
    returns: {200: "task[install]"}
    verify: {target: name, expects: listed}
  get_status: {call: GET /api/status}
  list: {call: GET /api/things}
""",
        common=TASKS,
    )
    client.reply = httpx.Response(200, json={"task_id": "abc"})

    handle = client.call("install", name=given)

    assert (handle.target, handle.expects) == (target, "listed" if target else "")


def test_table_says_how_tasks_are_waited_for(generate: Generate) -> None:
    """Each word of a task's description reaches the table; what is left out is empty there."""
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
    kind = client.module("operation").TaskKind
    words = {"status": "things.get_status", "working": "w", "completed": "c", "unknown": "u"}
    words["confirm"] = "things.get_health"

    tasks = client.module("operations").TASKS

    assert tasks["restart"] == kind(**words, started="begun")
    assert tasks["install"] == kind(
        **words, ok="fine", log="text", error="wrong", listed="things.list"
    )


def test_binary_answer_is_a_download(generate: Generate) -> None:
    """An operation that brings files only is awaited for the content."""
    client = generate("operations: {download: {call: GET /api/file, returns: {200: binary}}}")
    client.reply = httpx.Response(200, content=b"\x00", headers={"content-type": "image/png"})

    content = client.call("download")

    assert (content.content, content.content_type) == (b"\x00", "image/png")


def test_text_answer_is_a_string(generate: Generate) -> None:
    """returns: text brings the body as text."""
    client = generate("operations: {get: {call: GET /api/log, returns: {200: text}}}")
    client.reply = httpx.Response(200, text="grün")

    assert client.call("get") == "grün"


def test_media_type_tells_kinds_of_answers_apart(generate: Generate) -> None:
    """Where a status may bring JSON or bytes, each arrives as what it is."""
    client = generate("""
models: {Thing: {doc: A thing., fields: {id: {type: int, doc: Number.}}}}
operations:
  get: {call: GET /api/thing, returns: {200: {json: Thing, binary: true}, 2XX: text}}
""")

    thing = client.answered("get", {"id": 1})
    client.reply = httpx.Response(200, content=b"%PDF")
    pdf = client.call("get")
    client.reply = httpx.Response(202, text="later")

    assert thing == client.models.Thing(id=1)
    assert pdf.content == b"%PDF"
    assert client.call("get") == "later"


def test_status_that_is_not_described_is_refused(generate: Generate) -> None:
    """A success that the specification does not know is no answer of this operation."""
    client = generate("operations: {get: {call: GET /api/x, returns: {200: int}}}")

    with pytest.raises(client.errors.DecodeError, match="status 201"):
        client.answered("get", 1, 201)
