"""
Tasks, clocks, timeouts and the concurrency limiter.

Other modules import these names instead of asyncio and time; only the aiohttp adapter and
`testing/` are exempt.
"""

from __future__ import annotations

import asyncio
import threading
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
from contextlib import asynccontextmanager, closing
from inspect import isawaitable
from time import perf_counter
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

__all__ = [
    "FIRST_COMPLETED",
    "Callback",
    "CancelledError",
    "ConcurrencyLimiter",
    "Lock",
    "Task",
    "TaskGroup",
    "TimeoutScope",
    "create_task",
    "current_task",
    "gather",
    "monotonic",
    "perf_counter",
    "read_chunks",
    "run",
    "run_callback",
    "run_in_thread",
    "running_loop",
    "shield",
    "sleep",
    "time_limit",
    "timeout_after",
    "timeout_at",
    "to_thread",
    "unix_time",
    "wait",
]

T = TypeVar("T")
CHUNK_BYTES = 262_144

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

    A released slot goes to the first waiter, and is free only if nobody waits.
    """

    def __init__(self, slots: int) -> None:
        self._free_slots = slots
        self._waiters: deque[asyncio.Future[None]] = deque()

    def acquire_nowait(self) -> bool:
        """Take a free slot; return False if there is none."""
        if not self._free_slots:
            return False
        self._free_slots -= 1
        return True

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
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free_slots += 1


async def shield(work: Awaitable[T], on_cancel: Callable[[], object] | None = None) -> T:
    """
    Await work that must not stop half-way; a cancelled caller still waits for its end.

    Args:
        work: The work.
        on_cancel: Called when the caller is cancelled, before it waits.

    Returns:
        Its result.

    Raises:
        CancelledError: The caller was cancelled; the work has ended.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except CancelledError as cancelled:
        if on_cancel is not None:
            on_cancel()
        await wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            cancelled.add_note(f"The work that was shielded failed: {failure}")
        raise


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


async def run_in_thread(work: Generator[None, None, T]) -> T:
    """
    Run long work in a thread; if the caller is cancelled, stop it after the current step.

    Args:
        work: Yields after each step.

    Returns:
        What the work returns.

    Raises:
        CancelledError: The caller was cancelled; the work has stopped.
    """
    is_stopped = threading.Event()
    results: list[T] = []

    def collect() -> Generator[None]:
        results.append((yield from work))

    def run_steps() -> None:
        with closing(collect()) as steps:
            for _ in steps:
                if is_stopped.is_set():
                    return

    await shield(to_thread(run_steps), on_cancel=is_stopped.set)
    return results[0]


def read_chunks(file: IO[bytes]) -> Generator[bytes]:
    """Read a file to its end, in chunks that are short enough for one step."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
