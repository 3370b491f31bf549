"""The faults by name: what the server does with a request."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from tests import raw_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.server import Connection, Fault, ReceivedHead

MEGABYTE = 1 << 20
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


def _make_headers(count: int) -> Iterable[str]:
    return (f"X-Header-{number}: {number}" for number in range(count))


_GZIP = "Content-Encoding: gzip"
_CHUNKED = "HTTP/1.1 {} Whatever\r\n{}\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
_LOCATION_HEADER = "Location: {}/elsewhere?secret=hunter2"
# With every response, docassemble sets a cookie that logs in as the owner of the key.
_COOKIE = "Set-Cookie: session=hunter2; HttpOnly; Path=/; SameSite=Lax"
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
    }


def _make_filler() -> Iterable[bytes]:
    size = 10 * MEGABYTE - len(_PAGE)
    yield b"x" * (size % MEGABYTE)
    yield from [b"x" * MEGABYTE] * (size // MEGABYTE)
