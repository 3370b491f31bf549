"""Requests without an operation: what they may contain, and that no other API key can be passed."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client._core.messages import Request
from docassemble_client._core.serialize import serialize_request
from docassemble_client._types import UNSET
from docassemble_client.config import Confidential, Secret
from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload
from tests.core.responses import to_dict


def serialize_raw(method: str = "GET", path: str = "/x", **options: Any) -> Request:
    """Serialize a request with only these arguments."""
    arguments: dict[str, Any] = {
        "params": {},
        "json": UNSET,
        "data": {},
        "files": {},
        "headers": {},
        "safe": False,
        **options,
    }
    return serialize_request(method, path, **arguments)


def get_error(method: str = "GET", path: str = "/x", **options: Any) -> str:
    """Serialize an invalid request; return the text of the error."""
    with pytest.raises(UsageError) as caught:
        serialize_raw(method, path, **options)
    error = caught.value
    assert error.operation == "request"
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return error.message


def test_a_minimal_request_has_only_a_path() -> None:
    """By default only the path is sent, with the API key, and it is not safe to retry."""
    request = serialize_raw("get", "/al/api/v1/jobs/7")

    expected = Request(operation="request", method="GET", path="/al/api/v1/jobs/7")
    assert to_dict(request) == to_dict(expected)
    assert request.auth
    assert not request.safe


@pytest.mark.parametrize("method", ["GET", "head", "Delete", "POST", "patch", "PUT", "OPTIONS"])
def test_any_method_is_accepted(method: str) -> None:
    """Methods are sent in upper case."""
    assert serialize_raw(method).method == method.upper()


@pytest.mark.parametrize("method", ["", "G T", "GET\r\n", "GET\n", "GÉT", "GET /x", "1"])
def test_an_invalid_method_is_refused(method: str) -> None:
    """A method that could break the request line is refused."""
    assert get_error(method) == "method must be an HTTP method, such as GET"


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("/", "/"),
        ("/a b", "/a%20b"),
        ("/ü", "/%C3%BC"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a:b@c!$&'()*+,;=~", "/a:b@c!$&'()*+,;=~"),
        ('/"<>\\^`{|}[]', "/%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"),
        ("//other.example/x", "//other.example/x"),
    ],
)
def test_paths_are_quoted_but_not_twice(path: str, quoted: str) -> None:
    """Characters that are not valid in a path are quoted; quoted characters are unchanged."""
    assert serialize_raw(path=path).path == quoted


@pytest.mark.parametrize(
    "path",
    [
        "",
        "x",
        "https://other.example/",
        "/x?key=hunter2",
        "/x#y",
        "/x\r\nhunter2",
        "/\0",
        "/\ud800",
    ],
)
def test_an_invalid_path_is_refused(path: str) -> None:
    """A relative path, a query, a fragment or a control character is refused."""
    assert get_error(path=path) == (
        "path must begin with a slash and contain no query, fragment or control character;"
        " pass the query as params"
    )


def test_none_leaves_a_parameter_out() -> None:
    """None is left out; an empty text and null inside a list are sent."""
    request = serialize_raw(
        method="POST",
        params={"a": None, "b": "", "c": [None]},
        data={"d": None, "e": False},
        files={"f": b"x"},
    )

    assert request.query == (("b", ""), ("c", "[null]"))
    assert request.form == (("e", "0"),)


def test_parameters_are_sent_as_text_or_json() -> None:
    """In a query, booleans become 1 and 0, lists and objects JSON, and secrets are revealed."""
    params = {"a": "x y", "b": True, "c": [1, {"d": None}], "e": 1.5, "s": Secret("k"), 5: 6}

    request = serialize_raw(params=params, safe=True)

    assert request.query == (
        ("a", "x y"),
        ("b", "1"),
        ("c", '[1,{"d":null}]'),
        ("e", "1.5"),
        ("s", "k"),
        ("5", "6"),
    )
    assert request.safe


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (None, b"null"),
        ({}, b"{}"),
        ([], b"[]"),
        ({"a": "ü", "b": (True,)}, '{"a":"ü","b":[true]}'.encode()),
        (Confidential({"a": 1}), b'{"a":1}'),
        ([Secret("k")], b'["k"]'),
        ("text", b'"text"'),
    ],
)
def test_any_json_can_be_a_body(value: object, content: bytes) -> None:
    """JSON is sent unchanged, also null; only UNSET means no body."""
    assert serialize_raw("POST", json=value).json == content


def test_texts_and_files_are_sent_in_a_form() -> None:
    """Texts and files together make a multipart body."""
    request = serialize_raw(
        "POST", data={"a": {"b": 1}}, files={"f": [b"1", b"2"], "g": Upload(b"3", "n")}
    )

    assert request.form == (("a", '{"b":1}'),)
    assert [name for name, _ in request.files] == ["f", "f", "g"]
    assert request.json is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"json": {}, "data": {"a": 1}}, "pass json, or data and files, not both"),
        ({"json": None, "files": {"f": b""}}, "pass json, or data and files, not both"),
        ({"json": {"hunter2"}}, "json cannot be sent: a value of type set"),
        ({"params": {"a": float("nan")}}, "params['a'] cannot be sent: a number that"),
        ({"params": {"a": b"hunter2"}}, "params['a'] cannot be sent: a value of type bytes"),
        (
            {"params": {"\ud800": 1}},
            "a name in params cannot be sent: a lone surrogate, which is not",
        ),
        ({"json": ["\ud800"]}, "json[0] cannot be sent: a lone surrogate"),
        ({"files": {"f": "/no/such/hunter2"}}, "files: there is no file at this path"),
        ({"files": {"f": {"hunter2"}}}, "files: a file must be a path, bytes, a binary file or"),
    ],
)
def test_an_invalid_body_is_refused(arguments: dict[str, Any], message: str) -> None:
    """Two bodies, or a value that cannot be encoded, are refused without showing them."""
    assert get_error("POST", **arguments).startswith(message)


@pytest.mark.parametrize(
    ("argument", "arguments"),
    [
        ("params", {"params": {"key": "hunter2"}}),
        ("json", {"json": {"key": "hunter2"}}),
        ("json", {"json": Confidential({"key": "hunter2"})}),
        ("data", {"data": {"key": "hunter2"}, "files": {"f": b""}}),
        ("files", {"files": {"key": b"hunter2"}}),
    ],
)
def test_a_field_named_key_is_refused(argument: str, arguments: dict[str, Any]) -> None:
    """The server would use a field named key as the API key."""
    assert get_error("POST", **arguments) == (
        f"{argument} must not contain a field named key: the server would use it as the API key"
    )


def test_a_nested_field_named_key_is_sent() -> None:
    """Only a top-level field would be used as the API key; data may contain one."""
    request = serialize_raw("POST", json={"data": {"key": 1}, "Key": 2})

    assert request.json == b'{"data":{"key":1},"Key":2}'


def test_headers_are_added_in_lower_case() -> None:
    """Additional headers are sent with lower-case names."""
    request = serialize_raw(
        headers={"X-Request-ID": "abc: def", "Accept": "text/plain", "X-Empty": ""}
    )

    assert request.headers == {"x-request-id": "abc: def", "accept": "text/plain", "x-empty": ""}


def test_headers_are_checked() -> None:
    """Only the client sets the headers for authentication and framing."""
    with pytest.raises(UsageError, match="headers must not contain 'x-api-key'") as caught:
        serialize_raw(headers={"X-API-Key": "hunter2"})

    assert caught.value.operation == "request"


@pytest.mark.parametrize(
    "path",
    [
        "/../x",
        "/a/..",
        "/./x",
        "/%2e%2e/x",
        "/a/%2E./x",
        "/%252e%252e/x",
        "/..%2fx",
        "/..\\x",
        "/..;a/x",
    ],
)
def test_a_path_that_leaves_the_base_url_is_refused(path: str) -> None:
    """Libraries, proxies and the server resolve such segments."""
    with pytest.raises(UsageError, match="may leave base_url"):
        serialize_request(
            "GET", path, params={}, json=UNSET, data={}, files={}, headers={}, safe=False
        )
