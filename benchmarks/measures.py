"""What needs no crowd of calls: decoding, walking, importing, and the price of the machinery."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.contenders import KEY
from benchmarks.server import PAGE_ITEMS, PAGES, SLOW, page
from benchmarks.worker import peak_memory, reset_peak
from docassemble_client import AsyncDocassemble, RetryPolicy, _jsontext
from docassemble_client._codec import decode
from docassemble_client._encode import encode
from docassemble_client._judge import judge
from docassemble_client._transport import _read
from docassemble_client._wire import Reply, Request
from docassemble_client.api.users import Users
from docassemble_client.config import Timeouts
from docassemble_client.models import User
from docassemble_client.operations import STATUS_HINTS, USERS_LIST

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from typing import TypeAlias

    from docassemble_client._operation import Operation

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
    fast, _jsontext._fast = _jsontext._fast, None  # noqa: SLF001 - no user can choose
    try:
        yield
    finally:
        _jsontext._fast = fast  # noqa: SLF001


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
    """CPU and wall seconds of imports, each in a process of its own; the extra does not count."""
    seen: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    # The first time modules are compiled, and kept for the other times.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    for number in range(rounds + 1):
        for name, times in seen.items():
            hidden = "import sys; sys.modules['msgspec'] = sys.modules['msgspec.json'] = None\n"
            program = _TIMED.format(code=hidden + _IMPORTS[name])
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
    """Carries calls as the runtime does, but without retries, hooks, limiter and time limits."""

    def __init__(self, da: AsyncDocassemble) -> None:
        self._transport: Any = da._start()._transport  # noqa: SLF001 - the layers are compared
        self._timeouts = Timeouts()

    async def call(self, operation: Operation[Any], arguments: Any, **_: object) -> Any:
        transport = self._transport
        request = encode(operation, arguments)
        transport.claim()
        _, send = transport._prepared(transport._open(), request, self._timeouts)  # noqa: SLF001
        answer = await send()
        try:
            answer.headers.pop("set-cookie", None)
            content = await _read(request, answer, 1 << 20)
            reply = transport._reply(request, answer, content)  # noqa: SLF001
        finally:
            await answer.close()
        return decode(operation, request, judge(request, reply, operation.errors, STATUS_HINTS))


async def machinery(url: str, rounds: int = 100, times: int = 40) -> dict[str, float]:
    """CPU seconds of a call, and of the same without retries, hooks, limiter and limits."""
    async with AsyncDocassemble(url, KEY, transport="aiohttp") as da:
        await da.users.get_current()
        bare: Any = _Bare(da)
        works = {"whole": da.users.get_current, "bare": Users(bare).get_current}
        seen: dict[str, list[float]] = {name: [] for name in works}
        # Many short rounds: the difference is smaller than what disturbs long ones.
        for _ in range(rounds):
            for name, work in works.items():
                begun = time.process_time()
                for _ in range(times):
                    await work()
                seen[name].append((time.process_time() - begun) / times)
    return {name: statistics.median(all_) for name, all_ in seen.items()}


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
