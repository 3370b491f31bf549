"""Streamed downloads, concurrency slots, cancellation, and closing of a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotFound,
    RequestTimeout,
    Timeouts,
    UsageError,
)
from tests.mock import settle
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    USER,
    Connection,
    RawServer,
    check_leaks,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)

PDF = ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a.pdf"')
TEN_BYTE_HEAD = make_response(b"", *PDF).replace(b"Content-Length: 0", b"Content-Length: 10")


class TwoPartServer:
    """Sends five bytes of a file, and the rest after `continued` is set; users immediately."""

    def __init__(self) -> None:
        self.continued = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Run the script."""
        while True:
            request = await connection.receive()
            if request.target == "/api/user":
                await connection.send(make_response(USER))
                continue
            await connection.send(TEN_BYTE_HEAD + b"first")
            # If the client closes the connection first, there is no rest to send.
            disconnected = asyncio.ensure_future(connection.reader.read(1))
            continued = asyncio.ensure_future(self.continued.wait())
            await asyncio.wait({disconnected, continued}, return_when=asyncio.FIRST_COMPLETED)
            continued.cancel()
            if disconnected.done():
                return
            disconnected.cancel()
            await asyncio.gather(disconnected, continued, return_exceptions=True)
            await connection.send(b"other")


async def test_chunks_arrive_before_the_file_is_complete() -> None:
    """You can process a streamed file while the server is still sending it."""
    script = TwoPartServer()
    async with serve(script) as server, make_client(server) as da:
        chunks: list[bytes] = []
        async with da.files.download(17) as stream:
            assert (stream.filename, stream.content_type, stream.size) == (
                "a.pdf",
                "application/pdf",
                10,
            )
            async for chunk in stream:
                chunks.append(chunk)
                script.continued.set()

    assert chunks == [b"first", b"other"]


async def test_a_file_is_saved_as_it_arrives(tmp_path: Path) -> None:
    """Progress is reported for each chunk, and only the complete file remains."""
    reports: list[tuple[int, int | None]] = []

    script = TwoPartServer()

    def progress(written: int, size: int | None) -> None:
        reports.append((written, size))
        script.continued.set()

    async with serve(script) as server, make_client(server) as da:
        path = await da.files.download(17).save(tmp_path, on_progress=progress)

    assert path == tmp_path / "a.pdf"
    assert path.read_bytes() == b"firstother"
    assert list(tmp_path.iterdir()) == [path]
    assert reports == [(5, 10), (10, 10)]


async def test_a_download_can_be_awaited_again() -> None:
    """Each time a download is awaited, it sends a request."""
    script = respond_with(make_response(b"one", *PDF), make_response(b"two", *PDF))
    async with serve(script) as server, make_client(server, max_concurrency=1) as da:
        download = da.files.download(17)
        first, second, connections = await download, await download, server.connections

    assert (first.content, second.content) == (b"one", b"two")
    assert connections == 1


async def stop_early(da: AsyncDocassemble) -> None:
    async with da.files.download(17) as stream:
        async for _ in stream:
            break


async def never_read(da: AsyncDocassemble) -> None:
    async with da.files.download(17):
        pass


async def fail_in_body(da: AsyncDocassemble) -> None:
    async def fail() -> None:
        async with da.files.download(17) as stream:
            async for chunk in stream:
                raise ZeroDivisionError(chunk)

    with pytest.raises(ZeroDivisionError):
        await fail()


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
    with pytest.raises(RequestTimeout) as caught:
        await da.files.download(17, timeout=Timeouts(read=0.05))
    assert caught.value.operation == "files.download"


@pytest.mark.parametrize(
    "leave", [stop_early, never_read, fail_in_body, cancel_in_body, time_out_in_body]
)
async def test_an_incomplete_download_releases_slot_and_connection(
    leave: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """Its connection is closed, and the next call can run."""
    async with (
        asyncio.timeout(HANG_SECONDS),
        serve(TwoPartServer()) as server,
        make_client(server, max_concurrency=1) as da,
    ):
        await leave(da)
        await server.wait_all_closed()
        assert (await da.users.get_current()).id == 1


async def break_off_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(TEN_BYTE_HEAD + b"first")


async def test_a_failed_download_leaves_no_file(tmp_path: Path) -> None:
    """An incomplete file is an error of its operation, and is not requested again."""
    async with serve(break_off_in_body) as server, make_client(server, NO_DELAY) as da:
        with pytest.raises(MaybeSent) as caught:
            await da.files.download(17).save(tmp_path / "a.pdf")
        assert caught.value.operation == "files.download"
        connections = server.connections

    assert connections == 1
    assert list(tmp_path.iterdir()) == []


async def test_an_error_response_is_raised_when_a_download_is_entered() -> None:
    """The response is the body of the error, and the slot is released."""
    async with asyncio.timeout(HANG_SECONDS):
        refusal = make_response(b"File not found", "Content-Type: text/plain", status=404)
        script = respond_with(refusal, make_response(USER))
        async with serve(script) as server, make_client(server, max_concurrency=1) as da:
            with pytest.raises(NotFound) as caught:
                await da.files.download(17).__aenter__()
            assert caught.value.body == "File not found"
            assert caught.value.hint
            await da.users.get_current()


@pytest.mark.parametrize("limit", [1, 3])
async def test_max_concurrency_limits_simultaneous_requests(limit: int) -> None:
    """max_concurrency requests run at the same time, and never more."""
    maximum = current = 0

    async with asyncio.timeout(HANG_SECONDS):
        barrier = asyncio.Barrier(limit)

        async def handle(_: httpx.Request) -> httpx.Response:
            nonlocal maximum, current
            current += 1
            maximum = max(maximum, current)
            # No request continues before `limit` requests have arrived.
            await barrier.wait()
            current -= 1
            return httpx.Response(200, content=USER, headers={"content-type": "application/json"})

        transport = httpx.MockTransport(handle)
        async with AsyncDocassemble(
            "http://x.example", KEY, transport=transport, max_concurrency=limit
        ) as da:
            users = await asyncio.gather(*(da.users.get_current() for _ in range(4 * limit)))
            completed = len(users)

    assert (completed, maximum) == (4 * limit, limit)


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_cancelled_call_releases_slot_and_connection(*, waiting: bool) -> None:
    """A cancelled call leaves nothing open, also if it waits for a slot."""

    async def script(connection: Connection) -> None:
        await never_respond(
            connection
        ) if connection.server.connections == 1 else await TwoPartServer()(connection)

    async with (
        asyncio.timeout(HANG_SECONDS),
        serve(script) as server,
        make_client(server, max_concurrency=1) as da,
    ):
        tasks = [asyncio.create_task(da.users.get_current()) for _ in range(1 + waiting)]
        await server.request_arrived.wait()
        for task in reversed(tasks):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.wait_all_closed()
        await da.users.get_current()
        assert len(server.requests) == 2


async def test_a_closed_client_refuses_every_call() -> None:
    """After closing, no call of any kind sends a request."""
    async with serve(respond_with(make_response(USER), make_response(USER))) as server:
        async with make_client(server) as da:
            await da.users.get_current()
        await server.wait_all_closed()
        calls: list[Awaitable[object]] = [
            da.users.get_current(),
            da.users.list(),
            da.files.download(17),
            da.request("GET", "/x"),
        ]
        for call in calls:
            with pytest.raises(UsageError, match="client is closed"):
                await call
        await da.aclose()
        assert len(server.requests) == 1


async def test_closing_ends_running_and_waiting_calls() -> None:
    """A call that waits for the server fails, a call that waits for a slot is refused."""

    async def scenario(server: RawServer) -> list[object]:
        da = make_client(server, NO_DELAY, max_concurrency=1)
        first = asyncio.create_task(da.users.create("jane@example.com"))
        await server.request_arrived.wait()
        second = asyncio.create_task(da.users.get_current())
        third = asyncio.create_task(da.users.get_current())
        await settle()
        await da.aclose()
        return [*await asyncio.gather(first, second, third, return_exceptions=True)]

    async with serve(never_respond) as server:
        first, *waiting_errors = await asyncio.wait_for(scenario(server), HANG_SECONDS)

    assert isinstance(first, MaybeSent)
    assert [str(error) for error in waiting_errors] == [
        "the client is closed; create a new one."
    ] * 2


async def test_a_client_stays_with_its_event_loop() -> None:
    """Calls and closing on another event loop are a UsageError, also without a free slot."""

    async def use_in_other_loop(da: AsyncDocassemble) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await da.users.get_current()
        with pytest.raises(UsageError, match="another event loop"):
            await da.aclose()

    async with serve(TwoPartServer()) as server, make_client(server, max_concurrency=1) as da:
        async with da.files.download(17):
            limited = asyncio.wait_for(use_in_other_loop(da), HANG_SECONDS)
            await asyncio.to_thread(asyncio.run, limited)
        assert (await da.users.get_current()).id == 1
