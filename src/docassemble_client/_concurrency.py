"""
Tasks, clocks, timeouts and the concurrency limiter.

Other modules import these names instead of asyncio and time; only the aiohttp adapter and
`testing/` are exempt.
"""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio import (
    FIRST_COMPLETED,
    CancelledError,
    Lock,
    Task,
    TaskGroup,
    create_task,
    current_task,
    gather,
    run,
    sleep,
    to_thread,
    wait,
)
from collections import deque
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from contextvars import ContextVar
from inspect import isawaitable
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager

__all__ = [
    "FIRST_COMPLETED",
    "Callback",
    "CancelledError",
    "ConcurrencyLimiter",
    "Lock",
    "Slot",
    "Task",
    "TaskGroup",
    "TimeoutScope",
    "create_task",
    "current_task",
    "gather",
    "is_within_call",
    "monotonic",
    "perf_counter",
    "read_chunks",
    "run",
    "run_callback",
    "run_in_steps",
    "run_in_thread",
    "running_loop",
    "sleep",
    "time_limit",
    "timeout_after",
    "timeout_at",
    "to_thread",
    "unix_time",
    "wait",
    "wait_despite_cancellation",
    "wait_until_done",
    "within_call",
]

T = TypeVar("T")
CHUNK_BYTES = 262_144
MAX_STEP_SECONDS = 0.01

_within_call: ContextVar[bool] = ContextVar("within_call", default=False)

TimeoutScope = asyncio.Timeout
running_loop = asyncio.get_running_loop
timeout_after = asyncio.timeout
timeout_at = asyncio.timeout_at
unix_time = time.time


def monotonic() -> float:
    """Return the seconds of the event loop's clock."""
    return asyncio.get_running_loop().time()


class ConcurrencyLimiter:
    """
    A FIFO semaphore with a synchronous fast path: most calls find a free slot.

    A released slot goes to the first waiter, and is free only if nobody waits. Code that runs on
    behalf of a call that holds a slot borrows one, because waiting for that call would never end.
    """

    def __init__(self, slots: int) -> None:
        self._free_slots = slots
        self._waiters: deque[asyncio.Future[None]] = deque()

    def acquire_nowait(self) -> bool:
        """Take a free slot; return False if there is none."""
        if self._free_slots <= 0:
            return False
        self._free_slots -= 1
        return True

    def borrow(self) -> None:
        """Take a slot that is not free."""
        self._free_slots -= 1

    async def acquire(self) -> None:
        """Wait for a slot that another task releases."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except CancelledError:
            # The slot may have arrived at the same moment: pass it on.
            if waiter.done() and not waiter.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Release a slot."""
        while self._waiters and self._free_slots >= 0:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free_slots += 1


async def run_callback(callback: Callable[..., object], *arguments: object) -> None:
    """Call a function, or await a coroutine function."""
    result = callback(*arguments)
    if isawaitable(result):
        await result


class Callback:
    """
    A function or coroutine function of the caller, or None.

    Attributes:
        error: The exception that it raised. It is the caller's own: handlers of the client's errors
            must let it pass, whatever its class.
    """

    def __init__(self, function: Callable[..., object] | None) -> None:
        self._function = function
        self.error: BaseException | None = None

    async def __call__(self, *arguments: object) -> None:
        """Call the function, if there is one."""
        if self._function is None:
            return
        try:
            await run_callback(self._function, *arguments)
        except BaseException as error:
            self.error = error
            raise


class Slot:
    """A slot of an open stream, which may be released before the stream is closed."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._limiter: ConcurrencyLimiter | None = limiter

    def release(self) -> None:
        """Release the slot; do nothing if it was released."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.release()


@contextmanager
def within_call() -> Generator[None]:
    """Run code of the caller on behalf of a call that holds a slot."""
    token = _within_call.set(True)
    try:
        yield
    finally:
        _within_call.reset(token)


def is_within_call() -> bool:
    """Whether this code runs on behalf of a call that holds a slot."""
    return _within_call.get()


@asynccontextmanager
async def time_limit(
    seconds: float | None, make_error: Callable[[], Exception]
) -> AsyncGenerator[None]:
    """
    Limit the time of a block; a TimeoutError that the block raises is the caller's own and passes.

    Args:
        seconds: The limit; None for no limit.
        make_error: Makes the error that is raised when the time is up.
    """
    own_error: TimeoutError | None = None
    try:
        async with timeout_after(seconds):
            try:
                yield
            except TimeoutError as error:
                own_error = error
                raise
    except TimeoutError as error:
        if error is own_error:
            raise
        raise make_error() from None


async def run_in_steps(work: Generator[None, None, T]) -> T:
    """
    Run long work in steps, and let other tasks and the timers run in between.

    Args:
        work: Yields after each step.

    Returns:
        What the work returns.
    """
    step_end = perf_counter() + MAX_STEP_SECONDS
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
        if perf_counter() > step_end:
            await sleep(0)
            step_end = perf_counter() + MAX_STEP_SECONDS


async def run_in_thread(
    work: Generator[None, None, T], undo: Callable[[T], object] | None = None
) -> T:
    """
    Run long work in a thread; if the caller is cancelled, the work stops after the current step.

    The cancelled caller does not wait for that, so the work must release what it uses.

    Args:
        work: Yields after each step.
        undo: Called with the result if the caller was cancelled when the work had already ended.

    Returns:
        What the work returns.

    Raises:
        CancelledError: The caller was cancelled.
    """
    job = _ThreadJob(work, undo)
    try:
        await to_thread(job.run)
    except CancelledError:
        job.stop()
        raise
    return job.results[0]


class _ThreadJob(Generic[T]):
    """Work in steps, which another thread can stop."""

    def __init__(self, work: Generator[None, None, T], undo: Callable[[T], object] | None) -> None:
        self.results: list[T] = []
        self._work = work
        self._undo = undo
        self._is_stopped = False

    def run(self) -> None:
        with closing(self._collect()) as steps:
            for _ in steps:
                if self._is_stopped:
                    return
        if self._is_stopped:
            self._undo_result()

    def stop(self) -> None:
        self._is_stopped = True
        self._undo_result()

    def _collect(self) -> Generator[None]:
        self.results.append((yield from self._work))

    def _undo_result(self) -> None:
        """Undo the result, if there is one, in the thread that takes it first."""
        try:
            result = self.results.pop()
        except IndexError:
            return
        if self._undo is not None:
            self._undo(result)


async def wait_until_done(task: Task[Any]) -> None:
    """
    Wait until a task has ended.

    Args:
        task: The task; it continues if the caller is cancelled.

    Raises:
        CancelledError: The caller was cancelled.
    """
    waiter = asyncio.get_running_loop().create_future()

    def wake(_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        task.remove_done_callback(wake)


async def wait_despite_cancellation(task: Task[Any]) -> None:
    """
    Wait until a task has ended, even if the caller is cancelled in the meantime.

    Args:
        task: The task; the time that it takes must be limited.

    Raises:
        CancelledError: The caller was cancelled.
    """
    cancelled: CancelledError | None = None
    with _shield_from_scopes():
        while not task.done():
            try:
                await wait_until_done(task)
            except CancelledError as error:
                cancelled = error
    if cancelled is not None:
        raise cancelled


def _shield_from_scopes() -> AbstractContextManager[object]:
    """Shield a block from anyio's cancel scopes, which cancel on each iteration of the loop."""
    # If anyio is not loaded, nobody can have opened a scope.
    anyio = sys.modules.get("anyio")
    scope: AbstractContextManager[object] = (
        nullcontext() if anyio is None else anyio.CancelScope(shield=True)
    )
    return scope


def read_chunks(file: IO[bytes]) -> Generator[bytes]:
    """Read a file to its end, in chunks that are short enough for one step."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
