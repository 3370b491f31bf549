"""Work that continues although its caller is cancelled, such as the deletion of a session."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from docassemble_client._concurrency import (
    CancelledError,
    ignore_deadlines,
    is_blocking,
    make_waiter,
    monotonic,
    run_callback,
    start_task,
    wait,
    wait_until_done,
    wake,
)
from docassemble_client.errors import CleanupFailed, DocassembleError, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._concurrency import Task, Waiter

T = TypeVar("T")
logger = logging.getLogger("docassemble_client")

_STOP_SECONDS = 1.0  # for tasks that are cancelled because the time is up
_CALL_SECONDS = 10.0  # for calls that a deletion waits for


class CleanupTasks:
    """
    Runs work that must be completed even if its caller is cancelled, in tasks of the client.

    A cancelled caller ends at once, and the work continues. Closing the client waits for it. Only
    the end of the event loop cancels these tasks. Without an event loop, the work ends when its
    caller is interrupted; what may remain is reported.
    """

    def __init__(self) -> None:
        self._tasks: set[Task[Any]] = set()
        self._leftovers: list[str] = []

    async def run(
        self,
        work: Callable[[], Awaitable[T]],
        leftover: str,
        *,
        undo: Callable[[T], object] | None = None,
    ) -> T:
        """
        Run work, and wait for it; if the caller is cancelled, the work continues without it.

        Args:
            work: The work, a coroutine function.
            leftover: What may remain if the work does not end, such as "the project demo".
            undo: Function or coroutine function that undoes work whose caller was cancelled. It is
                called with the result.

        Returns:
            The result of the work.

        Raises:
            CancelledError: The caller was cancelled.
            CleanupFailed: The client or the event loop was closed before the work ended.
        """
        if is_blocking():
            return await self._run_in_caller(work, leftover)
        task = self.create_task(work, leftover)
        try:
            await wait_until_done(task)
        except CancelledError:
            if undo is None:
                self._report_failure_of(task, leftover)
            else:
                self.start(partial(_undo, task, undo), leftover)
            raise
        return task.result()

    def start(self, work: Callable[[], Awaitable[object]], leftover: str) -> None:
        """
        Run work in the background; if it fails, log what may remain.

        Args:
            work: The work, a coroutine function.
            leftover: What may remain if the work does not end.
        """
        with ignore_deadlines():
            task = self.create_task(work, leftover)
        self._report_failure_of(task, leftover)

    async def finish(
        self,
        work: Callable[[], Awaitable[object]],
        leftover: str,
        error: BaseException | None,
        *,
        note: str,
    ) -> None:
        """
        Run work at the end of a block; a failure does not hide the error that ended the block.

        Args:
            work: The work, a coroutine function.
            leftover: What may remain if the work does not end.
            error: The error that ended the block. After a CancelledError the work runs in the
                background.
            note: Note that the error gets if the work fails, such as "The project was not deleted".

        Raises:
            DocassembleError: The work failed, and no error ended the block.
        """
        if isinstance(error, CancelledError):
            self.start(work, leftover)
            return
        try:
            with ignore_deadlines():
                await self.run(work, leftover)
        except DocassembleError as failure:
            if error is None:
                raise
            error.add_note(f"{note}: {failure}")

    async def _run_in_caller(self, work: Callable[[], Awaitable[T]], leftover: str) -> T:
        """Run work without a task; report what may remain if it is interrupted."""
        try:
            return await work()
        except DocassembleError:
            raise
        except BaseException:
            # Ctrl+C, a deadline of the caller, or an exception of a signal handler.
            self.report(leftover)
            raise

    def report(self, leftover: str, failure: BaseException | None = None) -> None:
        """
        Log what may remain; the client also reports it when it is closed.

        Args:
            leftover: What may remain.
            failure: The reason; None if a task was stopped.
        """
        self._leftovers.append(leftover)
        if failure is None or isinstance(failure, CleanupFailed):
            logger.error("%s may remain: the clean-up did not end in time", leftover)
        elif isinstance(failure, DocassembleError):
            logger.error("%s may remain: %s", leftover, failure)
        else:
            # The text of such an exception may contain personal data.
            logger.error("%s may remain: %s", leftover, type(failure).__name__)

    async def aclose(self, seconds: float | None) -> None:
        """
        Wait until all work has ended, and stop it when the time is up.

        Args:
            seconds: Maximum time; None for no limit.
        """
        await self._wait(seconds)
        for task in self._tasks:
            task.cancel()
        await self._wait(_STOP_SECONDS)

    def take_leftovers(self) -> tuple[str, ...]:
        """Return what may remain, once."""
        leftovers = tuple(dict.fromkeys(self._leftovers))
        self._leftovers.clear()
        return leftovers

    async def _wait(self, seconds: float | None) -> None:
        deadline = None if seconds is None else monotonic() + seconds
        # Work may start other work, such as undoing it.
        while self._tasks:
            remaining = None if deadline is None else max(deadline - monotonic(), 0)
            # Also without remaining time: before Python 3.12, new tasks have not yet started.
            ended, _ = await wait(self._tasks, timeout=remaining)
            self._tasks -= ended
            if remaining == 0:
                return

    def create_task(self, work: Callable[[], Awaitable[T]], leftover: str) -> Task[T]:
        """
        Create a task that closing the client waits for.

        Args:
            work: The work, a coroutine function.
            leftover: What may remain if the work does not end.

        Returns:
            The task; if it is cancelled, it raises `CleanupFailed`.
        """
        run = self._run_in_caller if is_blocking() else _run
        task = start_task(run(work, leftover))
        self.add(task)
        task.add_done_callback(self.remove)
        return task

    def add(self, task: Task[Any]) -> None:
        """Let the closing of the client wait for a task."""
        self._tasks.add(task)

    def remove(self, task: Task[Any]) -> None:
        """Forget a task that has ended."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # Nobody else may ask for it, and asyncio would log it.

    def _report_failure_of(self, task: Task[Any], leftover: str) -> None:
        def report(_: Task[Any]) -> None:
            failure = None if task.cancelled() else task.exception()
            if task.cancelled() or failure is not None:
                self.report(leftover, failure)

        task.add_done_callback(report)


class CallGroup:
    """
    Calls that change one thing on the server, such as a session.

    A server completes a request although the client closes its connection: a session that was
    deleted in the meantime is stored again, a project is created again. So a call whose caller is
    cancelled continues, and the deletion waits for it.
    """

    def __init__(self, cleanup: CleanupTasks) -> None:
        """
        Create a group.

        Args:
            cleanup: Owns the calls.
        """
        self._cleanup = cleanup
        self._calls: set[Task[Any]] = set()
        self._interrupted_calls: list[str] = []

    async def run(self, call: Callable[[], Awaitable[T]], leftover: str) -> T:
        """
        Make a call; it continues if the caller is cancelled.

        Args:
            call: Makes the call.
            leftover: What may remain if the response to the call is lost.

        Returns:
            The result of the call.

        Raises:
            CancelledError: The caller was cancelled.
        """
        if is_blocking():
            return await self._run_in_caller(call, leftover)
        waiter = make_waiter()
        task = start_task(_run(call, leftover, waiter))
        self._cleanup.add(task)
        self._calls.add(task)
        try:
            await waiter
        except BaseException:
            task.add_done_callback(self._remove)
            task.add_done_callback(partial(self._report_loss, leftover))
            raise
        self._remove(task)  # A callback of the task would cost more.
        return task.result()

    async def wait(self) -> None:
        """Wait until all calls have ended; stop those that take too long."""
        while self._interrupted_calls:
            # The server may still process it, and store again what is deleted now.
            self._cleanup.report(self._interrupted_calls.pop())
        if self._calls:
            _, pending = await wait(self._calls, timeout=_CALL_SECONDS)
            for task in pending:
                task.cancel()
            if pending:
                await wait(pending)

    async def _run_in_caller(self, call: Callable[[], Awaitable[T]], leftover: str) -> T:
        """Make a call without a task; remember it if it is interrupted."""
        try:
            return await call()
        except Exception:
            raise
        except BaseException:
            self._interrupted_calls.append(leftover)
            raise

    def _remove(self, task: Task[Any]) -> None:
        self._calls.discard(task)
        self._cleanup.remove(task)

    def _report_loss(self, leftover: str, task: Task[Any]) -> None:
        failure = None if task.cancelled() else task.exception()
        is_lost = isinstance(failure, (CleanupFailed, TransportError)) and failure.maybe_processed
        if task.cancelled() or is_lost:
            self._cleanup.report(leftover, failure)


async def _run(work: Callable[[], Awaitable[T]], leftover: str, waiter: Waiter | None = None) -> T:
    try:
        return await work()
    except CancelledError:
        # The task itself was cancelled. At the end of asyncio.run, asyncio logs this error.
        raise CleanupFailed.from_leftovers([leftover]) from None
    finally:
        if waiter is not None:  # earlier than a callback of the task would wake it
            wake(waiter)


async def _undo(task: Task[T], undo: Callable[[T], object]) -> None:
    """Undo work when it has ended; if it did nothing, there is nothing to undo."""
    await wait_until_done(task)
    try:
        result = task.result()
    except Exception as error:
        if getattr(error, "maybe_processed", False):
            raise
        return
    await run_callback(undo, result)
