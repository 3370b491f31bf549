"""The clocks of tests: what advances them, and what they refuse."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.clock import IdleClockLoop, VirtualClockLoop, wait_for_jobs
from tests.mock import get_loop_time

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600.0
WORK_SECONDS = 0.1
ON_BOTH_CLOCKS = pytest.mark.parametrize(
    "make_loop", [VirtualClockLoop, IdleClockLoop], ids=["virtual", "idle"]
)


def work() -> int:
    """Work for some real time; return the thread's ID."""
    time.sleep(WORK_SECONDS)
    return threading.get_ident()


async def test_an_async_test_runs_on_the_virtual_clock() -> None:
    """An hour takes no time."""
    start = time.perf_counter()

    await asyncio.sleep(HOUR)

    assert get_loop_time() == HOUR
    assert time.perf_counter() - start < 60


@pytest.mark.sockets
async def test_a_test_with_sockets_waits_in_real_time() -> None:
    """The marker `sockets` chooses the loop that waits."""
    start = time.perf_counter()

    await asyncio.sleep(0.02)

    assert time.perf_counter() - start > 0.015
    assert get_loop_time() == pytest.approx(0.02)


async def test_the_virtual_clock_refuses_sockets() -> None:
    """A test that forgets the marker would skip the time in which it waits for a server."""
    refused = pytest.raises(RuntimeError, match="mark the test `sockets`")
    with socket.create_server(("127.0.0.1", 0)) as server, refused:
        await asyncio.open_connection(*server.getsockname())


@ON_BOTH_CLOCKS
@pytest.mark.parametrize("own_executor", [False, True], ids=["default", "own"])
def test_the_clock_stands_still_while_a_thread_works(
    make_loop: Callable[[], IdleClockLoop], *, own_executor: bool
) -> None:
    """A timeout does not expire because a thread needs time; it expires afterwards."""

    async def scenario(executor: ThreadPoolExecutor | None) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WORK_SECONDS / 10):
            assert await loop.run_in_executor(executor, work) != threading.get_ident()
        assert get_loop_time() == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(WORK_SECONDS / 10):
                await asyncio.sleep(HOUR)

    with ThreadPoolExecutor() as executor, asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(scenario(executor if own_executor else None))


async def test_jobs_are_counted_until_all_have_ended() -> None:
    """The clock stands still for the longest of several jobs, and a failed job counts no more."""

    def fail() -> None:
        raise ValueError

    async with asyncio.timeout(1):
        results = await asyncio.gather(
            *(asyncio.to_thread(job) for job in (work, fail, int)), return_exceptions=True
        )

    assert [type(result) for result in results] == [int, ValueError, int]
    await asyncio.sleep(HOUR)
    assert get_loop_time() == HOUR


async def test_an_abandoned_job_is_still_counted() -> None:
    """Cancelling the wait does not end the thread, and its end is still waited for."""
    may_end = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(may_end.wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    timer = threading.Timer(WORK_SECONDS, may_end.set)
    timer.start()

    await asyncio.sleep(HOUR)

    assert may_end.is_set()
    timer.join()


async def test_abandoned_jobs_can_be_waited_for() -> None:
    """A test that looks at files waits for the threads that nobody else waits for."""
    may_end = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(may_end.wait))
    await asyncio.sleep(0)
    task.cancel()
    threading.Timer(WORK_SECONDS, may_end.set).start()

    await wait_for_jobs()

    assert may_end.is_set()


def test_a_job_that_was_cancelled_before_it_began_is_not_counted() -> None:
    """The clock does not wait for work that nobody does."""
    may_end = threading.Event()

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(executor, may_end.wait)
        loop.run_in_executor(executor, work).cancel()
        may_end.set()
        await running
        await asyncio.sleep(HOUR)
        return loop.time()

    with ThreadPoolExecutor(1) as executor, asyncio.Runner(loop_factory=VirtualClockLoop) as runner:
        assert runner.run(scenario()) == HOUR


@ON_BOTH_CLOCKS
def test_closing_waits_for_the_threads(make_loop: Callable[[], IdleClockLoop]) -> None:
    """The limit for the executor's shutdown does not expire while a thread works."""
    ended = []

    async def leave_a_job_behind() -> None:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, lambda: ended.append(work()))

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(leave_a_job_behind())

    assert len(ended) == 1


def test_a_job_may_outlive_its_loop() -> None:
    """The end of a job of another executor is no error after the loop has closed."""
    with ThreadPoolExecutor() as executor:
        loop = VirtualClockLoop()
        loop.run_in_executor(executor, work)
        loop.close()


@ON_BOTH_CLOCKS
def test_closing_fails_if_an_exception_was_not_handled(
    make_loop: Callable[[], IdleClockLoop], caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of a callback fails the test, and is logged."""

    async def fail_in_callback() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    runner = asyncio.Runner(loop_factory=make_loop)
    runner.run(fail_in_callback())

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        runner.close()
    assert "ZeroDivisionError" in caplog.text
