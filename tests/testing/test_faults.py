"""Faults that are told in advance, and clocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DecodeError,
    NotSent,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    TransportError,
)
from docassemble_client.testing import FakeServer, ManualClock, SystemClock
from tests.mock import now
from tests.mock import run as run_job

if TYPE_CHECKING:
    from tests.testing.conftest import Run

ONCE = RetryPolicy(attempts=1)


def test_failure_is_survived_by_a_safe_call(run: Run, fake: FakeServer) -> None:
    """A safe call is repeated until the faults are used up; Retry-After is heeded."""
    fake.fail("users.get", times=2, headers={"Retry-After": "7"})

    async def job(da: AsyncDocassemble) -> None:
        user = await da.users.get(1)

        assert user.id == 1
        assert 14 <= now() < 20
        assert [one.status for one in fake.received] == [503, 503, 200]

    run(job)


def test_faults_happen_only_to_the_operation_they_name(run: Run, fake: FakeServer) -> None:
    """One for ever ends when the server is healed."""
    fake.fail("users.get", status=500, times=None, body="on fire")
    fake.fail("users.create", status=418)

    async def job(da: AsyncDocassemble) -> None:
        await da.users.get_current()
        for _ in range(2):
            with pytest.raises(ServerError) as error:
                await da.users.get(1, retry=ONCE)
            assert error.value.body == "on fire"
        fake.heal()
        await da.users.get(1)
        await da.users.create("ada@example.com")

    run(job)


@pytest.mark.parametrize("how", ["reset", "fail", "garbage"])
def test_answer_is_lost_after_the_work(run: Run, fake: FakeServer, how: str) -> None:
    """What was done stays done, though the caller hears of a failure."""
    getattr(fake, how)("users.create", done=True)

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises((TransportError, ServerError, DecodeError)):
            await da.users.create("ada@example.com", retry=ONCE)
        assert (await da.users.get_by_username("ada@example.com")).active

    run(job)


def test_connection_breaks_before_or_after_the_request(run: Run, fake: FakeServer) -> None:
    """Refused, nothing was sent; reset, the server may have worked."""
    fake.reset("users.get", sent=False)
    fake.reset("users.get")

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(NotSent):
            await da.users.get(1, retry=ONCE)
        with pytest.raises(TransportError) as error:
            await da.users.get(1, retry=ONCE)
        assert error.value.maybe_processed

    run(job)


def test_answer_is_lost_of_what_was_done(run: Run, fake: FakeServer) -> None:
    """The connection breaks as if nothing had happened, and the account is there."""
    fake.reset("users.create", done=True)

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(TransportError) as error:
            await da.users.create("ada@example.com")
        assert error.value.maybe_processed
        assert [one.email async for one in da.users.list()][1:] == ["ada@example.com"]

    run(job)


def test_delay_is_waited_for_or_times_out(run: Run, fake: FakeServer) -> None:
    """A client that waits less time than it takes goes away."""
    fake.latency = 1
    fake.delay(seconds=30, times=2)

    async def job(da: AsyncDocassemble) -> None:
        await da.users.get_current(timeout=40)
        waited = now()
        with pytest.raises(RequestTimeout):
            await da.users.get_current(timeout=5, retry=ONCE)
        assert (waited, now()) == (31, 36)

    run(job)


def test_garbage_is_a_success_nobody_can_read(run: Run, fake: FakeServer) -> None:
    """The client says so; nothing was done on the server."""
    fake.garbage("users.create")

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(DecodeError):
            await da.users.create("ada@example.com", retry=ONCE)
        assert [one.id async for one in da.users.list()] == [1]

    run(job)


def test_manual_clock_moves_when_told_or_waited_for() -> None:
    """Waiting takes no time by any other clock."""
    clock = ManualClock(100.0)

    async def job() -> None:
        clock.advance(5)
        await clock.sleep(7)

    run_job(job())

    assert clock.now() == 112.0


def test_system_clock_is_that_of_the_machine() -> None:
    """It goes on by itself, and its sleep is the event loop's."""
    clock = SystemClock()
    before = clock.now()

    async def job() -> float:
        await clock.sleep(0.001)
        return clock.now()

    assert asyncio.run(job()) > before


def test_whoever_calls_in_a_loop_lets_the_others_have_their_turn() -> None:
    """An answer without a network is awaited too, or what ends the loop would never happen."""
    fake = FakeServer()

    async def job() -> int:
        over = asyncio.Event()
        async with fake.client() as da:
            others = asyncio.create_task(asyncio.sleep(0))
            others.add_done_callback(lambda _: over.set())
            calls = 0
            while not over.is_set() and calls < 100:
                await da.users.get_current()
                calls += 1
        return calls

    assert run_job(job()) < 10
