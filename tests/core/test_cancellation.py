"""Cancellation at every step: CancelledError each time, and nothing is left behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest

from docassemble_client.config import PollPolicy, RetryPolicy, Timeouts
from docassemble_client.tasks import TaskHandle
from tests.clock import wait_for_jobs
from tests.core.calls import GOOD_USER
from tests.core.cancelling import MOMENTS, CancelAtStep
from tests.core.streams import StreamServer
from tests.mock import MockServer, build_response, get_other_tasks, settle
from tests.raw_server import NO_RETRIES
from tests.session_pages import SessionPages, get_numbers, get_token, get_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from tests.mock import MockResponse

HANDLE = TaskHandle(id="T", kind="restart", operation="server.restart", started_at=1000.0)
LIMITED = Timeouts(total=600)
SLOTS = 2
HEALTH = {"ok": True, "version": "1.10.14"}
QUESTION = {"questionType": "deadend"}


def make_server() -> StreamServer:
    """Create a server that refuses the first request of each kind, and sends small chunks."""
    states = iter(["working", "completed"])
    starts = iter([500.0, 1030.0])

    responses: dict[str, Callable[[httpx.Request], MockResponse]] = {
        "/api/user": lambda _: GOOD_USER,
        "/api/interviews": SessionPages(6, 2),
        "/api/file/17": lambda _: httpx.Response(200, content=b"x" * 300),
        "/api/restart_status": lambda _: (200, {"status": next(states, "completed")}),
        "/health_status": lambda _: (
            200,
            {"ok": True, "server_start_time": next(starts), "version": "1"},
        ),
    }

    def respond(request: httpx.Request) -> MockResponse:
        if sum(other.url == request.url for other in server.requests) == 1:
            return build_response(429, None, {"retry-after": "1"})
        get_response = responses.get(request.url.path)
        return get_response(request) if get_response else build_response(200, QUESTION)

    server = StreamServer(respond, chunk_size=100)
    server.delay = lambda _: 1.0
    return server


def change(da: AsyncDocassemble) -> Coroutine[Any, Any, object]:
    """Make a call that must not overlap with another one of its session."""
    return da.sessions.set_variables("x.yml", "s", variables={"a": 1}, timeout=LIMITED)


async def iterate(iterator: Any) -> int:
    """Iterate over a list; return the number of pages or items."""
    number = 0
    async with aclosing(iterator):
        async for _ in iterator:
            number += 1
            await asyncio.sleep(0)
            await asyncio.sleep(0.5)
    return number


async def read_chunks(da: AsyncDocassemble, **options: Any) -> int:
    """Download a file chunk by chunk; return the number of chunks."""
    number = 0
    async with da.files.download(17, **options) as stream:
        async for _ in stream:
            number += 1
            await asyncio.sleep(0)
    return number


async def watch(da: AsyncDocassemble) -> int:
    """Watch a task; return the number of events."""
    async with aclosing(da.watch_task(HANDLE)) as events:
        return len([event async for event in events])


class Scenario(NamedTuple):
    """
    Work to cancel.

    Attributes:
        work: The work.
        steps: Least number of steps at which it can be cancelled.
        blockers: Calls that begin before it and take its slots or lock.
    """

    work: Callable[[AsyncDocassemble], Awaitable[object]]
    steps: int
    blockers: tuple[Callable[[AsyncDocassemble], Coroutine[Any, Any, object]], ...] = ()


def get_user(da: AsyncDocassemble) -> Coroutine[Any, Any, object]:
    return da.users.get_current()


SCENARIOS = {
    "call": Scenario(get_user, 5),
    "call with a limit": Scenario(lambda da: da.users.get_current(timeout=LIMITED), 5),
    "call that waits for a slot": Scenario(get_user, 6, (get_user,) * SLOTS),
    "call with lock and limit": Scenario(change, 5),
    "call that waits for its lock": Scenario(change, 4, (change,)),
    "call that waits for lock and slot": Scenario(change, 4, (change, get_user)),
    "request": Scenario(lambda da: da.request("GET", "/x", timeout=LIMITED), 5),
    "upload": Scenario(lambda da: da.request("POST", "/x", files={"file": b"x" * 300}), 5),
    "first page": Scenario(lambda da: da.sessions.list(), 5),
    "pages": Scenario(lambda da: iterate(da.sessions.list().pages()), 20),
    "pages ahead": Scenario(lambda da: iterate(da.sessions.list().pages(prefetch=True)), 12),
    "items": Scenario(lambda da: iterate(da.sessions.list(timeout=LIMITED).items()), 20),
    "items ahead": Scenario(lambda da: iterate(da.sessions.list().items(prefetch=True)), 15),
    "download": Scenario(lambda da: da.files.download(17).read(), 8),
    "download by chunk": Scenario(read_chunks, 11),
    "download with a limit": Scenario(lambda da: read_chunks(da, timeout=LIMITED), 11),
    "wait": Scenario(lambda da: da.wait_for_task(HANDLE, on_progress=on_progress), 20),
    "wait by event": Scenario(watch, 15),
}


async def on_progress(_: object) -> None:
    """Wait, as a callback may do."""
    await asyncio.sleep(1)


async def check_nothing_is_left(da: AsyncDocassemble, server: StreamServer) -> None:
    """Check that there is no task, request, connection, slot or lock; then use the client."""
    await settle()
    assert get_other_tasks() == set()
    assert server.active_requests == 0
    assert server.open_streams == set()
    limiter: Any = da._get_executor()._transport._limiter
    assert limiter._free_slots == SLOTS
    assert not limiter._waiters
    locks: list[Any] = list(da._shared.session_locks._locks.values())
    assert not any(lock.locked() for lock in locks)
    async with asyncio.timeout(60):
        await asyncio.gather(change(da), *(get_user(da) for _ in range(SLOTS)))


async def cancel_at_step(scenario: Scenario, step: int, moment: str) -> bool:
    """Cancel the work at a step; return False if it ends before."""
    server = make_server()
    policy, poll = RetryPolicy(initial_delay=1), PollPolicy(interval=1)
    async with server.make_client(retry=policy, poll=poll, max_concurrency=SLOTS) as da:
        blockers = [asyncio.create_task(call(da)) for call in scenario.blockers]
        await settle()

        async def work() -> object:
            return await scenario.work(da)

        cancelling = CancelAtStep(work(), step, moment)

        async def cancel() -> object:
            return await cancelling

        task = asyncio.create_task(cancel())
        await asyncio.wait([task])
        assert task.cancelled() is cancelling.is_cancelled
        if not task.cancelled():
            task.result()
        await asyncio.gather(*blockers)
        await check_nothing_is_left(da, server)
        return cancelling.is_cancelled


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_cancelling_at_any_step_leaves_nothing_behind(name: str, moment: str) -> None:
    """Each step is tried, until the work ends before it."""
    scenario = SCENARIOS[name]
    step = 1
    while await cancel_at_step(scenario, step, moment):
        step += 1

    assert step > scenario.steps


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_cancelled_download_leaves_no_incomplete_file(moment: str, tmp_path: Path) -> None:
    """There is no file, or, if the download was about to end, the complete one."""

    async def save(da: AsyncDocassemble) -> None:
        await da.files.download(17).save(tmp_path / "file")

    scenario = Scenario(save, 9)
    contents: list[list[bytes]] = []
    for step in count(1):
        is_cancelled = await cancel_at_step(scenario, step, moment)
        await wait_for_jobs()
        contents.append([path.read_bytes() for path in tmp_path.iterdir()])
        if not is_cancelled:
            break
        (tmp_path / "file").unlink(missing_ok=True)

    assert len(contents) > 9
    complete_steps = contents.index([b"x" * 300])
    assert contents[:complete_steps] == [[]] * complete_steps
    assert contents[complete_steps:] == [[b"x" * 300]] * (len(contents) - complete_steps)
    assert len(contents) - complete_steps <= 3  # in the thread that saves it, closing, the end


async def iterate_and_continue(iterator: AsyncIterator[Any]) -> tuple[list[Any], int]:
    """Iterate although it is cancelled; return all values and the number of cancellations."""
    values: list[Any] = []
    cancellations = 0
    task = asyncio.current_task()
    assert task is not None
    while True:
        try:
            values.append(await anext(iterator))
        except StopAsyncIteration:
            return values, cancellations
        except asyncio.CancelledError:
            cancellations += 1
            task.uncancel()


@pytest.mark.parametrize("moment", ["when it waits", "with the result"])
@pytest.mark.parametrize("kind", ["pages", "items"])
@pytest.mark.parametrize("prefetch", [False, True], ids=["plain", "prefetch"])
async def test_a_cancelled_iteration_continues_with_the_same_page(
    kind: str, moment: str, *, prefetch: bool
) -> None:
    """A cancelled anext() raises; the next one requests the page again, and never just ends."""

    async def cancel(step: int) -> bool:
        server = StreamServer(SessionPages(6, 2), chunk_size=500)
        server.delay = lambda _: 1.0
        async with server.make_client(retry=NO_RETRIES, max_concurrency=1) as da:
            iterator = getattr(da.sessions.list(), kind)(prefetch=prefetch)
            cancelling = CancelAtStep(iterate_and_continue(iterator), step, moment)
            values, cancellations = await cancelling
            if kind == "pages":
                assert [get_numbers(page) for page in values] == [[0, 1], [2, 3], [4, 5]]
            else:
                assert [int(session.session) for session in values] == list(range(6))
            tokens = get_tokens(server)
            assert cancellations == cancelling.is_cancelled
            assert list(dict.fromkeys(tokens)) == [None, "2", "4"]
            assert len(tokens) <= 3 + cancellations
            assert get_other_tasks() == set()
            assert server.open_streams == set()
        return cancelling.is_cancelled

    step = 1
    while await cancel(step):
        step += 1

    assert step > 3


@pytest.mark.parametrize("prefetch", [False, True], ids=["plain", "prefetch"])
async def test_a_timeout_of_the_caller_interrupts_only_the_wait(*, prefetch: bool) -> None:
    """With asyncio.timeout around anext(), a slow page is requested again."""
    delays = iter([1.0, 60.0])
    server = MockServer(SessionPages(6, 2))
    server.delay = lambda request: next(delays, 1.0) if get_token(request) != "4" else 1.0

    async def scenario() -> list[int]:
        numbers: list[int] = []
        async with server.make_client() as da:
            pages = da.sessions.list().pages(prefetch=prefetch)
            while True:
                try:
                    async with asyncio.timeout(5):
                        numbers += get_numbers(await anext(pages))
                except TimeoutError:
                    assert numbers == [0, 1]
                except StopAsyncIteration:
                    return numbers

    assert await scenario() == list(range(6))
    assert get_tokens(server) == [None, "2", "2", "4"]
