"""A fake server with random failures, and an interview that must run once for each row."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docassemble_client.testing import FakeDocument, FakeServer, Field, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client.testing import SessionVariables
    from docassemble_client.testing._server.messages import FakeRequest, FakeResponse

I = "docassemble.demo:data/questions/order.yml"  # noqa: E741 - docassemble's own name


class LoopClock:
    """A clock with the time of the running event loop, so that client and server agree."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the loop's time in seconds; without a running loop, the last one returned."""
        with suppress(RuntimeError):
            self._now = asyncio.get_running_loop().time()
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


class FlakyServer(FakeServer):
    """
    A server on which some calls fail, half of them after they were processed.

    Attributes:
        failure_percent: Percentage of calls that fail, for each kind of failure.
        restart_calls: Numbers of the calls before which it restarts.
        run_counts: Number of times the interview ran to its end, by row.
    """

    def __init__(
        self, failure_percent: float = 0.0, *, restart_calls: tuple[int, ...] = (), **options: Any
    ) -> None:
        super().__init__(**{"clock": LoopClock(), "latency": 0.01, **options})
        self.failure_percent = failure_percent
        self.restart_calls = restart_calls
        self.run_counts: Counter[str] = Counter()
        self._random = random.Random(7)  # noqa: S311 - the same failures in each run
        self._calls = 0
        self.add_interview(
            I,
            ScriptedScreen("Name?", [Field("name")]),
            ScriptedScreen("Age?", [Field("age")]),
            final=self._finish_interview,
        )

    async def respond(self, request: FakeRequest, *, timeout: float | None = None) -> FakeResponse:
        """Respond to a request, or fail."""
        self._calls += 1
        if self._calls in self.restart_calls:
            self._state.tasks.restart()
        percent, processed = self._random.random() * 100, self._random.random() < 0.5
        match int(percent / self.failure_percent) if self.failure_percent else -1:
            case 0:
                self.drop_connection(processed=processed)
            case 1:
                self.drop_connection(sent=False)
            case 2:
                self.fail(processed=processed)
            case 3 if request.method != "DELETE":  # its response has no body to corrupt
                self.corrupt_response(processed=processed)
            case _:
                pass
        return await super().respond(request, timeout=timeout)

    def _finish_interview(self, answers: SessionVariables) -> ScriptedScreen:
        name = str(answers["name"])
        # Like mandatory code: once per session, however often the last screen is requested.
        if "mailed" not in answers:
            answers.set("mailed", value=True)
            self.run_counts[name] += 1
        return ScriptedScreen(
            "Done", documents=[FakeDocument("Letter", {"pdf": f"%PDF-{name}".encode()})]
        )

    @property
    def session_count(self) -> int:
        """Number of sessions on the server."""
        return len([*self._state.sessions.iter_rows()])


def make_rows(count: int) -> list[dict[str, str]]:
    """Make rows with unique names."""
    return [{"name": f"row {number}", "age": "36"} for number in range(count)]
