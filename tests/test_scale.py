"""Much at once: files of a gigabyte, ten thousand calls, and cancellation at every moment."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
import sys
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, RetryPolicy
from tests.faults.scripts import JSON, MEGABYTE, USER, adding, answer
from tests.faults.server import Bench, Connection, serve

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

KEY = "exampleApiKey0123456789ABCDEFGHI"
GIGABYTE = 1 << 30
PIECE = bytes(MEGABYTE)
MOST_MEMORY = 16 << 10  # KiB
CALLS, TURNS = 10_000, 50
# Made once, as it takes longer than most calls.
CONTEXT = ssl.create_default_context()


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def client(bench: Bench, turns: int, library: str = "") -> AsyncDocassemble:
    """Make a client without retries."""
    options: dict[str, Any] = {"transport": library} if library else {}
    return AsyncDocassemble(
        bench.url,
        KEY,
        retry=RetryPolicy(attempts=1),
        verify=CONTEXT,
        max_concurrency=turns,
        **options,
    )


# Runs alone, so that it is the client's memory that is measured.
PROGRAM = """
import asyncio, re, sys
from pathlib import Path
from docassemble_client import AsyncDocassemble, Upload

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def pieces(size):
    for _ in range(size >> 20):
        yield bytes(1 << 20)

async def move(da, way, folder, size):
    done = []
    tell = lambda *now: done.append(now) if len(done) < 2 else done.__setitem__(1, now)
    if way == "path up":
        path = folder / "big"
        with path.open("wb") as file:
            file.truncate(size)
        await da.playground.upload_files([Upload(path, on_progress=tell)])
    elif way == "iterator up":
        await da.playground.upload_files([Upload(pieces(size), "big", on_progress=tell)])
    else:
        path = await da.files.download(size).save(folder / "big", on_progress=tell)
        assert path.stat().st_size == size
    assert done[-1][0] == size, done

async def main(url, way, library, folder):
    async with AsyncDocassemble(url, "x" * 32, transport=library) as da:
        await move(da, way, Path(folder), 8 << 20)
        before = peak()
        await move(da, way, Path(folder), 1 << 30)
        print(peak() - before)

asyncio.run(main(*sys.argv[1:]))
"""


async def mover(connection: Connection) -> None:
    """Take whatever comes, and send as many bytes as the number of the file says."""
    while True:
        received = await connection.request()
        if received.method == "POST":
            await connection.send(answer(b"", status=204))
            continue
        size = int(received.path.rpartition("/")[2])
        head = answer(b"", "Content-Type: application/octet-stream", length=size)
        await connection.send(head, *[PIECE] * (size // MEGABYTE))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("library", ["", "aiohttp"])
@pytest.mark.parametrize("way", ["path up", "iterator up", "down"])
def test_a_gigabyte_passes_without_standing_in_memory(
    tmp_path: Path, http: str, way: str, library: str
) -> None:
    """Peak memory grows by less than 16 MiB while a gigabyte goes up or comes down."""

    async def scenario() -> tuple[int, str, list[int]]:
        async with serve(mover) as bench:
            arguments = (bench.url, way, library or http, str(tmp_path))
            program = await asyncio.create_subprocess_exec(
                sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
            )
            output, _ = await program.communicate()
            return program.returncode or 0, output.decode(), bench.sizes

    status, growth, sizes = asyncio.run(scenario())

    assert status == 0
    assert int(growth) < MOST_MEMORY
    if way != "down":
        assert [size // MEGABYTE for size in sizes] == [8, 1024]


class Crowd:
    """Answers nobody before as many are waiting as may; after that at once."""

    def __init__(self) -> None:
        self.current = self.most = 0
        self.full = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Play the script."""
        while True:
            await connection.request()
            self.current += 1
            self.most = max(self.most, self.current)
            if self.current == TURNS:
                self.full.set()
            await self.full.wait()
            self.current -= 1
            await connection.send(answer(json.dumps(USER).encode(), JSON))


@pytest.mark.slow
def test_ten_thousand_calls_at_once_take_their_turns() -> None:
    """All are answered, never more than allowed are under way, and nothing is left behind."""

    async def crowded(da: AsyncDocassemble, count: int) -> int:
        users = await asyncio.gather(*(da.users.get_current() for _ in range(count)))
        return sum(user.id for user in users)

    async def scenario() -> tuple[Crowd, Bench, list[int], int]:
        crowd = Crowd()
        async with serve(crowd) as bench, client(bench, TURNS) as da:
            answered, blocks = list[int](), list[int]()
            for count in (TURNS, CALLS):
                # In a task of its own: what awaits a gathering keeps its results for a while.
                answered.append(await asyncio.create_task(crowded(da, count)))
                bench.received.clear()
                bench.sizes.clear()
                gc.collect()
                blocks.append(sys.getallocatedblocks())
            return crowd, bench, answered, blocks[1] - blocks[0]

    crowd, _, answered, growth = asyncio.run(scenario())

    assert answered == [TURNS, CALLS]
    assert (crowd.most, crowd.current) == (TURNS, 0)
    assert growth < CALLS // 10


async def chunks() -> AsyncGenerator[bytes]:
    for _ in range(3):
        yield bytes(70_000)


async def walk(da: AsyncDocassemble, **more: Any) -> None:
    async with aclosing(da.users.list().pages(**more)) as pages:
        async for _ in pages:
            await asyncio.sleep(0)


async def read_on(da: AsyncDocassemble) -> None:
    async with da.files.download(17) as stream:
        async for _ in stream:
            await asyncio.sleep(0)


CANCELLED: dict[str, Callable[[AsyncDocassemble, Path], Awaitable[object]]] = {
    "call": lambda da, _: da.users.get_current(),
    "session": lambda da, _: da.sessions.set_variables("a", "b", variables={"x": 1}),
    "pages": lambda da, _: walk(da),
    "prefetched pages": lambda da, _: walk(da, prefetch=True),
    "upload": lambda da, _: da.playground.upload_files([chunks()]),
    "file": lambda da, folder: da.files.download(17).save(folder / "a"),
    "stream": lambda da, _: read_on(da),
}


async def _cancelled_after(steps: int, call: Awaitable[object]) -> bool:
    """Cancel it after so many steps of the event loop; tell whether it was over before."""
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    over = task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return over


def _tasks(bench: Bench) -> set[asyncio.Task[Any]]:
    """All tasks but those of the server."""
    tasks = asyncio.all_tasks() - bench.tasks
    return {task for task in tasks if "_accept_connection" not in repr(task.get_coro())}


@pytest.fixture
def _young() -> Generator[None]:
    """Let the garbage be sought only among what is made from now on."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_young")
@pytest.mark.parametrize("library", ["", "aiohttp"])
@pytest.mark.parametrize("name", CANCELLED)
def test_cancelling_at_any_moment_leaves_nothing(tmp_path: Path, name: str, library: str) -> None:
    """However far a call has come: no task, file, turn or lock stays, and no open connection."""

    async def scenario(steps: int) -> bool:
        async with serve(adding()) as bench:
            mine = _tasks(bench)
            da = client(bench, 1, library)
            over = await _cancelled_after(steps, CANCELLED[name](da, tmp_path))
            for _ in range(10):
                # HTTP libraries leave the closing of generators to the event loop.
                await asyncio.sleep(0)
            assert _tasks(bench) == mine
            async with asyncio.timeout(10):
                # The only turn and the session's lock are free.
                await da.sessions.set_variables("a", "b", variables={"x": 1})
            await da.aclose()
            await bench.all_gone()
            assert _tasks(bench) == mine
        gc.collect()
        # Cancelled at the very end, a file may be there, but whole.
        left = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
        assert left in ([{}, whole] if not over else [whole])
        if left:
            (tmp_path / "a").unlink()
        return over

    whole = {"a": b"%PDF-1.7"} if name == "file" else {}
    steps = 0
    while not asyncio.run(scenario(steps)):
        steps += 1

    assert steps > 5
