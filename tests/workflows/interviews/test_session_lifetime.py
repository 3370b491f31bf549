"""Sessions are deleted, or the client says that they remain; also if their block is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import CleanupFailed, RequestEvent, RetryPolicy
from docassemble_client.testing import FakeServer, Field, ScriptedScreen
from tests.mock import get_loop_time
from tests.workflows.letters import count_sessions

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

I = "docassemble.demo:data/questions/name.yml"  # noqa: E741 - docassemble's own name


@pytest.fixture
def fake() -> FakeServer:
    """Make a server that takes a second for each response."""
    fake = FakeServer(latency=1)
    fake.add_interview(I, ScriptedScreen("Your name?", [Field("name")]))
    return fake


async def cancel_session(da: AsyncDocassemble, moment: float) -> None:
    """Use a session in a task, and cancel it."""

    async def use_session() -> None:
        async with da.interview(I).session() as s:
            await s.question()

    task = asyncio.create_task(use_session())
    await asyncio.sleep(moment)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert get_loop_time() == moment


@pytest.mark.parametrize("moment", [0.5, 1.5])
async def test_closing_the_client_names_the_session_that_remains(
    fake: FakeServer, moment: float
) -> None:
    """It was started before or after the cancellation, and cannot be deleted."""
    fake.fail("sessions.delete", status=400, body="No.")
    da = fake.client()
    await cancel_session(da, moment)
    with pytest.raises(CleanupFailed) as error:
        await da.aclose()

    ((_, session),) = fake._state.sessions._sessions
    assert error.value.leftovers == (f"the session {session} of {I}",)


async def test_start_that_was_refused_leaves_nothing(fake: FakeServer) -> None:
    """There is nothing to delete and nothing to report."""
    fake.fail("sessions.start", status=400, body="No.")
    async with fake.client() as da:
        await cancel_session(da, 0.5)
    assert count_sessions(fake) == 0


async def test_lost_response_to_a_cancelled_start_is_reported(fake: FakeServer) -> None:
    """Nobody knows the session."""
    fake.drop_connection("sessions.start", processed=True)
    da = fake.client()
    await cancel_session(da, 0.5)
    with pytest.raises(CleanupFailed) as error:
        await da.aclose()

    assert count_sessions(fake) == 1
    assert error.value.leftovers == (f"a new session of {I}",)


class RequestTimes:
    """
    Records when requests are sent.

    Attributes:
        times: Times by operation.
    """

    def __init__(self) -> None:
        self.times: dict[str, float] = {}

    def __call__(self, event: object) -> None:
        """Record an event."""
        if isinstance(event, RequestEvent):
            self.times[event.operation] = get_loop_time()


async def test_deletion_waits_for_the_call_under_way(fake: FakeServer) -> None:
    """The server completes it, and would store the session again after a deletion."""
    requests = RequestTimes()
    async with fake.client(on_event=requests) as da:
        await cancel_session(da, 1.25)
        assert get_loop_time() == 1.25
    assert requests.times == {
        "sessions.start": 0.0,
        "sessions.get_question": 1.0,
        "sessions.delete": 2.0,
    }
    assert count_sessions(fake) == 0


async def test_deletion_does_not_wait_for_ever(fake: FakeServer) -> None:
    """After ten seconds it is sent anyway; the server may store the session again later."""
    fake.delay("sessions.get_question", seconds=59)
    requests = RequestTimes()
    da = fake.client(on_event=requests)
    await cancel_session(da, 1.5)
    with pytest.raises(CleanupFailed, match="the session"):
        await da.aclose()

    assert requests.times["sessions.delete"] == 11.5
    assert count_sessions(fake) == 0


@pytest.mark.parametrize("status", [400, 501])
async def test_refused_call_leaves_nothing(fake: FakeServer, status: int) -> None:
    """The server has ended it, so it stores nothing later."""
    fake.fail("sessions.get_question", status=status)
    async with fake.client() as da:
        await cancel_session(da, 1.5)
    assert count_sessions(fake) == 0


async def test_lost_call_is_reported(fake: FakeServer) -> None:
    """The server may still be running it, and store the session again."""
    fake.drop_connection("sessions.get_question", processed=True)
    da = fake.client(retry=RetryPolicy(attempts=1))
    await cancel_session(da, 1.5)
    with pytest.raises(CleanupFailed, match="the session"):
        await da.aclose()


async def test_next_call_waits_for_a_cancelled_one(fake: FakeServer) -> None:
    """The server would lose one of two changes at the same time."""
    async with fake.client() as da, da.interview(I).session() as s:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.25):
                await s.answer({"name": "Ada"})
        await s.question()
        assert get_loop_time() == 3.0
