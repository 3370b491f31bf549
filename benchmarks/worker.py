"""One contender in a process of its own: takes orders as lines of JSON and prints what it saw."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import Generated, Ours, RawAiohttp, RawHttpx, Requests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.contenders import Contender

CONTENDERS: dict[str, Callable[[str, int], Contender]] = {
    "ours, aiohttp": lambda url, turns: Ours(url, turns, "aiohttp"),
    "ours, httpx": lambda url, turns: Ours(url, turns, "httpx"),
    "ours, httpx2": lambda url, turns: Ours(url, turns, "httpx2"),
    "raw aiohttp": RawAiohttp,
    "raw httpx": lambda url, turns: RawHttpx(url, turns, "httpx"),
    "raw httpx2": lambda url, turns: RawHttpx(url, turns, "httpx2"),
    "requests": Requests,
    "openapi": Generated,
}


MOVING = ("walk", "upload", "download")
"""Works of one call that takes long."""
_MOST = 5000
_LONG = 1.0  # seconds after which the first calls tell how long the others take


async def timed(
    call: Callable[[], Awaitable[object]], at_once: int, calls: int
) -> dict[str, float]:
    """Make calls, so many at once, and tell what one takes."""
    left = iter(range(calls))
    seconds: list[float] = []

    async def work() -> None:
        for _ in left:
            begun = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - begun)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    seconds.sort()
    return {
        "cpu": cpu / calls,
        "rate": calls / wall,
        "wall": wall,
        "p50": seconds[len(seconds) // 2],
        "p99": seconds[int(len(seconds) * 0.99)],
    }


def peak_memory() -> int:
    """Most bytes this process has held since the mark was last set back."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) << 10


def reset_peak() -> None:
    """Set back the mark of the most memory held."""
    Path("/proc/self/clear_refs").write_text("5")


async def _obey(make: Callable[[], Contender], order: dict[str, Any]) -> dict[str, float]:
    at_once: int = order["at_once"]
    async with make() as contender:
        if order["work"] in MOVING:
            with TemporaryDirectory() as folder:
                path = Path(folder, "big")
                path.touch()
                if order["work"] == "upload":
                    os.truncate(path, order["size"])
                await contender.get()
                reset_peak()
                before = peak_memory()
                move = getattr(contender, order["work"])
                seen = await timed(lambda: move(path), 1, 1)
                # The kernel counts roughly, by a few pages.
                return {**seen, "memory": max(0, peak_memory() - before)}
        call = getattr(contender, order["work"])
        reset_peak()
        # All connections, before anything is measured; and then how much fits into the time.
        first = await timed(call, at_once, at_once)
        few = max(at_once, 20)
        warm = first if first["wall"] > _LONG else await timed(call, at_once, few)
        calls = max(few, min(_MOST, int(order["seconds"] / warm["cpu"])))
        seen = await timed(call, at_once, calls)
        return {**seen, "memory": peak_memory()}


def main(name: str, url: str) -> None:
    """Obey until there are no more orders."""
    for line in sys.stdin:
        order = json.loads(line)
        seen = asyncio.run(_obey(lambda: CONTENDERS[name](url, max(order["at_once"], 100)), order))  # noqa: B023 - used at once
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
