"""A fake server in bad weather, with an interview whose work must be done once for each row."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docassemble_client.testing import Document, FakeServer, Field, Screen

if TYPE_CHECKING:
    from docassemble_client.testing import Answers
    from docassemble_client.testing._server.messages import Answer, Incoming

I = "docassemble.demo:data/questions/order.yml"  # noqa: E741 - as everybody calls it


class LoopClock:
    """Goes with the clock of the running event loop, so that both sides see the same time."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds of the loop; those of its last look where none runs."""
        with suppress(RuntimeError):
            self._now = asyncio.get_running_loop().time()
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(seconds)


class Weather(FakeServer):
    """
    A server on which some calls go wrong, half of them after they were worked on.

    Attributes:
        share: How many calls of 100 go wrong, for each kind of trouble.
        restarts: Numbers of the calls before which it restarts.
        done: How often the work of each row was done.
    """

    def __init__(
        self, share: float = 0.0, *, restarts: tuple[int, ...] = (), **options: Any
    ) -> None:
        super().__init__(**{"clock": LoopClock(), "latency": 0.01, **options})
        self.share = share
        self.restarts = restarts
        self.done: Counter[str] = Counter()
        self._chance = random.Random(7)  # noqa: S311 - the same weather each time
        self._calls = 0
        self.add_interview(
            I, Screen("Name?", [Field("name")]), Screen("Age?", [Field("age")]), final=self._end
        )

    async def answer(self, request: Incoming, *, patience: float | None = None) -> Answer:
        """Answer a request, or have trouble."""
        self._calls += 1
        if self._calls in self.restarts:
            self._world.tasks.restart()
        chance, worked = self._chance.random() * 100, self._chance.random() < 0.5
        match int(chance / self.share) if self.share else -1:
            case 0:
                self.reset(done=worked)
            case 1:
                self.reset(sent=False)
            case 2:
                self.fail(done=worked)
            case 3 if request.method != "DELETE":  # which brings nothing that could be garbage
                self.garbage(done=worked)
            case _:
                pass
        return await super().answer(request, patience=patience)

    def _end(self, answers: Answers) -> Screen:
        name = str(answers["name"])
        # As mandatory code does it: once in a session, however often its end is looked at.
        if "mailed" not in answers:
            answers.set("mailed", value=True)
            self.done[name] += 1
        return Screen("Done", documents=[Document("Letter", {"pdf": f"%PDF-{name}".encode()})])

    @property
    def sessions(self) -> int:
        """How many sessions are on it."""
        return len([*self._world.sessions.rows()])


def rows(count: int) -> list[dict[str, str]]:
    """Make rows with different names."""
    return [{"name": f"row {number}", "age": "36"} for number in range(count)]
