"""A server with prepared responses, so that mainly the clients use CPU."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_ITEMS, PAGES = 100, 1000
SESSIONS = 10_000
FILE_SIZE = 256 << 20
SLOW_SECONDS = 0.05
"""Delay of responses below /slow."""
_CHUNK = bytes(1 << 18)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def make_user(number: int) -> dict[str, object]:
    """Make an account as in users.get_current and users.list."""
    return {
        "active": True,
        "country": "US",
        "email": f"jane.roe.{number:06}@example.com",
        "first_name": "Jane",
        "id": number,
        "language": "en",
        "last_name": "Roe",
        "organization": "Example Legal Aid",
        "privileges": ["user"],
        "subdivisionfirst": "MA",
        "subdivisionsecond": "Suffolk",
        "subdivisionthird": "Boston",
        "timezone": "America/New_York",
    }


def make_page(number: int, last: int = PAGES) -> bytes:
    """Make a page of the list of accounts."""
    first = (number - 1) * PAGE_ITEMS + 1
    items = [make_user(user_id) for user_id in range(first, first + PAGE_ITEMS)]
    # docassemble's token is the ID of the last item in Base64, without padding.
    token = b64encode(str(number * PAGE_ITEMS).encode()).decode().rstrip("=")
    return json.dumps({"items": items, "next_id": token if number < last else None}).encode()


def make_session_page(number: int) -> bytes:
    """Make a page of the list of sessions, with their answers."""
    first = (number - 1) * PAGE_ITEMS + 1
    items = [_make_session(index) for index in range(first, first + PAGE_ITEMS)]
    token = b64encode(str(number * PAGE_ITEMS).encode()).decode().rstrip("=")
    next_id = token if number * PAGE_ITEMS < SESSIONS else None
    return json.dumps({"items": items, "next_id": next_id}).encode()


def _make_session(number: int) -> dict[str, object]:
    """Make a session as in sessions.list_across_users."""
    answers: dict[str, object] = {f"answer_{index}": f"text {index}" for index in range(20)}
    internal = {"steps": 3, "answered": {}, "objselections": {}, "starttime": None, "tracker": 3}
    return {
        "dict": {"_internal": internal, "nav": {}, "url_args": {}, **answers},
        "email": f"jane.roe.{number % 500:06}@example.com",
        "encrypted": True,
        "filename": "docassemble.demo:data/questions/questions.yml",
        "metadata": {"title": "Questions", "_origin_package": "docassemble.demo"},
        "modtime": "11/21/2026 08:39:00 PM",
        "session": f"{number:032}",
        "starttime": "11/21/2026 08:30:00 PM",
        "subtitle": None,
        "tags": [],
        "temp_user_id": None,
        "title": "Questions",
        "user_id": number % 500,
        "utc_modtime": "2026-11-22T01:39:00",
        "utc_starttime": "2026-11-22T01:30:00",
        "valid": True,
    }


def _parse_token(token: str) -> int:
    return int(b64decode(token + "=" * (-len(token) % 4))) // PAGE_ITEMS + 1 if token else 1


def _make_response(content: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nServer: bench\r\nContent-Type: {kind}\r\n"
        "Set-Cookie: session=abc; HttpOnly; Path=/\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


_USER = _make_response(json.dumps(make_user(1)).encode())
_PAGES: dict[tuple[str, int], bytes] = {}
_MAKE_PAGE = {"/api/user_list": make_page, "/api/users/interviews": make_session_page}
_CREATED = _make_response(b'{"user_id": 7, "password": "abcdefgh"}')
_STORED = _make_response(b"", "204 NO CONTENT")
_FILE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=big.pdf\r\n"
    b"Content-Length: %d\r\n\r\n" % FILE_SIZE
)
_MISSING = _make_response(b'"File not found"', "404 NOT FOUND")


class _Connection(asyncio.Protocol):
    """A connection: reads requests and writes responses one after the other."""

    def __init__(self) -> None:
        self._buffer = b""
        self._remaining_bytes = 0  # of the body of the request
        self._chunked = False
        self._target = b""
        self._chunks: Iterator[bytes] = iter(())
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._remaining_bytes:
            self._remaining_bytes = max(0, self._remaining_bytes - len(data))
            if not self._remaining_bytes:
                self._respond()
            return
        if self._chunked:
            self._buffer = self._buffer[-8:] + data
            if self._buffer.endswith(b"0\r\n\r\n"):
                self._chunked, self._buffer = False, b""
                self._respond()
            return
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        self._buffer = b""
        self._target = head[: head.index(b"\r\n")].split(b" ")[1]
        if head.startswith(b"POST"):
            length = _LENGTH.search(head)
            self._chunked = bool(_CHUNKED.search(head)) and not rest.endswith(b"0\r\n\r\n")
            self._remaining_bytes = max(0, int(length[1]) - len(rest)) if length else 0
        if not self._remaining_bytes and not self._chunked:
            self._respond()

    def _respond(self) -> None:
        path, _, query = self._target.decode().partition("?")
        if path.startswith("/slow"):
            content = _find_response(path.removeprefix("/slow"), query)
            asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.write, content)
            return
        self._transport.write(_find_response(path, query))
        if path.startswith("/api/file/"):
            self._chunks = iter([_CHUNK] * (FILE_SIZE // len(_CHUNK)))
            self._write_chunks()

    def _write_chunks(self) -> None:
        while not self._is_paused and (chunk := next(self._chunks, None)) is not None:
            self._transport.write(chunk)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._write_chunks()


def _find_response(path: str, query: str) -> bytes:
    if path == "/api/user":
        return _USER
    if path in _MAKE_PAGE:
        number = _parse_token(parse_qs(query).get("next_id", [""])[0])
        if (path, number) not in _PAGES:
            _PAGES[path, number] = _make_response(_MAKE_PAGE[path](number))
        return _PAGES[path, number]
    if path == "/api/user/new":
        return _CREATED
    if path == "/api/playground":
        return _STORED
    return _FILE if path.startswith("/api/file/") else _MISSING


async def main() -> None:
    """Serve on a free port, print the port, and stop when the standard input ends."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    listener.close()


if __name__ == "__main__":
    asyncio.run(main())
