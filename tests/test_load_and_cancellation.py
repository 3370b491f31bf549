"""Scale: files of a gigabyte, ten thousand calls, and cancellation at every step."""

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

from docassemble_client import AsyncDocassemble, RetryPolicy, TaskHandle, Timeouts
from tests.clock import wait_for_jobs
from tests.faults.scripts import (
    JSON,
    MEGABYTE,
    USER,
    make_correct_response,
    make_response,
    respond_correctly,
)
from tests.faults.server import Connection, FaultServer, serve

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

pytestmark = pytest.mark.sockets

KEY = "exampleApiKey0123456789ABCDEFGHI"
GIGABYTE = 1 << 30
MEGABYTE_CHUNK = bytes(MEGABYTE)
MAX_GROWTH_KIB = 16 << 10
CALL_COUNT, SLOTS = 10_000, 50
# Created once, because this takes longer than most calls.
SSL_CONTEXT = ssl.create_default_context()


@pytest.fixture(autouse=True)
def _clear_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def make_client(server: FaultServer, slots: int, library: str = "") -> AsyncDocassemble:
    """Create a client without retries."""
    options: dict[str, Any] = {"transport": library} if library else {}
    return AsyncDocassemble(
        server.url,
        KEY,
        retry=RetryPolicy(attempts=1),
        verify=SSL_CONTEXT,
        max_concurrency=slots,
        **options,
    )


# A separate process, so that only the client's memory is measured.
PROGRAM = """
import asyncio, re, sys
from pathlib import Path
from docassemble_client import AsyncDocassemble, Upload

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

async def chunks(size):
    for _ in range(size >> 20):
        yield bytes(1 << 20)

async def transfer(da, direction, folder, size):
    reports = []
    def report(*progress):
        reports[:] = [progress]
    if direction == "upload path":
        path = folder / "big"
        with path.open("wb") as file:
            file.truncate(size)
        await da.playground.upload_files([Upload(path, on_progress=report)])
    elif direction == "upload iterator":
        await da.playground.upload_files([Upload(chunks(size), "big", on_progress=report)])
    else:
        path = await da.files.download(size).save(folder / "big", on_progress=report)
        assert path.stat().st_size == size
    assert reports[-1][0] == size, reports

async def main(url, direction, library, folder):
    async with AsyncDocassemble(url, "x" * 32, transport=library) as da:
        await transfer(da, direction, Path(folder), 8 << 20)
        before = peak()
        await transfer(da, direction, Path(folder), 1 << 30)
        print(peak() - before)

asyncio.run(main(*sys.argv[1:]))
"""


async def transfer_files(connection: Connection) -> None:
    """Accept any upload; send as many bytes as the number of the file says."""
    while True:
        request = await connection.receive_request()
        if request.method == "POST":
            await connection.send(make_response(b"", status=204))
            continue
        size = int(request.path.rpartition("/")[2])
        head = make_response(b"", "Content-Type: application/octet-stream", length=size)
        await connection.send(head, *[MEGABYTE_CHUNK] * (size // MEGABYTE))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("library", ["", "aiohttp"])
@pytest.mark.parametrize("direction", ["upload path", "upload iterator", "download"])
async def test_a_gigabyte_is_transferred_with_little_memory(
    tmp_path: Path, http: str, direction: str, library: str
) -> None:
    """Peak memory grows by less than 16 MiB during the transfer of a gigabyte."""
    async with serve(transfer_files) as server:
        arguments = (server.url, direction, library or http, str(tmp_path))
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await program.communicate()
        status, growth, sizes = program.returncode or 0, output.decode(), server.body_sizes

    assert status == 0
    assert int(growth) < MAX_GROWTH_KIB
    if direction != "download":
        assert [size // MEGABYTE for size in sizes] == [8, 1024]


class WaitForAllSlots:
    """Waits until `SLOTS` requests have arrived, then responds to all requests."""

    def __init__(self) -> None:
        self.current = self.maximum = 0
        self.all_arrived = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        """Run the script."""
        while True:
            await connection.receive_request()
            self.current += 1
            self.maximum = max(self.maximum, self.current)
            if self.current == SLOTS:
                self.all_arrived.set()
            await self.all_arrived.wait()
            self.current -= 1
            await connection.send(make_response(json.dumps(USER).encode(), JSON))


@pytest.mark.slow
async def test_ten_thousand_concurrent_calls_succeed() -> None:
    """All calls succeed, within max_concurrency, and no memory leaks."""

    async def get_users(da: AsyncDocassemble, count: int) -> int:
        users = await asyncio.gather(*(da.users.get_current() for _ in range(count)))
        return sum(user.id for user in users)

    script = WaitForAllSlots()
    async with serve(script) as server, make_client(server, SLOTS) as da:
        user_counts, allocated = list[int](), list[int]()
        for count in (SLOTS, CALL_COUNT):
            # In a separate task, because the awaiting task keeps the results for a while.
            user_counts.append(await asyncio.create_task(get_users(da, count)))
            server.requests.clear()
            server.body_sizes.clear()
            gc.collect()
            allocated.append(sys.getallocatedblocks())
        _, growth = server, allocated[1] - allocated[0]

    assert user_counts == [SLOTS, CALL_COUNT]
    assert (script.maximum, script.current) == (SLOTS, 0)
    assert growth < CALL_COUNT // 10


async def chunks() -> AsyncGenerator[bytes]:
    for _ in range(3):
        yield bytes(70_000)


async def iterate_pages(da: AsyncDocassemble, **options: Any) -> None:
    async with aclosing(da.users.list().pages(**options)) as pages:
        async for _ in pages:
            await asyncio.sleep(0)


async def read_stream(da: AsyncDocassemble) -> None:
    async with da.files.download(17) as stream:
        async for _ in stream:
            await asyncio.sleep(0)


async def watch(da: AsyncDocassemble) -> None:
    task = TaskHandle(id="a", kind="restart", operation="server.restart", started_at=5.0)
    async with aclosing(da.watch_task(task)) as events:
        async for _ in events:
            await asyncio.sleep(0)


async def refuse_first_user(connection: Connection) -> None:
    """Refuse the first request for a user; respond correctly to all others."""
    while True:
        request = await connection.receive_request()
        paths = [head.path for head in connection.server.requests]
        is_refused = request.path == "/api/user" and paths.count("/api/user") == 1
        refusal = make_response(b"", status=429)
        await connection.send(refusal if is_refused else make_correct_response(request))


RETRY = RetryPolicy(initial_delay=0)
LIMIT = Timeouts(total=600, pool=600)
CALLS: dict[str, Callable[[AsyncDocassemble, Path], Awaitable[object]]] = {
    "call": lambda da, _: da.users.get_current(),
    "retried call": lambda da, _: da.users.get_current(retry=RETRY),
    "limited call": lambda da, _: da.users.get_current(timeout=LIMIT),
    "limited session": lambda da, _: da.sessions.set_variables(
        "a", "b", variables={"x": 1}, timeout=LIMIT
    ),
    "limited file": lambda da, folder: da.files.download(17, timeout=LIMIT).save(folder / "a"),
    "two calls": lambda da, _: asyncio.gather(
        da.users.get_current(timeout=LIMIT), da.as_key("b").users.get_current()
    ),
    "wait": lambda da, _: watch(da),
    "session": lambda da, _: da.sessions.set_variables("a", "b", variables={"x": 1}),
    "pages": lambda da, _: iterate_pages(da),
    "prefetched pages": lambda da, _: iterate_pages(da, prefetch=True),
    "upload": lambda da, _: da.playground.upload_files([chunks()]),
    "file": lambda da, folder: da.files.download(17).save(folder / "a"),
    "stream": lambda da, _: read_stream(da),
}


async def _cancel_after(steps: int, call: Awaitable[object]) -> bool:
    """Cancel a call after some steps of the event loop; return whether it had ended."""
    task = asyncio.ensure_future(call)
    for _ in range(steps):
        await asyncio.sleep(0)
    has_ended = task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return has_ended


def _get_tasks(server: FaultServer) -> set[asyncio.Task[Any]]:
    """Return all tasks except those of the server."""
    tasks = asyncio.all_tasks() - server.tasks
    return {task for task in tasks if "_accept_connection" not in repr(task.get_coro())}


@pytest.fixture
def _freeze_garbage() -> None:
    """Limit garbage collection to objects that are created from now on."""
    gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("_freeze_garbage")
@pytest.mark.parametrize("library", ["", "aiohttp"])
@pytest.mark.parametrize("name", CALLS)
async def test_cancelling_at_any_step_leaves_nothing_open(
    tmp_path: Path, name: str, library: str
) -> None:
    """After a cancelled call there is no task, file, slot, lock or open connection."""

    async def scenario(steps: int) -> bool:
        script = refuse_first_user if name == "retried call" else respond_correctly()
        async with serve(script) as server:
            tasks = _get_tasks(server)
            da = make_client(server, 1, library)
            has_ended = await _cancel_after(steps, CALLS[name](da, tmp_path))
            for _ in range(10):
                # HTTP libraries let the event loop close their generators.
                await asyncio.sleep(0)
            assert _get_tasks(server) == tasks
            async with asyncio.timeout(10):
                # The only slot and the lock of the session are free.
                await da.sessions.set_variables("a", "b", variables={"x": 1})
            await da.aclose()
            await server.wait_all_closed()
            assert _get_tasks(server) == tasks
        # A thread that already renames a file cannot be cancelled.
        await wait_for_jobs()
        gc.collect()
        # If the call is cancelled at its end, a file may exist, but it is complete.
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        assert files in ([{}, complete_file] if not has_ended else [complete_file])
        if files:
            (tmp_path / "a").unlink()
        return has_ended

    complete_file = {"a": b"%PDF-1.7"} if name.endswith("file") else {}
    steps = 0
    while not await scenario(steps):
        steps += 1

    assert steps > 5
