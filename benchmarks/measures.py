"""What needs no crowd of calls: decoding, walking, importing, and the price of the machinery."""

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
from benchmarks.server import PAGE_ITEMS, PAGES, SLOW, page, user
from benchmarks.worker import peak_memory, reset_peak, timed
from docassemble_client import AsyncDocassemble, RetryPolicy
from docassemble_client._core import json_codec
from docassemble_client._core.deserialize import decode
from docassemble_client._core.error_mapping import judge
from docassemble_client._core.messages import Reply, Request
from docassemble_client._core.serialize import encode
from docassemble_client._http.transport import _read
from docassemble_client.api.users import Users
from docassemble_client.models import User
from docassemble_client.operations import STATUS_HINTS, USERS_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import TypeAlias

    from benchmarks.contenders import Contender
    from docassemble_client.operation import Operation

    Imports: TypeAlias = dict[str, dict[str, float]]

_RUN = """
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
    "first call": _RUN.format(transport="httpx"),
    "first call, aiohttp transport": _RUN.format(transport="aiohttp"),
    "aiohttp": "import aiohttp",
    "requests": "import requests",
}
_ACCOUNT = json.dumps(user(1)).encode()
FEW, MANY = 20, 500
PATIENCE = 50_000
"""Objects that come before Python's garbage collector begins, 700 to 2,000 if nobody asks."""
# Those of the extra, and what only httpx's command line needs, which it loads where it finds it.
_HIDDEN = dict.fromkeys(("msgspec", "msgspec.json", "click"))
_TIMED = (
    "import sys, time; cpu, wall = time.process_time(), time.perf_counter(); exec({code!r});"
    " print(time.process_time() - cpu, time.perf_counter() - wall)"
)


@attrs.frozen(kw_only=True)
class _Page:
    items: list[User]
    next_id: str | None


@contextmanager
def without_msgspec() -> Generator[None]:
    """Read JSON as it is read where the extra is not installed."""
    fast, json_codec._fast = json_codec._fast, None  # noqa: SLF001 - no user can choose
    try:
        yield
    finally:
        json_codec._fast = fast  # noqa: SLF001


def in_turn(works: dict[str, Callable[[], object]], rounds: int, times: int) -> dict[str, float]:
    """Median CPU seconds of each work, measured in rounds in which every one has its turn."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            begun = time.process_time()
            for _ in range(times):
                work()
            seen[name].append((time.process_time() - begun) / times)
    return {name: statistics.median(all_) for name, all_ in seen.items()}


def decoding(rounds: int = 15, times: int = 20) -> dict[str, float]:
    """CPU seconds to make models of a page of 100 accounts."""
    content = page(1)
    request = Request(operation="users.list", method="GET", path="/api/user_list")
    headers = {"content-type": "application/json"}
    reply = Reply(status=200, headers=headers, content=content)
    attrs.resolve_types(User)
    decoder: Any = import_module("msgspec.json").Decoder(_Page)

    def plain() -> object:
        with without_msgspec():
            return decode(USERS_LIST, request, reply)

    return in_turn(
        {
            "json.loads": lambda: json.loads(content),
            "json.loads and keywords": lambda: [
                User(**one) for one in json.loads(content)["items"]
            ],
            "msgspec into the classes": lambda: decoder.decode(content),
            "ours": plain,
            "ours, with msgspec": lambda: decode(USERS_LIST, request, reply),
        },
        rounds,
        times,
    )


def imports(url: str, rounds: int = 7, names: Iterable[str] = _IMPORTS) -> Imports:
    """CPU and wall seconds of imports, each in a process of its own and without any extra."""
    seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    # The first time modules are compiled, and kept for the other times.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    for number in range(rounds + 1):
        for name, times in seen.items():
            hide = f"import sys; sys.modules.update({_HIDDEN})\n"
            program = _TIMED.format(code=hide + _IMPORTS[name])
            command = [sys.executable, "-c", program, url]
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, env=environment
            )
            if number:
                times.append(tuple(map(float, done.stdout.split())))
    return {
        kind: {name: statistics.median(one[at] for one in all_) for name, all_ in seen.items()}
        for at, kind in enumerate(("imports", "imports, wall"))
    }


class _Bare:
    """Carries calls as the runtime does, but without retries, hooks, log, limiter and lock."""

    def __init__(self, da: AsyncDocassemble) -> None:
        runtime: Any = da._start()  # noqa: SLF001 - the layers are compared
        self._transport = runtime._transport  # noqa: SLF001
        # The same limits of each wait: the HTTP library keeps them, with us or without.
        self._timeouts = runtime._timeouts  # noqa: SLF001

    async def call(self, operation: Operation[Any], arguments: Any, **_: object) -> Any:
        transport = self._transport
        request = encode(operation, arguments)
        transport.claim()
        backend = transport._open()  # noqa: SLF001
        message = transport._prepared(backend, request, self._timeouts)  # noqa: SLF001
        answer = await backend.send(*message)
        try:
            answer.headers.pop("set-cookie", None)
            content = await _read(request, answer, 1 << 20)
            reply = transport._reply(request, answer, content)  # noqa: SLF001
        finally:
            await answer.close()
        return decode(operation, request, judge(request, reply, operation.errors, STATUS_HINTS))


class _Canned:
    """Answers without a network, where only the work of this package is left."""

    status = 200

    def __init__(self) -> None:
        self.headers = {"content-type": "application/json"}

    def prepare(self, _: object) -> None:
        """Nothing is sent."""

    async def send(self, *_: object) -> _Canned:
        return _Canned()

    async def read(self, _: int) -> bytes:
        return _ACCOUNT

    async def close(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        """Nothing is open."""


async def machinery(
    url: str, rounds: int = 400, times: int = 10, *, canned: bool = False
) -> dict[str, float]:
    """
    CPU seconds of a call without retries, hooks and limiter, and how many more they cost.

    The difference is a few microseconds of a call on a real connection, where caches are cold: on
    a canned answer, which is repeatable on a busy machine too, it is half of that. So it is the
    median over many short turns next to each other, most of which nothing disturbs, without the
    garbage collector, which would count for whoever is on turn. `noise` is the same between two
    bare ones.
    """
    async with AsyncDocassemble(url, KEY, transport="aiohttp") as da:
        bare: Any = _Bare(da)
        if canned:
            bare._transport._backend = _Canned()  # noqa: SLF001
        works = {
            "whole": da.users.get_current,
            "bare": Users(bare).get_current,
            "bare again": Users(bare).get_current,
        }
        seen: dict[str, list[float]] = {name: [] for name in works}
        gc.collect()
        gc.disable()
        try:
            for number in range(rounds + 1):
                for name in (*works, *works)[number % 3 : number % 3 + 3]:
                    begun = time.process_time()
                    for _ in range(times):
                        await works[name]()
                    if number:  # the first is for the connection and caches
                        seen[name].append((time.process_time() - begun) / times)
        finally:
            gc.enable()

    def more(name: str) -> float:
        return statistics.median(map(float.__sub__, seen[name], seen["bare"]))

    return {
        "bare": statistics.median(seen["bare"]),
        "overhead": more("whole"),
        "noise": more("bare again"),
    }


async def crowding(url: str, rounds: int = 25, calls: int = 3000) -> dict[str, float]:
    """
    Calls per second of many in flight to those of few: medians over pairs of short turns.

    What a call in flight holds, the garbage collector looks at. With few in flight it hardly ever
    begins, as they hold fewer objects than it waits for; with many it looks at each call once or
    twice.
    """
    ratios: dict[str, list[float]] = {}
    usual = gc.get_threshold()
    async with (
        Ours(url, MANY, "aiohttp") as ours,
        Ours(url, 100, "aiohttp") as limited,
        RawAiohttp(url, MANY) as raw,
    ):
        clients: dict[str, Contender] = {
            "ours": ours,
            "ours, 100 under way": limited,
            "raw aiohttp": raw,
        }
        for number in range(rounds + 1):
            for (name, client), patient in product(clients.items(), (False, True)):
                gc.collect()
                gc.set_threshold(PATIENCE if patient else usual[0])
                try:
                    # Connections that were idle for long are closed: all are opened again.
                    await timed(client.get, MANY, MANY)
                    few, many = [await timed(client.get, one, calls) for one in (FEW, MANY)]
                finally:
                    gc.set_threshold(*usual)
                if number:  # the first is for caches
                    seen = ratios.setdefault(f"{name}, patient" if patient else name, [])
                    seen.append(many["rate"] / few["rate"])
    return {name: statistics.median(seen) for name, seen in ratios.items()}


async def walking(url: str) -> dict[str, float]:
    """Growth of peak memory in bytes over a walk of 100,000 accounts, and its CPU per account."""
    async with AsyncDocassemble(url, KEY, transport="aiohttp") as da:
        count = 0
        async for _ in da.users.list().items(limit=20 * PAGE_ITEMS):
            count += 1
        reset_peak()
        before, cpu = peak_memory(), time.process_time()
        async for _ in da.users.list():
            count += 1
        cpu = time.process_time() - cpu
        assert count == (20 + PAGES) * PAGE_ITEMS
        return {"growth": peak_memory() - before, "cpu": cpu / PAGES / PAGE_ITEMS}


async def prefetching(url: str, pages: int = 40) -> dict[str, float]:
    """Wall seconds of a walk whose server and consumer both take 50 ms a page."""
    async with AsyncDocassemble(
        url + "/slow", KEY, transport="aiohttp", retry=RetryPolicy(attempts=1)
    ) as da:
        await da.users.list()
        begun = time.perf_counter()
        users = da.users.list()
        async for _ in users.pages(prefetch=True, limit=pages * PAGE_ITEMS):
            await asyncio.sleep(SLOW)  # noqa: TID251 - the consumer's work
        # Of the first page nobody can be ahead, and the last is worked on alone.
        return {"wall": time.perf_counter() - begun, "least": (pages + 1) * SLOW}
