"""Renders the page: a summary, ratios with limits, tables of all contenders, and a plot."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks import documents
from benchmarks.documents import compute_ratio
from benchmarks.jobs import JOBS
from benchmarks.measures import FEW, GC_THRESHOLD, MANY
from benchmarks.summary import render_documents, render_jobs, render_pairs, render_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measurements import Measurements, Results, SingleResults

FAST, DEFAULT = "ours, aiohttp", "ours, httpx"
_WORK_TITLES = {
    "get": "GET of one account (323 bytes)",
    "page": "GET of a page of 100 accounts (33 kB)",
    "post": "POST of a new account",
    "list_all": "List of 100,000 accounts, page by page",
    "upload": "Upload of a file of 256 MiB",
    "download": "Download of a file of 256 MiB",
}
_INTRODUCTION = """\
What this client costs, compared with other ways to do the same on the same machine and server. A
ratio of CPU or time below 1 means that this client needs less. It decodes responses to models and
uses the aiohttp transport; raw aiohttp and httpx use `json.loads`.
"""
_METHOD = """\
`nox -s bench` runs all benchmarks and writes this page; `-- --quick` runs short rounds and only
prints the results. Clients are on one core, and the server is on another core. Compared clients
alternate in every round. Values are medians; memory is the maximum. Connections are opened before
measuring. Like docassemble, the server sets a cookie with each response. `requests` is called in
threads, as in docassemble's documentation. msgspec (the extra `speed`) is installed; decoding and
imports are measured with and without it.
"""
_COLUMNS = (
    "client",
    "in flight",
    "CPU per call",
    "to raw aiohttp",
    "calls/s",
    "p50",
    "p99",
    "peak",
)
_PAIR_LIMITS = {1: 0.82, FEW: 0.75, 100: 0.76, MANY: 0.80}
_DOCUMENT_LIMITS = (
    (documents.INITIAL, documents.RAW, "`initial=` to raw aiohttp", 0.95),
    (
        documents.INITIAL,
        documents.BASELINE_DRIVEN,
        f"`initial=` to `assemble_many` of {documents.BASELINE}",
        2.7,
    ),
    (
        documents.DRIVEN,
        documents.BASELINE_DRIVEN,
        f"screen by screen to {documents.BASELINE}",
        1.0,
    ),
)
_LIBRARIES = (
    "httpx",
    "httpx2",
    "aiohttp",
    "requests",
    "openapi-python-client",
    "msgspec",
    "cattrs",
)


@attrs.frozen
class RatioLimit:
    """
    A measured ratio and its limit.

    Attributes:
        name: Description of the ratio.
        ratio: Measured ratio.
        limit: Limit of the ratio.
        is_maximum: Whether the limit is a maximum; otherwise it is a minimum.
    """

    name: str
    ratio: float
    limit: float
    is_maximum: bool = True

    @property
    def is_met(self) -> bool:
        """Check whether the ratio is within the limit."""
        return self.ratio <= self.limit if self.is_maximum else self.ratio >= self.limit


def compute_ratios(measurements: Measurements) -> Iterator[RatioLimit]:
    """
    Compute the ratios that have limits.

    Args:
        measurements: All measurements.

    Yields:
        The ratios.
    """
    results, single_results = measurements.results, measurements.single_results

    def compare_rates(ours: str, contender: str, concurrency: int) -> float:
        rate = results["get", ours, concurrency]["rate"]
        return rate / results["get", contender, concurrency]["rate"]

    for concurrency, limit in _PAIR_LIMITS.items():
        name = f"CPU per typed call, {concurrency} in flight, to raw aiohttp with json.loads"
        yield RatioLimit(name, measurements.pairs[concurrency]["ratio"], limit)
    for ours, minimum in ((FAST, 12), (DEFAULT, 1.2)):
        name = f"calls/s, 100 in flight: {ours} to raw `httpx.AsyncClient` with json"
        yield RatioLimit(name, compare_rates(ours, "raw httpx", 100), minimum, is_maximum=False)
    for concurrency, minimum in ((1, 1.3), (100, 12)):
        name = f"calls/s, {concurrency} in flight: {FAST} to openapi-python-client"
        ratio = compare_rates(FAST, "openapi", concurrency)
        yield RatioLimit(name, ratio, minimum, is_maximum=False)
    for key, max_concurrency in (("ours, max_concurrency=100", 100), ("ours", MANY)):
        name = f"calls/s: {FAST}, {MANY} in flight to {FEW}, `max_concurrency={max_concurrency}`"
        yield RatioLimit(name, single_results["concurrency"][key], 0.9, is_maximum=False)
    decode = single_results["decode"]
    yield RatioLimit(
        "decode of a page of 100 accounts to json.loads and keyword construction",
        decode["ours"] / decode["json.loads and keywords"],
        0.76,
    )
    yield RatioLimit(
        "the same with the extra `speed` to msgspec straight into the classes",
        decode["ours, with msgspec"] / decode["msgspec into the classes"],
        1.2,
    )
    growth = single_results["listing"]["growth"] / (1 << 20)
    yield RatioLimit("list of 100,000 accounts: growth of peak memory in MiB", growth, 2.0)
    prefetch = single_results["prefetch"]
    yield RatioLimit(
        "list with prefetch, server and consumer 50 ms per page: wall time to the minimum",
        prefetch["wall"] / prefetch["minimum"],
        1.1,
    )
    imports = single_results["imports"]
    pairs = (
        ("package", "libraries", 0.5),
        ("client", "libraries and asyncio", 1.0),
        ("first call", "libraries and a request by httpx", 1.07),
    )
    for key, base, maximum in pairs:
        ratio = imports[key] / imports[base]
        yield RatioLimit(f"CPU of import: {key} to {base}", ratio, maximum)
    overhead = single_results["overhead"]
    yield RatioLimit(
        "CPU of a call to the same without retries, hooks and limiter",
        1 + overhead["overhead"] / overhead["bare"],
        1.05,
    )
    for key, (title, items) in JOBS.items():
        job = measurements.jobs[key]
        yield RatioLimit(
            f"calls to the least: {items:,} {title}", job.calls / job.least_calls, 1.05
        )
    yield from _compare_documents(measurements.documents)


def _compare_documents(rates: documents.DocumentRates) -> Iterator[RatioLimit]:
    for way, other, title, minimum in _DOCUMENT_LIMITS:
        for concurrency in documents.ROWS:
            if (way, concurrency) in rates and (other, concurrency) in rates:
                ratio = compute_ratio(rates, way, other, concurrency)
                name = f"documents per minute on a real server, {concurrency} at a time: {title}"
                yield RatioLimit(name, ratio, minimum, is_maximum=False)


def render_page(measurements: Measurements, *, quick: bool) -> str:
    """
    Render the page.

    Args:
        measurements: All measurements.
        quick: Whether the rounds were short.

    Returns:
        Markdown.
    """
    return "\n".join(_render_lines(measurements, quick=quick)) + "\n"


def _render_lines(measurements: Measurements, *, quick: bool) -> Iterator[str]:
    results, single_results = measurements.results, measurements.single_results
    yield "# Benchmarks"
    yield ""
    yield _INTRODUCTION
    yield from render_summary(measurements)
    yield ""
    yield "## How it is measured"
    yield ""
    yield _METHOD
    yield f"{datetime.now(UTC):%Y-%m-%d}, {_describe_machine()}, Python {platform.python_version()}"
    yield f"({', '.join(f'{name} {version(name)}' for name in _LIBRARIES)})."
    rounds = [int(results["get", name, 1]["rounds"]) for name in _list_names(results)]
    yield (
        f"{'Short rounds' if quick else 'Rounds'}: {max(rounds)} of calls,"
        f" {int(results['list_all', FAST, 1]['rounds'])} of lists and files;"
        " one if a round takes more than 1 s."
    )
    yield ""
    yield from render_pairs(measurements)
    yield ""
    yield from render_jobs(measurements)
    yield ""
    yield from render_documents(measurements)
    yield ""
    yield "## Ratios and their limits"
    yield ""
    yield "| measure | ratio | limit | within limit |"
    yield "| --- | --- | --- | --- |"
    for entry in compute_ratios(measurements):
        sign = "≤" if entry.is_maximum else "≥"
        is_met = "yes" if entry.is_met else "**no**"
        yield f"| {entry.name} | {entry.ratio:.2f} | {sign} {entry.limit:g} | {is_met} |"
    yield ""
    yield from _render_overhead(single_results["overhead"])
    yield ""
    yield from _render_concurrency(single_results["concurrency"])
    yield ""
    yield "![CPU per call and calls per second by calls in flight](benchmarks.svg)"
    for work, title in _WORK_TITLES.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield f"| {' | '.join(_COLUMNS)} |"
        yield f"|{' --- |' * len(_COLUMNS)}"
        for (result_work, name, concurrency), result in results.items():
            if result_work == work:
                cpu_ratio = result["cpu"] / results[work, "raw aiohttp", concurrency]["cpu"]
                cells = (
                    f"{result['cpu'] * 1e6:,.0f} µs",
                    f"{cpu_ratio:.2f}",
                    f"{result['rate']:,.1f}",
                    f"{result['p50'] * 1e3:,.2f} ms",
                    f"{result['p99'] * 1e3:,.2f} ms",
                    f"{result['memory'] / (1 << 20):,.1f} MiB",
                )
                yield f"| {name} | {concurrency} | {' | '.join(cells)} |"
    yield ""
    yield (
        "For lists, uploads and downloads, `peak` is the growth of memory since a first small call."
        " For other calls, it is the memory of the process."
    )
    yield from _render_times("Decoding a page of 100 accounts", {"CPU": single_results["decode"]})
    yield from _render_times(
        "Imports, each in a new process",
        {"CPU": single_results["imports"], "wall": single_results["imports, wall"]},
    )


def _render_overhead(result: dict[str, float]) -> Iterator[str]:
    bare, overhead, noise = (result[name] * 1e6 for name in ("bare", "overhead", "noise"))
    yield (
        "The cost of retries, hooks and limiter is that of a call over the aiohttp transport, one"
        " at a time, to the same call (request, timeouts, reading and decoding) without them."
    )
    yield (
        "Both alternate in rounds of ten calls, with the garbage collector disabled. The median"
        f" difference is {overhead:.1f} µs of {bare:.0f} µs; between two equal calls it is"
        f" {noise:.1f} µs."
    )


def _render_concurrency(result: dict[str, float]) -> Iterator[str]:
    yield (
        f"The ratio of calls/s with {MANY} and {FEW} in flight is the median of pairs of short"
        f" rounds in one process. With {MANY} calls, Python's garbage collector checks all objects"
        f" of these calls; with {FEW} it hardly runs. This applies to all clients:"
    )
    yield ""
    yield f"| client | default | with `gc.set_threshold({GC_THRESHOLD:_})` |"
    yield "| --- | --- | --- |"
    for name in ("ours", "ours, max_concurrency=100", "raw aiohttp"):
        yield f"| {name} | {result[name]:.2f} | {result[f'{name}, threshold']:.2f} |"
    yield ""
    yield "`max_concurrency=100` is the default: the other calls wait for a slot."


def _render_times(title: str, columns: SingleResults) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| measure | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for name in next(iter(columns.values())):
        cells = (f"{seconds[name] * 1e3:,.2f} ms" for seconds in columns.values())
        yield f"| {name} | {' | '.join(cells)} |"


def _list_names(results: Results) -> list[str]:
    return list(dict.fromkeys(name for _, name, _ in results))


def _describe_machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({len(names)} cores), {platform.system()}"


def write_page(folder: Path, page: str, results: Results) -> None:
    """
    Write the page and the plot to a folder.

    Args:
        folder: The folder.
        page: The page.
        results: Results for the plot.
    """
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")
    _plot(folder / "benchmarks.svg", results)


def _plot(path: Path, results: Results) -> None:
    # Slow to import, rarely needed, and not installed for type checking.
    mpl: Any = import_module("matplotlib")
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    plt: Any = import_module("matplotlib.pyplot")
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    counts = sorted({concurrency for work, _, concurrency in results if work == "get"})
    plots = {"cpu": ("CPU per call (µs)", 1e6), "rate": ("calls per second", 1.0)}
    for axis, (key, (label, factor)) in zip(axes, plots.items(), strict=True):
        for name in _list_names(results):
            values = [results["get", name, count][key] * factor for count in counts]
            style = "o-" if name.startswith("ours") else "s--"
            axis.plot(counts, values, style, label=name)
        axis.set(xscale="log", yscale="log", xlabel="calls in flight", ylabel=label)
        axis.set_xticks(counts, [str(count) for count in counts])
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})
