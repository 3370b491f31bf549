"""What generated call functions take, and what they send."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from tests.codegen.harness import Generate, Generated


def _operation(call: str, parameters: str, more: str = "") -> str:
    return f"""
operations:
  run:
    call: {call}
    parameters:
      {parameters}
    {more}
"""


def _query(client: Generated) -> dict[str, str]:
    return dict(parse_qsl(client.requests[-1].url.query.decode(), keep_blank_values=True))


def test_required_parameters_are_positional_and_optional_ones_keyword_only(
    generate: Generate,
) -> None:
    """The path comes first, then what is required; everything else needs its name."""
    client = generate(
        _operation(
            "GET /api/thing/{number}",
            """name: {in: query, type: str, doc: Name.}
      kind: {in: query, type: str, required: true, doc: Kind.}
      number: {in: path, type: int, doc: Number.}""",
        )
    )

    client.call("run", 7, "x", name="y")
    signature = inspect.signature(client.method("run"))
    kinds = {one.kind.name for one in list(signature.parameters.values())[3:]}

    assert client.requests[-1].url == "https://da.example.com/api/thing/7?kind=x&name=y"
    assert list(signature.parameters) == ["self", "number", "kind", "name", "timeout", "retry"]
    assert kinds == {"KEYWORD_ONLY"}
    with pytest.raises(TypeError):
        client.call("run", 7)
    with pytest.raises(TypeError):
        client.call("run", 7, "x", "y")


def test_parameters_left_out_are_not_sent(generate: Generate) -> None:
    """None stands for left out, where null means nothing to the server."""
    client = generate(_operation("POST /api/thing", "name: {in: body, type: str, doc: Name.}"))

    client.call("run")
    client.call("run", name=None)

    assert [request.content for request in client.requests] == [b"{}", b"{}"]


def test_null_is_sent_where_it_means_something(generate: Generate) -> None:
    """With null: true, None is sent and UNSET is the default."""
    client = generate(
        _operation("POST /api/thing", 'name: {in: body, type: str, "null": true, doc: Name.}')
    )

    client.call("run", name=None)
    null = client.sent
    client.call("run")

    assert null == {"name": None}
    assert client.sent == {}


def test_parameters_are_sent_under_their_wire_names(generate: Generate) -> None:
    """wire: is the name the server reads."""
    client = generate(
        _operation("GET /api/thing", "resume_from: {in: query, wire: Next-Id, type: str, doc: D.}")
    )

    client.call("run", resume_from="x")

    assert _query(client) == {"Next-Id": "x"}


def test_lists_and_maps_are_taken_of_any_sequence_or_mapping(generate: Generate) -> None:
    """What JSON writes as a list or object may be any sequence or mapping."""
    client = generate(
        _operation(
            "POST /api/thing",
            """names: {in: body, type: "list[str]", doc: Names.}
      flags: {in: body, type: "map[bool]", doc: Flags.}""",
        )
    )

    client.call("run", names=("a", "b"), flags={"a": True})

    assert client.sent == {"names": ["a", "b"], "flags": {"a": 1}}


def test_json_text_is_json_inside_a_string(generate: Generate) -> None:
    """encoding: json_text is for endpoints that parse a parameter once more."""
    client = generate(
        _operation("POST /api/x", "data: {in: body, type: json, encoding: json_text, doc: Data.}")
    )

    client.call("run", data={"a": [1]})

    assert client.sent == {"data": '{"a":[1]}'}


def test_spread_mapping_becomes_parameters_of_their_own(generate: Generate) -> None:
    """Each item of a spread mapping is a parameter; reserved names are refused."""
    client = generate(
        _operation(
            "GET /api/thing",
            "args: {in: query, type: object, spread: true, reserved: [i], doc: Arguments.}",
        )
    )

    client.call("run", args={"a": "1", "b": "2"})

    assert _query(client) == {"a": "1", "b": "2"}
    with pytest.raises(client.errors.UsageError, match="may not hold 'i'"):
        client.call("run", args={"i": "1"})


def test_several_reserved_names_are_all_refused(generate: Generate) -> None:
    """reserved: is a list."""
    client = generate(
        _operation(
            "GET /api/thing",
            "args: {in: query, type: object, spread: true, reserved: [i, session], doc: A.}",
        )
    )

    for name in ("i", "session"):
        with pytest.raises(client.errors.UsageError, match=f"'{name}'"):
            client.call("run", args={name: "1"})


def test_names_the_server_executes_are_checked(generate: Generate) -> None:
    """check: variable_name refuses what cannot be the name of a variable."""
    client = generate(
        _operation(
            "POST /api/thing", "data: {in: body, type: object, check: variable_name, doc: Data.}"
        )
    )

    with pytest.raises(client.errors.UsageError, match="line break"):
        client.call("run", data={"a\nb": 1})


def test_files_are_sent_as_multipart(generate: Generate) -> None:
    """One file, several under one name, and a mapping from field to file."""
    client = generate(
        _operation(
            "POST /api/thing",
            """one: {in: file, type: file, wire: template, required: true, doc: File.}
      many: {in: file, type: files, doc: Files.}
      named: {in: file, type: file_map, doc: Files by field.}
      data: {in: body, type: object, doc: Data.}""",
        )
    )

    client.call("run", b"1", many=[b"2", b"3"], named={"x": b"4"}, data={"a": 1})
    body = client.requests[-1].content.decode()

    assert client.requests[-1].headers["content-type"].startswith("multipart/form-data")
    assert [body.count(f'name="{name}"') for name in ("template", "many", "x", "data")] == [
        1,
        2,
        1,
        1,
    ]


def test_values_of_a_closed_enumeration_are_checked(generate: Generate) -> None:
    """A value the server would misread is refused before it is sent; an open one passes."""
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

    client.call("run", way="up", colour="infrared")

    assert _query(client) == {"way": "up", "colour": "infrared"}
    with pytest.raises(client.errors.UsageError, match="must be one of up, down"):
        client.call("run", way="left")


def test_exactly_one_of_several_parameters_is_demanded(generate: Generate) -> None:
    """one_of: refuses none and several."""
    client = generate(
        _operation(
            "GET /api/thing",
            """a: {in: query, type: str, doc: A.}
      b: {in: query, type: str, doc: B.}""",
            "requires: [{one_of: [a, b]}]",
        )
    )

    client.call("run", a="1")

    for wrong in ({}, {"a": "1", "b": "2"}):
        with pytest.raises(client.errors.UsageError, match="exactly one of a, b"):
            client.call("run", **wrong)
    assert len(client.requests) == 1


def test_any_of_several_parameters_is_demanded_unless_a_switch_is_on(generate: Generate) -> None:
    """any_of: with unless: protects calls that would otherwise mean everything."""
    client = generate(
        _operation(
            "DELETE /api/thing",
            """a: {in: query, type: str, doc: A.}
      b: {in: query, type: str, doc: B.}
      delete_all: {in: local, type: bool, doc: Really.}""",
            "requires: [{any_of: [a, b], unless: delete_all}]",
        )
    )

    with pytest.raises(client.errors.UsageError, match="delete_all=True"):
        client.call("run")
    client.call("run", a="1", b="2")
    client.call("run", delete_all=True)

    assert [request.url.query for request in client.requests] == [b"a=1&b=2", b""]


def test_one_parameter_may_be_demanded_under_no_other_name(generate: Generate) -> None:
    """any_of: with one name makes a parameter required unless a switch is on."""
    client = generate(
        _operation(
            "DELETE /api/x", "a: {in: query, type: str, doc: A.}", "requires: [{any_of: [a]}]"
        )
    )

    with pytest.raises(client.errors.UsageError, match="at least one of a"):
        client.call("run")


def test_local_parameter_is_never_sent(generate: Generate) -> None:
    """A local parameter steers the client and is off by default."""
    client = generate(_operation("GET /api/thing", "all: {in: local, type: bool, doc: All.}"))

    client.call("run", all=True)

    assert client.requests[-1].url.query == b""
    assert inspect.signature(client.method("run")).parameters["all"].default is False


def test_local_parameter_does_not_take_a_name_on_the_wire(generate: Generate) -> None:
    """What is never sent cannot collide with what is, and neither can a part of the path."""
    client = generate(
        _operation(
            "GET /api/user/{user_id}",
            """all: {in: local, type: bool, doc: All.}
      every: {in: query, wire: all, type: bool, doc: Every.}
      owner: {in: query, wire: user_id, type: int, doc: Owner.}
      user_id: {in: path, type: int, doc: User.}""",
        )
    )

    client.call("run", 1, every=True, owner=2)

    assert client.requests[-1].url == "https://da.example.com/api/user/1?all=1&user_id=2"


def test_groups_of_parameters_stand_before_the_operations_own(generate: Generate) -> None:
    """use: takes parameters of common.yaml, in order."""
    client = generate(
        _operation("GET /api/thing", "b: {in: query, type: str, doc: B.}", "use: [first]"),
        common="parameters: {first: {a: {in: query, type: str, doc: A.}}}",
    )

    client.call("run", b="2", a="1")

    assert client.requests[-1].url.query == b"a=1&b=2"


def test_operation_without_key_sends_none(generate: Generate) -> None:
    """auth: false is for what any visitor may call."""
    client = generate("""
operations:
  get_health: {call: GET /health, auth: false}
  get: {call: GET /thing}
""")

    client.call("get_health")
    client.call("get")

    assert [request.headers.get("x-api-key") for request in client.requests] == [None, "key"]


def test_table_holds_what_the_runtime_must_know(generate: Generate) -> None:
    """Retries, serialisation, sensitivity, privileges and versions are in the table."""
    client = generate(
        _operation(
            "POST /api/thing",
            """i: {in: body, type: str, sensitive: true, doc: I.}
      secret: {in: body, type: secret, doc: S.}""",
            """retry: safe
    serialise: [i]
    since: 1.4.0
    privileges: {any: [admin, advocate], permissions: [edit], note: none for oneself}""",
        )
    )

    operation = client.operation("things.run")

    assert (operation.retry, operation.serialise, operation.since) == ("safe", ("i",), "1.4.0")
    assert [one.sensitive for one in operation.params] == [True, True]
    assert operation.privileges.any == ("admin", "advocate")
    assert operation.privileges.permissions == ("edit",)
    assert operation.privileges.note == "none for oneself"


def test_known_error_names_what_switches_the_operation_off(generate: Generate) -> None:
    """The directives are data; other errors have none."""
    client = generate(
        "operations: {go: {call: GET /api/go, errors: [{status: 404, message: Gone, hint: Wait.}, "
        "{status: 404, message: Away, hint: Ask., switches: [enable x, allow y]}]}}"
    )

    errors = client.operation("things.go").errors

    assert [one.switches for one in errors] == [(), ("enable x", "allow y")]


def test_known_errors_bring_their_hints(generate: Generate) -> None:
    """An operation's own errors come first, then its groups, then the group every."""
    client = generate(
        "operations: {go: {call: POST /api/go, errors: [login, "
        "{status: 400, message: 'Bad {}.', hint: Mend it.}]}, "
        "get_health: {call: GET /health, auth: false}}",
        common="""
errors:
  login: [{status: 403, message: No., hint: Log in.}]
  every: [{status: 403, message: Access denied., hint: Check the key.}]
statuses: {"404": Look elsewhere.}
""",
    )

    errors = client.operation("things.go").errors

    assert [one.hint for one in errors] == ["Mend it.", "Log in.", "Check the key."]
    assert client.operation("things.get_health").errors == ()
    with pytest.raises(client.errors.BadRequest, match="Mend it"):
        client.answered("go", "Bad thing.", 400)
    with pytest.raises(client.errors.NotFound, match="Look elsewhere"):
        client.answered("go", "", 404)


def test_known_errors_that_tags_share_stand_once(generate: Generate) -> None:
    """A group that several tags use is printed for all of them, any other beside its tag."""
    client = generate(
        "operations: {go: {call: POST /api/go, errors: [login, busy]}}",
        "{tag: others, operations: {go: {call: POST /api/others, errors: [login]}}}",
        common="""
errors:
  login: [{status: 403, message: No., hint: Log in.}]
  busy: [{status: 400, message: Later., hint: Wait.}]
""",
    )

    def printed(text: str) -> list[str]:
        names = ("__init__", "_errors", "things", "others")
        return [one for one in names if text in client.text(f"operations/{one}.py")]

    assert [one.hint for one in client.operation("things.go").errors] == ["Log in.", "Wait."]
    assert [one.hint for one in client.operation("others.go").errors] == ["Log in."]
    assert (printed("Log in."), printed("Wait.")) == (["_errors"], ["things"])
