"""Long work, done in steps between which others can run, or in a thread."""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING, Generic, TypeVar

from docassemble_client._concurrency import (
    CancelledError,
    is_blocking,
    perf_counter,
    sleep,
    to_thread,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")
CHUNK_BYTES = 262_144
MAX_STEP_SECONDS = 0.01


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
    if is_blocking():
        with closing(work):
            return await run_in_steps(work)
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


def read_chunks(file: IO[bytes]) -> Generator[bytes]:
    """Read a file to its end, in chunks that are short enough for one step."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
