"""Says what was measured: the table of promises, the tables of all contenders, and a plot."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from benchmarks.measures import FEW, MANY, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

Seen: TypeAlias = dict[tuple[str, str, int], dict[str, float]]
Singles: TypeAlias = dict[str, dict[str, float]]

FAST, DEFAULT = "ours, aiohttp", "ours, httpx"
_WORKS = {
    "get": "GET of one account (323 bytes)",
    "page": "GET of a page of 100 accounts (33 kB)",
    "post": "POST of a new account",
    "walk": "Walk of 100,000 accounts, page by page",
    "upload": "Upload of a file of 256 MiB",
    "download": "Download of a file of 256 MiB",
}
_INTRODUCTION = """\
`nox -s bench` measures all of this in one run and writes this page; `-- --quick` only prints what
short rounds bring. Each client is a process on one core, the server a process on another; the
clients take turns in every round, and what stands here are medians, but for memory, of which it is
the most. Connections are made before anything is measured. As docassemble does, the server sets a
cookie with each answer. Our answers are decoded into models, those of the raw clients by
`json.loads`; `requests` is called in threads as docassemble's documentation calls it. All have
msgspec installed (the extra `speed`), but for decoding and imports both is told.
"""
_HEADS = ("client", "in flight", "CPU per call", "to raw aiohttp", "calls/s", "p50", "p99", "peak")
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
class Promise:
    """
    One ratio, and what it may be.

    Attributes:
        what: What is compared.
        ratio: What was measured.
        limit: Where it stops being good.
        most: Whether the limit is the most; otherwise it is the least.
    """

    what: str
    ratio: float
    limit: float
    most: bool = True

    @property
    def kept(self) -> bool:
        """Whether the ratio is within the limit."""
        return self.ratio <= self.limit if self.most else self.ratio >= self.limit


def promises(crowds: Seen, singles: Singles) -> Iterator[Promise]:
    """
    Work out the ratios that matter.

    Yields:
        One promise after the other.
    """

    def rates(ours: str, other: str, at_once: int) -> float:
        return crowds["get", ours, at_once]["rate"] / crowds["get", other, at_once]["rate"]

    cpu = {name: crowds["get", name, 100]["cpu"] for name in (FAST, "raw aiohttp")}
    yield Promise(
        "CPU per typed call, 100 in flight: aiohttp transport to raw aiohttp with json.loads",
        cpu[FAST] / cpu["raw aiohttp"],
        1.5,
    )
    for ours, least in ((FAST, 12), (DEFAULT, 1.2)):
        what = f"calls/s, 100 in flight: {ours} to raw `httpx.AsyncClient` with json"
        yield Promise(what, rates(ours, "raw httpx", 100), least, most=False)
    for at_once, least in ((1, 1.3), (100, 12)):
        what = f"calls/s, {at_once} in flight: {FAST} to openapi-python-client"
        yield Promise(what, rates(FAST, "openapi", at_once), least, most=False)
    for name, what in (
        ("ours, 100 under way", f"{MANY} in flight to {FEW}, of which 100 are under way at most"),
        ("ours", f"{MANY} in flight to {FEW}, all of them under way (`max_concurrency={MANY}`)"),
    ):
        yield Promise(f"calls/s: {FAST}, {what}", singles["crowd"][name], 0.9, most=False)
    decode = singles["decode"]
    yield Promise(
        "decode of a page of 100 accounts to json.loads and keyword construction",
        decode["ours"] / decode["json.loads and keywords"],
        1.3,
    )
    yield Promise(
        "the same with the extra `speed` to msgspec straight into the classes",
        decode["ours, with msgspec"] / decode["msgspec into the classes"],
        2.2,
    )
    growth = singles["walk"]["growth"] / (1 << 20)
    yield Promise("walk of 100,000 accounts: growth of peak memory in MiB", growth, 2.0)
    prefetch = singles["prefetch"]
    yield Promise(
        "walk with prefetch, server and consumer 50 ms a page: wall time to the slower one's",
        prefetch["wall"] / prefetch["least"],
        1.1,
    )
    imports = singles["imports"]
    pairs = (
        ("package", "libraries", 0.5),
        ("client", "libraries", 0.5),
        ("first call", "libraries", 1.3),
        ("first call", "libraries and a request by httpx", 1.3),
    )
    for name, other, most in pairs:
        yield Promise(f"CPU of import: {name} to {other}", imports[name] / imports[other], most)
    machinery = singles["machinery"]
    yield Promise(
        "CPU of a call to the same without retries, hooks and limiter",
        1 + machinery["overhead"] / machinery["bare"],
        1.05,
    )


def text(crowds: Seen, singles: Singles, *, quick: bool) -> str:
    """
    Write the page.

    Args:
        crowds: What the contenders needed, by work, name and calls in flight.
        singles: What was measured besides.
        quick: Whether the rounds were short.

    Returns:
        Markdown.
    """
    return "\n".join(_lines(crowds, singles, quick=quick)) + "\n"


def _lines(crowds: Seen, singles: Singles, *, quick: bool) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield _INTRODUCTION
    yield f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}, Python {platform.python_version()}"
    yield f"({', '.join(f'{one} {version(one)}' for one in _LIBRARIES)})."
    rounds = [int(crowds["get", name, 1]["rounds"]) for name in _names(crowds)]
    yield (
        f"{'Short rounds' if quick else 'Rounds'}: {max(rounds)} of calls,"
        f" {int(crowds['walk', FAST, 1]['rounds'])} of walks and files;"
        " one where a turn takes more than 2 s."
    )
    yield ""
    yield "| measure | ratio | limit | kept |"
    yield "| --- | --- | --- | --- |"
    for one in promises(crowds, singles):
        sign = "≤" if one.most else "≥"
        kept = "yes" if one.kept else "**no**"
        yield f"| {one.what} | {one.ratio:.2f} | {sign} {one.limit:g} | {kept} |"
    yield ""
    yield from _machinery(singles["machinery"])
    yield ""
    yield from _crowd(singles["crowd"])
    yield ""
    yield "![CPU per call and calls per second by calls in flight](benchmarks.svg)"
    for work, title in _WORKS.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield f"| {' | '.join(_HEADS)} |"
        yield f"|{' --- |' * len(_HEADS)}"
        for (which, name, at_once), seen in crowds.items():
            if which == work:
                ratio = seen["cpu"] / crowds[work, "raw aiohttp", at_once]["cpu"]
                cells = (
                    f"{seen['cpu'] * 1e6:,.0f} µs",
                    f"{ratio:.2f}",
                    f"{seen['rate']:,.1f}",
                    f"{seen['p50'] * 1e3:,.2f} ms",
                    f"{seen['p99'] * 1e3:,.2f} ms",
                    f"{seen['memory'] / (1 << 20):,.1f} MiB",
                )
                yield f"| {name} | {at_once} | {' | '.join(cells)} |"
    yield ""
    yield (
        "Of walks, uploads and downloads `peak` is the growth of memory since a first small call;"
        " of calls it is all that the process held."
    )
    yield ""
    yield "## How the cost of a call grows from 1 to many in flight"
    yield ""
    counts = sorted({at_once for work, _, at_once in crowds if work == "get"})
    yield f"| client | {' | '.join(f'{one} in flight' for one in counts)} |"
    yield f"| --- |{' --- |' * len(counts)}"
    for name in _names(crowds):
        cpu = [crowds["get", name, one]["cpu"] for one in counts]
        yield f"| {name} | {' | '.join(f'{one / cpu[0]:.2f}' for one in cpu)} |"
    yield from _times("Decoding a page of 100 accounts", {"CPU": singles["decode"]})
    yield from _times(
        "Imports, each in a new process",
        {"CPU": singles["imports"], "wall": singles["imports, wall"]},
    )


def _machinery(seen: dict[str, float]) -> Iterator[str]:
    bare, overhead, noise = (seen[name] * 1e6 for name in ("bare", "overhead", "noise"))
    yield (
        "The last ratio compares a call over the aiohttp transport, one at a time, with one that"
        " goes the same way (the same request, limits of each wait, reading and decoding) past"
        " retries, hooks, log and limiter."
    )
    yield (
        "They take turns of ten calls, the garbage collector off, and of all pairs of turns the"
        f" median difference counts: {overhead:.1f} µs more than {bare:.0f} µs; between two that"
        f" are the same it is {noise:.1f} µs."
    )


def _crowd(seen: dict[str, float]) -> Iterator[str]:
    yield (
        f"Calls/s of {MANY} in flight to those of {FEW} are measured in pairs of short turns, in"
        f" one process, and medians count. Of {MANY}, Python's garbage collector looks at all that"
        f" each of them holds, of {FEW} at hardly anything, with any client:"
    )
    yield ""
    yield f"| client | as Python comes | with `gc.set_threshold({PATIENCE:_})` |"
    yield "| --- | --- | --- |"
    for name in ("ours", "ours, 100 under way", "raw aiohttp"):
        yield f"| {name} | {seen[name]:.2f} | {seen[f'{name}, patient']:.2f} |"
    yield ""
    yield "`100 under way` is the client as it comes (`max_concurrency=100`): the others wait."


def _times(title: str, columns: Singles) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield f"| what | {' | '.join(columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for name in next(iter(columns.values())):
        cells = (f"{seconds[name] * 1e3:,.2f} ms" for seconds in columns.values())
        yield f"| {name} | {' | '.join(cells)} |"


def _names(crowds: Seen) -> list[str]:
    return list(dict.fromkeys(name for _, name, _ in crowds))


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({len(names)} cores), {platform.system()}"


def write(folder: Path, page: str, crowds: Seen) -> None:
    """
    Put page and plot into a folder.

    Args:
        folder: The folder.
        page: The page.
        crowds: What is drawn.
    """
    (folder / "benchmarks.md").write_text(page, encoding="utf-8")
    _plot(folder / "benchmarks.svg", crowds)


def _plot(path: Path, crowds: Seen) -> None:
    # Slow to import, seldom needed, and not installed where types are checked.
    mpl: Any = import_module("matplotlib")
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "benchmarks"
    plt: Any = import_module("matplotlib.pyplot")
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    counts = sorted({at_once for work, _, at_once in crowds if work == "get"})
    drawn = {"cpu": ("CPU per call (µs)", 1e6), "rate": ("calls per second", 1.0)}
    for axis, (key, (label, factor)) in zip(axes, drawn.items(), strict=True):
        for name in _names(crowds):
            values = [crowds["get", name, one][key] * factor for one in counts]
            style = "o-" if name.startswith("ours") else "s--"
            axis.plot(counts, values, style, label=name)
        axis.set(xscale="log", yscale="log", xlabel="calls in flight", ylabel=label)
        axis.set_xticks(counts, [str(one) for one in counts])
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None})
