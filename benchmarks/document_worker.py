"""
Assembles documents on a real server: reads orders as lines of JSON and prints seconds.

It also runs with the version of this package with which `documents` compares.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FORM = "docassemble.base:data/questions/examples/pdf-fill.yml"
_ANSWERS = {
    "introduction_shown": True,
    **{f"likes_{name}": True for name in ("apples", "oranges", "pears", "toast")},
}
_DRIVEN_ANSWERS = {
    "user.name.first": "Ada",
    "user.name.last": "Lovelace",
    "user.organization": "Example Legal Aid",
    **_ANSWERS,
}


def _make_raw_object() -> dict[str, Any]:
    module = "docassemble.base.util"
    name = {"_class": f"{module}.IndividualName", "instanceName": "user.name"}
    return {
        "_class": f"{module}.Individual",
        "instanceName": "user",
        "name": {**name, "first": "Ada", "last": "Lovelace"},
        "organization": "Example Legal Aid",
    }


async def _assemble_raw(url: str, key: str, rows: int, concurrency: int) -> float:
    """Assemble by raw aiohttp: start, set and run, download, delete."""
    aiohttp: Any = import_module("aiohttp")
    remaining = iter(range(rows))
    variables = {"user": _make_raw_object(), **_ANSWERS}

    async def assemble_row() -> None:
        async with session.get("/api/session/new", params={"i": FORM}) as response:
            new = json.loads(await response.read())
        body = {"i": FORM, "session": new["session"], "secret": new["secret"]}
        async with session.post("/api/session", json={**body, "variables": variables}) as response:
            reply = json.loads(await response.read())
        number = reply["attachments"][0]["number"]["pdf"]
        async with session.get(f"/api/file/{number}") as response:
            assert (await response.read()).startswith(b"%PDF-")
        query = {"i": FORM, "session": new["session"]}
        async with session.delete("/api/session", params=query) as response:
            await response.read()

    async def work() -> None:
        for _ in remaining:
            await assemble_row()

    async with aiohttp.ClientSession(
        url, headers={"X-API-Key": key}, raise_for_status=True
    ) as session:
        start = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        return time.perf_counter() - start


async def _assemble_ours(
    url: str, key: str, rows: int, concurrency: int, *, is_driven: bool
) -> float:
    """Assemble by `assemble_many`, screen by screen or with `initial=`."""
    package: Any = import_module("docassemble_client")
    answers: dict[str, Any] = _DRIVEN_ANSWERS
    options: dict[str, Any] = {"concurrency": concurrency}
    if not is_driven:
        name = package.DAObject("IndividualName", first="Ada", last="Lovelace")
        user = package.DAObject("Individual", name=name, organization="Example Legal Aid")
        answers = {"user": user, **_ANSWERS}
        options["initial"] = lambda row: row
    async with package.AsyncDocassemble(url, key, transport="aiohttp") as da:
        start = time.perf_counter()
        batch = da.interview(FORM).assemble_many([answers] * rows, **options)
        async for result in batch:
            assert result.outcome == "done", result
        return time.perf_counter() - start


async def _run_order(url: str, key: str, order: dict[str, Any]) -> float:
    run: Callable[..., Awaitable[float]] = _assemble_ours
    options = {"is_driven": order["work"] == "driven"}
    if order["work"] == "raw":
        run, options = _assemble_raw, {}
    return await run(url, key, order["rows"], order["concurrency"], **options)


def main() -> None:
    """Run orders until the standard input ends."""
    url, key = os.environ["DOCASSEMBLE_URL"], os.environ["DOCASSEMBLE_API_KEY"]
    for line in sys.stdin:
        print(json.dumps(asyncio.run(_run_order(url, key, json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
