"""Benchmarks in one process: calls in pairs, decoding, lists, imports, overhead, concurrency."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from itertools import product
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.contenders import KEY, Ours, RawAiohttp
from benchmarks.server import PAGE_ITEMS, PAGES, SLOW_SECONDS, make_page, make_user
from benchmarks.worker import get_peak_memory, reset_peak, time_calls
from docassemble_client import AsyncDocassemble, RetryPolicy
from docassemble_client._core import json_codec
from docassemble_client._core.deserialize import deserialize
from docassemble_client._core.error_mapping import raise_for_status
from docassemble_client._core.messages import RawResponse, Request, SendState
from docassemble_client._core.serialize import serialize
from docassemble_client.api.users import Users
from docassemble_client.models import User
from docassemble_client.operations import STATUS_HINTS, USERS_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import TypeAlias

    from benchmarks.contenders import Contender
    from docassemble_client.operation import Operation

    Imports: TypeAlias = dict[str, dict[str, float]]

_FIRST_CALL_PROGRAM = """
import asyncio
from docassemble_client import AsyncDocassemble
async def main():
    async with AsyncDocassemble(sys.argv[1], 'k', verify=False, transport={transport!r}) as da:
        await da.users.get_current()
asyncio.run(main())
"""
_IMPORTS = {
    "libraries": "import httpx, attrs, cattrs",
    "libraries and asyncio": "import httpx, attrs, cattrs, asyncio",
    "libraries and a request by httpx": """
import asyncio, httpx, attrs, cattrs
async def main():
    async with httpx.AsyncHTTPTransport(verify=False) as transport:
        await (await transport.handle_async_request(httpx.Request('GET', sys.argv[1]))).aread()
asyncio.run(main())
""",
    "package": "import docassemble_client",
    "client": "from docassemble_client import AsyncDocassemble; AsyncDocassemble('http://x', 'k')",
    "first call": _FIRST_CALL_PROGRAM.format(transport="httpx"),
    "first call, aiohttp transport": _FIRST_CALL_PROGRAM.format(transport="aiohttp"),
    "aiohttp": "import aiohttp",
    "requests": "import requests",
}
_USER_JSON = json.dumps(make_user(1)).encode()
_MAX_BYTES = 1 << 20
FEW, MANY = 20, 500
PAIR_CALLS = {1: 150, FEW: 400, 100: 600, MANY: 1500}
"""Number of calls of a turn, by calls in flight."""
GC_THRESHOLD = 50_000
"""Allocated objects before Python's garbage collector runs; by default 700 to 2,000."""
# The extra `speed`, and click, which httpx imports for its command line if it is installed.
_HIDDEN_MODULES = dict.fromkeys(("msgspec", "msgspec.json", "click"))
_TIMED_PROGRAM = (
    "import sys, time; cpu, wall = time.process_time(), time.perf_counter(); exec({code!r});"
    " print(time.process_time() - cpu, time.perf_counter() - wall)"
)


@attrs.frozen(kw_only=True)
class _Page:
    items: list[User]
    next_id: str | None


@contextmanager
def without_msgspec() -> Generator[None]:
    """Decode JSON as without the extra `speed`."""
    fast, json_codec._msgspec_decode = json_codec._msgspec_decode, None  # noqa: SLF001 - no user can choose
    try:
        yield
    finally:
        json_codec._msgspec_decode = fast  # noqa: SLF001


def measure_in_rounds(
    works: dict[str, Callable[[], object]], rounds: int, times: int
) -> dict[str, float]:
    """Measure the median CPU seconds of functions, alternating in every round."""
    samples: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            for _ in range(times):
                work()
            samples[name].append((time.process_time() - start) / times)
    return {name: statistics.median(values) for name, values in samples.items()}


def measure_decoding(rounds: int = 15, times: int = 20) -> dict[str, float]:
    """Measure the CPU seconds to decode a page of 100 accounts to models."""
    content = make_page(1)
    request = Request(operation="users.list", method="GET", path="/api/user_list")
    headers = {"content-type": "application/json"}
    response = RawResponse(status=200, headers=headers, content=content)
    attrs.resolve_types(User)
    decoder: Any = import_module("msgspec.json").Decoder(_Page)

    def decode_without_msgspec() -> object:
        with without_msgspec():
            return deserialize(USERS_LIST, request, response)

    return measure_in_rounds(
        {
            "json.loads": lambda: json.loads(content),
            "json.loads and keywords": lambda: [
                User(**item) for item in json.loads(content)["items"]
            ],
            "msgspec into the classes": lambda: decoder.decode(content),
            "ours": decode_without_msgspec,
            "ours, with msgspec": lambda: deserialize(USERS_LIST, request, response),
        },
        rounds,
        times,
    )


def measure_imports(url: str, rounds: int = 7, names: Iterable[str] = _IMPORTS) -> Imports:
    """Measure CPU and wall seconds of imports, each in a new process, without extras."""
    samples: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    # The first run compiles the modules for the other runs.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    for number in range(rounds + 1):
        for name, times in samples.items():
            hide = f"import sys; sys.modules.update({_HIDDEN_MODULES})\n"
            program = _TIMED_PROGRAM.format(code=hide + _IMPORTS[name])
            command = [sys.executable, "-c", program, url]
            process = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            if number:
                times.append(tuple(map(float, process.stdout.split())))
    return {
        kind: {
            name: statistics.median(sample[index] for sample in values)
            for name, values in samples.items()
        }
        for index, kind in enumerate(("imports", "imports, wall"))
    }


class _BareExecutor:
    """Runs calls as Executor does, but without retries, hooks, log, limiter and lock."""

    def __init__(self, da: AsyncDocassemble) -> None:
        executor: Any = da._get_executor()  # noqa: SLF001
        self._transport = executor._transport  # noqa: SLF001
        # The same timeouts, which the HTTP library applies.
        self._timeouts = executor._timeouts  # noqa: SLF001

    async def call(self, operation: Operation[Any], arguments: Any, **_: object) -> Any:
        transport = self._transport
        request = serialize(operation, arguments)
        transport.bind_to_loop()
        adapter = transport._connections.get_adapter()  # noqa: SLF001
        state = SendState()
        message = transport._build_request(request, state)  # noqa: SLF001
        response = await adapter.send(request, *message, self._timeouts, state)
        try:
            transport._receive_head(request, response, 0)  # noqa: SLF001
            content = response.read_nowait(_MAX_BYTES)
            response.content = await response.read(_MAX_BYTES) if content is None else content
        finally:
            await response.aclose()
        return deserialize(
            operation, request, raise_for_status(request, response, operation, STATUS_HINTS)
        )


class _CannedAdapter:
    """Returns a fixed response without a network."""

    async def send(self, *_: object) -> RawResponse:
        headers = {"content-type": "application/json"}
        return RawResponse(status=200, headers=headers, content=_USER_JSON)

    async def aclose(self) -> None:
        """Close nothing."""


async def measure_overhead(
    url: str, rounds: int = 400, times: int = 10, *, canned: bool = False
) -> dict[str, float]:
    """
    Measure the CPU seconds of a call without retries, hooks and limiter, and their overhead.

    The overhead is a few microseconds, and half of that with a canned response, which keeps CPU
    caches warm. So it is the median difference between many short alternating measurements, with
    the garbage collector disabled. `noise` is the difference between two equal calls.
    """
    async with AsyncDocassemble(url, KEY, transport="aiohttp") as da:
        bare: Any = _BareExecutor(da)
        if canned:
            bare._transport._connections._adapter = _CannedAdapter()  # noqa: SLF001
        works = {
            "whole": da.users.get_current,
            "bare": Users(bare).get_current,
            "bare again": Users(bare).get_current,
        }
        samples: dict[str, list[float]] = {name: [] for name in works}
        gc.collect()
        gc.disable()
        try:
            for number in range(rounds + 1):
                for name in (*works, *works)[number % 3 : number % 3 + 3]:
                    start = time.process_time()
                    for _ in range(times):
                        await works[name]()
                    if number:  # the first round fills connections and caches
                        samples[name].append((time.process_time() - start) / times)
        finally:
            gc.enable()

    def compute_median_difference(name: str) -> float:
        return statistics.median(map(float.__sub__, samples[name], samples["bare"]))

    return {
        "bare": statistics.median(samples["bare"]),
        "overhead": compute_median_difference("whole"),
        "noise": compute_median_difference("bare again"),
    }


async def measure_concurrency(url: str, rounds: int = 25, calls: int = 3000) -> dict[str, float]:
    """
    Measure the ratio of calls per second with many and few in flight.

    Ratios are medians over pairs of short measurements. The garbage collector checks the objects of
    calls in flight. With few calls it hardly runs; with many it checks each call once or twice.
    """
    ratios: dict[str, list[float]] = {}
    default_threshold = gc.get_threshold()
    async with (
        Ours(url, MANY, "aiohttp") as ours,
        Ours(url, 100, "aiohttp") as limited,
        RawAiohttp(url, MANY) as raw,
    ):
        clients: dict[str, Contender] = {
            "ours": ours,
            "ours, max_concurrency=100": limited,
            "raw aiohttp": raw,
        }
        for number in range(rounds + 1):
            for (name, client), has_threshold in product(clients.items(), (False, True)):
                gc.collect()
                gc.set_threshold(GC_THRESHOLD if has_threshold else default_threshold[0])
                try:
                    # Open connections that were closed because they were idle.
                    await time_calls(client.get, MANY, MANY)
                    few, many = [
                        await time_calls(client.get, concurrency, calls)
                        for concurrency in (FEW, MANY)
                    ]
                finally:
                    gc.set_threshold(*default_threshold)
                if number:  # the first round fills caches
                    key = f"{name}, threshold" if has_threshold else name
                    ratios.setdefault(key, []).append(many["rate"] / few["rate"])
    return {name: statistics.median(values) for name, values in ratios.items()}


async def measure_pairs(url: str, rounds: int = 15) -> dict[int, dict[str, float]]:
    """
    Measure the CPU seconds of a call by this client and by raw aiohttp, by calls in flight.

    Both alternate in short turns (ours, raw, raw, ours) in one process, with all connections open
    and garbage collected before each turn. So the speed of the machine, which changes within
    seconds, concerns both. `ratio` is the median ratio of a round.
    """
    samples: dict[int, list[tuple[float, float]]] = {number: [] for number in PAIR_CALLS}
    async with Ours(url, MANY, "aiohttp") as ours, RawAiohttp(url, MANY) as raw:
        for number in range(rounds + 1):
            for concurrency, calls in PAIR_CALLS.items():
                # Open connections that were closed because they were idle.
                for client in (ours, raw):
                    await time_calls(client.get, concurrency, concurrency)
                turns: list[float] = []
                for client in (ours, raw, raw, ours):
                    gc.collect()
                    turns.append((await time_calls(client.get, concurrency, calls))["cpu"])
                if number:  # the first round fills caches
                    pair = (turns[0] + turns[3]) / 2, (turns[1] + turns[2]) / 2
                    samples[concurrency].append(pair)
    return {
        concurrency: {
            "ours": statistics.median(own for own, _ in pairs),
            "raw": statistics.median(other for _, other in pairs),
            "ratio": statistics.median(own / other for own, other in pairs),
        }
        for concurrency, pairs in samples.items()
    }


async def measure_listing(url: str) -> dict[str, float]:
    """Measure listing 100,000 accounts: growth of peak memory (bytes) and CPU per account."""
    async with AsyncDocassemble(url, KEY, transport="aiohttp") as da:
        count = 0
        async for _ in da.users.list().items(max_items=20 * PAGE_ITEMS):
            count += 1
        reset_peak()
        before, cpu = get_peak_memory(), time.process_time()
        async for _ in da.users.list():
            count += 1
        cpu = time.process_time() - cpu
        assert count == (20 + PAGES) * PAGE_ITEMS
        return {"growth": get_peak_memory() - before, "cpu": cpu / PAGES / PAGE_ITEMS}


async def measure_prefetch(url: str, pages: int = 40) -> dict[str, float]:
    """Measure the wall seconds of a list whose server and consumer both take 50 ms per page."""
    async with AsyncDocassemble(
        url + "/slow", KEY, transport="aiohttp", retry=RetryPolicy(attempts=1)
    ) as da:
        await da.users.list()
        start = time.perf_counter()
        users = da.users.list()
        async for _ in users.pages(prefetch=True, max_items=pages * PAGE_ITEMS):
            await asyncio.sleep(SLOW_SECONDS)
        # Nothing overlaps with the request of the first page.
        return {"wall": time.perf_counter() - start, "minimum": (pages + 1) * SLOW_SECONDS}
