"""500 rows in bad weather, and through a crash: none is lost, and none is done twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mock import run
from tests.workflows.outages import I, Weather, rows

if TYPE_CHECKING:
    from docassemble_client import BatchProgress, RowResult

pytestmark = pytest.mark.slow
COUNT = 500
ROOT = Path(__file__).parents[3]


def test_500_rows_in_bad_weather_are_done_once_each() -> None:
    """Resets, refusals, 503 and garbage at 2 % each, and a restart in the middle."""
    fake = Weather(2, restarts=(2000,), restart_seconds=30)
    random.seed(7)  # so that pauses are the same each time
    told: list[BatchProgress] = []

    async def job() -> list[RowResult]:
        async with fake.client() as da:
            many = da.interview(I).assemble_many(
                rows(COUNT), concurrency=16, on_progress=told.append
            )
            return [one async for one in many]

    results = run(job())

    assert sorted(one.index for one in results) == [*range(COUNT)]
    for one in results:
        assert (one.outcome, one.left) == ("done", "")
        assert one.documents is not None
        assert one.documents["pdf"].text == "%PDF-" + str(one.row["name"])
    assert fake.done == Counter(one["name"] for one in rows(COUNT))
    assert fake.sessions == 0
    assert (told[-1].done, told[-1].total) == (COUNT, COUNT)
    # It went up, and the weather brought it down.
    assert max(one.concurrency for one in told) > 4 > min(one.concurrency for one in told[9:])


def test_killed_batch_goes_on_to_the_same_500(tmp_path: Path) -> None:
    """A process that is killed half-way and begun again reports every row, and repeats none."""
    fake = Weather(0.25, clock=None, latency=0)
    journal = tmp_path / "run.jsonl"
    with fake.serve() as url:
        command = [
            *(sys.executable, "-m", "tests.workflows.crashing"),
            *(url, fake.api_key, str(journal), str(COUNT)),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        ) as process:
            assert process.stdout is not None
            first = [process.stdout.readline().split() for _ in range(COUNT // 2)]
            process.kill()
        killed = Counter(fake.done)
        second = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
        )

    lines = [one.split() for one in second.stdout.splitlines()]
    outcomes = {key: outcome for key, outcome, _ in lines}
    assert [outcome for _, outcome, _ in first] == ["done"] * (COUNT // 2)
    assert sorted(outcomes, key=int) == [f"{number}" for number in range(COUNT)]
    assert len(lines) == COUNT
    # Those under way when it was killed are unknown: some of them the server had done.
    unknown = [key for key, outcome in outcomes.items() if outcome == "unknown"]
    assert len(unknown) <= 8
    assert {*outcomes.values()} <= {"done", "unknown"}
    assert {key for key, _, earlier in lines if earlier == "True"} >= {key for key, *_ in first}
    assert len(killed) >= COUNT // 2
    assert {*fake.done.values()} == {1}
    assert len(fake.done) >= COUNT - len(unknown)
    # Killed before it heard the ID of a session that started, it cannot have known it.
    left = [session for session, _ in fake._world.sessions.rows()]
    assert len(left) <= 8
    assert not [one for one in left if "name" in one.step.variables]
