"""What is read of an answer, alike on all HTTP libraries: head, body, stream and their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    MaybeSent,
    RedirectRefused,
    RequestTimeout,
    Response,
)
from tests.http.test_adapters import library, run
from tests.raw_server import (
    AT_ONCE,
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

    from tests.raw_server import RawServer

go_direct = pytest.fixture(autouse=True)(tidy)
__all__ = ["library"]

PART = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


async def get(da: AsyncDocassemble, _: RawServer) -> Response:
    return await da.request("GET", "/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    """The other server hears nothing, and the error names it."""

    async def play() -> tuple[RedirectRefused, str, int]:
        async with serve(silent) as other:
            answer = reply(b"", f"Location: {other.url}/x?a=b", status=status)
            async with serve(answering(answer)) as server, client(server, AT_ONCE) as da:
                with pytest.raises(RedirectRefused) as caught:
                    await da.users.create("jane@example.com")
                assert len(server.received) == 1
            return caught.value, other.url, other.connections

    error, other, connections = asyncio.run(play())

    assert (error.status, error.location, connections) == (status, f"{other}/x", 0)


def test_cookies_are_neither_shown_nor_sent_back() -> None:
    """The login that each answer sets is dropped where it arrives."""
    answer = reply(
        b"{}", "Set-Cookie: session=abc; Path=/", "SET-COOKIE: remember=def", "X-Other: 1"
    )

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        first = await da.request("GET", "/x")
        await da.request("GET", "/x")
        assert first.headers["x-other"] == "1"
        assert not any("cookie" in name for name in first.headers)
        assert not any("cookie" in one.headers for one in server.received)
        assert server.connections == 1

    run(answering(answer, answer), scenario)


def test_headers_are_read_alike() -> None:
    """Many, long, repeated and badly encoded headers arrive, the latter as Latin-1."""
    many = [f"X-{number}: {number}" for number in range(1000)]
    head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 2", "X-Long: " + "x" * 20_000, *many])
    twice = "\r\nX-Twice: a\r\nX-TWICE: b\r\nX-Umlaut: \xfc\r\n\r\n{}"

    response = run(answering(head.encode() + twice.encode("latin-1")), get)

    headers = response.headers
    assert (headers["x-0"], headers["x-999"], headers["x-long"]) == ("0", "999", "x" * 20_000)
    assert (headers["x-twice"], headers["x-umlaut"]) == ("a, b", "\xfc")


def test_a_header_in_utf_8_is_read_as_such() -> None:
    """A server that writes UTF-8 into a header is understood."""
    response = run(answering(reply(b"{}", "X-Umlaut: \xfc")), get)

    assert response.headers["x-umlaut"] == "\xfc"


@pytest.mark.parametrize("size", [0, 10_000_000])
def test_a_body_without_length_ends_with_its_connection(size: int) -> None:
    """Where no length is told, the end of the connection is the end of the body."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(ENDLESS + b"x" * size)

    response = run(script, get)

    assert len(response.content) == size


def test_headers_too_long_are_an_error_of_this_package() -> None:
    """A head without end is given up."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000)
        await connection.gone()

    with pytest.raises(DocassembleError):
        run(script, get)


class Halves:
    """Sends five bytes of a file and, when told to, the five others; users at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Play the script."""
        while (await connection.receive()).target == "/api/user":
            await connection.send(reply(USER))
        head = reply(b"", "Content-Type: application/pdf")
        await connection.send(head.replace(b"Content-Length: 0", b"Content-Length: 10") + b"first")
        # Where the client goes away instead, the rest has nobody to go to.
        gone = asyncio.ensure_future(connection.reader.read(1))
        told = asyncio.ensure_future(self.go_on.wait())
        await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
        left = gone.done()
        told.cancel()
        gone.cancel()
        await asyncio.gather(gone, told, return_exceptions=True)
        if not left:
            await connection.send(b"other")


def test_chunks_arrive_before_the_file_is_complete() -> None:
    """A streamed file can be worked on while the server still sends it."""
    halves = Halves()

    async def scenario(da: AsyncDocassemble, _: RawServer) -> list[bytes]:
        chunks: list[bytes] = []
        async with da.files.download(17) as stream:
            async for chunk in stream:
                chunks.append(chunk)
                halves.go_on.set()
        return chunks

    assert run(halves, scenario) == [b"first", b"other"]


async def stop_early(da: AsyncDocassemble) -> None:
    async with da.files.download(17) as stream:
        async for _ in stream:
            break


async def never_read(da: AsyncDocassemble) -> None:
    async with da.files.download(17):
        pass


async def cancel_in_body(da: AsyncDocassemble) -> None:
    started = asyncio.Event()

    async def read() -> None:
        async with da.files.download(17) as stream:
            async for _ in stream:
                started.set()

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def time_out_in_body(da: AsyncDocassemble) -> None:
    with pytest.raises(RequestTimeout):
        await da.files.download(17, timeout=0.05)


@pytest.mark.parametrize("leave", [stop_early, never_read, cancel_in_body, time_out_in_body])
def test_a_download_left_early_gives_back_turn_and_connection(
    leave: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """However a stream is left, its connection is closed and the next call can go."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> int:
        await leave(da)
        await server.all_gone()
        return (await da.users.get_current()).id

    assert run(Halves(), scenario, max_concurrency=1) == 1


def test_a_cancelled_call_gives_back_turn_and_connection() -> None:
    """Whether it waits for the server or for its turn, a cancelled call leaves nothing behind."""

    async def script(connection: Connection) -> None:
        await (silent if connection.server.connections == 1 else answering(reply(USER)))(connection)

    async def scenario(da: AsyncDocassemble, server: RawServer) -> int:
        tasks = [asyncio.create_task(da.users.get_current()) for _ in range(2)]
        await server.arrived.wait()
        for task in reversed(tasks):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.all_gone()
        await da.users.get_current()
        return len(server.received)

    assert run(script, scenario, max_concurrency=1) == 2


def test_closing_ends_the_calls_under_way() -> None:
    """A call that waits for the server while the client is closed may have been processed."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        task = asyncio.create_task(da.users.create("jane@example.com"))
        await server.arrived.wait()
        await da.aclose()
        with pytest.raises(MaybeSent):
            await task

    run(silent, scenario, retry=AT_ONCE)


def test_connections_are_kept_and_shared() -> None:
    """As many calls at a time as allowed use as many connections, and the next ones use them."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> tuple[int, int]:
        for _ in range(3):
            await asyncio.gather(*(da.request("GET", "/x") for _ in range(20)))
        return len(server.received), server.connections

    async def script(connection: Connection) -> None:
        while True:
            await connection.receive()
            await connection.send(reply(b"{}"))

    received, connections = run(script, scenario, max_concurrency=5)

    assert received == 60
    assert connections <= 5
