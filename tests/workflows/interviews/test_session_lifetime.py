"""Sessions are deleted, or the client says that they remain; also if their block is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import CleanupFailed
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
