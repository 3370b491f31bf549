"""`python -m benchmarks [--quick] [--write]`: measures everything, prints it, writes the page."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks import measures, report
from benchmarks.server import FILE_SIZE
from benchmarks.worker import CONTENDERS, MOVING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

ROOT = Path(__file__).parents[1]
AT_ONCE = (1, 20, 100, 500)
CALLS = ("get", "page", "post")
ROUNDS, FEW = 5, 2
_LONG = 2.0  # seconds of one turn; what takes so long is no small difference
Seen: TypeAlias = dict[tuple[str, str, int], dict[str, float]]


@contextmanager
def _process(core: int, *command: str, folder: str) -> Generator[subprocess.Popen[str]]:
    """Run a module on a core of its own, if there are several; it ends with its input."""
    cores = sorted(os.sched_getaffinity(0))
    paths = [str(ROOT), folder, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep)}
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "no_proxy": "*"},
        text=True,
    ) as process:
        os.sched_setaffinity(process.pid, {cores[core % len(cores)]})
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe


def _asked(process: subprocess.Popen[str], order: dict[str, object]) -> dict[str, float]:
    assert process.stdin, process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    seen: dict[str, float] = json.loads(process.stdout.readline())  # type: ignore[union-attr]  # a pipe
    return seen


def _generate(folder: str) -> None:
    """Let openapi-python-client make its client."""
    document = Path(__file__).with_name("openapi.yaml")
    target = Path(folder, "docassemble_api_client")
    command = ["generate", "--path", str(document), "--meta", "none", "--output-path", str(target)]
    subprocess.run(
        [str(Path(sys.executable).with_name("openapi-python-client")), *command],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _crowds(url: str, folder: str, *, quick: bool) -> Seen:
    """Let each contender, in a process of its own, have its turn in every round."""
    seen: dict[tuple[str, str, int], list[dict[str, float]]] = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(_process(0, "benchmarks.worker", name, url, folder=folder))
            for name in CONTENDERS
        }
        for work, at_once, number in _plan(quick=quick):
            order = {
                "work": work,
                "at_once": at_once,
                "seconds": 0.1 if quick else 0.25,
                "size": FILE_SIZE,
            }
            for name, worker in workers.items():
                samples = seen.setdefault((work, name, at_once), [])
                if number < 1 or work in MOVING or samples[-1]["wall"] < _LONG:
                    samples.append(_asked(worker, order))
    return {key: _summed(samples) for key, samples in seen.items()}


def _plan(*, quick: bool) -> Iterator[tuple[str, int, int]]:
    # What is about memory comes first: before other works have made the process large.
    for work in (*MOVING, *CALLS):
        moving = work in MOVING
        for at_once in (1,) if moving else (1, 100) if quick else AT_ONCE:
            for number in range(FEW if quick else min(ROUNDS, 3) if moving else ROUNDS):
                yield work, at_once, number


def _summed(samples: list[dict[str, float]]) -> dict[str, float]:
    """Medians; of memory the most, as later rounds find some that earlier ones have freed."""
    summed = {what: statistics.median(one[what] for one in samples) for what in samples[0]}
    return {
        **summed,
        "memory": max(one["memory"] for one in samples),
        "rounds": float(len(samples)),
    }


def _singles(url: str, *, quick: bool) -> dict[str, dict[str, float]]:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    rounds = 5 if quick else 15
    try:
        return {
            "walk": asyncio.run(measures.walking(url)),
            "prefetch": asyncio.run(measures.prefetching(url)),
            "machinery": asyncio.run(measures.machinery(url, 100 * rounds)),
            "crowd": asyncio.run(measures.crowding(url, rounds)),
            "decode": measures.decoding(rounds),
            **measures.imports(url, 3 if quick else 9),
        }
    finally:
        os.sched_setaffinity(0, set(cores))


def main() -> None:
    """Measure, print, and with --write put it into docs/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        _generate(folder)
        with _process(1, "benchmarks.server", folder=folder) as server:
            # A name, not an address: servers have one, and only then are cookies kept.
            url = f"http://localhost:{server.stdout.readline().strip()}"  # type: ignore[union-attr]  # a pipe
            singles = _singles(url, quick=options.quick)
            crowds: Any = _crowds(url, folder, quick=options.quick)
    text = report.text(crowds, singles, quick=options.quick)
    print(text)
    if options.write:
        report.write(ROOT / "docs", text, crowds)


if __name__ == "__main__":
    main()
