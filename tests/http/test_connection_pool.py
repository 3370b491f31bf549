"""The transports of one connection each, which take the place of httpx's pool."""

from __future__ import annotations

import asyncio

from docassemble_client._http.httpx_adapter import Lanes
from tests.mock import run, settle


class Lane:
    """Stands in for a transport of one connection."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        """Count it."""
        self.closed += 1


def test_idle_connections_are_used_again_and_those_too_many_closed() -> None:
    """The one used last is taken first, and what was idle for more than five seconds is closed."""

    async def scenario() -> tuple[list[Lane], list[int]]:
        made: list[Lane] = []

        def make() -> Lane:
            made.append(Lane())
            return made[-1]

        lanes = Lanes(make)
        taken = [lanes.take() for _ in range(3)]
        for lane in taken:
            lanes.give(lane)
        assert lanes.take() is taken[-1]
        lanes.give(taken[-1])
        await asyncio.sleep(4)
        lanes.give(lanes.take())
        await asyncio.sleep(2)
        assert lanes.take() is taken[-1]
        await settle()
        before = [lane.closed for lane in made]
        await lanes.aclose()
        return made, before

    made, before = run(scenario())

    assert before == [1, 1, 0]
    assert [lane.closed for lane in made] == [1, 1, 1]
