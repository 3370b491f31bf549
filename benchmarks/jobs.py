"""Jobs of many calls: number of calls to the least, and time to that of raw aiohttp."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from contextlib import AsyncExitStack
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from benchmarks.job_server import LETTER
from benchmarks.server import SESSIONS
from docassemble_client import AsyncDocassemble
from docassemble_client.events import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

CONCURRENCY = 4
"""How many calls are in flight, on both sides: `assemble_many` and `sync` use 4 by default."""
MAX_REQUEST_FILES = 900
_FOLDERS = ("questions", "templates", "static", "sources", "modules")


@frozen(kw_only=True)
class JobResult:
    """
    A measured job.

    Attributes:
        calls: Calls that this client made.
        least_calls: The least calls that the API needs, which raw aiohttp makes.
        seconds: Wall time of this client.
        raw_seconds: Wall time of raw aiohttp.
        ratio: Median ratio of both times in the same round.
    """

    calls: int
    least_calls: int
    seconds: float
    raw_seconds: float
    ratio: float


class Scripts(Protocol):
    """
    The jobs, each for a number of items, in a round.

    A job that ends with `_new` makes what `_again` finds.
    """

    async def open_round(self, round_id: str) -> None:
        """Create and open the project of a round."""
        ...

    async def export(self, items: int, round_id: str) -> None:
        """Read all sessions with their answers."""
        ...

    async def sync_new(self, items: int, round_id: str) -> None:
        """Copy new files to the project, which is empty."""
        ...

    async def sync_again(self, items: int, round_id: str) -> None:
        """Compare the same files with those of the project."""
        ...

    async def ensure_new(self, items: int, round_id: str) -> None:
        """Create accounts that do not exist."""
        ...

    async def ensure_again(self, items: int, round_id: str) -> None:
        """Find that the same accounts exist."""
        ...

    async def assemble(self, items: int, round_id: str) -> None:
        """Assemble a letter for each row, whose answers are set at once."""
        ...


JOBS = {
    "export": ("sessions exported with their answers", SESSIONS),
    "sync_new": ("new files synced to a project", 1000),
    "sync_again": ("equal files synced again", 1000),
    "ensure_new": ("new users ensured", 100),
    "ensure_again": ("existing users ensured again", 100),
    "assemble": ("rows assembled with `initial=`", 500),
}
"""Names of the jobs, with the unit and the number of their items."""
_LONG_JOBS = ("export", "sync_again", "assemble")  # they need no round to fill caches


async def run_concurrently(
    function: Callable[[Any], Awaitable[object]], items: Iterable[Any]
) -> None:
    """Call a function for each item, `CONCURRENCY` at a time."""
    remaining = iter(items)

    async def work() -> None:
        for item in remaining:
            await function(item)

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))


def make_files(folder: Path, number: int) -> None:
    """Write files for `sync`."""
    static = folder / "static"
    static.mkdir(exist_ok=True)
    for index in range(number):
        (static / f"file{index}.txt").write_text(f"{index}" * 100)


def list_addresses(items: int, round_id: str) -> list[str]:
    """Return the e-mail addresses of the accounts of a round."""
    return [f"user{index}.{round_id}@example.com" for index in range(items)]


class OurScripts:
    """The jobs by this client: one method for each."""

    def __init__(self, da: AsyncDocassemble, slow_da: AsyncDocassemble, folder: Path) -> None:
        self._da = da
        self._slow_da = slow_da
        self._folder = folder

    async def open_round(self, round_id: str) -> None:
        self._project = self._da.project(f"ours{round_id}", create=True)
        await self._project.__aenter__()

    async def export(self, items: int, _: str) -> None:
        sessions = [session async for session in self._slow_da.export_sessions()]
        assert len(sessions) == items

    async def sync_new(self, items: int, _: str) -> None:
        assert len((await self._project.sync(self._folder)).changes) == items

    async def sync_again(self, items: int, _: str) -> None:
        assert (await self._project.sync(self._folder)).unchanged == items

    async def ensure_new(self, items: int, round_id: str) -> None:
        profiles: dict[str, Any] = {key: {} for key in list_addresses(items, f"ours{round_id}")}
        users = self._da.ensure_users(profiles, privileges=["user"])
        assert len([ensured.user async for ensured in users]) == items

    ensure_again = ensure_new

    async def assemble(self, items: int, _: str) -> None:
        rows = [{"name": f"Ada {index}"} for index in range(items)]
        results = self._da.interview(LETTER).assemble_many(
            rows, initial=lambda row: row, concurrency=CONCURRENCY
        )
        async for result in results:
            assert result.outcome == "done"


class RawScripts:
    """The jobs by aiohttp and json.loads, in the least number of calls."""

    def __init__(self, session: Any, slow_url: str, folder: Path) -> None:
        self._session = session
        self._slow_url = slow_url
        self._paths = sorted((folder / "static").iterdir())

    async def open_round(self, round_id: str) -> None:
        await self._post("/api/playground/project", project=f"raw{round_id}")

    async def _get(self, path: str, **query: Any) -> Any:
        async with self._session.get(path, params=query) as response:
            content = await response.read()
            return json.loads(content) if response.content_type == "application/json" else content

    async def _post(self, path: str, **body: Any) -> Any:
        async with self._session.post(path, json=body) as response:
            return json.loads(await response.read() or b"null")

    async def export(self, items: int, _: str) -> None:
        query: dict[str, Any] = {"include_dictionary": 1}
        sessions: list[Any] = []
        while True:
            page = await self._get(f"{self._slow_url}/api/users/interviews", **query)
            sessions += page["items"]
            if page["next_id"] is None:
                break
            query["next_id"] = page["next_id"]
        assert len(sessions) == items

    async def _list_folders(self, project: str) -> set[str]:
        names: set[str] = set()
        for folder in _FOLDERS:
            names.update(await self._get("/api/playground", folder=folder, project=project))
        return names

    async def sync_new(self, items: int, round_id: str) -> None:
        aiohttp: Any = import_module("aiohttp")
        project = f"raw{round_id}"
        existing = await self._list_folders(project)
        paths = [path for path in self._paths if path.name not in existing]
        for start in range(0, items, MAX_REQUEST_FILES):
            form = aiohttp.FormData({"folder": "static", "project": project})
            for path in paths[start : start + MAX_REQUEST_FILES]:
                form.add_field("file", path.read_bytes(), filename=path.name)
            async with self._session.post("/api/playground", data=form) as response:
                await response.read()

    async def sync_again(self, items: int, round_id: str) -> None:
        project = f"raw{round_id}"
        assert len(await self._list_folders(project)) >= items

        async def compare(path: Path) -> None:
            content = await self._get(
                "/api/playground", folder="static", project=project, filename=path.name
            )
            assert content == path.read_bytes()

        await run_concurrently(compare, self._paths)

    async def ensure_new(self, items: int, round_id: str) -> None:
        query: dict[str, Any] = {"include_inactive": 1}
        existing: set[str] = set()
        while True:
            page = await self._get("/api/user_list", **query)
            existing.update(item["email"] for item in page["items"])
            if page["next_id"] is None:
                break
            query["next_id"] = page["next_id"]
        for address in list_addresses(items, f"raw{round_id}"):
            if address not in existing:
                new = await self._post("/api/user/new", username=address, privileges=["user"])
                await self._get(f"/api/user/{new['user_id']}")

    ensure_again = ensure_new

    async def assemble(self, items: int, _: str) -> None:
        async def assemble_row(index: int) -> None:
            new = await self._get("/api/session/new", i=LETTER)
            keys = {key: new[key] for key in ("i", "session", "secret")}
            reply = await self._post("/api/session", **keys, variables={"name": f"Ada {index}"})
            (number,) = [item["number"]["pdf"] for item in reply["attachments"]]
            assert (await self._get(f"/api/file/{number}")).startswith(b"%PDF-")
            query = {key: new[key] for key in ("i", "session")}
            async with self._session.delete("/api/session", params=query) as response:
                await response.read()

        await run_concurrently(assemble_row, range(items))


@frozen
class JobServers:
    """
    The servers of the jobs.

    Attributes:
        url: Address of the fake server.
        key: API key of the fake server.
        slow_url: Address of prepared pages; each takes 50 ms.
    """

    url: str
    key: str
    slow_url: str


async def measure_jobs(servers: JobServers, *, rounds: int = 3) -> dict[str, JobResult]:
    """Measure both sides of each job in turns, after a short round that fills caches."""
    aiohttp: Any = import_module("aiohttp")
    calls = count()

    def count_call(event: object) -> None:
        if isinstance(event, RequestEvent):
            next(calls)

    async def count_raw_call(*_: object) -> None:
        next(calls)

    options: Any = {"transport": "aiohttp", "on_event": count_call}
    seconds: dict[tuple[str, str], list[float]] = {}
    call_counts: dict[tuple[str, str], int] = {}
    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(count_raw_call)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        make_files(folder, JOBS["sync_new"][1])
        da, slow_da = [
            await stack.enter_async_context(AsyncDocassemble(url, servers.key, **options))
            for url in (servers.url, servers.slow_url)
        ]
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                servers.url,
                headers={"X-API-Key": servers.key},
                raise_for_status=True,
                trace_configs=[trace],
            )
        )
        sides: dict[str, Scripts] = {
            "ours": OurScripts(da, slow_da, folder),
            "raw": RawScripts(session, servers.slow_url, folder),
        }
        for number in range(rounds + 1):
            for scripts in sides.values():
                await scripts.open_round(f"{number}")
            for name, (_, items) in JOBS.items():
                is_warm_up = number == 0 and name in _LONG_JOBS
                for side in (*sides,) if number % 2 else (*reversed(sides),):
                    if is_warm_up:
                        continue
                    first_call, start = next(calls), time.perf_counter()
                    await getattr(sides[side], name)(items, f"{number}")
                    elapsed = time.perf_counter() - start
                    call_counts[name, side] = next(calls) - first_call - 1
                    if number:
                        seconds.setdefault((name, side), []).append(elapsed)
    return {
        name: JobResult(
            calls=call_counts[name, "ours"],
            # The list of users grows by a page with each round.
            least_calls=min(call_counts[name, side] for side in ("ours", "raw")),
            seconds=statistics.median(seconds[name, "ours"]),
            raw_seconds=statistics.median(seconds[name, "raw"]),
            ratio=statistics.median(
                map(float.__truediv__, seconds[name, "ours"], seconds[name, "raw"])
            ),
        )
        for name in JOBS
    }
