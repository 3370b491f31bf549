"""Documents per minute on a real server: to raw aiohttp, and to an earlier version of this one."""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import subprocess
import tarfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    StartProcess: TypeAlias = Callable[[str], AbstractContextManager[subprocess.Popen[str]]]
    """Starts benchmarks.document_worker with a folder that is first in the import path."""

DocumentRates: TypeAlias = dict[tuple[str, int], list[float]]
"""Documents per minute of each round, by way and number of rows in flight."""
BASELINE = "6ba059f"
"""The commit with which this version is compared; it had no `initial=`."""
ROWS = {1: 6, 4: 48}
"""Number of documents of a turn, by number of rows in flight."""
_DRIVEN_ROWS = {1: 3, 4: 12}
RAW, INITIAL, DRIVEN, BASELINE_DRIVEN = "raw", "initial", "driven", "baseline driven"


def extract_baseline(root: Path, folder: Path) -> Path | None:
    """Extract the package of the baseline; None if this is not a clone with its commit."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "archive", BASELINE, "src"]
    process = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if process.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(process.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def is_server_known() -> bool:
    """Whether the environment names a real server."""
    return bool(os.environ.get("DOCASSEMBLE_URL") and os.environ.get("DOCASSEMBLE_API_KEY"))


def measure_documents(
    start: StartProcess, source: Path, baseline: Path | None, *, rounds: int
) -> DocumentRates:
    """
    Measure each way in turns, so that changes of the server's speed concern all.

    Args:
        start: Starts a worker.
        source: Folder with this package; the worker imports it first.
        baseline: Folder with the package of the baseline, if it is known.
        rounds: Number of rounds, after a short one that fills caches.

    Returns:
        Documents per minute.
    """
    rates: DocumentRates = {}
    with ExitStack() as stack:
        worker = stack.enter_context(start(str(source)))
        ways = {name: (worker, name) for name in (RAW, INITIAL, DRIVEN)}
        if baseline is not None:
            old_worker = stack.enter_context(start(str(baseline)))
            ways[BASELINE_DRIVEN] = (old_worker, DRIVEN)
        for number in range(rounds + 1):
            for concurrency in ROWS:
                for name in (*ways,) if number % 2 else (*reversed(ways),):
                    process, work = ways[name]
                    rows = (_DRIVEN_ROWS if work == DRIVEN else ROWS)[concurrency]
                    rows = rows if number else concurrency
                    order = {"work": work, "rows": rows, "concurrency": concurrency}
                    rate = rows * 60 / _send_order(process, order)
                    if number:
                        rates.setdefault((name, concurrency), []).append(rate)
    return rates


def _send_order(process: subprocess.Popen[str], order: dict[str, object]) -> float:
    assert process.stdin, process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    seconds: float = json.loads(process.stdout.readline())  # type: ignore[union-attr]  # a pipe
    return seconds


def compute_ratio(rates: DocumentRates, way: str, other: str, concurrency: int) -> float:
    """Compute the median ratio of two ways in the same round."""
    pairs = zip(rates[way, concurrency], rates[other, concurrency], strict=True)
    return statistics.median(first / second for first, second in pairs)
