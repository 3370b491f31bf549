"""Each fault under each kind of call: what comes out, and how often the server was asked."""

from __future__ import annotations

import asyncio
import gc
import pickle
import ssl
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DecodeError,
    DocassembleError,
    MaybeSent,
    RequestTimeout,
    RetryPolicy,
    Timeouts,
)
from docassemble_client._http import transport as transport_module
from tests.faults.scripts import MEGABYTE, adding, faults
from tests.faults.server import Bench, Connection, Fault, nobody, serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Call = Callable[[AsyncDocassemble, Path], Awaitable[object]]

KEY = "exampleApiKey0123456789ABCDEFGHI"
SECRET = "hunter2"
AT_ONCE = RetryPolicy(attempts=3, initial_delay=0, max_delay=0)
"""Three attempts without a pause, however long the server asks to wait."""
SHORT = 0.05
"""Seconds after which the client gives a silent server up."""
LONGEST = 2
"""Seconds in which nothing happens that no case may take, with all its attempts."""
# Made once, as it takes longer than most cases.
CONTEXT = ssl.create_default_context()

# The class of the error, and how many requests the server saw; where no error is due: ok, and
# where the file is larger than the caller allowed: large, both after one request.
#   get       users.get_current, may be repeated whatever happened
#   list      users.list, all pages, likewise
#   create    users.create, must not be repeated if the server may have processed it
#   upload    playground.upload_files, 8 MB, likewise
#   session   sessions.set_variables, likewise; an interview may answer with anything
#   file      files.download to disk, may be repeated until the file begins to come
#   request   the escape hatch, of which nobody knows whether it may be repeated
TABLE = """
fault                  error            get    list   create upload session file   request
-- the connection
refused                NotSent          0      0      0      0      0       0      0
reset at once          MaybeSent        0      0      0      0      0       0      0
reset before headers   MaybeSent        3      3      1      1      1       3      1
closed before headers  MaybeSent        3      3      1      1      1       3      1
reset in headers       MaybeSent        3      3      1      1      1       3      1
reset after headers    MaybeSent        3      3      1      1      1       1      1
reset in body          MaybeSent        3      3      1      1      1       1      1
closed in body         MaybeSent        3      3      1      1      1       1      1
closed in chunk        MaybeSent        3      3      1      1      1       1      1
stall before headers   RequestTimeout   3      3      1      1      1       3      1
stall in headers       RequestTimeout   3      3      1      1      1       3      1
stall in body          RequestTimeout   3      3      1      1      1       1      1
never reads the body   RequestTimeout   3      3      1      1      1       3      1
-- proxies and other servers
502 page               ServerError      3      3      1      1      1       3      1
503 retry after        ServerError      3      3      1      1      1       3      1
504 page               ServerError      3      3      1      1      1       3      1
429 retry after        RateLimited      3      3      3      3      3       3      3
413 at once            PayloadTooLarge  1      1      1      1      1       1      1
redirect               RedirectRefused  1      1      1      1      1       1      1
redirect 308           RedirectRefused  1      1      1      1      1       1      1
not modified           RedirectRefused  1      1      1      1      1       1      1
status 299             DecodeError      1      1      1      1      ok      ok     ok
status 999             ServerError      1      1      1      1      1       1      1
-- contents
truncated json         DecodeError      1      1      1      1      1       ok     ok
invalid utf-8          DecodeError      1      1      1      1      1       ok     ok
nan                    DecodeError      1      1      1      1      1       ok     ok
wrong types            DecodeError      1      1      1      1      ok      ok     ok
number too long        DecodeError      1      1      1      1      1       ok     ok
nested too deep        DecodeError      1      1      1      1      1       ok     ok
empty body             DecodeError      1      1      1      1      1       ok     ok
page                   DecodeError      1      1      1      1      ok      ok     ok
json as text           DecodeError      1      1      1      1      ok      ok     ok
no content type        DecodeError      1      1      1      1      ok      ok     ok
rubbish type           DecodeError      1      1      1      1      ok      ok     ok
-- sizes
page of 10 MB          ServerError      1      1      1      1      1       1      1
bomb                   DecodeError      1      1      1      1      1       large  1
bomb as error          ServerError      1      1      1      1      1       1      1
endless                DecodeError      1      1      1      1      1       large  1
endless error          ServerError      1      1      1      1      1       1      1
1,000 headers          -                ok     ok     ok     ok     ok      ok     ok
header of 1 MB         MaybeSent        3      3      1      1      1       3      1
endless headers        MaybeSent        3      3      1      1      1       3      1
-- HTTP
broken gzip            DecodeError      1      1      1      1      1       1      1
truncated gzip         DecodeError      1      1      1      1      1       1      1
cookie                 -                ok     ok     ok     ok     ok      ok     ok
garbage                MaybeSent        3      3      1      1      1       3      1
http/0.9               MaybeSent        3      3      1      1      1       3      1
wrong length           MaybeSent        3      3      1      1      1       3      1
"""
LARGE = {"page of 10 MB", "bomb", "bomb as error", "endless", "endless error", "endless headers"}
"""Where much comes, and little of it may be kept."""
LIMITS = {
    "stall before headers": {"read": SHORT},
    "stall in headers": {"read": SHORT},
    "stall in body": {"read": SHORT},
    "never reads the body": {"read": SHORT, "write": SHORT},
}
"""Where nothing else than a limit ends the call."""


async def _every(da: AsyncDocassemble, _: Path) -> list[object]:
    return [user async for user in da.users.list()]


CALLS: dict[str, Call] = {
    "get": lambda da, _: da.users.get_current(),
    "list": _every,
    "create": lambda da, _: da.users.create("jane@example.com"),
    "upload": lambda da, _: da.playground.upload_files([bytes(8 * MEGABYTE)]),
    "session": lambda da, _: da.sessions.set_variables("a", "b", secret=SECRET, variables={"x": 1}),
    "file": lambda da, folder: da.files.download(17).save(folder / "a", max_size=4 * MEGABYTE),
    "request": lambda da, _: da.request("POST", "/x", json={"x": SECRET}),
}


def _cases() -> list[Any]:
    head, *rows = [line for line in TABLE.strip().splitlines() if not line.startswith("--")]
    names = head.split()[2:]
    cases: list[Any] = []
    for row in rows:
        fault, rest = row[:23].strip(), row[23:].split()
        for name, cell in zip(names, rest[1:], strict=True):
            error = {"ok": "", "large": "DownloadTooLarge"}.get(cell, rest[0])
            seen = int(cell) if cell.isdecimal() else 1
            cases.append(pytest.param(fault, name, error, seen, id=f"{fault}-{name}"))
    return cases


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go past any proxy, and keep little in memory, so that keeping more is noticed."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(transport_module, "_LARGEST", 4 * MEGABYTE)


def client(url: str, library: str = "", **limits: float) -> AsyncDocassemble:
    """Make a client that tries three times without a pause."""
    options: dict[str, Any] = {"transport": library} if library else {}
    timeout = Timeouts(**limits)
    return AsyncDocassemble(url, KEY, retry=AT_ONCE, timeout=timeout, verify=CONTEXT, **options)


async def _play(fault: str, call: Call, folder: Path, library: str) -> tuple[Any, Bench]:
    """Make the call under the fault; nobody else may hear of it, and no connection stay open."""
    async with serve(adding()) as elsewhere:
        scripts: dict[str, Fault] = {"refused": adding(), **faults(elsewhere.url)}
        async with serve(scripts[fault]) as bench:
            url = nobody() if fault == "refused" else bench.url
            async with client(url, library, **LIMITS.get(fault, {})) as da:
                outcome = await _outcome(call(da, folder))
            await bench.all_gone()
        assert elsewhere.connections == 0
    return outcome, bench


async def _outcome(call: Awaitable[object], longest: float = LONGEST) -> DocassembleError | None:
    try:
        async with asyncio.timeout(longest):
            await call
    except DocassembleError as error:
        return error
    return None


def _peak(run: Callable[[], Any]) -> tuple[Any, int]:
    gc.collect()
    tracemalloc.start()
    try:
        result = run()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("library", ["", "aiohttp"])
@pytest.mark.parametrize(("fault", "name", "error", "seen"), _cases())
def test_every_fault_ends_as_documented(  # one case each
    tmp_path: Path, fault: str, name: str, error: str, seen: int, library: str
) -> None:
    """A fault ends in its error, in time, in little memory, without a forbidden repetition."""

    def run() -> tuple[Any, Bench]:
        return asyncio.run(_play(fault, CALLS[name], tmp_path, library))

    (outcome, bench), peak = _peak(run) if fault in LARGE else (run(), 0)

    assert (type(outcome).__name__ if outcome else "") == error
    assert len(bench.received) == seen
    assert peak < 32 * MEGABYTE
    assert all("cookie" not in one.headers for one in bench.received)
    assert [one.name for one in tmp_path.iterdir()] == (
        ["a"] if name == "file" and not error else []
    )
    if outcome:
        assert SECRET not in f"{outcome} {outcome!r}"
        assert KEY not in f"{outcome} {outcome!r} {vars(outcome)}"
        assert outcome.operation
        assert str(pickle.loads(pickle.dumps(outcome))) == str(outcome)  # noqa: S301 - our own


def test_the_escape_hatch_repeats_what_its_caller_calls_safe() -> None:
    """With safe=True a request is repeated although the server may have processed it."""

    async def scenario() -> int:
        async with serve(faults("")["reset in body"]) as bench, client(bench.url) as da:
            with pytest.raises(MaybeSent):
                await da.request("POST", "/x", safe=True)
            return len(bench.received)

    assert asyncio.run(scenario()) == 3


@pytest.mark.parametrize("library", ["", "aiohttp"])
def test_a_cookie_is_not_sent_back(tmp_path: Path, library: str) -> None:
    """The login that the server sets with an answer goes into no later request."""

    async def scenario() -> Bench:
        async with serve(faults("")["cookie"]) as bench, client(bench.url, library) as da:
            for call in CALLS.values():
                answer = await call(da, tmp_path)
                assert SECRET not in repr(getattr(answer, "headers", ""))
            return bench

    bench = asyncio.run(scenario())

    assert bench.connections == 1
    assert len(bench.received) == len(CALLS)
    assert not any("cookie" in one.headers for one in bench.received)


@pytest.mark.parametrize("fault", ["bomb", "endless"])
def test_an_answer_of_any_size_stays_within_its_cap(
    monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """An ordinary call keeps at most 64 MiB of an answer, and little of that in the error."""
    # By the machine's clock, so with a limit that does not expire because it is busy.
    monkeypatch.undo()

    async def scenario() -> DocassembleError | None:
        async with serve(faults("")[fault]) as bench, client(bench.url) as da:
            return await _outcome(da.users.get_current(), longest=600)

    error, peak = _peak(lambda: asyncio.run(scenario()))

    assert isinstance(error, DecodeError)
    assert "larger than 64 MiB" in str(error)
    assert len(error.content) == 65536
    assert peak < 160 * MEGABYTE


@pytest.mark.parametrize("name", ["get", "file"])
def test_a_server_that_never_ends_is_left_at_the_deadline(tmp_path: Path, name: str) -> None:
    """The limit for the whole call also holds while the body comes, drop by drop."""

    async def drip(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            await connection.send(b" ")
            await asyncio.sleep(0.01)

    async def scenario() -> DocassembleError | None:
        async with serve(drip) as bench, client(bench.url, total=0.1) as da:
            outcome = await _outcome(CALLS[name](da, tmp_path))
            await bench.all_gone()
        return outcome

    outcome = asyncio.run(scenario())

    assert isinstance(outcome, RequestTimeout)
    assert list(tmp_path.iterdir()) == []
