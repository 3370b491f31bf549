"""Arguments of every kind become a request, or are refused before it is sent."""

from __future__ import annotations

import json
import math
from collections import UserDict, UserList, UserString
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import pytest

from docassemble_client import operations
from docassemble_client._core.messages import Request
from docassemble_client._core.serialize import serialize
from docassemble_client._types import UNSET
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.operation import Operation, Param, Result
from tests.core.responses import to_dict


def make_operation(
    *params: Param, method: str = "GET", path: str = "/p", **options: Any
) -> Operation[Any]:
    return Operation(
        tag="t",
        name="n",
        method=method,
        path=path,
        summary="S.",
        results={"204": Result()},
        params=params,
        **options,
    )


def serialize_param(param: Param, value: object, method: str = "GET", path: str = "/p") -> Request:
    return serialize(make_operation(param, method=method, path=path), {param.name: value})


def get_error(operation: Operation[Any], arguments: dict[str, object]) -> str:
    """Serialize invalid arguments; return the text of the error."""
    with pytest.raises(UsageError) as caught:
        serialize(operation, arguments)
    error = caught.value
    assert error.operation == operation.id
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return error.message


TOO_DEEP = "nested too deeply, or containing itself"
LONE_SURROGATE = "a cannot be sent: a lone surrogate, which is not a valid character"


def get_param_error(param: Param, value: object, method: str = "GET", path: str = "/p") -> str:
    return get_error(make_operation(param, method=method, path=path), {param.name: value})


class Number(IntEnum):
    """A number with a name."""

    SEVEN = 7


def test_a_request_contains_everything_the_transport_needs() -> None:
    """Operation, method, path, key and safety come from the table."""
    read = serialize(operations.USERS_GET, {"user_id": 7})
    health = serialize(operations.SERVER_GET_HEALTH, {})
    write = serialize(operations.USERS_CREATE, {"username": "a@b.c"})

    expected = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
    assert to_dict(read) == to_dict(expected)
    assert not health.auth
    assert (write.safe, write.auth, write.stream) == (False, True, False)
    assert write.json == b'{"username":"a@b.c"}'


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_methods_without_a_body_use_the_query(method: str) -> None:
    """GET and DELETE send no body, not even an empty one."""
    request = serialize_param(Param("name", "query", "str", alias="n"), "a b&c", method)

    assert request.query == (("n", "a b&c"),)
    assert request.json is None
    assert request.form == ()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_methods_with_a_body_always_send_json(method: str) -> None:
    """POST, PATCH and PUT send a JSON object, which may be empty."""
    with_value = serialize_param(Param("name", "body", "str", alias="n"), "ü", method)
    empty = serialize_param(Param("name", "body", "str"), None, method)

    assert with_value.json == '{"n":"ü"}'.encode()
    assert empty.json == b"{}"


def test_files_are_sent_in_a_form() -> None:
    """With a file the body is multipart: texts unchanged, anything else as JSON."""
    params = (
        Param("text", "body", "str"),
        Param("flag", "body", "bool"),
        Param("names", "body", "list[str]"),
        Param("data", "body", "object"),
        Param("listed", "body", "list[str]", json_text=True),
        Param("file", "file", "file", alias="f"),
    )
    values = {"text": "ü", "flag": False, "names": ["a"], "data": {"x": None}, "listed": ["b"]}

    request = serialize(make_operation(*params, method="POST"), {**values, "file": b"content"})

    assert request.json is None
    assert request.form == (
        ("text", "ü"),
        ("flag", "0"),
        ("names", '["a"]'),
        ("data", '{"x":null}'),
        ("listed", '["b"]'),
    )
    ((name, upload),) = request.files
    assert (name, upload.filename, upload.content) == ("f", "upload", b"content")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("str", "", ""),
        ("str", "x", "x"),
        ("int", 0, "0"),
        ("int", -5, "-5"),
        ("int", Number.SEVEN, "7"),
        ("float", 1.5, "1.5"),
        ("float", 2, "2"),
        ("bool", True, "1"),
        ("bool", False, "0"),
        ("secret", "s", "s"),
        ("secret", Secret("s"), "s"),
        ("json", {"a": [True, None]}, '{"a":[true,null]}'),
        ("json", "s", "s"),
        ("json", True, "1"),
        ("object", {"a": "ü"}, '{"a":"ü"}'),
        ("object", MappingProxyType({"a": (1, 2)}), '{"a":[1,2]}'),
        ("list[str]", ("a", "b"), '["a","b"]'),
        ("list[bool]", [True, False], "[1,0]"),
        ("list[secret]", [Secret("s")], '["s"]'),
        ("list[str]", [], "[]"),
        ("map[int]", UserDict({"a": 1}), '{"a":1}'),
        ("map[list[str]]", {"a": ["b"]}, '{"a":["b"]}'),
        ("Color", "red", "red"),
    ],
)
def test_each_kind_has_a_text_in_a_query(kind: str, value: object, text: str) -> None:
    """In a query, booleans become 1 and 0, lists and objects JSON, and secrets are revealed."""
    request = serialize_param(Param("a", "query", kind), value)

    assert request.query == (("a", text),)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("bool", True, 1),
        ("bool", False, 0),
        ("list[bool]", [True], [1]),
        ("int", 5, 5),
        ("object", {"a": True, "b": {"c": Secret("s")}}, {"a": True, "b": {"c": "s"}}),
        ("json", [None, (1,), UserDict({"a": Secret("s")})], [None, [1], {"a": "s"}]),
        ("json", {"a": range(2), "b": UserList("c")}, {"a": [0, 1], "b": ["c"]}),
        ("secret", Secret("s"), "s"),
        ("list[str]", ("a",), ["a"]),
        ("map[secret]", {"a": Secret("s")}, {"a": "s"}),
    ],
)
def test_each_kind_has_a_value_in_json(kind: str, value: object, expected: object) -> None:
    """A boolean argument becomes 1 or 0, but booleans inside of data are unchanged."""
    request = serialize_param(Param("a", "body", kind), value, "POST")

    assert json.loads(request.json or b"") == {"a": expected}


def test_json_text_is_json_inside_json() -> None:
    """If the server parses a text again, the value is encoded twice."""
    request = serialize_param(Param("a", "body", "list[str]", json_text=True), ["x"], "PATCH")

    assert request.json == b'{"a":"[\\"x\\"]"}'


def test_none_unset_and_absent_arguments_are_left_out() -> None:
    """None, UNSET and an absent argument are not sent."""
    operation = make_operation(*(Param(name, "query", "str") for name in "abcd"))

    request = serialize(operation, {"a": None, "b": UNSET, "d": "x", "unknown": "y"})

    assert request.query == (("d", "x"),)


def test_null_is_sent_if_it_differs_from_absence() -> None:
    """For such a parameter, None is sent as null and UNSET is left out."""
    param = Param("a", "body", "str", null=True, values=("x",))

    null, absent = (serialize_param(param, value, "PATCH") for value in (None, UNSET))

    assert null.json == b'{"a":null}'
    assert absent.json == b"{}"


def test_local_arguments_are_not_sent() -> None:
    """Arguments that only control the client are not part of the request."""
    request = serialize_param(Param("a", "local", "bool"), value=True, method="POST")

    assert request.json == b"{}"
    assert request.query == ()


@pytest.mark.parametrize(
    ("value", "path"), [(0, "/u/0/x"), (7, "/u/7/x"), (Number.SEVEN, "/u/7/x")]
)
def test_a_number_goes_in_the_path(value: int, path: str) -> None:
    """A number replaces its placeholder."""
    request = serialize_param(
        Param("user_id", "path", "int", required=True), value, path="/u/{user_id}/x"
    )

    assert request.path == path


def test_a_text_in_the_path_is_quoted() -> None:
    """A text cannot change the rest of the path."""
    request = serialize_param(Param("a", "path", "str", required=True), "a/..b?ü%", path="/u/{a}")

    assert request.path == "/u/a%2F..b%3F%C3%BC%25"


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("int", "7", "a must be of type int, not str"),
        ("int", 7.0, "a must be of type int, not float"),
        ("int", True, "a must be of type int, not bool"),
        ("int", -1, "a must not be negative"),
        pytest.param("int", 10**5000, "a cannot be sent: a number with too many digits", id="huge"),
        ("int", None, "a is required"),
        ("int", UNSET, "a is required"),
        ("str", "", "a must not be empty, '.' or '..'"),
        ("str", ".", "a must not be empty, '.' or '..'"),
        ("str", "..", "a must not be empty, '.' or '..'"),
        ("str", "\ud800", LONE_SURROGATE),
    ],
)
def test_an_argument_that_would_change_the_path_is_refused(
    kind: str, value: object, message: str
) -> None:
    """A path argument must be present, have its type, and not change the path."""
    error = get_param_error(Param("a", "path", kind, required=True), value, path="/u/{a}")

    assert error == message


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("int", "hunter2", "a must be of type int, not str"),
        ("int", False, "a must be of type int, not bool"),
        ("int", 1.0, "a must be of type int, not float"),
        ("float", "hunter2", "a must be a number, not str"),
        ("float", True, "a must be a number, not bool"),
        ("float", float("nan"), "a cannot be sent: a number that is not finite"),
        ("float", float("-inf"), "a cannot be sent: a number that is not finite"),
        ("bool", 1, "a must be of type bool, not int"),
        ("bool", "hunter2", "a must be of type bool, not str"),
        ("str", b"hunter2", "a must be of type str, not bytes"),
        ("str", 5, "a must be of type str, not int"),
        ("str", Secret("hunter2"), "a must be of type str, not Secret"),
        ("str", "hunter2\ud800", LONE_SURROGATE),
        ("secret", 5, "a must be a string or Secret, not int"),
        ("secret", b"hunter2", "a must be a string or Secret, not bytes"),
        ("secret", Secret("\ud800"), LONE_SURROGATE),
        ("object", ["hunter2"], "a must be a mapping, not list"),
        ("object", "hunter2", "a must be a mapping, not str"),
        ("list[str]", "hunter2", "a must be a list, not str"),
        ("list[str]", b"hunter2", "a must be a list, not bytes"),
        ("list[str]", {"hunter2": 1}, "a must be a list, not dict"),
        ("list[str]", {"hunter2"}, "a must be a list, not set"),
        ("list[str]", ["x", 5], "a must be of type str, not int"),
        ("list[int]", [True], "a must be of type int, not bool"),
        ("map[str]", ["hunter2"], "a must be a mapping, not list"),
        ("map[str]", {"a": 5}, "a must be of type str, not int"),
        (
            "json",
            {"b": [{"c": 1}, {"d'": {"hunter2"}}]},
            """a['b'][1]["d'"] cannot be sent: a value of type set""",
        ),
        ("json", {("hunter2", 1): 2}, "a cannot be sent: a key: a value of type tuple"),
        ("json", [b"hunter2"], "a[0] cannot be sent: a value of type bytes"),
        ("json", [1.5, float("nan"), "b"], "a[1] cannot be sent: a number that is not finite"),
        ("json", [object()], "a[0] cannot be sent: a value of type object"),
        ("json", {math.nan: 1}, "a cannot be sent: a key: a number that is not finite"),
        ("json", {Secret("hunter2"): 1}, "a cannot be sent: a key: a value of type Secret"),
        ("json", {"b": Secret("hunter2\ud800")}, f"a['b'] {LONE_SURROGATE[2:]}"),
        ("json", {"b" * 999: {1}}, f"a['{'b' * 97}… cannot be sent: a value of type set"),
        ("json", [[], UserString("hunter2")], f"a[1][6]{'[0]' * 31}… cannot be sent: {TOO_DEEP}"),
        ("json", ["hunter2\udfff"], f"a[0] {LONE_SURROGATE[2:]}"),
    ],
)
def test_an_invalid_argument_is_refused_without_showing_it(
    kind: str, value: object, message: str
) -> None:
    """The UsageError names both types, but not the value."""
    error = get_param_error(Param("a", "query", kind), value)

    assert error == message


def make_recursive_list() -> list[Any]:
    recursive: list[Any] = []
    recursive.append(recursive)
    return recursive


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (make_recursive_list(), "a[0][0][0]", TOO_DEEP),
        ({"b": b"hunter2"}, "a['b'] ", "a value of type bytes"),
        ({1, 2}, "a ", "a value of type set"),
        (math.inf, "a ", "a number that is not finite"),
        ([10**5000], "a[0] ", "a number with too many digits"),
        ({b"hunter2": 1}, "a ", "a key: a value of type bytes"),
    ],
)
@pytest.mark.parametrize("json_text", [False, True])
def test_a_body_that_is_not_json_is_refused(
    value: object, path: str, problem: str, *, json_text: bool
) -> None:
    """The error names the argument, the path in it, and the problem, at any depth."""
    param = Param("a", "body", "json", json_text=json_text, alias="on_the_wire")

    error = get_param_error(param, value, "POST")

    assert error.startswith(path)
    assert error.endswith(f" cannot be sent: {problem}")


def test_arguments_that_are_only_too_deep_together_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether a depth can be encoded depends on Python's own stack."""
    monkeypatch.setattr("docassemble_client._core.json_codec._MAX_DEPTH", 10**6)
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]

    error = get_param_error(Param("a", "body", "json"), value, "POST")
    text_error = get_param_error(Param("a", "body", "json", json_text=True), value, "POST")

    assert error == "the arguments cannot be sent"
    assert text_error == "a cannot be sent"


def test_a_missing_required_argument_is_refused() -> None:
    """The error names the argument."""
    message = get_error(operations.USERS_GET_BY_USERNAME, {"username": None})

    assert message == "username is required"


@pytest.mark.parametrize("value", ["Account", "", "all"])
def test_other_values_of_a_closed_enumeration_are_refused(value: str) -> None:
    """The error lists the values that the server accepts."""
    message = get_error(operations.USERS_DELETE, {"user_id": 7, "remove": value})

    assert message == "remove must be one of account, account_and_shared"


def test_values_of_a_closed_enumeration_are_sent() -> None:
    """A value that the server accepts is sent."""
    request = serialize(operations.USERS_DELETE, {"user_id": 7, "remove": "account"})

    assert request.query == (("remove", "account"),)
