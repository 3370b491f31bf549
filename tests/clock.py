"""Event loops on whose clock no time passes while there is something to do."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectors import SelectorKey


class _Selector(selectors.DefaultSelector):
    """Counts the seconds in which nothing happened; without `waits` they take no time."""

    def __init__(self, *, waits: bool) -> None:
        super().__init__()
        self._waits = waits
        self.idle = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Tell what can be read or written, at the latest after so many seconds."""
        events = super().select(timeout if self._waits or timeout is None else 0)
        if not events and timeout is not None:
            self.idle += timeout
        return events


class Loop(asyncio.SelectorEventLoop):
    """
    An event loop whose limits do not expire because the machine is busy.

    Both sides of a connection run on the loop of their test. So time in which there is nothing
    to do is time in which nobody answers, and all other time is that of the machine.
    """

    waits = True

    def __init__(self) -> None:
        self._clock = _Selector(waits=self.waits)
        super().__init__(self._clock)

    def time(self) -> float:
        """Seconds for which the loop had nothing to do."""
        return self._clock.idle


class Jumping(Loop):
    """Goes on at once with what is due next, where no file or socket is waited for."""

    waits = False
