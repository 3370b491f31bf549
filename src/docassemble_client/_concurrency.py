"""Limits how many requests are under way."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """
    A semaphore of which a free turn is taken without a coroutine, as nearly every call finds one.

    Who waits is served in order: a turn that is given back goes to the first of them, and is free
    only if there is none.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a turn if one is free; otherwise wait for it with `wait`."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a turn that somebody gives back."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # It may have come in the same moment, and then it is the next one's.
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        """Give back a turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
