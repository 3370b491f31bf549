"""`python -m benchmarks.fake [--write]`: how fast the fake server is, beside a real one."""

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
from docassemble_client.testing.server import NEWEST

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Calls: TypeAlias = dict[str, list[float]]

PAGE = Path(__file__).parents[1] / "docs" / "fake-server.md"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
ANSWERS: dict[str, Any] = {"favorite_number": 42, "user_agrees_to_waive_penalties": True}
ROUNDS = 20
MOST_MILLISECONDS, LEAST_TIMES = 50.0, 20.0
_IMPORT = (
    "import time; begun = time.perf_counter(); import docassemble_client.testing; "
    "print(time.perf_counter() - begun)"
)
_PAGE = """
# The fake server beside a real one

Written by `python -m benchmarks.fake --write`: milliseconds on one machine, with docassemble
{version} and its database there too, Python {python}, {date}. Each is the best of {rounds}: what
else the machine does only adds to it.

| start of the fake server | milliseconds |
| --- | ---: |
{starts}

| call | real server | fake, served over HTTP | fake, in the process | times faster there |
| --- | ---: | ---: | ---: | ---: |
{calls}

All calls together are {served:.0f} times faster where the fake server is served over HTTP, and
{here:.0f} times in the process.
"""


def milliseconds(work: Callable[[], object]) -> float:
    """Measure one work."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def starts() -> dict[str, float]:
    """Milliseconds until there is a server, the best of many: what disturbs only adds to it."""
    imports = (subprocess.check_output([sys.executable, "-c", _IMPORT]) for _ in range(ROUNDS))
    return {
        "`FakeServer()`": min(milliseconds(FakeServer) for _ in range(ROUNDS)),
        "`fake.serve()`, until it has answered": min(served() for _ in range(ROUNDS)),
        "before: the import, once in a process": min(float(one) * 1000 for one in imports),
    }


def served() -> float:
    """Milliseconds until a server has answered over HTTP."""

    async def ask(url: str) -> None:
        async with AsyncDocassemble(url, "none") as da:
            await da.server.get_health()

    with ExitStack() as stack:
        return milliseconds(lambda: asyncio.run(ask(stack.enter_context(FakeServer().serve()))))


async def calls(da: AsyncDocassemble) -> dict[str, float]:
    """Milliseconds of each call, made one after the other."""
    seen: Calls = {}

    async def timed(name: str, call: Awaitable[Any]) -> Any:
        begun = time.perf_counter()
        result = await call
        seen.setdefault(name, []).append((time.perf_counter() - begun) * 1000)
        return result

    for _ in range(ROUNDS):
        await timed("users.get_current", da.users.get_current())
        await timed("users.list", da.users.list())
        await timed("interviews.list", da.interviews.list())
        s = await timed("sessions.start", da.sessions.start(QUESTIONLESS))
        place = (s.i, s.session)
        await timed("sessions.get_question", da.sessions.get_question(*place, secret=s.secret))
        answered = da.sessions.set_variables(*place, secret=s.secret, variables=ANSWERS)
        await timed("sessions.set_variables", answered)
        await timed("sessions.get_variables", da.sessions.get_variables(*place, secret=s.secret))
        await timed("sessions.delete", da.sessions.delete(*place))
    return {name: min(times) for name, times in seen.items()}


def measured(make: Callable[[], AsyncDocassemble]) -> dict[str, float]:
    """Measure the calls on a client."""

    async def job() -> dict[str, float]:
        async with make() as da:
            return await calls(da)

    return asyncio.run(job())


def page(version: str) -> tuple[str, bool]:
    """
    Measure everything.

    Args:
        version: Of the real server.

    Returns:
        The page, and whether what is promised was met.
    """
    from tests.live.server import ensure_running  # noqa: PLC0415 - not for Windows

    begun = starts()
    fake = FakeServer(version=version)
    here = measured(fake.client)
    with fake.serve() as url:
        over_http = measured(lambda: AsyncDocassemble(url, fake.api_key))
    server = ensure_running(version)
    real = measured(lambda: AsyncDocassemble(server.url, server.api_key))
    rows = [
        f"| {name} | {ms:.1f} | {over_http[name]:.2f} | {here[name]:.2f} | {ms / here[name]:.0f} |"
        for name, ms in real.items()
    ]
    all_real = sum(real.values())
    text = _PAGE.lstrip().format(
        version=version,
        python=python_version(),
        date=f"{datetime.now(UTC):%d %B %Y}",
        rounds=ROUNDS,
        starts="\n".join(f"| {name} | {ms:.1f} |" for name, ms in begun.items()),
        calls="\n".join(rows),
        served=all_real / sum(over_http.values()),
        here=all_real / sum(here.values()),
    )
    slow = begun["`FakeServer()`"] >= MOST_MILLISECONDS
    return text, not slow and all_real / sum(here.values()) >= LEAST_TIMES


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Measure, print, and write the page if told to.

    Args:
        arguments: Those of the command line by default.

    Returns:
        0 if the fake server starts and answers as fast as is promised.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fake", description=__doc__)
    parser.add_argument("--version", default=NEWEST, help="of the real server")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    options = parser.parse_args(arguments)
    text, met = page(options.version)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    if not met:
        promise = f"a start in under {MOST_MILLISECONDS:.0f} ms, {LEAST_TIMES:.0f} times faster"
        print(f"promised: {promise}", file=sys.stderr)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
