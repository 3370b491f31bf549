"""Clean-up continues although its caller is cancelled; closing the client waits for it."""

from __future__ import annotations

import asyncio
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from docassemble_client import CleanupFailed, NotSent, RequestTimeout, UsageError, _cleanup
from docassemble_client._cleanup import CallGroup, CleanupTasks
from docassemble_client._concurrency import create_task
from docassemble_client.testing import FakeServer
from tests.mock import get_loop_time, get_other_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import AsyncDocassemble

LEFTOVER = "the project demo"


async def cancel(work: Awaitable[object], *, seconds: float) -> None:
    """Cancel work after some seconds; check that it ends at once."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(seconds)
    started = get_loop_time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert get_loop_time() == started


async def work_for(seconds: float) -> str:
    """Return something after some seconds."""
    await asyncio.sleep(seconds)
    return "done"


async def fail(error: Exception) -> str:
    """Raise an error after some seconds."""
    await asyncio.sleep(2)
    raise error


def add_cleanup(da: AsyncDocassemble, work: Callable[[], Awaitable[object]]) -> None:
    """Start clean-up whose caller was cancelled."""
    da._shared.cleanup.start(work, LEFTOVER)


async def test_result_is_returned() -> None:
    """A caller that is not cancelled waits for its work."""
    assert await CleanupTasks().run(partial(work_for, 1), LEFTOVER) == "done"


async def test_exception_is_raised() -> None:
    """Nothing is logged, because the caller gets it."""
    cleanup = CleanupTasks()
    with pytest.raises(NotSent):
        await cleanup.run(partial(fail, NotSent()), LEFTOVER)
    assert cleanup.take_leftovers() == ()


@pytest.mark.parametrize("repetitions", [1, 3])
async def test_cancelled_caller_leaves_at_once_and_its_work_ends(repetitions: int) -> None:
    """However often it is cancelled; then the work is undone."""
    cleanup = CleanupTasks()
    undone: list[tuple[str, float]] = []

    async def undo(result: str) -> None:
        await asyncio.sleep(1)
        undone.append((result, get_loop_time()))

    task = asyncio.ensure_future(cleanup.run(partial(work_for, 5), LEFTOVER, undo=undo))
    await asyncio.sleep(2)
    for _ in range(repetitions):
        task.cancel()
        await asyncio.sleep(0)
    assert task.cancelled()
    await cleanup.aclose(None)

    assert undone == [("done", 6.0)]
    assert get_other_tasks() == set()


async def test_work_that_had_ended_is_undone() -> None:
    """The caller is cancelled together with the result."""
    cleanup = CleanupTasks()
    undone: list[str] = []

    async def work() -> str:
        current = asyncio.current_task()
        assert current is not None
        current.add_done_callback(lambda _: task.cancel())
        return "done"

    task = asyncio.ensure_future(cleanup.run(work, LEFTOVER, undo=undone.append))
    with pytest.raises(asyncio.CancelledError):
        await task
    await cleanup.aclose(None)

    assert undone == ["done"]


@pytest.mark.parametrize(
    ("error", "leftovers"),
    [
        (NotSent(), ()),
        (UsageError(), ()),
        (RequestTimeout(), (LEFTOVER,)),
        (RequestTimeout(maybe_processed=False), ()),
    ],
)
async def test_work_that_failed_is_undone_only_if_it_may_have_happened(
    error: Exception, leftovers: tuple[str, ...]
) -> None:
    """Without a result it cannot be undone, so it may remain."""
    cleanup = CleanupTasks()
    await cancel(cleanup.run(partial(fail, error), LEFTOVER, undo=print), seconds=1)
    await cleanup.aclose(None)

    assert cleanup.take_leftovers() == leftovers


async def test_failure_without_a_caller_is_logged_and_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Texts of other exceptions may hold personal data, so they are not logged."""
    cleanup = CleanupTasks()
    await cancel(cleanup.run(partial(fail, NotSent("refused")), LEFTOVER), seconds=1)
    cleanup.start(partial(fail, OSError("Ada")), "a file")
    await cleanup.aclose(None)

    assert caplog.messages == [
        "the project demo may remain: refused.",
        "a file may remain: OSError",
    ]
    assert cleanup.take_leftovers() == (LEFTOVER, "a file")
    assert cleanup.take_leftovers() == ()


async def test_closing_a_client_waits_for_the_clean_up() -> None:
    """Connections are closed afterwards."""
    fake = FakeServer(latency=5)
    async with fake.client() as da:
        task = asyncio.ensure_future(da.users.get_current())
        add_cleanup(da, da.users.get_current)
    assert get_loop_time() == 5.0
    assert task.done()
    assert get_other_tasks() == set()


@pytest.mark.parametrize("cancelled_by", ["task", "scope", "timeout"])
async def test_closing_waits_although_it_is_cancelled(cancelled_by: str) -> None:
    """
    Otherwise nothing would wait for the clean-up.

    A scope of anyio cancels on each iteration of the event loop; the virtual clock would stand
    still if closing answered each time.
    """
    cleanups: list[float] = []

    async def clean_up() -> None:
        await asyncio.sleep(5)
        cleanups.append(get_loop_time())

    async def close() -> None:
        async with FakeServer().client() as da:
            add_cleanup(da, clean_up)

    if cancelled_by == "task":
        task = asyncio.ensure_future(close())
        for _ in range(3):
            await asyncio.sleep(1)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    elif cancelled_by == "scope":
        with anyio.move_on_after(1) as scope:
            await close()
        assert scope.cancel_called
    else:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await close()

    assert cleanups == [5.0]
    assert get_other_tasks() == set()


@pytest.mark.parametrize("seconds", [0.0, 7.0])
async def test_closing_waits_at_most_the_cleanup_timeout(
    seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the error and the log name what may remain, and no task is left."""
    da = FakeServer().client(cleanup_timeout=seconds)
    add_cleanup(da, partial(work_for, 60))
    with pytest.raises(CleanupFailed, match=r"this may remain: the project demo\.") as error:
        await da.aclose()

    assert get_loop_time() == seconds
    assert error.value.leftovers == (LEFTOVER,)
    assert caplog.messages == ["the project demo may remain: the clean-up did not end in time"]
    assert get_other_tasks() == set()
    await da.aclose()


async def test_closing_does_not_hide_the_error_of_the_block() -> None:
    """What may remain is a note of that error."""

    async def use_client() -> None:
        async with FakeServer().client() as da:
            add_cleanup(da, partial(fail, NotSent()))
            raise LookupError

    with pytest.raises(LookupError) as error:
        await use_client()

    (note,) = error.value.__notes__
    assert LEFTOVER in note


async def test_view_does_not_end_the_clean_up() -> None:
    """It belongs to the client, which all views share."""
    async with FakeServer().client() as da:
        async with da.with_options(timeout=1) as view:
            add_cleanup(view, partial(work_for, 5))
        assert get_loop_time() == 0.0
    assert get_loop_time() == 5.0


async def test_work_that_is_waited_for_ends_with_its_client() -> None:
    """The caller was not cancelled, so it gets an error of the client."""
    da = FakeServer().client(cleanup_timeout=1)
    task = asyncio.ensure_future(da._shared.cleanup.run(partial(work_for, 60), LEFTOVER))
    await asyncio.sleep(0)
    await da.aclose()
    with pytest.raises(CleanupFailed, match="the project demo"):
        await task


@pytest.mark.parametrize("value", [-1, float("nan"), "1", True])
def test_invalid_cleanup_timeout_is_refused(value: Any) -> None:
    """It is a number of seconds, or None."""
    with pytest.raises(UsageError, match="cleanup_timeout must be"):
        FakeServer().client(cleanup_timeout=value)


def test_many_leftovers_are_counted() -> None:
    """The text names the first ones, the attribute all."""
    error = CleanupFailed.from_leftovers([str(number) for number in range(25)])

    assert "18, 19 and 5 more" in str(error)
    assert len(error.leftovers) == 25


PROGRAM = """
import asyncio
from docassemble_client.testing import FakeServer, Field, ScriptedScreen

async def main():
    fake = FakeServer()
    fake.add_interview("a.b:data/questions/c.yml", ScriptedScreen("A?", [Field("a")]))
    async with fake.client(cleanup_timeout=60) as da:
        async with da.interview("a.b:data/questions/c.yml").session() as s:
            fake.delay("sessions.delete", seconds=60)
            print(s.id, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.sockets
@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
async def test_second_interrupt_ends_at_once_and_says_what_may_remain() -> None:
    """After the first one the program waits for the deletion; asyncio.run prints the error."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=-1, stderr=-1
    )
    assert program.stdout is not None
    session = (await program.stdout.readline()).decode().strip()
    program.send_signal(signal.SIGINT)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await program.wait()
    program.send_signal(signal.SIGINT)
    async with asyncio.timeout(5):
        _, output = await program.communicate()

    assert f"this may remain: the session {session} of a.b:data/questions/c.yml." in output.decode()
    assert output.decode().rstrip().endswith("KeyboardInterrupt")


async def test_cancelled_task_of_the_clean_up_is_reported() -> None:
    """The event loop may end before the task has begun."""
    cleanup = CleanupTasks()
    cleanup.start(partial(work_for, 1), LEFTOVER)
    await cleanup.aclose(0)
    assert cleanup.take_leftovers() == (LEFTOVER,)


async def test_block_ends_with_the_error_of_the_clean_up() -> None:
    """Only if nothing else went wrong; an error of the block gets a note instead."""
    with pytest.raises(CleanupFailed, match=LEFTOVER):
        async with FakeServer().client() as da:
            da._shared.cleanup.report(LEFTOVER)
    mine = ValueError("mine")

    async def use_client() -> None:
        async with FakeServer().client() as da:
            da._shared.cleanup.report(LEFTOVER)
            raise mine

    with pytest.raises(ValueError, match="mine") as caught:
        await use_client()

    assert LEFTOVER in caught.value.__notes__[0]


async def test_client_can_be_closed_twice_at_a_time() -> None:
    """Both calls end when the connections are closed."""
    da = FakeServer().client()
    await da.users.get_current()

    await asyncio.gather(da.aclose(), da.aclose())

    with pytest.raises(UsageError, match="closed"):
        await da.users.get_current()


@pytest.mark.parametrize("has_started", [False, True])
async def test_caller_of_a_call_that_is_stopped_gets_an_error(
    monkeypatch: pytest.MonkeyPatch, *, has_started: bool
) -> None:
    """Even if the client is closed before the call has made its first step."""
    # As before Python 3.12, where a task makes its first step later.
    monkeypatch.setattr(_cleanup, "start_task", create_task)
    cleanup = CleanupTasks()
    caller = asyncio.create_task(CallGroup(cleanup).run(lambda: work_for(60), LEFTOVER))
    await asyncio.sleep(0)
    if has_started:
        await asyncio.sleep(1)
    await cleanup.aclose(0)

    with pytest.raises(CleanupFailed):
        await caller
    assert cleanup._tasks == set()


async def test_a_task_that_is_cancelled_before_its_first_step_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the end of an event loop before Python 3.12, it cannot raise an error of its own."""
    monkeypatch.setattr(_cleanup, "start_task", create_task)
    cleanup = CleanupTasks()
    cleanup.start(lambda: work_for(60), LEFTOVER)
    (task,) = cleanup._tasks

    task.cancel()
    await asyncio.wait([task])

    assert cleanup._tasks == set()
    assert cleanup.take_leftovers() == (LEFTOVER,)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks cannot start at once")
async def test_a_call_starts_at_once() -> None:
    """A session's call costs no iteration of the event loop more than a call without a session."""
    started: list[bool] = []

    async def call() -> str:
        started.append(True)
        return "done"

    caller = CallGroup(CleanupTasks()).run(call, LEFTOVER)
    with pytest.raises(StopIteration, match="done"):
        caller.send(None)
    assert started == [True]
