"""The concurrency limiter: order of the waiters, and slots that are never lost."""

from __future__ import annotations

import asyncio

import pytest

from docassemble_client._concurrency import ConcurrencyLimiter
from tests.mock import run, settle


def test_slots_are_acquired_until_none_is_free() -> None:
    """A released slot can be acquired again."""
    limiter = ConcurrencyLimiter(2)

    assert [limiter.acquire_nowait() for _ in range(3)] == [True, True, False]
    limiter.release()
    assert [limiter.acquire_nowait() for _ in range(2)] == [True, False]


def test_waiters_are_served_in_order() -> None:
    """A released slot goes to the first waiter, and cannot be acquired by others before."""

    async def scenario() -> None:
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

    run(scenario())


def test_a_cancelled_waiter_is_skipped() -> None:
    """The slot goes to the next waiter."""

    async def scenario() -> None:
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

    run(scenario())


def test_a_slot_of_a_cancelled_waiter_is_not_lost() -> None:
    """A waiter that is cancelled just when it receives the slot releases it."""

    async def scenario() -> None:
        limiter = ConcurrencyLimiter(1)
        assert limiter.acquire_nowait()
        task = asyncio.create_task(limiter.acquire())
        await settle()
        limiter.release()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.acquire_nowait()

    run(scenario())
