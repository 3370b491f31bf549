"""The fake server's HTTP: encodings, authentication, statuses, error pages."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from docassemble_client.testing import FakeServer, ManualClock
from docassemble_client.testing._server.api_call import describe_error, parse_flag
from docassemble_client.testing._server.messages import FakeRequest, FakeResponse, UnhandledError
from docassemble_client.testing._server.request_body import read_body
from docassemble_client.testing._yaml.variable_expressions import IllegalNameError, UndefinedName
from docassemble_client.testing._yaml.yaml_errors import InterviewSyntaxError
from docassemble_client.testing.interviews import NoEndpointError

if TYPE_CHECKING:
    from collections.abc import Mapping


async def send(
    fake: FakeServer,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    key: bool = True,
    address: str = "127.0.0.1",
) -> FakeResponse:
    """Send a request without the client."""
    key_header = {"x-api-key": fake.api_key} if key else {}
    request = FakeRequest(
        method=method,
        path=path,
        query=query or {},
        headers={**key_header, **(headers or {})},
        content=content,
        address=address,
    )
    return await fake.respond(request)


async def send_json(fake: FakeServer, method: str, path: str, value: Any) -> FakeResponse:
    """Send JSON."""
    headers = {"content-type": "application/json"}
    return await send(fake, method, path, headers=headers, content=json.dumps(value).encode())


async def test_only_the_first_key_of_a_request_counts() -> None:
    """The order is query, body, cookie, header, bearer; an invalid first key is refused."""
    fake = FakeServer()
    valid, wrong = fake.api_key, "wrong"
    form = {"content-type": "application/x-www-form-urlencoded"}

    async def get_status(path: str = "/api/user", method: str = "GET", **options: Any) -> int:
        return (await send(fake, method, path, key=False, **options)).status

    assert await get_status(query={"key": valid}) == 200
    assert await get_status(query={"key": wrong}, headers={"x-api-key": valid}) == 403
    assert await get_status(headers={"cookie": f"X-API-Key={valid}"}) == 200
    assert await get_status(headers={"cookie": "a=b; bad cookie\x01[", "x-api-key": valid}) == 200
    assert await get_status(headers={"cookie": "other=1", "x-api-key": valid}) == 200
    assert await get_status(headers={"x-api-key": valid, "authorization": "Bearer wrong"}) == 200
    assert await get_status(headers={"x-api-key": wrong, "authorization": f"Bearer {valid}"}) == 403
    assert await get_status(headers={"authorization": f"bEARER   {valid} "}) == 200
    assert await get_status(headers={"authorization": f"Basic {valid}"}) == 403
    assert await get_status() == 403
    body = urlencode({"key": valid}).encode()
    assert await get_status(method="PATCH", headers=form, content=body) == 204
    assert await get_status(method="PATCH", headers=form, content=b"", query={"key": valid}) == 204
    assert await get_status("/api/user_list", "GET", headers=form, content=body) == 403


async def test_a_key_limited_to_addresses_or_referers_is_refused_elsewhere() -> None:
    """The address must be equal; the referer without its first slash must contain the text."""
    fake = FakeServer()
    key = fake._state.users.keys[0]

    async def get_status(address: str = "127.0.0.1", **headers: str) -> int:
        return (await send(fake, "GET", "/api/user", address=address, headers=headers)).status

    key.method, key.constraints = "ip", ["10.0.0.7"]
    assert [await get_status(), await get_status("10.0.0.7")] == [403, 200]
    key.method, key.constraints = "referer", ["*app.example.com/p*t"]
    assert await get_status() == 403
    assert await get_status(referer="https://app.example.com/part?x=1") == 403
    assert await get_status(referer="https://other.example.com/part") == 403
    key.constraints = ["app.example.com*"]
    assert await get_status(referer="https://app.example.com/part?x=1") == 200
    assert await get_status(origin="https://app.example.com") == 200


async def test_errors_are_json_strings_or_pages() -> None:
    """Handled errors are JSON strings; unknown paths, methods and exceptions are pages."""
    fake = FakeServer()

    denied = await send(fake, "GET", "/api/user", key=False)
    unknown_path = await send(fake, "GET", "/api/nosuch")
    bad_number = await send(fake, "GET", "/api/user/abc")
    wrong_method = await send(fake, "PUT", "/api/user_list")
    unhandled = await send_json(fake, "POST", "/api/stash_data", {"data": [1]})
    json_list = await send_json(fake, "POST", "/api/session", ["a"])
    large = await send(fake, "POST", "/api/stash_data", content=b"x" * (16 * 1024 * 1024 + 1))
    options = await send(fake, "OPTIONS", "/api/user", key=False)

    assert (denied.status, denied.content) == (403, b'"Access denied."\n')
    assert "set-cookie" not in denied.headers
    assert denied.headers["access-control-allow-origin"] == "*"
    assert [unknown_path.status, bad_number.status, wrong_method.status] == [404, 404, 405]
    assert b"<h1>Not Found</h1>" in unknown_path.content
    assert b"MethodNotAllowed" in wrong_method.content
    assert unhandled.status == 501
    assert b"IndexError: list index out of range" in unhandled.content
    assert unhandled.headers["set-cookie"].startswith("session=")
    assert json_list.status == 501
    assert large.status == 413
    assert (options.status, options.content) == (200, b"")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UndefinedName("x"), "NameError: name 'x' is not defined"),
        (IllegalNameError("x"), "DAException: x"),
        (InterviewSyntaxError("x"), "DASourceError: x"),
        (NoEndpointError(), "DAErrorNoEndpoint: Docassemble has finished"),
        (UnhandledError("x"), "DAException: x"),
        (UnhandledError("x", ""), "x"),
        (ValueError("x"), "ValueError: x"),
    ],
)
def test_a_message_names_the_classes_of_the_real_server(error: Exception, text: str) -> None:
    """A user must never see the name of a class of the fake server."""
    assert describe_error(error).startswith(text)


async def test_a_file_name_may_be_percent_encoded() -> None:
    """As older HTTP libraries send names that are not ASCII; contents stay as they are."""
    part = "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''t%C3%A9%22.txt"
    content = f"--b\r\n{part}\r\n\r\n{part}\r\n--b--\r\n".encode()

    body = read_body("multipart/form-data; boundary=b", content)

    assert [(file.filename, file.content) for file in body.files] == [('té".txt', part.encode())]


async def test_an_unexpected_exception_is_a_page() -> None:
    """Any exception of a handler becomes a page with status 501."""
    fake = FakeServer()

    response = await send_json(fake, "POST", "/api/user/new", {"username": "x", "password": 5})

    assert response.status == 501
    assert b"AttributeError: " in response.content


async def test_a_successful_response_is_compact_json_or_empty() -> None:
    """Keys are sorted and characters escaped; an empty response has no content-length."""
    fake = FakeServer(clock=ManualClock(0.0))
    fake.config.clear()
    fake.config.update({"b": "é", "a": [1]})

    config = await send(fake, "GET", "/api/config")
    empty = await send_json(fake, "PATCH", "/api/user", {})

    assert config.content == b'{"a":[1],"b":"\\u00e9"}\n'
    assert config.headers["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert config.headers["content-length"] == "23"
    assert (empty.status, empty.content) == (204, b"")
    assert "content-length" not in empty.headers


@pytest.mark.parametrize(
    ("content_type", "content", "data", "is_json"),
    [
        ("application/json", b'{"a": 1}', {"a": 1}, True),
        ("application/vnd.api+json; charset=utf-8", b"[1]", [1], True),
        ("application/json", b"null", {}, False),
        ("application/json", b"{broken", {}, False),
        ("text/plain", b'{"a": 1}', {}, False),
        ("application/x-www-form-urlencoded", b"a=1&b=&a=2", {"a": "1", "b": ""}, False),
        ("multipart/form-data", b"no boundary", {}, False),
        ("multipart/form-data; boundary=b", b"no part", {}, False),
        ("", b"", {}, False),
    ],
)
def test_an_invalid_body_is_an_empty_form(
    content_type: str, content: bytes, data: object, is_json: bool
) -> None:
    """This includes broken JSON, JSON null, and JSON with another content type."""
    body = read_body(content_type, content)

    assert (body.data, body.is_json, body.files) == (data, is_json, ())


def test_a_multipart_form_has_fields_and_files() -> None:
    """The first field of each name counts; a file without a name is ignored."""
    content = b"".join(
        b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n"
        for part in (
            b'name="a"\r\n\r\n1',
            b'name="a"\r\n\r\n2',
            b'name="f"; filename="x.txt"\r\n\r\nHello',
            b'name="g"; filename=""\r\n\r\n',
        )
    )

    body = read_body("multipart/form-data; boundary=b", content + b"--b--\r\n")

    assert body.data == {"a": "1"}
    assert [(file.name, file.filename, file.content) for file in body.files] == [
        ("f", "x.txt", b"Hello")
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *itertools.product([False, None, 0, 0.0, "0", "false", " F "], [False]),
        *itertools.product([True, 1, "", "no", "off", "null", "0.0", []], [True]),
    ],
)
def test_only_three_texts_are_false(value: object, expected: bool) -> None:
    """All other texts are true, even the empty one."""
    assert parse_flag(value) is expected


async def test_received_requests_are_listed_without_secrets_in_their_repr() -> None:
    """The list has the operation and status of each request."""
    fake = FakeServer()

    await send(fake, "GET", "/api/user/1", query={"key": fake.api_key})
    await send(fake, "GET", "/api/nosuch")

    received = fake.received_requests
    assert [(request.operation, request.status) for request in received] == [
        ("users.get", 200),
        ("", 404),
    ]
    assert received[0].request.path == "/api/user/1"
    assert (fake.version, fake.admin_password) == ("1.10.14", fake.admin.password)
    assert fake.api_key not in f"{received!r} {fake.admin!r} {received[0].request!r}"
