"""The fake server costs next to nothing: what can be held without a real one beside it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble
from docassemble_client.testing import FakeServer
from tests.mock import Mock

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SECONDS = 0.05  # until there is a server
MOST_TIMES = 4.0  # an answer that was made before
ROUNDS = 20


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one work."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def test_server_starts_in_under_50_ms() -> None:
    """With its administrator, key and interviews."""
    assert min(seconds(FakeServer) for _ in range(ROUNDS)) < MOST_SECONDS


def test_answer_costs_a_few_times_what_the_client_costs() -> None:
    """A call to it is at most four times one that gets an answer made before."""
    fake = FakeServer()
    answers: list[Any] = []
    mock = Mock(lambda _: (200, answers[0]))
    used: dict[str, list[float]] = {"fake": [], "mock": []}

    async def call(name: str, da: AsyncDocassemble) -> None:
        begun = time.process_time()
        for _ in range(10):
            await da.users.get_current()
        used[name].append(time.process_time() - begun)

    async def job() -> None:
        ready = AsyncDocassemble(mock.url, "key", transport=mock.http)
        async with fake.client() as real, ready:
            answers.append((await real.request("GET", "/api/user")).json())
            for _ in range(ROUNDS):
                await call("fake", real)
                await call("mock", ready)

    asyncio.run(job())

    assert min(used["fake"]) < MOST_TIMES * min(used["mock"])
