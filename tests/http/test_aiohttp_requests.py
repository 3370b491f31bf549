"""Requests over aiohttp that are sent without its session, and their timer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from docassemble_client._http.aiohttp_connector import Protocol
from docassemble_client._version import __version__
from tests.raw_server import KEY, USER, connect, make_response

if TYPE_CHECKING:
    from tests.raw_server import Connection

HEADERS = f"user-agent: docassemble-client/{__version__}\r\naccept: */*\r\n"
KEY_HEADER = f"accept-encoding: identity\r\nx-api-key: {KEY}\r\n"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("method", "options", "end"),
    [
        ("GET", {}, b"\r\n"),
        ("HEAD", {}, b"\r\n"),
        ("DELETE", {}, b"content-length: 0\r\n\r\n"),
        ("POST", {}, b"content-length: 0\r\n\r\n"),
        (
            "POST",
            {"json": {"ä": 1}},
            b'content-type: application/json\r\ncontent-length: 8\r\n\r\n{"\xc3\xa4":1}',
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/da"])
async def test_bytes_of_a_request(
    method: str, options: dict[str, Any], end: bytes, prefix: str
) -> None:
    """Path and query are quoted; only a body, or a method that expects one, has a length."""
    contents: list[bytes] = []

    async def script(connection: Connection) -> None:
        contents.append(await connection.reader.read(65536))
        await connection.send(make_response())

    async with connect(script, transport="aiohttp") as (da, server):
        host = server.url.removeprefix("http://")
        async with type(da)(server.url + prefix, KEY, transport="aiohttp", verify=False) as other:
            await other.request(method, "/ä b", params={"x": "1&2"}, **options)

    line = f"{method} {prefix}/%C3%A4%20b?x=1%262 HTTP/1.1\r\nhost: {host}\r\n"
    assert contents == [f"{line}{HEADERS}{KEY_HEADER}".encode() + end]


@pytest.mark.sockets
async def test_calls_of_a_connection_share_a_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer for each piece of each response would cost a tenth of the call."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.receive()
            await connection.send(make_response(USER))

    async with connect(script, transport="aiohttp") as (da, server):
        await da.users.get_current()
        loop = asyncio.get_running_loop()
        timers: list[object] = []
        call_at = loop.call_at

        def count(*arguments: Any, **options: Any) -> asyncio.TimerHandle:
            timers.append(arguments)
            return call_at(*arguments, **options)

        monkeypatch.setattr(loop, "call_at", count)
        for _ in range(20):
            await da.users.get_current()

        assert server.connections == 1
    assert timers == []


def make_protocol(read_timeout: float) -> Protocol:
    """Create a connection that is not open."""
    protocol = Protocol(asyncio.get_running_loop())
    protocol.read_timeout = read_timeout
    protocol.start_timeout()
    return protocol


async def test_the_read_timeout_counts_from_the_last_piece() -> None:
    """The timer that the first piece started goes on for the rest of the time."""
    protocol = make_protocol(10)
    await asyncio.sleep(6)
    protocol.start_timeout()
    await asyncio.sleep(9)
    assert protocol.exception() is None
    await asyncio.sleep(2)
    assert isinstance(protocol.exception(), TimeoutError)


async def test_a_shorter_read_timeout_is_not_late() -> None:
    """The timer of a call before may still wait for longer."""
    protocol = make_protocol(60)
    protocol.read_timeout = 1
    protocol.start_timeout()
    await asyncio.sleep(2)
    assert isinstance(protocol.exception(), TimeoutError)


@pytest.mark.parametrize("read_timeout", [10, 0])
async def test_an_idle_connection_has_no_read_timeout(read_timeout: float) -> None:
    """Its timer may fire, and then nothing waits for bytes."""
    protocol = make_protocol(10)
    protocol.eof_received()
    protocol.read_timeout = read_timeout
    if not read_timeout:
        protocol.start_timeout()
    await asyncio.sleep(20)
    assert protocol.exception() is None


async def test_nothing_is_written_to_a_closed_connection() -> None:
    """Such as one that the server closed while it was being opened."""
    protocol = Protocol(asyncio.get_running_loop())
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await protocol.exchange(b"", has_body=True, read_timeout=1)
