"""Compressed responses, which no request accepts, with every HTTP library."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, DecodeError, RedirectRefused, ResponseEvent
from tests.http.test_adapters import library
from tests.raw_server import (
    NO_DELAY,
    USER,
    Connection,
    check_leaks,
    connect,
    make_response,
    respond_with,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import Event
    from tests.raw_server import Script

    Call = Callable[[AsyncDocassemble, Path], Awaitable[object]]

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

CALLS: dict[str, Call] = {
    "users.get_current": lambda da, _: da.users.get_current(),
    "files.download": lambda da, folder: da.files.download(17).save(folder / "a"),
    "request": lambda da, _: da.request("GET", "/x", safe=True),
}
CONTENTS = {"gzip": gzip.compress(USER, mtime=0), "deflate": zlib.compress(USER)}
CODINGS = [
    ("gzip", "gzip"),
    ("deflate", "deflate"),
    ("br", "br"),
    (" X-GZIP ", "x-gzip"),
    ("gzip, br", "br, gzip"),
    ("identity, deflate", "deflate"),
]


def respond_twice(first: bytes) -> Script:
    """Send a response on the first connection; then a user on any connection."""

    async def script(connection: Connection) -> None:
        if len(connection.server.requests) == 0:
            await connection.receive()
            await connection.send(first)
        await respond_with(make_response(USER))(connection)

    return script


@pytest.mark.parametrize("status", [200, 206, 400, 502])
@pytest.mark.parametrize(("coding", "shown"), CODINGS)
@pytest.mark.parametrize("name", CALLS)
async def test_a_compressed_response_is_a_decode_error(
    name: str, coding: str, shown: str, status: int, tmp_path: Path
) -> None:
    """The error names the coding; the response is not saved, the call not retried."""
    content = CONTENTS.get(coding, b"\x00\x01")
    response = make_response(content, f"Content-Encoding: {coding}", status=status)

    async with connect(respond_twice(response), retry=NO_DELAY, max_concurrency=1) as (da, server):
        with pytest.raises(DecodeError) as caught:
            await CALLS[name](da, tmp_path)
        # The only slot is free.
        await da.users.get_current()
        assert [request.headers["accept-encoding"] for request in server.requests] == [
            "identity",
            "identity",
        ]
        error = caught.value

    assert error.message == (
        f"the response is compressed ({shown}), which the request did not accept"
    )
    assert (error.operation, error.status, error.content) == (name, status, b"")
    assert error.maybe_processed
    assert list(tmp_path.iterdir()) == []


async def test_an_unknown_coding_is_not_shown() -> None:
    """The server could put any text there, such as a secret."""
    response = make_response(b"\x00", "Content-Encoding: gzip, hunter2")

    with pytest.raises(DecodeError, match="the response is compressed, which") as caught:
        async with connect(respond_with(response)) as (da, _):
            await da.users.get_current()

    assert "hunter2" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize("coding", ["identity", "", " Identity , identity"])
@pytest.mark.parametrize("name", CALLS)
async def test_identity_is_no_compression(name: str, coding: str, tmp_path: Path) -> None:
    """A response may say that it is not compressed."""
    response = make_response(USER, f"Content-Encoding: {coding}")

    async with connect(respond_with(response)) as (da, _):
        await CALLS[name](da, tmp_path)

    assert [path.read_bytes() for path in tmp_path.iterdir()] == (
        [USER] if name == "files.download" else []
    )


@pytest.mark.parametrize("status", [204, 304])
async def test_a_coding_is_ignored_without_a_body(status: int) -> None:
    """A response that has no body is not compressed, whatever its headers say."""
    response = f"HTTP/1.1 {status} Whatever\r\nContent-Encoding: gzip\r\n\r\n".encode()
    async with connect(respond_with(response, response)) as (da, server):
        while len(server.requests) < 2:
            try:
                await da.request("GET", "/x")
            except RedirectRefused:
                assert status == 304
        assert server.connections == 1


async def test_the_body_of_a_compressed_response_is_not_read() -> None:
    """Its connection is closed, however long the body is; the event has the status."""
    events: list[Event] = []

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000000\r\n\r\n"
        )
        await connection.wait_closed()

    async with connect(script, on_event=events.append) as (da, server):
        with pytest.raises(DecodeError) as caught:
            await da.files.download(17)
        await server.wait_all_closed()
        error = caught.value

    (event,) = (event for event in events if isinstance(event, ResponseEvent))
    assert (event.status, event.error) == (200, "")
    assert error.request_number == event.number
