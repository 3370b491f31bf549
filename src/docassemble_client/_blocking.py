"""
Runs coroutines without an event loop: what they wait for blocks the thread.

`_concurrency` chooses between these waits and those of asyncio. A coroutine whose every wait blocks
never suspends, so that one `send` runs it to its end.
"""

from __future__ import annotations

import os
import sys
import time
from asyncio import CancelledError
from asyncio.events import _get_running_loop
from contextvars import ContextVar
from threading import Condition, Thread
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine
    from types import TracebackType
    from typing import Protocol, Self

    class Resettable(Protocol):
        """Something that a forked process must not share with its parent."""

        def reset_after_fork(self) -> None:
            """Forget locks that no thread of this process will release, and connections."""


T = TypeVar("T")
MIN_SECONDS = 0.001  # a shorter timeout of a socket would mean that it does not wait at all


class SuspendedError(RuntimeError):
    """A coroutine waited for an event loop, although there is none; a fault of this package."""


class _Run:
    """A part of a thread's time in which it runs a coroutine."""

    __slots__ = ("is_active", "loop")

    def __init__(self) -> None:
        # In a notebook, an event loop runs in the same thread.
        self.loop = _get_running_loop()
        self.is_active = True


_current_run: ContextVar[_Run | None] = ContextVar("current_run", default=None)


def is_blocking() -> bool:
    """Whether waits block the thread; not in event loops and tasks that a callback starts."""
    run = _current_run.get()
    return run is not None and run.is_active and run.loop is _get_running_loop()


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """
    Run a coroutine to its end in this thread, also if an event loop runs in it.

    Args:
        coroutine: The coroutine.

    Returns:
        Its result.

    Raises:
        SuspendedError: The coroutine waited for an event loop.
    """
    run = _Run()
    token = _current_run.set(run)
    hooks = sys.get_asyncgen_hooks()
    # The hooks of a running loop would close abandoned generators in that loop.
    sys.set_asyncgen_hooks(None, _close_generator)
    try:
        coroutine.send(None)
        coroutine.close()
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        run.is_active = False
        sys.set_asyncgen_hooks(*hooks)
        _current_run.reset(token)
    message = (
        "the call waited for an event loop, which Docassemble does not have. Please report this;"
        " AsyncDocassemble can make the call"
    )
    raise SuspendedError(message)


def call_blocking(function: Callable[[], T]) -> T:
    """Call a function, whose objects then block the thread."""

    async def call() -> T:
        return function()

    return run_blocking(call())


def _close_generator(generator: AsyncGenerator[Any]) -> None:
    """Close a generator that was abandoned before its end."""
    run_blocking(generator.aclose())


class DeadlineExceeded(CancelledError):  # noqa: N818 - it cancels, as a timeout of asyncio does
    """A deadline has passed; its scope converts this to a TimeoutError."""

    def __init__(self, scope: DeadlineScope) -> None:
        super().__init__()
        self.scope = scope


class DeadlineScope:
    """
    A block that ends at a deadline, as `asyncio.timeout_at`.

    Attributes:
        deadline: Time of `time.monotonic`; None for no limit.
    """

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline
        self._is_expired = False
        self._outer_scopes: tuple[DeadlineScope, ...] = ()

    def expired(self) -> bool:
        """Whether the deadline ended the block."""
        return self._is_expired

    def reschedule(self, deadline: float | None, /) -> None:
        """Set another deadline."""
        self.deadline = deadline

    async def __aenter__(self) -> Self:
        self._outer_scopes = _scopes.get()
        _scopes.set((*self._outer_scopes, self))
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _scopes.set(self._outer_scopes)
        if isinstance(error, DeadlineExceeded) and error.scope is self:
            self._is_expired = True
            raise TimeoutError from error


class NoDeadline:
    """A block that no outer deadline ends, for clean-up."""

    def __enter__(self) -> None:
        self._token = _scopes.set(())

    def __exit__(self, *_: object) -> None:
        _scopes.reset(self._token)


_scopes: ContextVar[tuple[DeadlineScope, ...]] = ContextVar("scopes", default=())


def _find_earliest() -> tuple[float, DeadlineScope] | None:
    """Return the next deadline with its scope; for equal ones, the outermost scope."""
    limits = ((scope.deadline, scope) for scope in _scopes.get() if scope.deadline is not None)
    return min(limits, key=lambda limit: limit[0], default=None)


def limit_wait(seconds: float | None = None) -> float | None:
    """
    Limit a wait by the deadlines.

    Args:
        seconds: How long to wait; None for no limit.

    Returns:
        How long to wait at most; None for no limit.

    Raises:
        DeadlineExceeded: A deadline has passed.
    """
    earliest = _find_earliest()
    if earliest is None:
        return seconds
    remaining = earliest[0] - time.monotonic()
    if remaining <= 0:
        raise DeadlineExceeded(earliest[1])
    remaining = max(remaining, MIN_SECONDS)
    return remaining if seconds is None else min(seconds, remaining)


async def sleep(seconds: float) -> None:
    """Sleep; a deadline ends the sleep."""
    time.sleep(max(0.0, limit_wait(seconds) or 0.0))  # noqa: ASYNC251 - there is no event loop
    limit_wait()


def call_within(function: Callable[[], T], seconds: float) -> T:
    """
    Call a function of the operating system that accepts no timeout.

    Args:
        function: The function.
        seconds: How long to wait for it. Afterwards it continues in a thread.

    Returns:
        Its result.

    Raises:
        TimeoutError: It took longer.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def call() -> None:
        try:
            results.append(function())
        except Exception as error:  # noqa: BLE001 - raised in the other thread
            errors.append(error)

    thread = Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


_resettable: WeakSet[Resettable] = WeakSet()


def reset_in_child(item: Resettable) -> None:
    """Reset something in each process that is forked from this one."""
    _resettable.add(item)


def _reset_all() -> None:
    for item in list(_resettable):
        item.reset_after_fork()


if hasattr(os, "register_at_fork"):  # pragma: no branch - all but Windows
    os.register_at_fork(after_in_child=_reset_all)


class BlockingLock:
    """A lock between threads, with the methods of `asyncio.Lock`."""

    def __init__(self) -> None:
        self._lock = ThreadLock()
        reset_in_child(self)

    async def acquire(self) -> bool:
        """Wait for the lock, at most until a deadline."""
        seconds = limit_wait()
        while not self._lock.acquire(timeout=-1 if seconds is None else seconds):
            seconds = limit_wait()
        return True

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def reset_after_fork(self) -> None:
        """Forget that a thread of the parent process holds the lock."""
        self._lock = ThreadLock()


class BlockingLimiter:
    """The concurrency limiter of threads; see `ConcurrencyLimiter`."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        reset_in_child(self)
        self.reset_after_fork()

    def reset_after_fork(self) -> None:
        """Forget the threads of the parent process."""
        self._free_slots = self._slots
        self._condition = Condition()

    def acquire_nowait(self) -> bool:
        """Take a slot if one is free; return whether it was."""
        with self._condition:
            if self._free_slots <= 0:
                return False
            self._free_slots -= 1
            return True

    def borrow(self) -> None:
        """Take a slot that is not free."""
        with self._condition:
            self._free_slots -= 1

    async def acquire(self) -> None:
        """Wait for a slot that another thread releases, at most until a deadline."""
        with self._condition:
            while self._free_slots <= 0:
                self._condition.wait(limit_wait())
            self._free_slots -= 1

    def release(self) -> None:
        """Release a slot."""
        with self._condition:
            self._free_slots += 1
            self._condition.notify()


class FinishedTask(Generic[T]):
    """A coroutine that has run to its end, with the methods of `asyncio.Task`."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._results: list[T] = []
        self._error: Exception | None = None
        try:
            self._results.append(run_blocking(coroutine))
        except Exception as error:  # noqa: BLE001 - raised by `result`
            self._error = error

    def done(self) -> bool:
        """Whether the coroutine has ended: always."""
        return True

    def cancelled(self) -> bool:
        """Whether it was cancelled: never."""
        return False

    def result(self) -> T:
        """Return its result, or raise its error."""
        if self._error is not None:
            raise self._error
        return self._results[0]

    def exception(self) -> Exception | None:
        """Return its error."""
        return self._error

    def add_done_callback(self, callback: Callable[[FinishedTask[T]], object]) -> None:
        """Call a function now."""
        callback(self)


class BlockingTaskGroup:
    """Runs coroutines one after the other, with the methods of `asyncio.TaskGroup`."""

    def __init__(self) -> None:
        self._errors: list[Exception] = []

    async def __aenter__(self) -> Self:
        return self

    def create_task(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run a coroutine, unless an earlier one has failed."""
        if self._errors:
            coroutine.close()
            return
        error = FinishedTask(coroutine).exception()
        if error is not None:
            self._errors.append(error)

    async def __aexit__(self, *_: object) -> None:
        if self._errors:
            message = "a task failed"
            raise ExceptionGroup(message, self._errors)


async def run_all(
    coroutines: tuple[Coroutine[Any, Any, object], ...], *, return_exceptions: bool
) -> None:
    """Run coroutines one after the other, and raise the first error."""
    try:
        errors = [FinishedTask(coroutine).exception() for coroutine in coroutines]
    finally:
        for coroutine in coroutines:
            coroutine.close()
    for error in errors:
        if error is not None and not return_exceptions:
            raise error
