"""
`python -m benchmarks.budget`: measures in seconds the ratios that tests/test_cost.py limits.

It runs in a process of its own, as coverage would slow down our code and not that of others.
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
from benchmarks.worker import timed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_ROUNDS, _AT_ONCE = 7, 50
_CALLS = {1: 200, FEW: 1000, _AT_ONCE: 200, MANY: 1000}
_IMPORTS = ("libraries", "libraries and a request by httpx", "client", "first call")


async def _crowd(call: Callable[[], Awaitable[object]], at_once: int) -> float:
    """CPU seconds of one of many calls."""
    return (await timed(call, at_once, _CALLS[at_once]))["cpu"]


async def _calls(url: str) -> dict[str, float]:
    async with (
        Ours(url, MANY, "aiohttp") as ours,
        Ours(url, _AT_ONCE, "httpx", verify=False) as default,
        RawAiohttp(url, _AT_ONCE) as raw,
    ):
        works = {
            "raw": (raw.get, _AT_ONCE),
            "aiohttp": (ours.get, _AT_ONCE),
            "aiohttp, few": (ours.get, FEW),
            "aiohttp, many": (ours.get, MANY),
            "httpx": (default.get, _AT_ONCE),
            "httpx alone": (default.get, 1),
        }
        seen: dict[str, list[float]] = {name: [] for name in works}
        for number in range(_ROUNDS + 1):
            for name, (call, at_once) in works.items():
                if name == "aiohttp, few":
                    # The client closes connections that are idle for five seconds, as they were
                    # during the turns of others; to open them costs as much as a call.
                    await _crowd(call, MANY)
                seconds = await _crowd(call, at_once)
                if number:  # the first is for connections and caches
                    seen[name].append(seconds)
    return {name: statistics.median(all_) for name, all_ in seen.items()}


def ratios(url: str) -> dict[str, float]:
    """Measure what must not grow."""
    calls = asyncio.run(_calls(url))
    machinery = asyncio.run(measures.machinery(url, 600, canned=True))
    decode = measures.decoding(7, 10)
    imports = measures.imports(url, 3, _IMPORTS)["imports"]
    return {
        "call over aiohttp to raw aiohttp": calls["aiohttp"] / calls["raw"],
        "call over aiohttp, 500 at once to 20": calls["aiohttp, many"] / calls["aiohttp, few"],
        "call over httpx, many at once to one": calls["httpx"] / calls["httpx alone"],
        "machinery to the rest of a call, canned answer": machinery["overhead"] / machinery["bare"],
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
    """Start a server, measure, and print the ratios as JSON."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin
        assert server.stdout
        print(json.dumps(ratios(f"http://localhost:{server.stdout.readline().strip()}")))
        server.stdin.close()


if __name__ == "__main__":
    main()
