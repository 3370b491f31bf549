"""A server that answers at once with bytes made before, so that clients are what is measured."""

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
FILE_SIZE = 256 << 20
SLOW = 0.05
"""Seconds before an answer below /slow."""
_PIECE = bytes(1 << 18)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def user(number: int) -> dict[str, object]:
    """One account, as users.get_current and users.list bring it."""
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


def page(number: int, last: int = PAGES) -> bytes:
    """One page of the list of accounts."""
    first = (number - 1) * PAGE_ITEMS + 1
    items = [user(one) for one in range(first, first + PAGE_ITEMS)]
    # docassemble's tokens are the Base64 of the last item's number, without padding.
    token = b64encode(str(number * PAGE_ITEMS).encode()).decode().rstrip("=")
    return json.dumps({"items": items, "next_id": token if number < last else None}).encode()


def _page_of(token: str) -> int:
    return int(b64decode(token + "=" * (-len(token) % 4))) // PAGE_ITEMS + 1 if token else 1


def _answer(content: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nServer: bench\r\nContent-Type: {kind}\r\n"
        "Set-Cookie: session=abc; HttpOnly; Path=/\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


_USER = _answer(json.dumps(user(1)).encode())
_PAGES: dict[int, bytes] = {}
_CREATED = _answer(b'{"user_id": 7, "password": "abcdefgh"}')
_STORED = _answer(b"", "204 NO CONTENT")
_FILE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n"
    b"Content-Disposition: attachment; filename=big.pdf\r\n"
    b"Content-Length: %d\r\n\r\n" % FILE_SIZE
)
_MISSING = _answer(b'"File not found"', "404 NOT FOUND")


class _Connection(asyncio.Protocol):
    """One connection: reads a request, answers, reads the next."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0  # bytes of a body that are still to come
        self._chunked = False
        self._target = b""
        self._pieces: Iterator[bytes] = iter(())
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left = max(0, self._left - len(data))
            if not self._left:
                self._respond()
            return
        if self._chunked:
            self._buffer = self._buffer[-8:] + data
            if self._buffer.endswith(b"0\r\n\r\n"):
                self._chunked, self._buffer = False, b""
                self._respond()
            return
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        self._buffer = b""
        self._target = head[: head.index(b"\r\n")].split(b" ")[1]
        if head.startswith(b"POST"):
            length = _LENGTH.search(head)
            self._chunked = bool(_CHUNKED.search(head)) and not rest.endswith(b"0\r\n\r\n")
            self._left = max(0, int(length[1]) - len(rest)) if length else 0
        if not self._left and not self._chunked:
            self._respond()

    def _respond(self) -> None:
        path, _, query = self._target.decode().partition("?")
        if path.startswith("/slow"):
            content = _content(path.removeprefix("/slow"), query)
            asyncio.get_running_loop().call_later(SLOW, self._transport.write, content)
            return
        self._transport.write(_content(path, query))
        if path.startswith("/api/file/"):
            self._pieces = iter([_PIECE] * (FILE_SIZE // len(_PIECE)))
            self._feed()

    def _feed(self) -> None:
        while not self._full and (piece := next(self._pieces, None)) is not None:
            self._transport.write(piece)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._feed()


def _content(path: str, query: str) -> bytes:
    if path == "/api/user":
        return _USER
    if path == "/api/user_list":
        number = _page_of(parse_qs(query).get("next_id", [""])[0])
        if number not in _PAGES:
            _PAGES[number] = _answer(page(number))
        return _PAGES[number]
    if path == "/api/user/new":
        return _CREATED
    if path == "/api/playground":
        return _STORED
    return _FILE if path.startswith("/api/file/") else _MISSING


async def main() -> None:
    """Serve on a free port, which is printed, until the standard input ends."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    listener.close()


if __name__ == "__main__":
    asyncio.run(main())
