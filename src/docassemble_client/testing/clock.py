"""Clocks of the fake server: the machine's, or one that only moves when it is told to."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

_DAWN = 1_767_225_600.0  # 1 January 2026


class Clock(Protocol):
    """What the fake server takes the time from, and waits with."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


class ManualClock:
    """
    A clock that stands still until it is moved.

    Waiting moves it too, so that a slow answer is late by this clock but takes no time.
    """

    def __init__(self, now: float = _DAWN) -> None:
        """
        Set the clock.

        Args:
            now: Seconds since 1970.
        """
        self._now = now

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    def advance(self, seconds: float) -> None:
        """
        Let time pass.

        Args:
            seconds: How much.
        """
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Let that much time pass, and the other tasks of the event loop have their turn."""
        self.advance(seconds)
        await asyncio.sleep(0)
