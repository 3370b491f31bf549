"""Progress: shown on a terminal, on stderr, and nowhere else."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.process import make_environment, run_process
from tests.cli.terminal import record_terminal
from tests.workflows.flaky_server import FlakyServer, I

if TYPE_CHECKING:
    from pathlib import Path

ROW_COUNT = 40

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")


@pytest.fixture
def batch(tmp_path: Path) -> tuple[str, ...]:
    """Write rows, and make the command."""
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"name": f"row-{n}", "age": n}) for n in range(ROW_COUNT)]
    rows.write_text("\n".join([*lines, '{"age": 1}']), encoding="utf-8")
    return ("batch", I, str(rows), "--save", str(tmp_path / "out"))


def test_bar_of_a_batch(tmp_path: Path, batch: tuple[str, ...]) -> None:
    """It counts the rows by outcome, shows failures above, and is gone at the end."""
    fake = FlakyServer(clock=None, latency=0.02)
    with fake.serve():
        screens, output, code = record_terminal(batch, make_environment(fake, tmp_path))

    bars = [line for screen in screens for line in screen.splitlines() if " batch " in line]
    assert any(f"/{ROW_COUNT + 1} " in line and "· failed 0 ·" in line for line in bars)
    assert len({line.partition("done ")[2].partition(" ")[0] for line in bars}) > 3
    assert screens[-1].startswith("row 40: failed: ")
    assert " batch " not in screens[-1]
    assert (output, code) == ("41 rows: 40 done, 1 failed\n", 1)


@pytest.mark.parametrize("option", ["--quiet", "-q"])
def test_quiet_shows_no_bar(tmp_path: Path, batch: tuple[str, ...], option: str) -> None:
    """Only what went wrong."""
    fake = FlakyServer(clock=None, latency=0)
    with fake.serve():
        screens, *_ = record_terminal((*batch, option), make_environment(fake, tmp_path))

    assert not [screen for screen in screens if " batch " in screen]


def test_no_terminal_no_progress(tmp_path: Path, batch: tuple[str, ...]) -> None:
    """Stderr in a file or a pipe has only what went wrong."""
    fake = FlakyServer(clock=None, latency=0)
    with fake.serve():
        result = run_process(*batch, environment=make_environment(fake, tmp_path))

    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["row 40"]


def test_restart_is_shown(tmp_path: Path) -> None:
    """A spinner with the state, and the time."""
    fake = FlakyServer(clock=None, latency=0, restart_seconds=3.0)
    with fake.serve():
        screens, output, code = record_terminal(
            ("server", "restart"), make_environment(fake, tmp_path)
        )

    assert any("restarting" in screen and "0:00:0" in screen for screen in screens)
    assert (screens[-1], output, code) == ("", "restarted\n", 0)
