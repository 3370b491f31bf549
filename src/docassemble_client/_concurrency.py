"""
Tasks, clocks, timeouts and the concurrency limiter.

Other modules import these names instead of asyncio and time; only the aiohttp adapter and
`testing/` are exempt. In a blocking client, the names stand for the waits of `_blocking`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from asyncio import FIRST_COMPLETED, CancelledError, Task, run
from collections import deque
from collections.abc import Coroutine
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from inspect import isawaitable
from threading import Lock as ThreadLock
from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

import docassemble_client._blocking as blocking
from docassemble_client._blocking import is_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Protocol

    class TimeoutScope(Protocol):
        """A block that a timeout ends, as `asyncio.Timeout`."""

        def expired(self) -> bool:
            """Whether the timeout ended the block."""
            ...

        def reschedule(self, deadline: float | None, /) -> None:
            """Set another deadline."""
            ...

        async def __aenter__(self) -> object: ...

        async def __aexit__(
            self,
            error_type: type[BaseException] | None,
            error: BaseException | None,
            traceback: TracebackType | None,
            /,
        ) -> bool | None: ...


__all__ = [
    "FIRST_COMPLETED",
    "Callback",
    "CancelledError",
    "ConcurrencyLimiter",
    "Limiter",
    "Lock",
    "Slot",
    "Task",
    "TaskGroup",
    "ThreadLock",
    "Waiter",
    "create_task",
    "current_task",
    "find_loop",
    "gather",
    "ignore_deadlines",
    "is_blocking",
    "is_within_call",
    "make_limiter",
    "make_lock",
    "make_task_group",
    "make_waiter",
    "monotonic",
    "perf_counter",
    "run",
    "run_callback",
    "sleep",
    "start_task",
    "time_limit",
    "timeout_after",
    "timeout_at",
    "to_thread",
    "unix_time",
    "wait",
    "wait_despite_cancellation",
    "wait_until_done",
    "wake",
    "within_call",
]

P = ParamSpec("P")
T = TypeVar("T")

_within_call: ContextVar[bool] = ContextVar("within_call", default=False)

unix_time = time.time


def find_loop() -> object:
    """Return the running event loop; in a blocking client, an object that stands for threads."""
    return ThreadLock if is_blocking() else asyncio.get_running_loop()


def monotonic() -> float:
    """Return the seconds of the event loop's clock; in a blocking client, of the system's."""
    return time.monotonic() if is_blocking() else asyncio.get_running_loop().time()


def sleep(seconds: float) -> Awaitable[None]:
    """Sleep."""
    return blocking.sleep(seconds) if is_blocking() else asyncio.sleep(seconds)


def timeout_at(deadline: float | None) -> TimeoutScope:
    """Return a block that raises TimeoutError at a time of `monotonic`; None for no limit."""
    return blocking.DeadlineScope(deadline) if is_blocking() else asyncio.timeout_at(deadline)


def timeout_after(seconds: float | None) -> TimeoutScope:
    """Return a block that raises TimeoutError after some seconds; None for no limit."""
    return timeout_at(None if seconds is None else monotonic() + seconds)


def ignore_deadlines() -> AbstractContextManager[object]:
    """Return a block for clean-up, which the deadlines of a blocking caller do not end."""
    # In an event loop, clean-up is a task of its own.
    return blocking.NoDeadline() if is_blocking() else nullcontext()


_EAGER_START: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
Waiter: TypeAlias = asyncio.Future[None]
Lock: TypeAlias = asyncio.Lock | blocking.BlockingLock
TaskGroup: TypeAlias = asyncio.TaskGroup | blocking.BlockingTaskGroup


def make_lock() -> Lock:
    """Create a lock."""
    return blocking.BlockingLock() if is_blocking() else asyncio.Lock()


def make_task_group() -> TaskGroup:
    """Create a task group; a blocking caller runs its tasks one after the other."""
    return blocking.BlockingTaskGroup() if is_blocking() else asyncio.TaskGroup()


def create_task(coroutine: Coroutine[Any, Any, T]) -> Task[T]:
    """Start a task; a blocking caller waits for its end at once."""
    if is_blocking():
        return cast("Task[T]", blocking.FinishedTask(coroutine))
    return asyncio.create_task(coroutine)


def start_task(coroutine: Coroutine[Any, Any, T]) -> Task[T]:
    """Start a task, and run it until it waits; before Python 3.12, it runs later."""
    if is_blocking():
        return create_task(coroutine)
    return Task(coroutine, loop=asyncio.get_running_loop(), **_EAGER_START)


def current_task() -> Task[Any] | None:
    """Return the task that runs this code; None in a blocking client."""
    return None if is_blocking() else asyncio.current_task()


async def gather(
    *work: Coroutine[Any, Any, object] | Task[Any], return_exceptions: bool = False
) -> None:
    """Wait for coroutines and tasks, and raise the first error."""
    if is_blocking():
        coroutines = cast("tuple[Coroutine[Any, Any, object], ...]", work)  # tasks have ended
        await blocking.run_all(coroutines, return_exceptions=return_exceptions)
    else:
        await asyncio.gather(*work, return_exceptions=return_exceptions)


async def wait(
    tasks: Iterable[Task[T]], *, timeout: float | None = None, return_when: str = "ALL_COMPLETED"
) -> tuple[set[Task[T]], set[Task[T]]]:
    """Wait for tasks; return those that have ended and the others."""
    if is_blocking():
        return set(tasks), set()
    return await asyncio.wait(tasks, timeout=timeout, return_when=return_when)


async def to_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread, so that it does not stop the event loop."""
    if is_blocking():
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)


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
        """Take a slot if one is free; return whether it was."""
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
    """
    Call a function, or await a coroutine function.

    Raises:
        TypeError: The function is a coroutine function, and the client blocks.
    """
    result = callback(*arguments)
    if isawaitable(result):
        # A `Callback` never waits itself, and checks the function that it wraps.
        if is_blocking() and not isinstance(callback, Callback):
            if isinstance(result, Coroutine):
                result.close()
            message = "Docassemble calls functions, not coroutine functions"
            raise TypeError(message)
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


Limiter: TypeAlias = ConcurrencyLimiter | blocking.BlockingLimiter


def make_limiter(slots: int) -> Limiter:
    """Create a limiter."""
    return blocking.BlockingLimiter(slots) if is_blocking() else ConcurrencyLimiter(slots)


class Slot:
    """A slot of an open stream, which may be released before the stream is closed."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter: Limiter | None = limiter

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
    Limit the time of a block; a TimeoutError of the block itself is raised unchanged.

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


def make_waiter() -> Waiter:
    """Create an object that one task awaits until another one wakes it."""
    return asyncio.get_running_loop().create_future()


def wake(waiter: Waiter) -> None:
    """Wake the task that awaits this object, if it still does."""
    if not waiter.done():
        waiter.set_result(None)


async def wait_until_done(task: Task[Any]) -> None:
    """
    Wait until a task has ended.

    Args:
        task: The task; it continues if the caller is cancelled.

    Raises:
        CancelledError: The caller was cancelled.
    """
    if not is_blocking():
        await asyncio.wait([task])


async def wait_despite_cancellation(task: Task[Any]) -> None:
    """
    Wait until a task has ended, even if the caller is cancelled in the meantime.

    Args:
        task: The task; the time that it takes must be limited.

    Raises:
        CancelledError: The caller was cancelled.
    """
    if is_blocking():
        return
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
