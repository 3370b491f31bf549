"""`python -m benchmarks [--quick] [--write]`: run all benchmarks; print or write the results."""

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
from typing import TYPE_CHECKING, TypeAlias

from benchmarks import documents, measures, report
from benchmarks.jobs import JobResult, JobServers, measure_jobs
from benchmarks.measurements import Measurements
from benchmarks.server import FILE_SIZE
from benchmarks.worker import CONTENDERS, LONG_WORKS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).parents[1]
CORES = sorted(os.sched_getaffinity(0))
CONCURRENCIES = (1, 20, 100, 500)
CALLS = ("get", "page", "post")
ROUNDS, QUICK_ROUNDS = 3, 2
DOCUMENT_ROUNDS = 6
_LONG_SECONDS = 1.0  # longer measurements are not repeated
Results: TypeAlias = dict[tuple[str, str, int], dict[str, float]]


@contextmanager
def _run_process(core: int, *command: str, folder: str) -> Generator[subprocess.Popen[str]]:
    """Run a module on one core; it ends when its input is closed."""
    paths = [str(ROOT), folder, os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths).rstrip(os.pathsep)}
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "no_proxy": "*"},
        text=True,
    ) as process:
        os.sched_setaffinity(process.pid, {CORES[core % len(CORES)]})
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # a pipe


def _send_order(process: subprocess.Popen[str], order: dict[str, object]) -> dict[str, float]:
    assert process.stdin, process.stdout
    process.stdin.write(json.dumps(order) + "\n")
    process.stdin.flush()
    result: dict[str, float] = json.loads(process.stdout.readline())  # type: ignore[union-attr]  # a pipe
    return result


def _generate_client(folder: str) -> None:
    """Generate the client of openapi-python-client."""
    document = Path(__file__).with_name("openapi.yaml")
    target = Path(folder, "docassemble_api_client")
    command = ["generate", "--path", str(document), "--meta", "none", "--output-path", str(target)]
    subprocess.run(
        [str(Path(sys.executable).with_name("openapi-python-client")), *command],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _measure_contenders(url: str, folder: str, *, quick: bool) -> Results:
    """Measure the contenders, each in its own process, alternating in every round."""
    all_samples: dict[tuple[str, str, int], list[dict[str, float]]] = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(
                _run_process(0, "benchmarks.worker", name, url, folder=folder)
            )
            for name in CONTENDERS
        }
        for work, concurrency, number in _plan_rounds(quick=quick):
            order = {
                "work": work,
                "concurrency": concurrency,
                "seconds": 0.1 if quick else 0.25,
                "size": FILE_SIZE,
            }
            for name, worker in workers.items():
                samples = all_samples.setdefault((work, name, concurrency), [])
                if number < 1 or work in LONG_WORKS or samples[-1]["wall"] < _LONG_SECONDS:
                    samples.append(_send_order(worker, order))
    return {key: _summarize(samples) for key, samples in all_samples.items()}


def _plan_rounds(*, quick: bool) -> Iterator[tuple[str, int, int]]:
    # Measure memory first, before other works increase the memory of the process.
    for work in (*LONG_WORKS, *CALLS):
        concurrencies = CONCURRENCIES if work == "get" and not quick else (1, 100)
        for concurrency in (1,) if work in LONG_WORKS else concurrencies:
            for number in range(QUICK_ROUNDS if quick else ROUNDS):
                yield work, concurrency, number


def _summarize(samples: list[dict[str, float]]) -> dict[str, float]:
    """Compute medians, but the maximum of memory: later rounds reuse memory of earlier rounds."""
    medians = {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
    return {
        **medians,
        "memory": max(sample["memory"] for sample in samples),
        "rounds": float(len(samples)),
    }


def _measure_single(url: str, *, quick: bool) -> dict[str, dict[str, float]]:
    rounds = 5 if quick else 15
    return {
        "listing": asyncio.run(measures.measure_listing(url)),
        "prefetch": asyncio.run(measures.measure_prefetch(url)),
        "overhead": asyncio.run(measures.measure_overhead(url, 100 * rounds)),
        "concurrency": asyncio.run(measures.measure_concurrency(url, 2 if quick else 7)),
        "decode": measures.measure_decoding(rounds),
        **measures.measure_imports(url, 3 if quick else 9),
    }


def _measure_jobs(url: str, folder: str, *, quick: bool) -> dict[str, JobResult]:
    with _run_process(1, "benchmarks.job_server", folder=folder) as process:
        server = json.loads(process.stdout.readline())  # type: ignore[union-attr]  # a pipe
        servers = JobServers(url=server["url"], key=server["key"], slow_url=f"{url}/slow")
        return asyncio.run(measure_jobs(servers, rounds=1 if quick else 2))


def _measure_documents(folder: str, *, quick: bool) -> documents.DocumentRates:
    """Measure documents per minute on the real server that the environment names, if any."""
    if not documents.is_server_known():
        return {}
    baseline = documents.extract_baseline(ROOT, Path(folder, "baseline"))

    def start(source: str) -> AbstractContextManager[subprocess.Popen[str]]:
        return _run_process(0, "benchmarks.document_worker", folder=source)

    rounds = 1 if quick else DOCUMENT_ROUNDS
    return documents.measure_documents(start, ROOT / "src", baseline, rounds=rounds)


@contextmanager
def _use_first_core() -> Generator[None]:
    """Run this process on the first core, and servers on the second."""
    os.sched_setaffinity(0, {CORES[0]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(CORES))


def main() -> None:
    """Run the benchmarks and print the results; with --write, write them to docs/."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run few and short rounds")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    quick: bool = options.quick
    with TemporaryDirectory() as folder:
        _generate_client(folder)
        rates = _measure_documents(folder, quick=quick)
        with _run_process(1, "benchmarks.server", folder=folder) as server:
            # A host name, because clients ignore cookies of IP addresses.
            url = f"http://localhost:{server.stdout.readline().strip()}"  # type: ignore[union-attr]  # a pipe
            with _use_first_core():
                pairs = asyncio.run(measures.measure_pairs(url, 3 if quick else 11))
                single_results = _measure_single(url, quick=quick)
                jobs = _measure_jobs(url, folder, quick=quick)
            results = _measure_contenders(url, folder, quick=quick)
    measurements = Measurements(
        results=results, pairs=pairs, single_results=single_results, jobs=jobs, documents=rates
    )
    text = report.render_page(measurements, quick=quick)
    print(text)
    if options.write:
        report.write_page(ROOT / "docs", text, results)


if __name__ == "__main__":
    main()
