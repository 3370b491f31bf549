"""Runs a contender: reads orders as lines of JSON and prints the results."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Generated, Ours, RawAiohttp, RawHttpx, Requests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.contenders import Contender

CONTENDERS: dict[str, Callable[[str, int], Contender]] = {
    "ours, aiohttp": lambda url, max_concurrency: Ours(url, max_concurrency, "aiohttp"),
    "ours, httpx": lambda url, max_concurrency: Ours(url, max_concurrency, "httpx"),
    "ours, httpx2": lambda url, max_concurrency: Ours(url, max_concurrency, "httpx2"),
    "raw aiohttp": RawAiohttp,
    "raw httpx": lambda url, max_concurrency: RawHttpx(url, max_concurrency, "httpx"),
    "raw httpx2": lambda url, max_concurrency: RawHttpx(url, max_concurrency, "httpx2"),
    "requests": Requests,
    "openapi": Generated,
}

LONG_WORKS = ("list_all", "upload", "download")
_MAX_CALLS = 5000
_SLOW_SECONDS = 1.0  # slower calls need no second warm-up


async def time_calls(
    call: Callable[[], Awaitable[object]], concurrency: int, calls: int
) -> dict[str, float]:
    """Make concurrent calls, and return CPU and wall seconds, rate and percentiles."""
    remaining = iter(range(calls))
    seconds: list[float] = []

    async def work() -> None:
        for _ in remaining:
            start = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - start)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    seconds.sort()
    return {
        "cpu": cpu / calls,
        "rate": calls / wall,
        "wall": wall,
        "p50": seconds[len(seconds) // 2],
        "p99": seconds[int(len(seconds) * 0.99)],
    }


def get_peak_memory() -> int:
    """Return the peak memory of this process in bytes since the last reset."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) << 10


def reset_peak() -> None:
    """Reset the peak memory."""
    Path("/proc/self/clear_refs").write_text("5")


async def _run_order(
    make_contender: Callable[[], Contender], order: dict[str, Any]
) -> dict[str, float]:
    concurrency: int = order["concurrency"]
    async with make_contender() as contender:
        if order["work"] in LONG_WORKS:
            with TemporaryDirectory() as folder:
                path = Path(folder, "big")
                path.touch()
                if order["work"] == "upload":
                    os.truncate(path, order["size"])
                await contender.get()
                reset_peak()
                before = get_peak_memory()
                function = getattr(contender, order["work"])
                result = await time_calls(lambda: function(path), 1, 1)
                # The kernel counts memory approximately.
                return {**result, "memory": max(0, get_peak_memory() - before)}
        call = getattr(contender, order["work"])
        reset_peak()
        # Open all connections first; then choose the number of calls.
        first = await time_calls(call, concurrency, concurrency)
        min_calls = max(concurrency, 20)
        is_slow = first["wall"] > _SLOW_SECONDS
        warm = first if is_slow else await time_calls(call, concurrency, min_calls)
        calls = max(min_calls, min(_MAX_CALLS, int(order["seconds"] / warm["cpu"])))
        result = await time_calls(call, concurrency, calls)
        return {**result, "memory": get_peak_memory()}


def main(name: str, url: str) -> None:
    """Run orders until the standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        make_contender = partial(CONTENDERS[name], url, max(order["concurrency"], 100))
        print(json.dumps(asyncio.run(_run_order(make_contender, order))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
