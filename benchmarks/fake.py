"""`python -m benchmarks.fake [--write]`: compare the speed of the fake server and a real one."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, TypeAlias

from docassemble_client import AsyncDocassemble
from docassemble_client.testing import FakeServer
from docassemble_client.testing.server import LATEST_VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Calls: TypeAlias = dict[str, list[float]]

PAGE = Path(__file__).parents[1] / "docs" / "fake-server.md"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
ANSWERS: dict[str, Any] = {"favorite_number": 42, "user_agrees_to_waive_penalties": True}
ROUNDS = 20
MAX_START_MS, MIN_SPEEDUP = 50.0, 20.0
_IMPORT = (
    # If click is installed, httpx imports it for a command line of its own.
    "import sys, time; sys.modules['click'] = None; start = time.perf_counter(); "
    "import docassemble_client.testing; "
    "print(time.perf_counter() - start)"
)
_PAGE = """
# Speed of the fake server and a real server

Written by `python -m benchmarks.fake --write`: milliseconds on one machine, which also runs
docassemble {version} and its database, with Python {python}, {date}. Each value is the minimum of
{rounds} measurements.

| start of the fake server | milliseconds |
| --- | ---: |
{starts}

| call | real server | fake, over HTTP | fake, in the process | times faster in the process |
| --- | ---: | ---: | ---: | ---: |
{calls}

All calls together are {over_http:.0f} times faster with the fake server over HTTP, and
{in_process:.0f} times faster in the process.
"""


def measure_ms(function: Callable[[], object]) -> float:
    """Measure the milliseconds of a function."""
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1000


def measure_starts() -> dict[str, float]:
    """Measure the milliseconds until a server has started; minimum of many measurements."""
    imports = (subprocess.check_output([sys.executable, "-c", _IMPORT]) for _ in range(ROUNDS))
    return {
        "`FakeServer()`": min(measure_ms(FakeServer) for _ in range(ROUNDS)),
        "`fake.serve()`, until its first response": min(measure_serving() for _ in range(ROUNDS)),
        "import, once per process": min(float(output) * 1000 for output in imports),
    }


def measure_serving() -> float:
    """Measure the milliseconds until the first response over HTTP."""

    async def get_health(url: str) -> None:
        async with AsyncDocassemble(url, "none") as da:
            await da.server.get_health()

    with ExitStack() as stack:
        return measure_ms(
            lambda: asyncio.run(get_health(stack.enter_context(FakeServer().serve())))
        )


async def measure_calls(da: AsyncDocassemble) -> dict[str, float]:
    """Measure the milliseconds of calls, one after the other; minimum of many rounds."""
    times_by_call: Calls = {}

    async def measure(name: str, call: Awaitable[Any]) -> Any:
        start = time.perf_counter()
        result = await call
        times_by_call.setdefault(name, []).append((time.perf_counter() - start) * 1000)
        return result

    for _ in range(ROUNDS):
        await measure("users.get_current", da.users.get_current())
        await measure("users.list", da.users.list())
        await measure("interviews.list", da.interviews.list())
        s = await measure("sessions.start", da.sessions.start(QUESTIONLESS))
        session = (s.i, s.session)
        await measure("sessions.get_question", da.sessions.get_question(*session, secret=s.secret))
        answered = da.sessions.set_variables(*session, secret=s.secret, variables=ANSWERS)
        await measure("sessions.set_variables", answered)
        await measure(
            "sessions.get_variables", da.sessions.get_variables(*session, secret=s.secret)
        )
        await measure("sessions.delete", da.sessions.delete(*session))
    return {name: min(times) for name, times in times_by_call.items()}


def run_calls(make_client: Callable[[], AsyncDocassemble]) -> dict[str, float]:
    """Measure the calls with a new client."""

    async def measure_all() -> dict[str, float]:
        async with make_client() as da:
            return await measure_calls(da)

    return asyncio.run(measure_all())


def make_page(version: str) -> tuple[str, bool]:
    """
    Measure everything.

    Args:
        version: Version of the real server.

    Returns:
        The page, and whether the fake server is fast enough.
    """
    from tests.live.server import ensure_running

    starts = measure_starts()
    fake = FakeServer(version=version)
    in_process = run_calls(fake.client)
    with fake.serve() as url:
        over_http = run_calls(lambda: AsyncDocassemble(url, fake.api_key))
    server = ensure_running(version)
    real = run_calls(lambda: AsyncDocassemble(server.url, server.api_key))
    rows = [
        f"| {name} | {ms:.1f} | {over_http[name]:.2f} | {in_process[name]:.2f} "
        f"| {ms / in_process[name]:.0f} |"
        for name, ms in real.items()
    ]
    total = sum(real.values())
    text = _PAGE.lstrip().format(
        version=version,
        python=python_version(),
        date=f"{datetime.now(UTC):%d %B %Y}",
        rounds=ROUNDS,
        starts="\n".join(f"| {name} | {ms:.1f} |" for name, ms in starts.items()),
        calls="\n".join(rows),
        over_http=total / sum(over_http.values()),
        in_process=total / sum(in_process.values()),
    )
    is_slow = starts["`FakeServer()`"] >= MAX_START_MS
    return text, not is_slow and total / sum(in_process.values()) >= MIN_SPEEDUP


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Measure everything and print the page; with --write, write it to docs/.

    Args:
        arguments: Arguments; by default those of the command line.

    Returns:
        0 if the fake server is fast enough, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fake", description=__doc__)
    parser.add_argument("--version", default=LATEST_VERSION, help="version of the real server")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    options = parser.parse_args(arguments)
    text, is_fast = make_page(options.version)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    if not is_fast:
        limits = f"start in less than {MAX_START_MS:.0f} ms, {MIN_SPEEDUP:.0f} times faster"
        print(f"the fake server is too slow; limits: {limits}", file=sys.stderr)
    return 0 if is_fast else 1


if __name__ == "__main__":
    sys.exit(main())
