"""Reading responses with every HTTP library: head, body, stream and their end."""

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
from tests.http.test_adapters import library
from tests.raw_server import (
    NO_DELAY,
    USER,
    Connection,
    check_leaks,
    connect,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.raw_server import RawServer

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

HEAD_WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


async def get(da: AsyncDocassemble, _: RawServer) -> Response:
    return await da.request("GET", "/x")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The other server receives no request, and the error contains its URL."""
    async with serve(never_respond) as other_server:
        response = make_response(b"", f"Location: {other_server.url}/x?a=b", status=status)
        async with serve(respond_with(response)) as server, make_client(server, NO_DELAY) as da:
            with pytest.raises(RedirectRefused) as caught:
                await da.users.create("jane@example.com")
            assert len(server.requests) == 1

    error = caught.value
    assert (error.status, error.location) == (status, f"{other_server.url}/x")
    assert other_server.connections == 0


async def test_cookies_are_neither_shown_nor_sent_back() -> None:
    """The session cookie of each response is dropped."""
    response = make_response(
        b"{}", "Set-Cookie: session=abc; Path=/", "SET-COOKIE: remember=def", "X-Other: 1"
    )

    async with connect(respond_with(response, response)) as (da, server):
        first = await da.request("GET", "/x")
        await da.request("GET", "/x")
        assert first.headers["x-other"] == "1"
        assert not any("cookie" in name for name in first.headers)
        assert not any("cookie" in request.headers for request in server.requests)
        assert server.connections == 1


async def test_all_libraries_read_headers_in_the_same_way() -> None:
    """Many, long, repeated and wrongly encoded headers arrive, the latter as Latin-1."""
    many = [f"X-{number}: {number}" for number in range(1000)]
    head = "\r\n".join(["HTTP/1.1 200 OK", "Content-Length: 2", "X-Long: " + "x" * 20_000, *many])
    twice = "\r\nX-Twice: a\r\nX-TWICE: b\r\nX-Umlaut: \xfc\r\n\r\n{}"

    async with connect(respond_with(head.encode() + twice.encode("latin-1"))) as (da, server):
        response = await get(da, server)

    headers = response.headers
    assert (headers["x-0"], headers["x-999"], headers["x-long"]) == ("0", "999", "x" * 20_000)
    assert (headers["x-twice"], headers["x-umlaut"]) == ("a, b", "\xfc")


async def test_a_utf_8_header_is_decoded() -> None:
    """A header in UTF-8 is decoded as UTF-8."""
    async with connect(respond_with(make_response(b"{}", "X-Umlaut: \xfc"))) as (da, server):
        response = await get(da, server)

    assert response.headers["x-umlaut"] == "\xfc"


@pytest.mark.parametrize("size", [0, 10_000_000])
async def test_a_body_without_length_ends_with_its_connection(size: int) -> None:
    """Without a length, the end of the connection is the end of the body."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(HEAD_WITHOUT_LENGTH + b"x" * size)

    async with connect(script) as (da, server):
        response = await get(da, server)

    assert len(response.content) == size


async def test_very_long_headers_are_an_error_of_this_package() -> None:
    """A head that does not end is refused."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000)
        await connection.wait_closed()

    with pytest.raises(DocassembleError):
        async with connect(script) as (da, server):
            await get(da, server)


class TwoPartServer:
    """Sends five bytes of a file, and the rest after `continued` is set; users immediately."""

    def __init__(self) -> None:
        self.continued = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Run the script."""
        while (await connection.receive()).target == "/api/user":
            await connection.send(make_response(USER))
        head = make_response(b"", "Content-Type: application/pdf")
        await connection.send(head.replace(b"Content-Length: 0", b"Content-Length: 10") + b"first")
        # If the client closes the connection first, there is no rest to send.
        disconnected = asyncio.ensure_future(connection.reader.read(1))
        continued = asyncio.ensure_future(self.continued.wait())
        await asyncio.wait({disconnected, continued}, return_when=asyncio.FIRST_COMPLETED)
        is_disconnected = disconnected.done()
        continued.cancel()
        disconnected.cancel()
        await asyncio.gather(disconnected, continued, return_exceptions=True)
        if not is_disconnected:
            await connection.send(b"other")


async def test_chunks_arrive_before_the_file_is_complete() -> None:
    """You can process a streamed file while the server is still sending it."""
    server = TwoPartServer()

    async with connect(server) as (da, _):
        chunks: list[bytes] = []
        async with da.files.download(17) as stream:
            async for chunk in stream:
                chunks.append(chunk)
                server.continued.set()
        assert chunks == [b"first", b"other"]


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
async def test_an_incomplete_download_releases_slot_and_connection(
    leave: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """Its connection is closed, and the next call can run."""
    async with connect(TwoPartServer(), max_concurrency=1) as (da, server):
        await leave(da)
        await server.wait_all_closed()
        assert (await da.users.get_current()).id == 1


async def test_a_cancelled_call_releases_slot_and_connection() -> None:
    """A cancelled call leaves nothing open, also if it waits for a slot."""

    async def script(connection: Connection) -> None:
        await (
            never_respond
            if connection.server.connections == 1
            else respond_with(make_response(USER))
        )(connection)

    async with connect(script, max_concurrency=1) as (da, server):
        tasks = [asyncio.create_task(da.users.get_current()) for _ in range(2)]
        await server.request_arrived.wait()
        for task in reversed(tasks):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.wait_all_closed()
        await da.users.get_current()
        assert len(server.requests) == 2


async def test_closing_ends_running_calls() -> None:
    """A call that waits for the server may have been processed."""
    async with connect(never_respond, retry=NO_DELAY) as (da, server):
        task = asyncio.create_task(da.users.create("jane@example.com"))
        await server.request_arrived.wait()
        await da.aclose()
        with pytest.raises(MaybeSent):
            await task


async def test_connections_are_reused() -> None:
    """Concurrent calls use at most max_concurrency connections, and later calls reuse them."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.receive()
            await connection.send(make_response(b"{}"))

    async with connect(script, max_concurrency=5) as (da, server):
        for _ in range(3):
            await asyncio.gather(*(da.request("GET", "/x") for _ in range(20)))
        requests, connections = len(server.requests), server.connections

    assert requests == 60
    assert connections <= 5
