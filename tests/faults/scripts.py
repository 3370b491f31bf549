"""The faults by name: what the server does with a request."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from typing import TYPE_CHECKING

from tests import raw_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.server import Connection, Fault, Received

MEGABYTE = 1 << 20
USER: dict[str, object] = json.loads(raw_server.USER)
RIGHT: dict[str, object] = {
    "/api/user": USER,
    "/api/user/new": {"user_id": 2, "password": "x"},
    "/api/user_list": {"items": [USER], "next_id": None},
    "/api/session": {"questionType": "deadend", "questionText": ""},
}
"""Right answers by path; an upload gets an empty one, anything else a file."""

JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html; charset=utf-8"
_PAGE = b"<!DOCTYPE html><title>Whatever</title>" + b"<p>hunter2</p>" * 100


def answer(content: bytes, *headers: str, status: int = 200, length: int | None = None) -> bytes:
    """Write an answer; its length is the content's, unless it lies."""
    size = len(content) if length is None else length
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + content


def right(received: Received, *headers: str) -> bytes:
    """Answer as docassemble does."""
    if received.path == "/api/playground":
        return answer(b"", *headers, status=204)
    if received.path in RIGHT:
        return answer(json.dumps(RIGHT[received.path]).encode(), JSON, *headers)
    return answer(b"%PDF-1.7", "Content-Type: application/pdf", *headers)


def answering(*pieces: bytes) -> Fault:
    """Answer every request with these bytes."""

    async def fault(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(*pieces)

    return fault


def ending(*pieces: bytes, reset: bool = False) -> Fault:
    """Answer one request with these bytes and end the connection, or break it off."""

    async def fault(connection: Connection) -> None:
        await connection.request()
        await connection.send(*pieces)
        if reset:
            connection.reset()

    return fault


def stalling(*pieces: bytes) -> Fault:
    """Answer one request with these bytes, and then never again."""

    async def fault(connection: Connection) -> None:
        await connection.request()
        await connection.send(*pieces)
        await connection.gone()

    return fault


def going_on(head: bytes, piece: bytes) -> Fault:
    """Answer one request, and never stop."""

    async def fault(connection: Connection) -> None:
        await connection.request()
        await connection.send(head)
        while True:
            await connection.send(piece)

    return fault


def adding(*headers: str) -> Fault:
    """Answer rightly, with further headers."""

    async def fault(connection: Connection) -> None:
        while True:
            received = await connection.request()
            await connection.send(right(received, *headers))

    return fault


async def reset_at_once(connection: Connection) -> None:
    """Accept the connection and break it off."""
    connection.reset()


async def never_reading(connection: Connection) -> None:
    """Read the head of a request, and nothing more before the call is over."""
    await connection.head()
    await connection.bench.over.wait()
    await connection.gone()


async def too_large(connection: Connection) -> None:
    """Refuse a request before its body has come, as a proxy does."""
    while True:
        received = await connection.head()
        await connection.send(answer(_PAGE, HTML, status=413))
        left = int(received.headers.get("content-length", "0"))
        while left:
            left -= len(await connection.reader.readexactly(min(left, MEGABYTE)))


def _bomb() -> bytes:
    """Make a gigabyte of blanks, which is a megabyte packed."""
    size, blanks = 1024, b" " * MEGABYTE
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    # Packed each for itself, all megabytes are the same.
    packed = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(size):
        checksum = zlib.crc32(blanks, checksum)
    end = struct.pack("<II", checksum, size * MEGABYTE)
    return gzip.compress(b"")[:10] + packed * size + packer.flush() + end


def _numbered(count: int) -> Iterable[str]:
    return (f"X-Header-{number}: {number}" for number in range(count))


_BOMB = _bomb()
_GZIP = "Content-Encoding: gzip"
_CHUNKED = "HTTP/1.1 {} Whatever\r\n{}\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNK = b"10000\r\n" + b" " * 65536 + b"\r\n"
_LINK = "Location: {}/elsewhere?secret=hunter2"
# The login of the key's owner that docassemble sets with every answer.
_COOKIE = "Set-Cookie: session=hunter2; HttpOnly; Path=/; SameSite=Lax"
_HALF = answer(b'{"id": 1, "items": [', JSON, length=1000)


def faults(elsewhere: str) -> dict[str, Fault]:
    """
    Name all faults.

    Args:
        elsewhere: Address of another server, for redirects.
    """
    link = _LINK.format(elsewhere)
    return {
        # The connection
        "reset at once": reset_at_once,
        "reset before headers": ending(reset=True),
        "closed before headers": ending(),
        "reset in headers": ending(b"HTTP/1.1 200 OK\r\nContent-", reset=True),
        "reset after headers": ending(answer(b"", JSON, length=1000), reset=True),
        "reset in body": ending(_HALF, reset=True),
        "closed in body": ending(_HALF),
        "closed in chunk": ending(_CHUNKED.format(200, JSON).encode(), b"1000\r\n{"),
        "stall before headers": stalling(),
        "stall in headers": stalling(b"HTTP/1.1 200 OK\r\nContent-"),
        "stall in body": stalling(_HALF),
        "never reads the body": never_reading,
        # Proxies
        "502 page": answering(answer(_PAGE, HTML, status=502)),
        "503 retry after": answering(answer(_PAGE, HTML, "Retry-After: 3600", status=503)),
        "504 page": answering(answer(_PAGE, HTML, status=504)),
        "429 retry after": answering(answer(_PAGE, HTML, "Retry-After: 3600", status=429)),
        "413 at once": too_large,
        "redirect": answering(answer(b"", link, status=302)),
        "redirect 308": answering(answer(b"", link, status=308)),
        "not modified": answering(answer(b"", status=304)),
        "status 299": answering(answer(_PAGE, HTML, status=299)),
        "status 999": answering(answer(_PAGE, HTML, status=999)),
        # Contents
        "truncated json": answering(answer(b'{"id": 1, "items": [', JSON)),
        "invalid utf-8": answering(answer(b'{"id": "\xff", "items": "\xff"}', JSON)),
        "nan": answering(answer(b'{"id": NaN, "items": [Infinity]}', JSON)),
        "wrong types": answering(answer(b'{"id": [], "items": {}, "questionType": "x"}', JSON)),
        "number too long": answering(answer(b"9" * 10_000, JSON)),
        "nested too deep": answering(answer(b"[" * 100_000, JSON)),
        "empty body": answering(answer(b"", JSON)),
        "page": answering(answer(_PAGE, HTML)),
        "json as text": answering(answer(json.dumps(USER).encode(), "Content-Type: text/plain")),
        "no content type": answering(answer(json.dumps(USER).encode())),
        "rubbish type": answering(answer(b"{}", "Content-Type: \xff;;charset=\xff;=")),
        # Sizes
        "page of 10 MB": answering(answer(_PAGE, HTML, status=500, length=10 * MEGABYTE), *_rest()),
        "bomb": answering(answer(_BOMB, JSON, _GZIP)),
        "bomb as error": answering(answer(_BOMB, JSON, _GZIP, status=500)),
        "endless": going_on(_CHUNKED.format(200, JSON).encode(), _CHUNK),
        "endless error": going_on(_CHUNKED.format(500, JSON).encode(), _CHUNK),
        "1,000 headers": adding(*_numbered(1000)),
        "header of 1 MB": adding("X-Header: " + "x" * MEGABYTE),
        "endless headers": going_on(b"HTTP/1.1 200 OK\r\n", b"X-Header: x\r\n" * 5000),
        # HTTP
        "broken gzip": answering(answer(b"no gzip", JSON, _GZIP)),
        "truncated gzip": answering(answer(gzip.compress(b'{"id": 1}')[:-6], JSON, _GZIP)),
        "cookie": adding(_COOKIE, _COOKIE),
        "garbage": ending(b"\x00\xff\r\n\r\nhunter2"),
        "http/0.9": ending(b"<html>hunter2</html>"),
        "wrong length": ending(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
    }


def _rest() -> Iterable[bytes]:
    left = 10 * MEGABYTE - len(_PAGE)
    yield b"x" * (left % MEGABYTE)
    yield from [b"x" * MEGABYTE] * (left // MEGABYTE)
