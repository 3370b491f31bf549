"""The faults by name: what the server does with a request."""

from __future__ import annotations

import asyncio
import gzip
import json
from functools import partial
from typing import TYPE_CHECKING

from tests import raw_server
from tests.faults.server import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.faults.server import Fault, ReceivedHead

MEGABYTE = 1 << 20
FIRST_PATH = "/first"
"""Path of a request that only opens a connection."""
USER: dict[str, object] = json.loads(raw_server.USER)
CORRECT_BODIES: dict[str, object] = {
    "/api/user": USER,
    "/api/user/new": {"user_id": 2, "password": "x"},
    "/api/user_list": {"items": [USER], "next_id": None},
    "/api/session": {"questionType": "deadend", "questionText": ""},
    "/api/restart_status": {"status": "completed"},
    "/health_status": {"ok": True, "server_start_time": 9.5, "version": "1.10.14"},
}
"""Correct responses by path; an upload gets an empty response, anything else a file."""

JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html; charset=utf-8"
_PAGE = b"<!DOCTYPE html><title>Whatever</title>" + b"<p>hunter2</p>" * 100


def make_response(
    content: bytes, *headers: str, status: int = 200, length: int | None = None
) -> bytes:
    """Return the bytes of a response; `length` declares a wrong length."""
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + content


def make_correct_response(request: ReceivedHead, *headers: str) -> bytes:
    """Return the response that docassemble would send."""
    if request.path == "/api/playground":
        return make_response(b"", *headers, status=204)
    if request.path in CORRECT_BODIES:
        return make_response(json.dumps(CORRECT_BODIES[request.path]).encode(), JSON, *headers)
    return make_response(b"%PDF-1.7", "Content-Type: application/pdf", *headers)


def respond_with(*chunks: bytes) -> Fault:
    """Send these bytes in response to every request."""

    async def fault(connection: Connection) -> None:
        while True:
            await connection.receive_request()
            await connection.send(*chunks)

    return fault


def respond_once(*chunks: bytes, reset: bool = False) -> Fault:
    """Send these bytes in response to one request, and close or reset the connection."""

    async def fault(connection: Connection) -> None:
        await connection.receive_request()
        await connection.send(*chunks)
        if reset:
            connection.reset()

    return fault


def respond_then_stall(*chunks: bytes) -> Fault:
    """Send these bytes in response to one request, and then nothing."""

    async def fault(connection: Connection) -> None:
        await connection.receive_request()
        await connection.send(*chunks)
        await connection.wait_closed()

    return fault


def respond_forever(head: bytes, chunk: bytes) -> Fault:
    """Respond to one request with an endless body."""

    async def fault(connection: Connection) -> None:
        await connection.receive_request()
        await connection.send(head)
        while True:
            await connection.send(chunk)

    return fault


def respond_correctly(*headers: str) -> Fault:
    """Send correct responses with additional headers."""

    async def fault(connection: Connection) -> None:
        while True:
            request = await connection.receive_request()
            await connection.send(make_correct_response(request, *headers))

    return fault


async def reset_immediately(connection: Connection) -> None:
    """Accept the connection and reset it."""
    connection.reset()


async def never_read_body(connection: Connection) -> None:
    """Read the head of a request, and nothing else until the call has ended."""
    await connection.receive_head()
    await connection.server.call_ended.wait()
    await connection.wait_closed()


async def refuse_body(connection: Connection) -> None:
    """Refuse a request before its body has arrived, as a proxy does."""
    while True:
        request = await connection.receive_head()
        await connection.send(make_response(_PAGE, HTML, status=413))
        remaining = int(request.headers.get("content-length", "0"))
        while remaining:
            remaining -= len(await connection.reader.readexactly(min(remaining, MEGABYTE)))


def respond_to_head(response: bytes) -> Fault:
    """Respond to the head of a request, and close the connection."""

    async def fault(connection: Connection) -> None:
        await connection.receive_head()
        await connection.send(response)

    return fault


async def refuse_and_reset(connection: Connection, status: int) -> None:
    """Refuse a request before its body has arrived, and reset the connection."""
    await connection.receive_head()
    await connection.send(make_response(_PAGE, HTML, status=status))
    connection.reset()


def send_after_response(*chunks: bytes) -> Fault:
    """Send a correct response, and these bytes at once after it."""

    async def fault(connection: Connection) -> None:
        request = await connection.receive_request()
        await connection.send(make_correct_response(request) + chunks[0], *chunks[1:])
        await connection.wait_closed()

    return fault


def send_when_idle(*chunks: bytes, then: Callable[[Connection], object] | None = None) -> Fault:
    """
    Send these bytes on the idle connection after the first request; respond to all requests.

    Args:
        chunks: The bytes.
        then: Called after them, such as `Connection.reset`.
    """

    async def fault(connection: Connection) -> None:
        while True:
            request = await connection.receive_request()
            await connection.send(make_correct_response(request))
            if request.path != FIRST_PATH:
                continue
            # The client has read the response.
            await asyncio.sleep(0.005)
            await connection.send(*chunks)
            if then is not None:
                then(connection)
                return

    return fault


def end_when_used(*, reset: bool = False) -> Fault:
    """Respond to the first request; close or reset the connection when another arrives."""

    async def fault(connection: Connection) -> None:
        request = await connection.receive_request()
        while request.path == FIRST_PATH:
            await connection.send(make_correct_response(request))
            request = await connection.receive_request()
        if reset:
            connection.reset()

    return fault


async def respond_with_surplus(connection: Connection) -> None:
    """Send a second response with the first one, before the next request."""
    while True:
        request = await connection.receive_request()
        response = make_correct_response(request)
        await connection.send(response + _SURPLUS * (request.path == FIRST_PATH))


async def send_endless_responses(connection: Connection) -> None:
    """Send a correct response, and then others without end."""
    request = await connection.receive_request()
    await connection.send(make_correct_response(request))
    while True:
        await connection.send(_SURPLUS * 1000)


def _make_headers(count: int) -> Iterable[str]:
    return (f"X-Header-{number}: {number}" for number in range(count))


_GZIP = "Content-Encoding: gzip"
_CHUNKED = "HTTP/1.1 {} Whatever\r\n{}\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
_LOCATION_HEADER = "Location: {}/elsewhere?secret=hunter2"
# With every response, docassemble sets a cookie that logs in as the owner of the key.
_COOKIE = "Set-Cookie: session=hunter2; HttpOnly; Path=/; SameSite=Lax"
_INTERIM = b"HTTP/1.1 103 Early\r\nX-A: " + b"x" * 1000 + b"\r\n\r\n"
_SURPLUS = make_response(b'{"id": 1000, "hunter2": 1}', JSON)
_INCOMPLETE = make_response(b'{"id": 1, "items": [', JSON, length=1000)


def make_faults(other_url: str) -> dict[str, Fault]:
    """
    Return all faults by name.

    Args:
        other_url: URL of another server, for redirects.
    """
    location_header = _LOCATION_HEADER.format(other_url)
    return {
        # The connection
        "reset at once": reset_immediately,
        "reset before headers": respond_once(reset=True),
        "closed before headers": respond_once(),
        "reset in headers": respond_once(b"HTTP/1.1 200 OK\r\nContent-", reset=True),
        "reset after headers": respond_once(make_response(b"", JSON, length=1000), reset=True),
        "reset in body": respond_once(_INCOMPLETE, reset=True),
        "closed in body": respond_once(_INCOMPLETE),
        "closed in chunk": respond_once(_CHUNKED.format(200, JSON).encode(), b"1000\r\n{"),
        "stall before headers": respond_then_stall(),
        "stall in headers": respond_then_stall(b"HTTP/1.1 200 OK\r\nContent-"),
        "stall in body": respond_then_stall(_INCOMPLETE),
        "never reads the body": never_read_body,
        # Proxies
        "502 page": respond_with(make_response(_PAGE, HTML, status=502)),
        "503 retry after": respond_with(
            make_response(_PAGE, HTML, "Retry-After: 3600", status=503)
        ),
        "504 page": respond_with(make_response(_PAGE, HTML, status=504)),
        "429 retry after": respond_with(
            make_response(_PAGE, HTML, "Retry-After: 3600", status=429)
        ),
        "413 at once": refuse_body,
        "redirect": respond_with(make_response(b"", location_header, status=302)),
        "redirect 308": respond_with(make_response(b"", location_header, status=308)),
        "not modified": respond_with(make_response(b"", status=304)),
        "status 299": respond_with(make_response(_PAGE, HTML, status=299)),
        "status 999": respond_with(make_response(_PAGE, HTML, status=999)),
        # Contents
        "truncated json": respond_with(make_response(b'{"id": 1, "items": [', JSON)),
        "invalid utf-8": respond_with(make_response(b'{"id": "\xff", "items": "\xff"}', JSON)),
        "nan": respond_with(make_response(b'{"id": NaN, "items": [Infinity]}', JSON)),
        "wrong types": respond_with(
            make_response(b'{"id": [], "items": {}, "questionType": "x"}', JSON)
        ),
        "number too long": respond_with(make_response(b"9" * 10_000, JSON)),
        "nested too deep": respond_with(make_response(b"[" * 100_000, JSON)),
        "empty body": respond_with(make_response(b"", JSON)),
        "page": respond_with(make_response(_PAGE, HTML)),
        "json as text": respond_with(
            make_response(json.dumps(USER).encode(), "Content-Type: text/plain")
        ),
        "no content type": respond_with(make_response(json.dumps(USER).encode())),
        "rubbish type": respond_with(make_response(b"{}", "Content-Type: \xff;;charset=\xff;=")),
        # Sizes
        "page of 10 MB": respond_with(
            make_response(_PAGE, HTML, status=500, length=10 * MEGABYTE), *_make_filler()
        ),
        "endless": respond_forever(_CHUNKED.format(200, JSON).encode(), _CHUNK),
        "endless error": respond_forever(_CHUNKED.format(500, JSON).encode(), _CHUNK),
        "1,000 headers": respond_correctly(*_make_headers(1000)),
        "header of 1 MB": respond_correctly("X-Header: " + "x" * MEGABYTE),
        "endless headers": respond_forever(b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 5000),
        # HTTP
        "gzip": respond_with(make_response(gzip.compress(b'{"id": 1}'), JSON, _GZIP)),
        "gzip 502 page": respond_with(make_response(gzip.compress(_PAGE), HTML, _GZIP, status=502)),
        "gzip, endless": respond_forever(_CHUNKED.format(200, _GZIP).encode(), _CHUNK),
        "unknown coding": respond_with(make_response(b"{}", JSON, "Content-Encoding: hunter2")),
        "cookie": respond_correctly(_COOKIE, _COOKIE),
        "garbage": respond_once(b"\x00\xff\r\n\r\nhunter2"),
        "http/0.9": respond_once(b"<html>hunter2</html>"),
        "wrong length": respond_once(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        "interim responses": respond_forever(b"", _INTERIM * 100),
        # After the response
        "second response": send_after_response(_SURPLUS),
        "blank lines": send_after_response(b"\r\n\r\n", _SURPLUS),
        "endless responses": send_endless_responses,
        # Early refusals
        "413 and reset": partial(refuse_and_reset, status=413),
        "413 and closed": respond_to_head(make_response(_PAGE, HTML, status=413)),
        "403 and reset": partial(refuse_and_reset, status=403),
        # The second request of a connection
        "closed when idle": send_when_idle(then=Connection.close),
        "reset when idle": send_when_idle(then=Connection.reset),
        "408 when idle": send_when_idle(
            make_response(_PAGE, HTML, status=408), then=Connection.close
        ),
        "response when idle": send_when_idle(_SURPLUS),
        "flood when idle": send_when_idle(*[_SURPLUS * 1000] * 30),
        "surplus before": respond_with_surplus,
        "closed when used": end_when_used(),
        "reset when used": end_when_used(reset=True),
    }


def _make_filler() -> Iterable[bytes]:
    size = 10 * MEGABYTE - len(_PAGE)
    yield b"x" * (size % MEGABYTE)
    yield from [b"x" * MEGABYTE] * (size // MEGABYTE)
