"""Renders the first table of the page, and those of jobs and documents."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.documents import (
    BASELINE,
    BASELINE_DRIVEN,
    DRIVEN,
    INITIAL,
    RAW,
    ROWS,
    compute_ratio,
)
from benchmarks.jobs import CONCURRENCY, JOBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measurements import Measurements

_NO_SERVER = (
    "Not measured in this run: DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY name no real server."
)
_WAYS = {
    RAW: "raw aiohttp, all variables in one call",
    INITIAL: "`assemble_many` with `initial=`",
    DRIVEN: "`assemble_many`, screen by screen",
    BASELINE_DRIVEN: f"`assemble_many` of commit {BASELINE}, screen by screen",
}


def render_summary(measurements: Measurements) -> Iterator[str]:
    """
    Render the first table.

    Args:
        measurements: All measurements.

    Yields:
        Lines of Markdown.
    """
    yield "| measured | this client | compared with | ratio |"
    yield "| --- | --- | --- | --- |"
    for cells in _list_rows(measurements):
        yield f"| {' | '.join(cells)} |"


def _list_rows(measurements: Measurements) -> Iterator[tuple[str, str, str, str]]:
    for concurrency in (1, 100):
        pair = measurements.pairs[concurrency]
        yield (
            f"CPU of a call, {concurrency} in flight",
            f"{pair['ours'] * 1e6:,.0f} µs",
            f"aiohttp and `json.loads`: {pair['raw'] * 1e6:,.0f} µs",
            f"{pair['ratio']:.2f}",
        )
    results = measurements.results
    rate = results["get", "ours, aiohttp", 100]["rate"]
    for name, title in (("raw httpx", "`httpx.AsyncClient`"), ("openapi", "openapi-python-client")):
        other = results["get", name, 100]["rate"]
        yield (
            "calls per second, 100 in flight",
            f"{rate:,.0f}",
            f"{title}: {other:,.0f}",
            f"{rate / other:,.0f} times",
        )
    decode = measurements.single_results["decode"]
    loads = decode["json.loads and keywords"]
    yield (
        "CPU to decode a page of 100 accounts",
        f"{decode['ours'] * 1e3:.2f} ms",
        f"`json.loads` and keywords: {loads * 1e3:.2f} ms",
        f"{decode['ours'] / loads:.2f}",
    )
    imports = measurements.single_results["imports"]
    base = imports["libraries and a request by httpx"]
    yield (
        "CPU of import and first call",
        f"{imports['first call'] * 1e3:.0f} ms",
        f"import and a request by httpx: {base * 1e3:.0f} ms",
        f"{imports['first call'] / base:.2f}",
    )
    for name, (title, items) in JOBS.items():
        if not name.endswith("_again"):
            job = measurements.jobs[name]
            yield (
                f"{items:,} {title}",
                f"{job.seconds:.1f} s, {job.calls:,} calls",
                f"aiohttp: {job.raw_seconds:.1f} s, {job.least_calls:,} calls",
                f"{job.ratio:.2f}",
            )
    rates = measurements.documents
    for concurrency in ROWS if rates else ():
        ours, raw = [statistics.median(rates[way, concurrency]) for way in (INITIAL, RAW)]
        yield (
            f"documents per minute, real server, {concurrency} at a time",
            f"{ours:,.0f}",
            f"aiohttp: {raw:,.0f}",
            f"{compute_ratio(rates, INITIAL, RAW, concurrency):.2f}",
        )


def render_pairs(measurements: Measurements) -> Iterator[str]:
    """
    Render the CPU of a call by calls in flight.

    Args:
        measurements: All measurements.

    Yields:
        Lines of Markdown.
    """
    yield "## CPU of a call by calls in flight"
    yield ""
    yield (
        "Both clients alternate in short turns in one process, with all connections open. So the"
        " speed of the machine, which changes within seconds, concerns both. The ratio is the"
        " median of the rounds."
    )
    yield ""
    yield "| in flight | this client | raw aiohttp | ratio |"
    yield "| --- | --- | --- | --- |"
    for concurrency, pair in measurements.pairs.items():
        cells = (f"{pair[name] * 1e6:,.0f} µs" for name in ("ours", "raw"))
        yield f"| {concurrency} | {' | '.join(cells)} | {pair['ratio']:.2f} |"


def render_jobs(measurements: Measurements) -> Iterator[str]:
    """
    Render the jobs of many calls.

    Args:
        measurements: All measurements.

    Yields:
        Lines of Markdown.
    """
    yield "## Jobs of many calls"
    yield ""
    yield (
        "The speed of a job is the number of its calls: a real server answers 6 to 30 calls a"
        " second. The least is the number that the API needs at all: a page has 100 sessions, a"
        " request has up to 1,000 files, equal files are known by their content only, and a new"
        " user is created and read. Raw aiohttp makes that number of calls, with as many in flight"
        f" ({CONCURRENCY} for files and rows, otherwise one). The server takes 10 ms for a call,"
        " and 50 ms for a page of sessions."
    )
    yield ""
    yield "| job | calls | least | ratio | time | raw aiohttp | ratio |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, (title, items) in JOBS.items():
        job = measurements.jobs[name]
        cells = (
            f"{items:,} {title}",
            f"{job.calls:,}",
            f"{job.least_calls:,}",
            f"{job.calls / job.least_calls:.2f}",
            f"{job.seconds:.2f} s",
            f"{job.raw_seconds:.2f} s",
            f"{job.ratio:.2f}",
        )
        yield f"| {' | '.join(cells)} |"


def render_documents(measurements: Measurements) -> Iterator[str]:
    """
    Render the documents per minute on a real server.

    Args:
        measurements: All measurements.

    Yields:
        Lines of Markdown.
    """
    rates = measurements.documents
    yield "## Documents per minute on a real server"
    yield ""
    if not rates:
        yield _NO_SERVER
        return
    yield (
        "The example pdf-fill of docassemble.base has six screens and fills in a PDF. Each row"
        " starts a session, answers, downloads the document and deletes the session. The ways"
        " alternate in turns on the same server."
    )
    if not any(way == BASELINE_DRIVEN for way, _ in rates):
        yield f"Commit {BASELINE} was not measured, because this is not a clone that has it."
    yield ""
    yield f"| way | {' | '.join(f'{concurrency} at a time' for concurrency in ROWS)} |"
    yield f"| --- |{' --- |' * len(ROWS)}"
    for way in dict.fromkeys(way for way, _ in rates):
        cells = [f"{statistics.median(rates[way, concurrency]):,.0f}" for concurrency in ROWS]
        yield f"| {_WAYS[way]} | {' | '.join(cells)} |"
