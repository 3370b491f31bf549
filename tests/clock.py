"""Event loops with a clock that advances only while the loop is idle."""

from __future__ import annotations

import asyncio
import selectors
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from selectors import SelectorKey

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class _Selector(selectors.DefaultSelector):
    """
    Counts idle seconds.

    Attributes:
        idle: Seconds in which nothing happened.
        jobs: Number of running jobs in executors; the time that they take is not counted.
        is_virtual: Whether idle time is skipped. Files are refused then, as they need time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.idle = 0.0
        self.jobs = 0
        self.is_virtual = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        """Begin to wait for a socket or pipe."""
        if self.is_virtual:
            message = "the virtual clock cannot wait for sockets and pipes; mark the test `sockets`"
            raise RuntimeError(message)
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return the sockets that are ready, at the latest after `timeout` idle seconds."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.jobs:
            # The end of a job wakes the loop.
            return super().select()
        events = super().select(0 if self.is_virtual else timeout)
        if not events:
            self.idle += timeout
        return events


class IdleClockLoop(asyncio.SelectorEventLoop):
    """
    An event loop whose timeouts do not expire because the machine is busy.

    Client and server run on the loop of the test. The loop is idle only while both wait, so idle
    time is the time in which nobody responds. Any other time is spent by the machine. The clock
    also stands still while a job runs in an executor; a job must not wait for that clock.

    Closing the loop fails if an exception was not handled, such as one of a callback.
    """

    def __init__(self) -> None:
        self._clock = _Selector()
        self._threads: ThreadPoolExecutor | None = None
        self._unhandled: list[dict[str, Any]] = []
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the number of seconds in which the loop was idle."""
        return self._clock.idle

    def run_in_executor(
        self,
        executor: Executor | None,
        func: Callable[[*Arguments], T],
        *args: *Arguments,
    ) -> asyncio.Future[T]:
        """Run a job in an executor, in a thread by default; count it until its result arrives."""
        if executor is None:
            if self._threads is None:
                self._threads = ThreadPoolExecutor()
                self.set_default_executor(self._threads)
            executor = self._threads
        job = executor.submit(func, *args)
        self._clock.jobs += 1
        future = asyncio.wrap_future(job, loop=self)
        # The callback of `wrap_future` comes first, so the loop has the result before the count.
        job.add_done_callback(self._end_job)
        return future

    def _end_job(self, _: Future[Any]) -> None:
        """Count a job no longer; this may run in any thread."""

        def count() -> None:
            self._clock.jobs -= 1

        # Nobody may wait for the job: then the loop may be closed.
        with suppress(RuntimeError):
            self.call_soon_threadsafe(count)

    async def wait_for_jobs(self) -> None:
        """Wait until no job runs in an executor, also the jobs that nobody waits for."""
        while self._clock.jobs:  # noqa: ASYNC110 - the end of a job is counted on this loop
            await asyncio.sleep(0)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for the threads of the default executor; the clock stands still."""
        self._clock.jobs += 1
        # Python 3.11 has no timeout here.
        await super().shutdown_default_executor(*(() if timeout is None else (timeout,)))
        self._clock.jobs -= 1

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log an exception that was not handled, and keep it until the loop closes."""
        # On Python 3.11, aiohttp 3.13 leaves the future of a write to a lost connection.
        if str(context.get("exception")) != "Connection lost":
            self._unhandled.append(context)
        super().default_exception_handler(context)

    def close(self) -> None:
        """Close the loop; fail if an exception was not handled."""
        super().close()
        unhandled, self._unhandled = self._unhandled, []
        assert not unhandled, f"exceptions were not handled: {unhandled}"


class VirtualClockLoop(IdleClockLoop):
    """Skips idle time instead of waiting; refuses sockets and pipes, which need real time."""

    def __init__(self) -> None:
        super().__init__()
        # From now on: the loop itself needs a socket to be woken by threads.
        self._clock.is_virtual = True


async def wait_for_jobs() -> None:
    """Wait until no job of the running loop is left in an executor."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, IdleClockLoop)
    await loop.wait_for_jobs()
