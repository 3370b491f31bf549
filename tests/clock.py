"""Event loops with a clock that advances only while the loop is idle."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectors import SelectorKey


class _Selector(selectors.DefaultSelector):
    """Counts idle seconds; with `waits=False` the loop skips them."""

    def __init__(self, *, waits: bool) -> None:
        super().__init__()
        self._waits = waits
        self.idle = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Return the sockets that are ready, at the latest after `timeout` seconds."""
        events = super().select(timeout if self._waits or timeout is None else 0)
        if not events and timeout is not None:
            self.idle += timeout
        return events


class IdleClockLoop(asyncio.SelectorEventLoop):
    """
    An event loop whose timeouts do not expire because the machine is busy.

    Client and server run on the loop of the test. The loop is idle only while both wait, so idle
    time is the time in which nobody responds. Any other time is spent by the machine.
    """

    waits = True

    def __init__(self) -> None:
        self._clock = _Selector(waits=self.waits)
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the number of seconds in which the loop was idle."""
        return self._clock.idle


class VirtualClockLoop(IdleClockLoop):
    """Skips idle time; only for tests that do not wait for files or sockets."""

    waits = False
