"""Requests that no operation describes: what they may hold, and what would smuggle in a key."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from docassemble_client._core.messages import Request
from docassemble_client._core.serialize import encode_request
from docassemble_client._types import UNSET
from docassemble_client.config import Confidential, Secret
from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload


def free(method: str = "GET", path: str = "/x", **more: Any) -> Request:
    """Encode a request of which only this is given."""
    rest: dict[str, Any] = {
        "params": {},
        "json": UNSET,
        "data": {},
        "files": {},
        "headers": {},
        "safe": False,
        **more,
    }
    return encode_request(method, path, **rest)


def problem(method: str = "GET", path: str = "/x", **more: Any) -> str:
    """Encode what must be refused, and return what the error says."""
    with pytest.raises(UsageError) as caught:
        free(method, path, **more)
    error = caught.value
    assert error.operation == "request"
    assert error.__suppress_context__
    assert "hunter2" not in str(error)
    return error.message


def test_a_bare_request_has_a_path_and_nothing_else() -> None:
    """Without more, nothing but the path is sent, with the key, and not twice."""
    request = free("get", "/al/api/v1/jobs/7")

    wanted = Request(operation="request", method="GET", path="/al/api/v1/jobs/7")
    assert attrs.asdict(request) == attrs.asdict(wanted)
    assert request.auth
    assert not request.safe


@pytest.mark.parametrize("method", ["GET", "head", "Delete", "POST", "patch", "PUT", "OPTIONS"])
def test_any_word_is_a_method(method: str) -> None:
    """Methods are written in capitals, however they are given."""
    assert free(method).method == method.upper()


@pytest.mark.parametrize("method", ["", "G T", "GET\r\n", "GET\n", "GÉT", "GET /x", "1"])
def test_what_is_no_word_is_no_method(method: str) -> None:
    """A method that could break the request line is refused."""
    assert problem(method) == "method must be a word such as GET"


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
    """What may not stand in a path is quoted, and what is quoted already stays."""
    assert free(path=path).path == quoted


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
def test_a_path_is_only_a_path(path: str) -> None:
    """A relative path, a query, a fragment or a control character is refused."""
    assert problem(path=path) == (
        "path must begin with a slash and hold no query, fragment or control character;"
        " pass the query as params"
    )


def test_none_leaves_a_parameter_out() -> None:
    """As in every other call; an empty text is a value, and null inside a list stays."""
    request = free(
        method="POST",
        params={"a": None, "b": "", "c": [None]},
        data={"d": None, "e": False},
        files={"f": b"x"},
    )

    assert request.query == (("b", ""), ("c", "[null]"))
    assert request.form == (("e", "0"),)


def test_parameters_are_texts_or_json() -> None:
    """In a query booleans are 1 and 0, lists and objects JSON, secrets revealed."""
    params = {"a": "x y", "b": True, "c": [1, {"d": None}], "e": 1.5, "s": Secret("k"), 5: 6}

    request = free(params=params, safe=True)

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
def test_a_body_is_any_json(value: object, content: bytes) -> None:
    """JSON is sent as given, null too; only UNSET means that there is no body."""
    assert free("POST", json=value).json == content


def test_a_form_goes_with_files() -> None:
    """Texts and files together make a multipart body."""
    request = free("POST", data={"a": {"b": 1}}, files={"f": [b"1", b"2"], "g": Upload(b"3", "n")})

    assert request.form == (("a", '{"b":1}'),)
    assert [name for name, _ in request.files] == ["f", "f", "g"]
    assert request.json is None


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"json": {}, "data": {"a": 1}}, "pass json, or data and files, not both"),
        ({"json": None, "files": {"f": b""}}, "pass json, or data and files, not both"),
        ({"data": {"a": 1}}, "data goes with files; without files pass json"),
        ({"json": {"hunter2"}}, "json cannot be written as JSON"),
        ({"params": {"a": float("nan")}}, "an argument cannot be written as JSON"),
        ({"params": {"a": b"hunter2"}}, "an argument cannot be written as JSON"),
        ({"params": {"\ud800": 1}}, "an argument holds half of a surrogate pair, which is no char"),
        ({"json": ["\ud800"]}, "json holds half of a surrogate pair, which is no character"),
        ({"files": {"f": "/no/such/hunter2"}}, "files: there is no file at the path given"),
        ({"files": {"f": {"hunter2"}}}, "files: a file must be a path, bytes, a binary file or"),
    ],
)
def test_what_cannot_be_sent_is_refused(more: dict[str, Any], message: str) -> None:
    """Two bodies at once, or a value that cannot be written, are refused without showing them."""
    assert problem("POST", **more).startswith(message)


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ("params", {"params": {"key": "hunter2"}}),
        ("json", {"json": {"key": "hunter2"}}),
        ("json", {"json": Confidential({"key": "hunter2"})}),
        ("data", {"data": {"key": "hunter2"}, "files": {"f": b""}}),
        ("files", {"files": {"key": b"hunter2"}}),
    ],
)
def test_no_second_key_is_smuggled_in(where: str, more: dict[str, Any]) -> None:
    """A field called key would be taken for the API key, wherever it stands."""
    assert problem("POST", **more) == (
        f"{where} may not hold a field called key: the server would take it for the API key"
    )


def test_a_key_deeper_inside_is_no_second_key() -> None:
    """Only a field of the whole request counts as the API key; the user's data may have one."""
    request = free("POST", json={"data": {"key": 1}, "Key": 2})

    assert request.json == b'{"data":{"key":1},"Key":2}'


def test_headers_are_added_in_lower_case() -> None:
    """Further headers are sent as given, found by their lower-case names."""
    request = free(headers={"X-Request-ID": "abc: def", "Accept": "text/plain", "X-Empty": ""})

    assert request.headers == {"x-request-id": "abc: def", "accept": "text/plain", "x-empty": ""}


@pytest.mark.parametrize(
    "name",
    [
        "X-API-Key",
        "Authorization",
        "COOKIE",
        "Host",
        "content-length",
        "Content-Type",
        "Transfer-Encoding",
    ],
)
def test_our_own_headers_are_refused(name: str) -> None:
    """What authenticates or frames the request is the client's business alone."""
    assert problem(headers={name: "hunter2"}) == f"headers may not hold {name.lower()!r}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "hunter2\r\nx-api-key: y"),
        ("x", "hunter2\n"),
        ("x", "\0"),
        ("x", "ü"),
        ("x\r\ny", "hunter2"),
        ("x-api-key ", "hunter2"),
        (" cookie", "hunter2"),
        ("x:y", "hunter2"),
        ("", "hunter2"),
        ("ü", "hunter2"),
    ],
)
def test_headers_cannot_break_the_request(name: str, value: str) -> None:
    """A line break, or a name that is none, could become another header: refused."""
    assert problem(headers={name: value}) == (
        "headers hold a control, non-ASCII or other character they may not"
    )
