"""A batch that is stopped, by Ctrl+C and by a crash, and started again."""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.cli.process import make_environment, run_process, start
from tests.workflows.flaky_server import FlakyServer, I

if TYPE_CHECKING:
    from pathlib import Path

ROW_COUNT = 200
CONCURRENCY = 8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


def test_each_row_is_processed_once(tmp_path: Path) -> None:
    """The first run ends with Ctrl+C, the second is killed, and the third does the rest."""
    fake = FlakyServer(clock=None, latency=0)
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"name": f"row-{n}", "age": n}) for n in range(ROW_COUNT)]
    rows.write_text("\n".join(lines), encoding="utf-8")
    batch = (
        *("batch", I, str(rows), "--key", "name", "--save", str(tmp_path / "out"), "--json"),
        *("--journal", str(tmp_path / "run.jsonl"), "-c", str(CONCURRENCY)),
    )
    with fake.serve():
        environment = make_environment(fake, tmp_path)
        with start(batch, environment) as process:
            first = [json.loads(process.stdout.readline()) for _ in range(ROW_COUNT // 3)]
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate()
        interrupted = (process.returncode, errors, fake.session_count)
        with start(batch, environment) as process:
            second = [json.loads(process.stdout.readline()) for _ in range(2 * ROW_COUNT // 3)]
            process.kill()
        third = run_process(*batch, environment=environment)

    assert interrupted == (130, "", 0)
    assert all(row["outcome"] == "done" for row in first)
    assert sum(row["from_journal"] for row in second) >= len(first)
    results = [json.loads(line) for line in third.stdout.splitlines()]
    outcomes = {row["key"]: row["outcome"] for row in results[:-1]}
    unknown = [key for key, outcome in outcomes.items() if outcome == "unknown"]
    assert outcomes.keys() == {f"row-{number}" for number in range(ROW_COUNT)}
    assert {*outcomes.values()} <= {"done", "unknown"}
    # Those that were in progress when a run ended: they may have been processed.
    assert len(unknown) <= 2 * CONCURRENCY
    assert third.returncode == (6 if unknown else 0)
    assert Counter(fake.run_counts.values()).keys() == {1}
    assert len(fake.run_counts) >= ROW_COUNT - len(unknown)
    folders = [path for path in (tmp_path / "out").iterdir() if any(path.glob("*.pdf"))]
    assert len(folders) >= ROW_COUNT - len(unknown)


def test_interruption_before_the_first_request(tmp_path: Path) -> None:
    """Ctrl+C ends with 130 and without a traceback, whatever the command does."""
    fake = FlakyServer(clock=None, latency=30)
    with fake.serve():
        environment = make_environment(fake, tmp_path)
        with start(("server", "wait", "-v"), environment) as process:
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate()

    assert (process.returncode, output) == (130, "")
    assert "Traceback" not in errors
