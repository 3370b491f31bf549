"""What goes over the wire: encodings, authentication, statuses, pages."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from docassemble_client.testing import FakeServer, ManualClock
from docassemble_client.testing._server.body import read_body
from docassemble_client.testing._server.call import truth
from docassemble_client.testing._server.messages import Answer, Incoming
from tests.mock import run

if TYPE_CHECKING:
    from collections.abc import Mapping


def ask(
    fake: FakeServer,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    key: bool = True,
    address: str = "127.0.0.1",
) -> Answer:
    """Send a request as it goes over the wire."""
    sent = {"x-api-key": fake.api_key} if key else {}
    request = Incoming(
        method=method,
        path=path,
        query=query or {},
        headers={**sent, **(headers or {})},
        content=content,
        address=address,
    )
    return run(fake.answer(request))


def ask_json(fake: FakeServer, method: str, path: str, value: Any) -> Answer:
    """Send JSON."""
    headers = {"content-type": "application/json"}
    return ask(fake, method, path, headers=headers, content=json.dumps(value).encode())


def test_key_is_taken_from_the_first_place_that_has_one() -> None:
    """Query, body, cookie, header, bearer: the first counts, also where it is wrong."""
    fake = FakeServer()
    good, wrong = fake.api_key, "wrong"
    form = {"content-type": "application/x-www-form-urlencoded"}

    def status(path: str = "/api/user", method: str = "GET", **sent: Any) -> int:
        return ask(fake, method, path, key=False, **sent).status

    assert status(query={"key": good}) == 200
    assert status(query={"key": wrong}, headers={"x-api-key": good}) == 403
    assert status(headers={"cookie": f"X-API-Key={good}"}) == 200
    assert status(headers={"cookie": "a=b; bad cookie\x01[", "x-api-key": good}) == 200
    assert status(headers={"cookie": "other=1", "x-api-key": good}) == 200
    assert status(headers={"x-api-key": good, "authorization": "Bearer wrong"}) == 200
    assert status(headers={"x-api-key": wrong, "authorization": f"Bearer {good}"}) == 403
    assert status(headers={"authorization": f"bEARER   {good} "}) == 200
    assert status(headers={"authorization": f"Basic {good}"}) == 403
    assert status() == 403
    body = urlencode({"key": good}).encode()
    assert status(method="PATCH", headers=form, content=body) == 204
    assert status(method="PATCH", headers=form, content=b"", query={"key": good}) == 204
    assert status("/api/user_list", "GET", headers=form, content=body) == 403


def test_key_bound_to_addresses_or_referers_is_refused_elsewhere() -> None:
    """The address must be equal; the referer must hold the text, its first slash gone."""
    fake = FakeServer()
    key = fake._world.people.keys[0]

    def status(address: str = "127.0.0.1", **headers: str) -> int:
        return ask(fake, "GET", "/api/user", address=address, headers=headers).status

    key.method, key.constraints = "ip", ["10.0.0.7"]
    assert [status(), status("10.0.0.7")] == [403, 200]
    key.method, key.constraints = "referer", ["*app.example.com/p*t"]
    assert status() == 403
    assert status(referer="https://app.example.com/part?x=1") == 403
    assert status(referer="https://other.example.com/part") == 403
    key.constraints = ["app.example.com*"]
    assert status(referer="https://app.example.com/part?x=1") == 200
    assert status(origin="https://app.example.com") == 200


def test_errors_are_json_texts_and_pages() -> None:
    """Handled errors are JSON texts; unknown paths, methods and exceptions are pages."""
    fake = FakeServer()

    denied = ask(fake, "GET", "/api/user", key=False)
    unknown = ask(fake, "GET", "/api/nosuch")
    number = ask(fake, "GET", "/api/user/abc")
    method = ask(fake, "PUT", "/api/user_list")
    crashed = ask_json(fake, "POST", "/api/stash_data", {"data": [1]})
    listed = ask_json(fake, "POST", "/api/privileges", ["a"])
    large = ask(fake, "POST", "/api/stash_data", content=b"x" * (16 * 1024 * 1024 + 1))
    options = ask(fake, "OPTIONS", "/api/user", key=False)

    assert (denied.status, denied.content) == (403, b'"Access denied."\n')
    assert "set-cookie" not in denied.headers
    assert denied.headers["access-control-allow-origin"] == "*"
    assert [unknown.status, number.status, method.status] == [404, 404, 405]
    assert b"<h1>Not Found</h1>" in unknown.content
    assert b"MethodNotAllowed" in method.content
    assert crashed.status == 501
    assert b"TypeError: " in crashed.content
    assert crashed.headers["set-cookie"].startswith("session=")
    assert listed.status == 501
    assert large.status == 413
    assert (options.status, options.content) == (200, b"")


def test_unexpected_exception_is_a_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a handler raises is answered with status 501 and told in the log."""
    fake = FakeServer()

    answer = ask_json(fake, "POST", "/api/user/new", {"username": 5})

    assert answer.status == 501
    assert b"AttributeError: " in answer.content


def test_success_is_compact_json_or_nothing() -> None:
    """Keys are in order and characters escaped; an empty answer has no length."""
    fake = FakeServer(clock=ManualClock(0.0))
    fake.config.clear()
    fake.config.update({"b": "é", "a": [1]})

    config = ask(fake, "GET", "/api/config")
    empty = ask_json(fake, "PATCH", "/api/user", {})

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
def test_body_that_is_not_understood_is_an_empty_form(
    content_type: str, content: bytes, data: object, is_json: bool
) -> None:
    """So it is with broken JSON, JSON null, and JSON that is not called so."""
    body = read_body(content_type, content)

    assert (body.data, body.is_json, body.files) == (data, is_json, ())


def test_parts_of_a_form_are_fields_and_files() -> None:
    """Of several fields of one name the first counts; a file without a name is none."""
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
    assert [(one.name, one.filename, one.content) for one in body.files] == [
        ("f", "x.txt", b"Hello")
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *itertools.product([False, None, 0, 0.0, "0", "false", " F "], [False]),
        *itertools.product([True, 1, "", "no", "off", "null", "0.0", []], [True]),
    ],
)
def test_almost_everything_is_true(value: object, expected: bool) -> None:
    """The server knows only three words for false."""
    assert truth(value) is expected


def test_what_was_received_is_kept_without_showing_it() -> None:
    """Each request that was answered is there, with its operation and status."""
    fake = FakeServer()

    ask(fake, "GET", "/api/user/1", query={"key": fake.api_key})
    ask(fake, "GET", "/api/nosuch")

    assert [(one.operation, one.status) for one in fake.received] == [("users.get", 200), ("", 404)]
    assert fake.received[0].request.path == "/api/user/1"
    assert (fake.version, fake.admin_password) == ("1.10.14", fake.admin.password)
    assert fake.api_key not in f"{fake.received!r} {fake.admin!r} {fake.received[0].request!r}"
