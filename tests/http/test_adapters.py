"""Broken connections and responses, for every HTTP library."""

from __future__ import annotations

import asyncio
import math
import socket
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotSent,
    RequestEvent,
    RequestTimeout,
    Timeouts,
    UsageError,
)
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    USER,
    Connection,
    check_leaks,
    connect,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from tests.raw_server import Script

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)

PARTIAL_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)
HEAD_WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@pytest.fixture(autouse=True, params=["httpx", "httpx2", "aiohttp"])
def library(
    request: pytest.FixtureRequest, default_transport: Any, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run every test of this module with every library."""
    monkeypatch.setitem(default_transport, "transport", request.param)
    return str(request.param)


async def test_a_refused_connection_is_not_sent() -> None:
    """Nothing was processed, so all attempts are made."""
    events: list[object] = []

    async def scenario(port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        async with AsyncDocassemble(url, KEY, retry=NO_DELAY, on_event=events.append) as da:
            await da.users.create("jane@example.com")

    # A bound socket that does not listen refuses connections, and its port stays reserved.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        with pytest.raises(
            NotSent, match=r"no connection to 127\.0\.0\.1:\d+: it was refused"
        ) as caught:
            await scenario(listener.getsockname()[1])

    assert not caught.value.maybe_processed
    assert caught.value.__suppress_context__
    assert sum(isinstance(event, RequestEvent) for event in events) == 3


async def test_an_unresolvable_host_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent to a host that cannot be resolved."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(NotSent):
        async with AsyncDocassemble("http://nowhere.example", KEY, retry=NO_DELAY) as da:
            await da.users.create("jane@example.com")


async def wait_without_handshake(connection: Connection) -> None:
    await connection.wait_closed()


@pytest.mark.parametrize("limit", [0, 0.05])
async def test_a_connect_timeout_is_not_sent(limit: float) -> None:
    """No request is sent before TLS is established; 0 seconds are also a limit."""
    async with asyncio.timeout(HANG_SECONDS), serve(wait_without_handshake) as server:
        url = server.url.replace("http://", "https://")
        timeout = Timeouts(connect=limit)
        async with AsyncDocassemble(url, KEY, retry=NO_DELAY, timeout=timeout) as da:
            with pytest.raises(
                RequestTimeout, match=r"no connection to 127\.0\.0\.1:\d+ within"
            ) as caught:
                await da.users.create("jane@example.com")
            assert not caught.value.maybe_processed
        assert len(server.requests) == 0


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def reset_connection(connection: Connection) -> None:
    await connection.receive()
    connection.writer.transport.abort()


async def break_off_in_head(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE[:40])


async def break_off(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE)


async def reset_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE)
    abort(connection)


async def reset_without_length(connection: Connection) -> None:
    await connection.receive()
    await connection.send(HEAD_WITHOUT_LENGTH + USER)
    abort(connection)


async def stop_in_chunk(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


async def send_garbage(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"\x00\xff no HTTP at all\r\n\r\n")


def abort(connection: Connection) -> None:
    """Reset the connection instead of closing it."""
    raw = connection.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.writer.transport.abort()


BROKEN = [
    hang_up,
    reset_connection,
    break_off_in_head,
    break_off,
    reset_in_body,
    reset_without_length,
    stop_in_chunk,
    send_garbage,
]


@pytest.mark.parametrize("script", BROKEN)
async def test_a_broken_connection_is_retried_only_if_safe(script: Script) -> None:
    """The server may have processed the request: a read is retried, a change is not."""
    async with connect(script, retry=NO_DELAY) as (da, server):
        with pytest.raises(MaybeSent, match=r"before you repeat|[Tt]ry again") as caught:
            await da.users.get_current()
        assert caught.value.maybe_processed
        assert caught.value.__suppress_context__
        reads = len(server.requests)
        with pytest.raises(MaybeSent):
            await da.users.create("jane@example.com")
        assert (reads, len(server.requests) - reads) == (3, 1)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
async def test_no_library_retries_on_a_broken_idle_connection(method: str) -> None:
    """No library retries idempotent methods by itself."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(make_response(b"{}"))
        await connection.receive()

    async with connect(script, retry=NO_DELAY) as (da, server):
        await da.request("GET", "/x")
        with pytest.raises(MaybeSent):
            await da.request(method, "/x")
        assert (len(server.requests), server.connections) == (2, 1)


async def test_text_fields_without_files_are_sent_as_a_form() -> None:
    """The body is URL-encoded; with a file it would be multipart."""
    async with connect(respond_with(make_response(USER))) as (da, server):
        await da.request("POST", "/x", data={"a b": "é&=", "c": [1, {"d": None}], "e": None})
        assert server.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
        assert server.requests[0].body == b"a+b=%C3%A9%26%3D&c=%5B1%2C%7B%22d%22%3Anull%7D%5D"


@pytest.mark.parametrize("seconds", [math.inf, 10**400, math.nan, -1])
async def test_a_timeout_that_no_clock_can_add_is_refused(seconds: float) -> None:
    """Libraries would raise an OverflowError in the middle of a call, or take it for another."""
    async with connect(respond_with(make_response(USER))) as (da, server):
        with pytest.raises(UsageError, match="finite number of seconds"):
            await da.users.get_current(timeout=seconds)
        assert server.connections == 0


@pytest.mark.parametrize("seconds", [10**300, 1e300, 0.5, None])
async def test_a_long_timeout_is_a_limit_like_any_other(seconds: float | None) -> None:
    """Any finite number works with every library, for the total limit and the wait for a slot."""
    async with connect(respond_with(make_response(USER))) as (da, _):
        await da.users.get_current(
            timeout=Timeouts(
                connect=seconds, read=seconds, write=seconds, pool=seconds, total=seconds
            )
        )


async def stop_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE)
    await connection.wait_closed()


@pytest.mark.parametrize("script", [never_respond, stop_in_body])
async def test_a_read_timeout_closes_the_connection(script: Script) -> None:
    """A response that does not arrive in time ends the call; it may have been processed."""
    async with connect(script, retry=NO_DELAY, timeout=Timeouts(read=0.05)) as (da, server):
        with pytest.raises(
            RequestTimeout, match=r"the server 127\.0\.0\.1:\d+ sent nothing for 0\.05 s"
        ) as caught:
            await da.users.create("jane@example.com")
        assert caught.value.maybe_processed
        await server.wait_all_closed()
        assert len(server.requests) == 1
