"""The fake server's CPU cost, as far as it can be tested without a real server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble
from docassemble_client.testing import FakeServer
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_START_SECONDS = 0.05
MAX_COST_RATIO = 4.0  # compared to a prepared response
ROUNDS = 20


def measure_cpu_seconds(function: Callable[[], object]) -> float:
    """Measure the CPU seconds of a call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def test_the_server_starts_in_under_50_ms() -> None:
    """With its administrator, API key and interviews."""
    assert min(measure_cpu_seconds(FakeServer) for _ in range(ROUNDS)) < MAX_START_SECONDS


async def test_a_call_costs_at_most_four_times_one_with_a_prepared_response() -> None:
    """The cost includes that of the client."""
    fake = FakeServer()
    bodies: list[Any] = []
    mock = MockServer(lambda _: (200, bodies[0]))
    seconds: dict[str, list[float]] = {"fake": [], "mock": []}

    async def measure(name: str, da: AsyncDocassemble) -> None:
        start = time.process_time()
        for _ in range(10):
            await da.users.get_current()
        seconds[name].append(time.process_time() - start)

    mock_client = AsyncDocassemble(mock.url, "key", transport=mock.transport)
    async with fake.client() as fake_client, mock_client:
        bodies.append((await fake_client.request("GET", "/api/user")).json())
        for _ in range(ROUNDS):
            await measure("fake", fake_client)
            await measure("mock", mock_client)

    assert min(seconds["fake"]) < MAX_COST_RATIO * min(seconds["mock"])
