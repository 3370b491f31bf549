"""Arguments of generated call functions, and the requests that they send."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate, Generated


def _build_operation(call: str, parameters: str, more: str = "") -> str:
    return f"""
operations:
  run:
    call: {call}
    parameters:
      {parameters}
    {more}
"""


def _get_query(client: Generated) -> dict[str, str]:
    return dict(parse_qsl(client.requests[-1].url.query.decode(), keep_blank_values=True))


async def test_required_parameters_are_positional_and_optional_ones_keyword_only(
    generate: Generate,
) -> None:
    """Path parameters come first, then required ones; all others are keyword-only."""
    client = generate(
        _build_operation(
            "GET /api/thing/{number}",
            """name: {in: query, type: str, doc: Name.}
      kind: {in: query, type: str, required: true, doc: Kind.}
      number: {in: path, type: int, doc: Number.}""",
        )
    )

    await client.call("run", 7, "x", name="y")
    signature = inspect.signature(client.get_function("run"))
    kinds = {param.kind.name for param in list(signature.parameters.values())[3:]}

    assert client.requests[-1].url == "https://da.example.com/api/thing/7?kind=x&name=y"
    names = ["self", "number", "kind", "name", "timeout", "retry", "headers"]
    assert list(signature.parameters) == names
    assert kinds == {"KEYWORD_ONLY"}
    with pytest.raises(TypeError):
        await client.call("run", 7)
    with pytest.raises(TypeError):
        await client.call("run", 7, "x", "y")


async def test_every_call_can_send_further_headers(generate: Generate) -> None:
    """headers= is an argument of every call, not of the specification."""
    client = generate("operations: {run: {call: GET /api/thing}}")

    await client.call("run", headers={"X-Trace": "abc"})

    assert client.requests[-1].headers["x-trace"] == "abc"


def test_a_namespace_is_made_once(generate: Generate) -> None:
    """The client keeps the object with the calls of a tag."""
    client = generate("operations: {run: {call: GET /api/thing}}")
    da = client.import_module("client").AsyncDocassemble("https://da.example.com", "key")

    assert da.things is da.things
    assert type(da.things).__name__ == "Things"


async def test_omitted_parameters_are_not_sent(generate: Generate) -> None:
    """None means omitted, if the server does not distinguish null."""
    client = generate(
        _build_operation("POST /api/thing", "name: {in: body, type: str, doc: Name.}")
    )

    await client.call("run")
    await client.call("run", name=None)

    assert [request.content for request in client.requests] == [b"{}", b"{}"]


async def test_null_is_sent_if_the_specification_allows_it(generate: Generate) -> None:
    """With null: true, None is sent and UNSET is the default."""
    client = generate(
        _build_operation("POST /api/thing", 'name: {in: body, type: str, "null": true, doc: Name.}')
    )

    await client.call("run", name=None)
    null = client.last_json
    await client.call("run")

    assert null == {"name": None}
    assert client.last_json == {}


async def test_parameters_are_sent_under_their_wire_names(generate: Generate) -> None:
    """wire: is the name that the server reads."""
    client = generate(
        _build_operation(
            "GET /api/thing", "page_token: {in: query, wire: Next-Id, type: str, doc: D.}"
        )
    )

    await client.call("run", page_token="x")

    assert _get_query(client) == {"Next-Id": "x"}


async def test_any_sequence_or_mapping_is_accepted(generate: Generate) -> None:
    """List parameters accept any sequence, map parameters any mapping."""
    client = generate(
        _build_operation(
            "POST /api/thing",
            """names: {in: body, type: "list[str]", doc: Names.}
      flags: {in: body, type: "map[bool]", doc: Flags.}""",
        )
    )

    await client.call("run", names=("a", "b"), flags={"a": True})

    assert client.last_json == {"names": ["a", "b"], "flags": {"a": 1}}


async def test_json_text_is_json_inside_a_string(generate: Generate) -> None:
    """encoding: json_text is for endpoints that parse a parameter a second time."""
    client = generate(
        _build_operation(
            "POST /api/x", "data: {in: body, type: json, encoding: json_text, doc: Data.}"
        )
    )

    await client.call("run", data={"a": [1]})

    assert client.last_json == {"data": '{"a":[1]}'}


async def test_items_of_a_spread_mapping_are_sent_as_parameters(generate: Generate) -> None:
    """Each item of a spread mapping is a parameter; reserved names are refused."""
    client = generate(
        _build_operation(
            "GET /api/thing",
            "args: {in: query, type: object, spread: true, reserved: [i], doc: Arguments.}",
        )
    )

    await client.call("run", args={"a": "1", "b": "2"})

    assert _get_query(client) == {"a": "1", "b": "2"}
    with pytest.raises(client.errors.UsageError, match="must not contain 'i'"):
        await client.call("run", args={"i": "1"})


async def test_all_reserved_names_are_refused(generate: Generate) -> None:
    """reserved: is a list."""
    client = generate(
        _build_operation(
            "GET /api/thing",
            "args: {in: query, type: object, spread: true, reserved: [i, session], doc: A.}",
        )
    )

    for name in ("i", "session"):
        with pytest.raises(client.errors.UsageError, match=f"'{name}'"):
            await client.call("run", args={name: "1"})


async def test_variable_names_are_checked(generate: Generate) -> None:
    """check: variable_name refuses all but plain names, because the server executes them."""
    client = generate(
        _build_operation(
            "POST /api/thing", "data: {in: body, type: object, check: variable_name, doc: Data.}"
        )
    )

    with pytest.raises(client.errors.UsageError, match="not a valid variable name"):
        await client.call("run", data={"a[f()]": 1})


async def test_renamed_names_are_not_those_of_variables(generate: Generate) -> None:
    """renamed_by exempts the names that another parameter maps to variables."""
    client = generate(
        _build_operation(
            "POST /api/thing",
            """files: {in: file, type: file_map, check: variable_name, renamed_by: names, doc: F.}
      names: {in: body, type: "map[str]", check: variable_name, doc: Variables by name.}""",
        )
    )

    await client.call("run", files={"a-b": b""}, names={"a-b": "x['a']"})

    with pytest.raises(client.errors.UsageError, match="'c-d', which is not a valid variable name"):
        await client.call("run", files={"a-b": b"", "c-d": b""}, names={"a-b": "x['a']"})


async def test_files_are_sent_as_multipart(generate: Generate) -> None:
    """A form may have one file, several files under one name, and a mapping from field to file."""
    client = generate(
        _build_operation(
            "POST /api/thing",
            """single: {in: file, type: file, wire: template, required: true, doc: File.}
      many: {in: file, type: files, doc: Files.}
      named: {in: file, type: file_map, doc: Files by field.}
      data: {in: body, type: object, doc: Data.}""",
        )
    )

    await client.call("run", b"1", many=[b"2", b"3"], named={"x": b"4"}, data={"a": 1})
    body = client.requests[-1].content.decode()

    assert client.requests[-1].headers["content-type"].startswith("multipart/form-data")
    assert [body.count(f'name="{name}"') for name in ("template", "many", "x", "data")] == [
        1,
        2,
        1,
        1,
    ]


async def test_values_of_a_closed_enumeration_are_checked(generate: Generate) -> None:
    """An invalid value of a closed enumeration is refused; an open one accepts it."""
    client = generate("""
enums:
  Way: {doc: Ways., closed: true, values: [up, down]}
  Colour: {doc: Colours., values: [red]}
operations:
  run:
    call: GET /api/thing
    parameters:
      way: {in: query, type: Way, doc: Way.}
      colour: {in: query, type: Colour, doc: Colour.}
""")

    await client.call("run", way="up", colour="infrared")

    assert _get_query(client) == {"way": "up", "colour": "infrared"}
    with pytest.raises(client.errors.UsageError, match="must be one of up, down"):
        await client.call("run", way="left")


async def test_exactly_one_of_several_parameters_is_required(generate: Generate) -> None:
    """one_of: refuses no parameter and several."""
    client = generate(
        _build_operation(
            "GET /api/thing",
            """a: {in: query, type: str, doc: A.}
      b: {in: query, type: str, doc: B.}""",
            "requires: [{one_of: [a, b]}]",
        )
    )

    await client.call("run", a="1")

    for arguments in ({}, {"a": "1", "b": "2"}):
        with pytest.raises(client.errors.UsageError, match="exactly one of a, b"):
            await client.call("run", **arguments)
    assert len(client.requests) == 1


async def test_any_of_several_parameters_is_required_unless_a_flag_is_set(
    generate: Generate,
) -> None:
    """any_of: with unless: protects calls that would otherwise affect everything."""
    client = generate(
        _build_operation(
            "DELETE /api/thing",
            """a: {in: query, type: str, doc: A.}
      b: {in: query, type: str, doc: B.}
      delete_all: {in: local, type: bool, doc: Really.}""",
            "requires: [{any_of: [a, b], unless: delete_all}]",
        )
    )

    with pytest.raises(client.errors.UsageError, match="delete_all=True"):
        await client.call("run")
    await client.call("run", a="1", b="2")
    await client.call("run", delete_all=True)

    assert [request.url.query for request in client.requests] == [b"a=1&b=2", b""]


async def test_a_rule_may_name_a_single_parameter(generate: Generate) -> None:
    """any_of: with one name makes a parameter required unless a flag is set."""
    client = generate(
        _build_operation(
            "DELETE /api/x", "a: {in: query, type: str, doc: A.}", "requires: [{any_of: [a]}]"
        )
    )

    with pytest.raises(client.errors.UsageError, match="at least one of a"):
        await client.call("run")


async def test_local_parameter_is_not_sent(generate: Generate) -> None:
    """A local parameter only affects the client; its default is False."""
    client = generate(_build_operation("GET /api/thing", "all: {in: local, type: bool, doc: All.}"))

    await client.call("run", all=True)

    assert client.requests[-1].url.query == b""
    assert inspect.signature(client.get_function("run")).parameters["all"].default is False


async def test_local_and_path_parameters_use_no_wire_name(generate: Generate) -> None:
    """Local and path parameters cannot collide with the wire names of others."""
    client = generate(
        _build_operation(
            "GET /api/user/{user_id}",
            """all: {in: local, type: bool, doc: All.}
      every: {in: query, wire: all, type: bool, doc: Every.}
      owner: {in: query, wire: user_id, type: int, doc: Owner.}
      user_id: {in: path, type: int, doc: User.}""",
        )
    )

    await client.call("run", 1, every=True, owner=2)

    assert client.requests[-1].url == "https://da.example.com/api/user/1?all=1&user_id=2"


async def test_parameter_groups_come_before_own_parameters(generate: Generate) -> None:
    """use: takes parameters of common.yaml, in order."""
    client = generate(
        _build_operation("GET /api/thing", "b: {in: query, type: str, doc: B.}", "use: [first]"),
        common="parameters: {first: {a: {in: query, type: str, doc: A.}}}",
    )

    await client.call("run", b="2", a="1")

    assert client.requests[-1].url.query == b"a=1&b=2"


async def test_operation_without_auth_sends_no_key(generate: Generate) -> None:
    """auth: false is for calls that need no API key."""
    client = generate("""
operations:
  get_health: {call: GET /health, auth: false}
  get: {call: GET /thing}
""")

    await client.call("get_health")
    await client.call("get")

    assert [request.headers.get("x-api-key") for request in client.requests] == [None, "key"]


def test_table_contains_the_metadata_of_operations(generate: Generate) -> None:
    """Retries, exclusive calls, sensitivity, privileges and versions are in the table."""
    client = generate(
        _build_operation(
            "POST /api/thing",
            """i: {in: body, type: str, sensitive: true, doc: I.}
      secret: {in: body, type: secret, doc: S.}""",
            """retry: safe
    exclusive_by: [i]
    since: 1.4.0
    privileges: {any_of: [admin, advocate], permissions: [edit], note: none for oneself}""",
        )
    )

    operation = client.find_operation("things.run")

    assert (operation.retry, operation.exclusive_by, operation.since) == ("safe", ("i",), "1.4.0")
    assert [param.sensitive for param in operation.params] == [True, True]
    assert operation.privileges.any_of == ("admin", "advocate")
    assert operation.privileges.permissions == ("edit",)
    assert operation.privileges.note == "none for oneself"
