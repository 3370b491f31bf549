"""500 rows through outages and a crash: each is processed exactly once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.workflows.flaky_server import FlakyServer, I, make_rows

if TYPE_CHECKING:
    from docassemble_client import BatchProgress

pytestmark = pytest.mark.slow
ROW_COUNT = 500
ROOT = Path(__file__).parents[3]


async def test_500_rows_on_a_flaky_server_are_processed_once_each() -> None:
    """Resets, refused connections, 503 and invalid responses at 2 % each, and one restart."""
    fake = FlakyServer(2, restart_calls=(2000,), restart_seconds=30, outage="unavailable")
    random.seed(7)  # so that delays are reproducible
    reports: list[BatchProgress] = []

    async with fake.client() as da:
        batch = da.interview(I).assemble_many(
            make_rows(ROW_COUNT), concurrency=16, on_progress=reports.append
        )
        results = [result async for result in batch]

    assert sorted(result.index for result in results) == [*range(ROW_COUNT)]
    for result in results:
        assert (result.outcome, result.leftover_session) == ("done", "")
        assert result.documents is not None
        assert result.documents["pdf"].text == "%PDF-" + str(result.row["name"])
    assert fake.run_counts == Counter(row["name"] for row in make_rows(ROW_COUNT))
    assert fake.session_count == 0
    assert (reports[-1].done, reports[-1].total) == (ROW_COUNT, ROW_COUNT)
    # The limit went up, and failures reduced it.
    limits = [progress.concurrency for progress in reports]
    assert max(limits) > 4 > min(limits[9:])


def test_batch_continues_after_its_process_is_killed(tmp_path: Path) -> None:
    """The second run reports every row and repeats none."""
    fake = FlakyServer(0.25, clock=None, latency=0)
    journal = tmp_path / "run.jsonl"
    with fake.serve() as url:
        command = [
            *(sys.executable, "-m", "tests.workflows.batch_process"),
            *(url, fake.api_key, str(journal), str(ROW_COUNT)),
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        with subprocess.Popen(  # noqa: S603 - our own program
            command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        ) as process:
            assert process.stdout is not None
            first = [process.stdout.readline().split() for _ in range(ROW_COUNT // 2)]
            process.kill()
        counts_at_kill = Counter(fake.run_counts)
        second = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment
        )

    lines = [line.split() for line in second.stdout.splitlines()]
    outcomes = {key: outcome for key, outcome, _ in lines}
    assert [outcome for _, outcome, _ in first] == ["done"] * (ROW_COUNT // 2)
    assert sorted(outcomes, key=int) == [f"{number}" for number in range(ROW_COUNT)]
    assert len(lines) == ROW_COUNT
    # Rows in progress at the kill are unknown: the server had processed some of them.
    unknown = [key for key, outcome in outcomes.items() if outcome == "unknown"]
    assert len(unknown) <= 8
    assert {*outcomes.values()} <= {"done", "unknown"}
    from_journal = {key for key, _, is_from_journal in lines if is_from_journal == "True"}
    assert from_journal >= {key for key, *_ in first}
    assert len(counts_at_kill) >= ROW_COUNT // 2
    assert {*fake.run_counts.values()} == {1}
    assert len(fake.run_counts) >= ROW_COUNT - len(unknown)
    # A session whose ID had not arrived at the kill is left on the server, without answers.
    leftovers = [session for session, _ in fake._state.sessions.iter_rows()]
    assert len(leftovers) <= 8
    assert not [session for session in leftovers if "name" in session.step.variables]
