"""What every HTTP library must do alike where connections and answers break."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DecodeError,
    MaybeSent,
    NotSent,
    RedirectRefused,
    RequestTimeout,
    Response,
    Timeouts,
)
from tests.raw_server import (
    AT_ONCE,
    KEY,
    PATIENCE,
    USER,
    Connection,
    answering,
    client,
    reply,
    serve,
    silent,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.raw_server import RawServer, Script

go_direct = pytest.fixture(autouse=True)(tidy)

PART = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


@pytest.fixture(autouse=True, params=["httpx", "httpx2", "aiohttp"])
def library(
    request: pytest.FixtureRequest, default_transport: Any, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Run every test here on every library."""
    monkeypatch.setitem(default_transport, "transport", request.param)
    return str(request.param)


def run(
    script: Script, scenario: Callable[[AsyncDocassemble, RawServer], Awaitable[Any]], **more: Any
) -> Any:
    async def play() -> Any:
        async with serve(script) as server, client(server, **more) as da:
            return await scenario(da, server)

    return asyncio.run(asyncio.wait_for(play(), PATIENCE))


async def get(da: AsyncDocassemble, _: RawServer) -> Response:
    return await da.request("GET", "/x")


def test_a_refused_connection_is_not_sent() -> None:
    """Where nobody listens nothing was processed, so that all attempts are made."""
    reasons: list[object] = []

    async def scenario(port: int) -> None:
        url = f"http://127.0.0.1:{port}"
        async with AsyncDocassemble(url, KEY, retry=AT_ONCE, on_event=reasons.append) as da:
            await da.users.create("jane@example.com")

    # A bound socket that does not listen refuses, and nobody else can take its port.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(NotSent, match="no connection") as caught:
            asyncio.run(scenario(taken.getsockname()[1]))

    assert not caught.value.maybe_processed
    assert caught.value.__suppress_context__
    assert sum(type(one).__name__ == "RequestEvent" for one in reasons) == 3


def test_a_name_without_address_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be resolved has got nothing."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    async def scenario() -> None:
        async with AsyncDocassemble("http://nowhere.example", KEY, retry=AT_ONCE) as da:
            await da.users.create("jane@example.com")

    with pytest.raises(NotSent):
        asyncio.run(scenario())


async def no_handshake(connection: Connection) -> None:
    await connection.gone()


@pytest.mark.parametrize("limit", [0, 0.05])
def test_a_connection_too_slow_to_make_is_not_sent(limit: float) -> None:
    """Before TLS stands no request goes out; 0 seconds are a limit too."""

    async def scenario() -> int:
        async with serve(no_handshake) as server:
            url = server.url.replace("http://", "https://")
            timeout = Timeouts(connect=limit)
            async with AsyncDocassemble(url, KEY, retry=AT_ONCE, timeout=timeout) as da:
                with pytest.raises(RequestTimeout, match="no connection in time") as caught:
                    await da.users.create("jane@example.com")
                assert not caught.value.maybe_processed
            return len(server.received)

    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE)) == 0


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def reset(connection: Connection) -> None:
    await connection.receive()
    connection.writer.transport.abort()


async def break_off_in_head(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART[:40])


async def break_off(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART)


async def reset_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART)
    abort(connection)


async def reset_without_length(connection: Connection) -> None:
    await connection.receive()
    await connection.send(ENDLESS + USER)
    abort(connection)


async def stop_in_chunk(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


async def babble(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"\x00\xff no HTTP at all\r\n\r\n")


def abort(connection: Connection) -> None:
    """Reset the connection rather than end it."""
    raw = connection.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.writer.transport.abort()


BROKEN = [
    hang_up,
    reset,
    break_off_in_head,
    break_off,
    reset_in_body,
    reset_without_length,
    stop_in_chunk,
    babble,
]


@pytest.mark.parametrize("script", BROKEN)
def test_a_broken_connection_is_repeated_only_where_that_is_safe(script: Script) -> None:
    """What breaks after the request began may be processed: a read is repeated, a change not."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> tuple[int, int]:
        with pytest.raises(MaybeSent, match="look before you repeat") as caught:
            await da.users.get_current()
        assert caught.value.maybe_processed
        assert caught.value.__suppress_context__
        read = len(server.received)
        with pytest.raises(MaybeSent):
            await da.users.create("jane@example.com")
        return read, len(server.received) - read

    assert run(script, scenario, retry=AT_ONCE) == (3, 1)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "POST"])
def test_a_kept_connection_that_breaks_is_not_used_for_a_secret_repetition(method: str) -> None:
    """No library sends by itself a second time what it takes for idempotent."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(reply(b"{}"))
        await connection.receive()

    async def scenario(da: AsyncDocassemble, server: RawServer) -> tuple[int, int]:
        await da.request("GET", "/x")
        with pytest.raises(MaybeSent):
            await da.request(method, "/x")
        return len(server.received), server.connections

    assert run(script, scenario, retry=AT_ONCE) == (2, 1)


async def silent_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART)
    await connection.gone()


@pytest.mark.parametrize("script", [silent, silent_in_body])
def test_a_silent_server_is_a_timeout_and_loses_its_connection(script: Script) -> None:
    """Waiting longer than allowed for the answer or its rest ends; it may be processed."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        with pytest.raises(RequestTimeout, match="silent") as caught:
            await da.users.create("jane@example.com")
        assert caught.value.maybe_processed
        await server.all_gone()
        assert len(server.received) == 1

    run(script, scenario, retry=AT_ONCE, timeout=Timeouts(read=0.05))


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_answers_are_unpacked(coding: str) -> None:
    """What the client says it can unpack it unpacks."""
    content = zlib.compress(USER) if coding == "deflate" else gzip.compress(USER)
    script = answering(reply(content, f"Content-Encoding: {coding}"))

    response = run(script, get)

    assert response.content == USER


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(USER)[:10] + b"\xff" * 30], ids=["plain", "broken"]
)
def test_a_broken_compression_cannot_be_decoded(status: int, content: bytes) -> None:
    """What cannot be unpacked is a DecodeError with its status, and no network's fault."""
    script = answering(reply(content, "Content-Encoding: gzip", status=status))

    with pytest.raises(DecodeError, match="unpacked") as caught:
        run(script, get)

    assert caught.value.status == status


@pytest.mark.parametrize("coding", ["br", "zstd", "nonsense"])
def test_a_compression_nobody_asked_for_is_an_error_of_decoding(coding: str) -> None:
    """A server that packs in another way than it was asked to is not understood."""
    script = answering(reply(b"\x00\x01", f"Content-Encoding: {coding}"))

    with pytest.raises(DecodeError):
        run(script, lambda da, _: da.users.get_current())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_needs_no_compression(status: int) -> None:
    """Where there can be no body, what the headers say of one means nothing."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        while len(server.received) < 2:
            try:
                await da.request("GET", "/x")
            except RedirectRefused:
                assert status == 304

    answer = f"HTTP/1.1 {status} Whatever\r\nContent-Encoding: gzip\r\n\r\n".encode()
    run(answering(answer, answer), scenario)
