"""What goes wrong on the wire, and which error each of it ends in."""

from __future__ import annotations

import asyncio
import gzip
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    DecodeError,
    MaybeSent,
    NotSent,
    RedirectRefused,
    RequestTimeout,
    ServerError,
    Timeouts,
)
from docassemble_client._core.driver import Run
from docassemble_client._core.flow import Send, Sleep
from docassemble_client._core.messages import Reply, Request
from tests.raw_server import (
    AT_ONCE,
    KEY,
    USER,
    Connection,
    answering,
    bare,
    client,
    reply,
    serve,
    silent,
    tidy,
)

if TYPE_CHECKING:
    from docassemble_client._core.flow import Flow
    from tests.raw_server import Script

REQUEST = Request(operation="users.get_current", method="GET", path="/api/user", safe=True)
URL = "http://127.0.0.1:1"
PART = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


tidied = pytest.fixture(autouse=True)(tidy)


async def get_user(script: Script, **options: Any) -> Any:
    async with serve(script) as server, client(server, **options) as da:
        return await da.users.get_current()


def test_a_refused_connection_is_not_sent() -> None:
    """Where nobody listens the request cannot have been processed, and all attempts are made."""

    async def scenario(port: int) -> None:
        async with AsyncDocassemble(f"http://127.0.0.1:{port}", KEY, retry=AT_ONCE) as da:
            await da.users.create("jane@example.com")

    # A bound socket that does not listen refuses, and nobody else can take its port.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(NotSent) as caught:
            asyncio.run(scenario(taken.getsockname()[1]))

    assert not caught.value.maybe_processed
    assert (caught.value.operation, caught.value.method, caught.value.path) == (
        "users.create",
        "POST",
        "/api/user/new",
    )


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def break_off(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART)


async def break_off_in_head(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART[:40])


async def reset(connection: Connection) -> None:
    await connection.receive()
    connection.writer.transport.abort()


async def babble(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"\x00\xff no HTTP at all\r\n\r\n")


async def stop_in_chunk(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


BROKEN = [hang_up, break_off, break_off_in_head, reset, babble, stop_in_chunk]


@pytest.mark.parametrize("script", BROKEN)
def test_a_broken_connection_may_have_been_sent(script: Script) -> None:
    """Once the request began, whatever breaks leaves open whether it was processed."""
    with pytest.raises(MaybeSent) as caught:
        asyncio.run(get_user(script))

    assert caught.value.maybe_processed
    assert caught.value.operation == "users.get_current"
    assert "look before you repeat" in str(caught.value)


@pytest.mark.parametrize("script", BROKEN)
def test_a_broken_connection_is_repeated_only_where_that_is_safe(script: Script) -> None:
    """A read is sent three times over a broken connection, a creation once."""

    async def scenario() -> tuple[int, int]:
        async with serve(script) as server, client(server, AT_ONCE) as da:
            with pytest.raises(MaybeSent):
                await da.users.get_current()
            read = len(server.received)
            with pytest.raises(MaybeSent):
                await da.users.create("jane@example.com")
            return read, len(server.received) - read

    read, created = asyncio.run(scenario())

    assert (read, created) == (3, 1)


async def silent_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PART)
    await connection.gone()


@pytest.mark.parametrize("script", [silent, silent_in_body])
def test_a_silent_server_is_a_timeout(script: Script) -> None:
    """A wait longer than the limit ends in RequestTimeout; the request may have been processed."""
    with pytest.raises(RequestTimeout, match="silent") as caught:
        asyncio.run(get_user(script, timeout=Timeouts(read=0.05)))

    assert caught.value.maybe_processed
    assert caught.value.operation == "users.get_current"


@pytest.mark.parametrize("script", [silent, silent_in_body])
def test_the_total_limit_ends_the_call(script: Script) -> None:
    """The limit for the whole call holds where no single wait has one."""
    timeout = Timeouts(connect=None, read=None, write=None, total=0.05)

    with pytest.raises(RequestTimeout, match=r"longer than 0\.05 s") as caught:
        asyncio.run(get_user(script, timeout=timeout))

    assert caught.value.maybe_processed
    assert caught.value.path == "/api/user"


@pytest.mark.parametrize("sends", [False, True])
def test_the_total_limit_holds_in_a_pause_and_closes_the_flow(*, sends: bool) -> None:
    """A flow that sleeps too long is closed; only a request that went out may be processed."""
    closed: list[bool] = []

    def flow() -> Flow[Reply]:
        try:
            if sends:
                yield Send(REQUEST)
            yield Sleep(60)
        finally:
            closed.append(True)
        raise AssertionError

    async def scenario() -> None:
        transport = bare(httpx.MockTransport(lambda _: httpx.Response(503)), URL)
        await Run(transport, flow(), REQUEST, Timeouts(total=0.05)).result()

    with pytest.raises(RequestTimeout) as caught:
        asyncio.run(scenario())

    assert closed == [True]
    assert caught.value.maybe_processed is sends
    assert caught.value.operation == "users.get_current"


def test_a_flow_that_sleeps_goes_on_after_it() -> None:
    """A pause ends by itself, and what the flow returns is the result."""

    def flow() -> Flow[Reply]:
        yield Sleep(0)
        answer = yield Send(REQUEST)
        assert answer is not None
        return answer

    async def scenario() -> Reply:
        http = httpx.MockTransport(lambda _: httpx.Response(200, content=b"x"))
        transport = bare(http, URL)
        return await Run(transport, flow(), REQUEST, Timeouts()).result()

    result = asyncio.run(scenario())

    assert (result.status, result.content) == (200, b"x")
    assert result.url == f"{URL}/api/user"


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "content", [b"no gzip", gzip.compress(USER)[:10] + b"\xff" * 30], ids=["plain", "broken"]
)
def test_a_broken_compression_cannot_be_decoded(status: int, content: bytes) -> None:
    """What cannot be unpacked is a DecodeError that names the operation and the status."""
    answer = reply(content, "Content-Encoding: gzip", status=status)

    with pytest.raises(DecodeError, match="unpacked") as caught:
        asyncio.run(get_user(answering(answer)))

    assert caught.value.operation == "users.get_current"
    assert caught.value.status == status


def test_compressed_answers_are_unpacked() -> None:
    """The client asks for gzip and unpacks it."""
    answer = reply(gzip.compress(USER), "Content-Encoding: gzip")

    user = asyncio.run(get_user(answering(answer)))

    assert user.id == 1


@pytest.mark.parametrize("size", [65535, 65536, 65537, 10_000_000])
def test_a_long_error_is_cut_and_the_rest_never_read(size: int) -> None:
    """Of an error's body the first 64 KiB are kept, and its connection is not used again."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        head = f"HTTP/1.1 500 Oops\r\nContent-Length: {size}\r\n\r\n"
        await connection.send(head.encode() + b"x" * min(size, 65537))
        await connection.gone()

    async def scenario() -> APIError:
        async with serve(script) as server, client(server) as da:
            with pytest.raises(ServerError) as caught:
                await da.users.get_current()
            if size > 65536:
                await server.all_gone()
            return caught.value

    error = asyncio.run(scenario())

    assert error.body == "x" * min(size, 65536)


def test_cookies_are_neither_shown_nor_sent_back() -> None:
    """The cookie of an answer, a login of the key's owner, is dropped where it arrives."""
    answer = reply(
        b"{}", "Set-Cookie: session=abc; Path=/", "SET-COOKIE: remember=def", "X-Other: 1"
    )

    async def scenario() -> tuple[Any, list[dict[str, str]]]:
        async with serve(answering(answer, answer)) as server, client(server) as da:
            first = await da.request("GET", "/")
            await da.request("GET", "/")
            return first.headers, [one.headers for one in server.received]

    shown, sent = asyncio.run(scenario())

    assert shown["x-other"] == "1"
    assert not any("cookie" in name for name in shown)
    assert not any("cookie" in one for one in sent)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """A redirect ends in an error that names both addresses; the other server hears nothing."""

    async def scenario() -> tuple[RedirectRefused, str, int]:
        async with serve(silent) as other:
            answer = reply(b"", f"Location: {other.url}/api/user?a=b", status=status)
            async with serve(answering(answer)) as server, client(server, AT_ONCE) as da:
                with pytest.raises(RedirectRefused) as caught:
                    await da.users.get_current()
                assert f"{server.url}/api/user" in str(caught.value)
                assert len(server.received) == 1
            return caught.value, other.url, other.connections

    error, other, connections = asyncio.run(scenario())

    assert connections == 0
    assert (error.status, error.location) == (status, f"{other}/api/user")
    assert not error.maybe_processed
