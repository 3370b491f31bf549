"""The concurrency limiter never loses a slot; work in threads stops when it is cancelled."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import TYPE_CHECKING

import pytest

from docassemble_client._concurrency import ConcurrencyLimiter
from docassemble_client._long_work import run_in_thread
from tests.mock import settle

if TYPE_CHECKING:
    from collections.abc import Generator


def test_slots_are_acquired_until_none_is_free() -> None:
    """A released slot can be acquired again."""
    limiter = ConcurrencyLimiter(2)

    assert [limiter.acquire_nowait() for _ in range(3)] == [True, True, False]
    limiter.release()
    assert [limiter.acquire_nowait() for _ in range(2)] == [True, False]


async def test_waiters_are_served_in_order() -> None:
    """A released slot goes to the first waiter, and cannot be acquired by others before."""
    limiter = ConcurrencyLimiter(1)
    assert limiter.acquire_nowait()
    waiting = [asyncio.create_task(limiter.acquire()) for _ in range(2)]
    await settle()
    limiter.release()
    assert not limiter.acquire_nowait()
    await settle()
    assert [task.done() for task in waiting] == [True, False]
    limiter.release()
    await settle()
    assert waiting[1].done()
    limiter.release()
    assert limiter.acquire_nowait()


async def test_a_cancelled_waiter_is_skipped() -> None:
    """The slot goes to the next waiter."""
    limiter = ConcurrencyLimiter(1)
    assert limiter.acquire_nowait()
    first, second = (asyncio.create_task(limiter.acquire()) for _ in range(2))
    await settle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    limiter.release()
    await settle()
    assert second.done()


async def test_a_slot_of_a_cancelled_waiter_is_not_lost() -> None:
    """A waiter that is cancelled just when it receives the slot releases it."""
    limiter = ConcurrencyLimiter(1)
    assert limiter.acquire_nowait()
    task = asyncio.create_task(limiter.acquire())
    await settle()
    limiter.release()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert limiter.acquire_nowait()


async def wait_for_threads() -> None:
    """Wait until no thread works; the virtual clock stands still before."""
    await asyncio.sleep(0.01)


async def test_work_in_a_thread_stops_after_its_current_step() -> None:
    """A cancelled caller does not wait for the step; the work is closed."""
    loop, begun, released = asyncio.get_running_loop(), asyncio.Event(), Event()
    steps: list[str] = []

    def work() -> Generator[None, None, str]:
        try:
            loop.call_soon_threadsafe(begun.set)
            assert released.wait(2)
            steps.append("first")
            yield
            steps.append("second")
        finally:
            steps.append("closed")
        return "done"

    task = asyncio.create_task(run_in_thread(work()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == []
    released.set()
    await wait_for_threads()

    assert steps == ["first", "closed"]


@pytest.mark.parametrize("has_undo", [True, False])
async def test_result_of_a_thread_is_undone_if_the_caller_is_cancelled(*, has_undo: bool) -> None:
    """The work had ended before it could be stopped."""
    loop, begun, released = asyncio.get_running_loop(), asyncio.Event(), Event()
    undone: list[str] = []

    def work() -> Generator[None, None, str]:
        yield
        loop.call_soon_threadsafe(begun.set)
        assert released.wait(2)
        return "done"

    async def run_work() -> None:
        await run_in_thread(work(), undo=undone.append if has_undo else None)

    task = asyncio.create_task(run_work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    released.set()
    await wait_for_threads()

    assert undone == ["done"] * has_undo


async def test_work_in_a_thread_returns_its_result() -> None:
    """All steps run in order."""

    def work() -> Generator[None, None, str]:
        for _ in range(3):
            yield
        return "done"

    assert await run_in_thread(work()) == "done"


async def test_exception_of_work_in_a_thread_is_raised() -> None:
    """It is raised as it is."""

    def work() -> Generator[None, None, str]:
        yield
        raise PermissionError

    with pytest.raises(PermissionError):
        await run_in_thread(work())
