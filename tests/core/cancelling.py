"""Cancels the running task at a chosen step of a coroutine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

T = TypeVar("T")
MOMENTS = ("when it waits", "with the result", "again and again")


class CancelAtStep(Generic[T]):
    """
    Await a coroutine, and cancel the task at one of the steps at which it waits.

    Attributes:
        is_cancelled: Whether the coroutine came to that step.
    """

    def __init__(self, work: Coroutine[Any, Any, T], step: int, moment: str) -> None:
        """
        Prepare the coroutine.

        Args:
            work: The coroutine.
            step: Number of the step, from 1.
            moment: When it waits; together with the result, which is then lost; or at this step
                and all later ones, as anyio does.
        """
        self.is_cancelled = False
        self._work = work
        self._step = step
        self._moment = moment

    def __await__(self) -> Generator[Any, None, T]:
        step = 0
        try:
            future = self._work.send(None)
            while True:
                step += 1
                if step == self._step or (self._moment == "again and again" and step > self._step):
                    self._cancel(future)
                try:
                    yield future
                except BaseException as error:  # noqa: BLE001 - passed on to the coroutine
                    future = self._work.throw(error)
                else:
                    future = self._work.send(None)
        except StopIteration as stop:
            value: T = stop.value
            return value

    def _cancel(self, future: asyncio.Future[Any] | None) -> None:
        self.is_cancelled = True
        task = asyncio.current_task()
        assert task is not None
        if self._moment == "with the result" and future is not None:
            # Before the task's own callback, which resumes the coroutine.
            future.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()
