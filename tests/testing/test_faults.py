"""Simulated failures, and clocks."""

from __future__ import annotations

import asyncio

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
from tests.mock import get_loop_time

ONCE = RetryPolicy(attempts=1)


async def test_a_safe_call_is_retried_after_failures(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The client waits as long as Retry-After says."""
    fake.fail("users.get", times=2, headers={"Retry-After": "7"})

    user = await da.users.get(1)

    assert user.id == 1
    assert 14 <= get_loop_time() < 20
    assert [received.status for received in fake.received_requests] == [503, 503, 200]


async def test_faults_affect_only_their_operation(da: AsyncDocassemble, fake: FakeServer) -> None:
    """A fault without `times` lasts until the faults are cleared."""
    fake.fail("users.get", status=500, times=None, body="failure")
    fake.fail("users.create", status=418)

    await da.users.get_current()
    for _ in range(2):
        with pytest.raises(ServerError) as error:
            await da.users.get(1, retry=ONCE)
        assert error.value.body == "failure"
    fake.clear_faults()
    await da.users.get(1)
    await da.users.create("ada@example.com")


@pytest.mark.parametrize("method", ["drop_connection", "fail", "corrupt_response"])
async def test_the_server_may_process_a_request_and_fail(
    da: AsyncDocassemble, fake: FakeServer, method: str
) -> None:
    """The client gets an error, but the server has processed the request."""
    getattr(fake, method)("users.create", processed=True)

    with pytest.raises((TransportError, ServerError, DecodeError)):
        await da.users.create("ada@example.com", retry=ONCE)
    assert (await da.users.get_by_username("ada@example.com")).active


async def test_a_connection_breaks_before_or_after_the_request(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """If it was refused, nothing was sent; otherwise the request may have been processed."""
    fake.drop_connection("users.get", sent=False)
    fake.drop_connection("users.get")

    with pytest.raises(NotSent):
        await da.users.get(1, retry=ONCE)
    with pytest.raises(TransportError) as error:
        await da.users.get(1, retry=ONCE)
    assert error.value.maybe_processed


async def test_a_connection_breaks_after_the_request_was_processed(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The client gets an error, but the account exists."""
    fake.drop_connection("users.create", processed=True)

    with pytest.raises(TransportError) as error:
        await da.users.create("ada@example.com")
    assert error.value.maybe_processed
    assert [user.email async for user in da.users.list()][1:] == ["ada@example.com"]


async def test_a_delayed_response_may_time_out(da: AsyncDocassemble, fake: FakeServer) -> None:
    """Latency and delay add up; the client waits at most for its timeout."""
    fake.latency = 1
    fake.delay(seconds=30, times=2)

    await da.users.get_current(timeout=40)
    assert get_loop_time() == 31
    with pytest.raises(RequestTimeout):
        await da.users.get_current(timeout=5, retry=ONCE)
    assert get_loop_time() == 36


async def test_a_corrupt_response_cannot_be_decoded(da: AsyncDocassemble, fake: FakeServer) -> None:
    """By default, the server does not process the request."""
    fake.corrupt_response("users.create")

    with pytest.raises(DecodeError):
        await da.users.create("ada@example.com", retry=ONCE)
    assert [user.id async for user in da.users.list()] == [1]


async def test_a_manual_clock_moves_when_advanced_or_slept_on() -> None:
    """Sleeping on it takes no real time."""
    clock = ManualClock(100.0)

    clock.advance(5)
    await clock.sleep(7)

    assert clock.now() == 112.0


async def test_the_system_clock_runs_in_real_time() -> None:
    """It sleeps on the event loop."""
    clock = SystemClock()
    start = clock.now()

    await clock.sleep(0.001)
    assert clock.now() > start


async def test_calls_in_a_loop_yield_to_other_tasks() -> None:
    """Each response yields to the event loop, although there is no network."""
    fake = FakeServer()

    task_ended = asyncio.Event()
    async with fake.client() as da:
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(lambda _: task_ended.set())
        calls = 0
        while not task_ended.is_set() and calls < 100:
            await da.users.get_current()
            calls += 1
    assert calls < 10
