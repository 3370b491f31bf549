"""
`python -m benchmarks.budget`: measure the ratios that tests/test_performance_ratios.py limits.

It takes seconds. It runs in its own process, because coverage would slow down only this package.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks import measures
from benchmarks.contenders import Ours, RawAiohttp
from benchmarks.measures import FEW, MANY
from benchmarks.worker import time_calls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_ROUNDS, _CONCURRENCY = 7, 50
_CALLS = {1: 200, FEW: 1000, _CONCURRENCY: 200, MANY: 1000}
_IMPORTS = ("libraries", "libraries and a request by httpx", "client", "first call")


async def _measure_cpu(call: Callable[[], Awaitable[object]], concurrency: int) -> float:
    """Measure the CPU seconds of a call among concurrent calls."""
    return (await time_calls(call, concurrency, _CALLS[concurrency]))["cpu"]


async def _measure_calls(url: str) -> dict[str, float]:
    async with (
        Ours(url, MANY, "aiohttp") as ours,
        Ours(url, _CONCURRENCY, "httpx", verify=False) as default,
        RawAiohttp(url, _CONCURRENCY) as raw,
    ):
        works = {
            "raw": (raw.get, _CONCURRENCY),
            "aiohttp": (ours.get, _CONCURRENCY),
            "aiohttp, few": (ours.get, FEW),
            "aiohttp, many": (ours.get, MANY),
            "httpx": (default.get, _CONCURRENCY),
            "httpx alone": (default.get, 1),
        }
        samples: dict[str, list[float]] = {name: [] for name in works}
        for number in range(_ROUNDS + 1):
            for name, (call, concurrency) in works.items():
                if name == "aiohttp, few":
                    # The client closes connections that are idle for five seconds. Open them first:
                    # opening a connection costs as much as a call.
                    await _measure_cpu(call, MANY)
                seconds = await _measure_cpu(call, concurrency)
                if number:  # the first round fills connections and caches
                    samples[name].append(seconds)
    return {name: statistics.median(values) for name, values in samples.items()}


def measure_ratios(url: str) -> dict[str, float]:
    """Measure the ratios."""
    calls = asyncio.run(_measure_calls(url))
    overhead = asyncio.run(measures.measure_overhead(url, 600, canned=True))
    decode = measures.measure_decoding(7, 10)
    imports = measures.measure_imports(url, 3, _IMPORTS)["imports"]
    return {
        "call over aiohttp to raw aiohttp": calls["aiohttp"] / calls["raw"],
        "call over aiohttp, 500 at once to 20": calls["aiohttp, many"] / calls["aiohttp, few"],
        "call over httpx, many at once to one": calls["httpx"] / calls["httpx alone"],
        "overhead to the rest of a call, canned response": overhead["overhead"] / overhead["bare"],
        "decoding to json and keywords": decode["ours"] / decode["json.loads and keywords"],
        "decoding to msgspec": decode["ours, with msgspec"] / decode["msgspec into the classes"],
        "import to that of the libraries": imports["client"] / imports["libraries"],
        "import and first call to that of the libraries": (
            imports["first call"] / imports["libraries"]
        ),
        "import and first call to that of httpx": (
            imports["first call"] / imports["libraries and a request by httpx"]
        ),
    }


def main() -> None:
    """Start a server, measure the ratios, and print them as JSON."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        print(json.dumps(measure_ratios(f"http://localhost:{server.stdout.readline().strip()}")))
        server.stdin.close()


if __name__ == "__main__":
    main()
