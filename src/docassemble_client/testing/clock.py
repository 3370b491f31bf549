"""Clocks for the fake server: the system clock, or one that you advance yourself."""

from __future__ import annotations

import time
from typing import Protocol

from docassemble_client._checks import NUMBER, check_arguments
from docassemble_client._concurrency import sleep

_DEFAULT_START = 1_767_225_600.0  # 1 January 2026


class Clock(Protocol):
    """The interface of a clock that the fake server reads and waits with."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class SystemClock:
    """The system clock."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await sleep(seconds)


class ManualClock:
    """
    A clock that moves only when you advance it or sleep on it.

    A delayed response is late by this clock, but the test does not wait for it.
    """

    def __init__(self, now: float = _DEFAULT_START) -> None:
        """
        Set the clock.

        Args:
            now: Initial time in seconds since 1970; 1 January 2026 by default.
        """
        check_arguments(NUMBER, now=now)
        self._now = now

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._now

    def advance(self, seconds: float) -> None:
        """
        Move the clock forward.

        Args:
            seconds: Number of seconds.
        """
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Advance the clock and yield to the event loop."""
        self.advance(seconds)
        await sleep(0)
