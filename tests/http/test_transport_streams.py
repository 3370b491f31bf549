"""Downloads while they arrive, turns, cancellation, and the end of a client."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    BinaryContent,
    DecodeError,
    MaybeSent,
    NotFound,
    RequestTimeout,
    Timeouts,
    UsageError,
)
from tests.raw_server import (
    AT_ONCE,
    KEY,
    PATIENCE,
    USER,
    Connection,
    RawServer,
    answering,
    client,
    reply,
    serve,
    silent,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

tidied = pytest.fixture(autouse=True)(tidy)

PDF = ("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="a.pdf"')
HEAD = reply(b"", *PDF).replace(b"Content-Length: 0", b"Content-Length: 10")


class Halves:
    """Sends five bytes of a file and, when told to, the five others; users at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Play the script."""
        while True:
            received = await connection.receive()
            if received.target == "/api/user":
                await connection.send(reply(USER))
                continue
            await connection.send(HEAD + b"first")
            # Where the client goes away instead, the rest has nobody to go to.
            gone = asyncio.ensure_future(connection.reader.read(1))
            told = asyncio.ensure_future(self.go_on.wait())
            await asyncio.wait({gone, told}, return_when=asyncio.FIRST_COMPLETED)
            told.cancel()
            if gone.done():
                return
            gone.cancel()
            await asyncio.gather(gone, told, return_exceptions=True)
            await connection.send(b"other")


def test_chunks_arrive_before_the_file_is_complete() -> None:
    """A streamed file can be worked on while the server still sends it."""

    async def scenario() -> list[bytes]:
        halves = Halves()
        async with serve(halves) as server, client(server) as da:
            chunks: list[bytes] = []
            async with da.files.download(17) as stream:
                assert (stream.filename, stream.content_type, stream.size) == (
                    "a.pdf",
                    "application/pdf",
                    10,
                )
                async for chunk in stream:
                    chunks.append(chunk)
                    halves.go_on.set()
            return chunks

    chunks = asyncio.run(scenario())

    assert chunks == [b"first", b"other"]


def test_a_file_is_saved_as_it_arrives(tmp_path: Path) -> None:
    """Progress is told chunk by chunk, and nothing is left but the file."""
    seen: list[tuple[int, int | None]] = []

    async def scenario() -> Path:
        halves = Halves()

        def progress(done: int, size: int | None) -> None:
            seen.append((done, size))
            halves.go_on.set()

        async with serve(halves) as server, client(server) as da:
            return await da.files.download(17).save(tmp_path, on_progress=progress)

    path = asyncio.run(scenario())

    assert path == tmp_path / "a.pdf"
    assert path.read_bytes() == b"firstother"
    assert list(tmp_path.iterdir()) == [path]
    assert seen == [(5, 10), (10, 10)]


def test_a_download_can_be_awaited_again() -> None:
    """Awaiting a Download asks the server, each time."""

    async def scenario() -> tuple[BinaryContent, BinaryContent, int]:
        script = answering(reply(b"one", *PDF), reply(b"two", *PDF))
        async with serve(script) as server, client(server, max_concurrency=1) as da:
            download = da.files.download(17)
            return await download, await download, server.connections

    first, second, connections = asyncio.run(scenario())

    assert (first.content, second.content) == (b"one", b"two")
    assert connections == 1


async def stop_early(da: AsyncDocassemble) -> None:
    async with da.files.download(17) as stream:
        async for _ in stream:
            break


async def never_read(da: AsyncDocassemble) -> None:
    async with da.files.download(17):
        pass


async def fail_meanwhile(da: AsyncDocassemble) -> None:
    async def fail() -> None:
        async with da.files.download(17) as stream:
            async for chunk in stream:
                raise ZeroDivisionError(chunk)

    with pytest.raises(ZeroDivisionError):
        await fail()


async def cancel_meanwhile(da: AsyncDocassemble) -> None:
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


async def time_out_meanwhile(da: AsyncDocassemble) -> None:
    with pytest.raises(RequestTimeout) as caught:
        await da.files.download(17, timeout=Timeouts(read=0.05))
    assert caught.value.operation == "files.download"


@pytest.mark.parametrize(
    "leave", [stop_early, never_read, fail_meanwhile, cancel_meanwhile, time_out_meanwhile]
)
def test_a_download_left_early_gives_back_turn_and_connection(
    leave: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """However a stream is left, its connection is closed and the next call can go."""

    async def scenario() -> int:
        async with serve(Halves()) as server, client(server, max_concurrency=1) as da:
            await leave(da)
            await server.all_gone()
            return (await da.users.get_current()).id

    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE)) == 1


def test_an_open_stream_holds_its_turn() -> None:
    """With one turn, nothing else is sent while a file is received; after it, everything is."""

    async def scenario() -> list[str]:
        async with serve(Halves()) as server, client(server, max_concurrency=1) as da:
            async with da.files.download(17) as stream:
                with pytest.raises(RequestTimeout):
                    await da.users.get_current(timeout=Timeouts(total=0.05))
                assert len(server.received) == 1
                assert await anext(aiter(stream)) == b"first"
            await da.users.get_current()
            return [one.target for one in server.received]

    targets = asyncio.run(asyncio.wait_for(scenario(), PATIENCE))

    assert targets == ["/api/file/17", "/api/user"]


async def broken_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(HEAD + b"first")


async def broken_compression(connection: Connection) -> None:
    await connection.receive()
    await connection.send(reply(b"no gzip", "Content-Encoding: gzip", *PDF, status=201))
    await connection.gone()


def test_a_download_that_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    """A file cut short is an error of its operation, and is not sent for again by itself."""

    async def scenario() -> int:
        async with serve(broken_in_body) as server, client(server, AT_ONCE) as da:
            with pytest.raises(MaybeSent) as caught:
                await da.files.download(17).save(tmp_path / "a.pdf")
            assert caught.value.operation == "files.download"
            return server.connections

    connections = asyncio.run(scenario())

    assert connections == 1
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_cannot_be_unpacked_tells_its_status() -> None:
    """Broken compression in a stream is the same error as elsewhere."""

    async def scenario() -> None:
        async with serve(broken_compression) as server, client(server) as da:
            await da.files.download(17)

    with pytest.raises(DecodeError, match="unpacked") as caught:
        asyncio.run(scenario())

    assert caught.value.status == 201


def test_an_error_instead_of_a_file_is_raised_on_entry() -> None:
    """What the server says instead of a file is the error's body, and the turn is given back."""

    async def scenario() -> None:
        refusal = reply(b"File not found", "Content-Type: text/plain", status=404)
        script = answering(refusal, reply(USER))
        async with serve(script) as server, client(server, max_concurrency=1) as da:
            with pytest.raises(NotFound) as caught:
                await da.files.download(17).__aenter__()
            assert caught.value.body == "File not found"
            assert caught.value.hint
            await da.users.get_current()

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(limit: int) -> None:
    """As many requests as allowed are under way at the same time, and never one more."""
    most = current = 0

    async def scenario() -> int:
        barrier = asyncio.Barrier(limit)

        async def handle(_: httpx.Request) -> httpx.Response:
            nonlocal most, current
            current += 1
            most = max(most, current)
            # Nobody passes before as many are here as are allowed.
            await barrier.wait()
            current -= 1
            return httpx.Response(200, content=USER, headers={"content-type": "application/json"})

        transport = httpx.MockTransport(handle)
        async with AsyncDocassemble(
            "http://x.example", KEY, transport=transport, max_concurrency=limit
        ) as da:
            users = await asyncio.gather(*(da.users.get_current() for _ in range(4 * limit)))
            return len(users)

    done = asyncio.run(asyncio.wait_for(scenario(), PATIENCE))

    assert (done, most) == (4 * limit, limit)


@pytest.mark.parametrize("waiting", [False, True])
def test_a_cancelled_call_gives_back_turn_and_connection(*, waiting: bool) -> None:
    """Whether it waits for the server or for its turn, a cancelled call leaves nothing behind."""

    async def script(connection: Connection) -> None:
        await silent(connection) if connection.server.connections == 1 else await Halves()(
            connection
        )

    async def scenario() -> None:
        async with serve(script) as server, client(server, max_concurrency=1) as da:
            tasks = [asyncio.create_task(da.users.get_current()) for _ in range(1 + waiting)]
            await server.arrived.wait()
            for task in reversed(tasks):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await server.all_gone()
            await da.users.get_current()
            assert len(server.received) == 2

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_a_closed_client_refuses_every_call() -> None:
    """After the end of the client nothing is sent any more, whatever kind of call it is."""

    async def scenario() -> None:
        async with serve(answering(reply(USER), reply(USER))) as server:
            async with client(server) as da:
                await da.users.get_current()
            await server.all_gone()
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
            assert len(server.received) == 1

    asyncio.run(scenario())


def test_closing_ends_the_calls_under_way() -> None:
    """A call that waits for the server is broken off, one that waits for its turn is refused."""

    async def scenario(server: RawServer) -> list[object]:
        da = client(server, AT_ONCE, max_concurrency=1)
        first = asyncio.create_task(da.users.create("jane@example.com"))
        await server.arrived.wait()
        second = asyncio.create_task(da.users.get_current())
        third = asyncio.create_task(da.users.get_current())
        await da.aclose()
        return [*await asyncio.gather(first, second, third, return_exceptions=True)]

    async def run() -> list[object]:
        async with serve(silent) as server:
            return await asyncio.wait_for(scenario(server), PATIENCE)

    first, *others = asyncio.run(run())

    assert isinstance(first, MaybeSent)
    assert [str(one) for one in others] == ["the client is closed; make a new one."] * 2


def test_a_client_stays_with_its_event_loop() -> None:
    """Use and closing on another event loop are clear errors, even where all turns are taken."""

    async def elsewhere(da: AsyncDocassemble) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await da.users.get_current()
        with pytest.raises(UsageError, match="another event loop"):
            await da.aclose()

    async def scenario() -> int:
        async with serve(Halves()) as server, client(server, max_concurrency=1) as da:
            async with da.files.download(17):
                limited = asyncio.wait_for(elsewhere(da), PATIENCE)
                await asyncio.to_thread(asyncio.run, limited)
            return (await da.users.get_current()).id

    assert asyncio.run(scenario()) == 1
