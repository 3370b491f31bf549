"""Each fault with each kind of call: the error, and the number of requests."""

from __future__ import annotations

import asyncio
import gc
import pickle
import ssl
import tracemalloc
from contextlib import contextmanager, nullcontext
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
from tests.faults.scripts import FIRST_PATH, MEGABYTE, make_faults, respond_correctly
from tests.faults.server import Connection, Fault, FaultServer, serve, unused_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from pathlib import Path

    Call = Callable[[AsyncDocassemble, Path], Awaitable[object]]

pytestmark = pytest.mark.sockets

KEY = "exampleApiKey0123456789ABCDEFGHI"
SECRET = "hunter2"
NO_DELAY = RetryPolicy(attempts=3, initial_delay=0, max_delay=0)
"""Three attempts without a delay, and none if the server asks for one."""
SHORT_SECONDS = 0.05
"""Seconds after which the client stops waiting for the server."""
IDLE_SECONDS = 0.02
"""Seconds for which a kept connection is idle, so that what the server sends arrives."""
MAX_SECONDS = 2
"""Maximum idle seconds of a case, with all its attempts."""
# Created once, because this takes longer than most cases.
SSL_CONTEXT = ssl.create_default_context()

# The error class, and the number of requests that the server received. `ok` means no error,
# `large` means that the file is larger than allowed; both need one request.
#   get       users.get_current: safe to retry
#   list      users.list, all pages: safe to retry
#   create    users.create: no retry if the server may have processed the request
#   upload    playground.upload_files, 8 MB: same
#   session   sessions.set_variables: same; an interview may return any content
#   file      files.download to disk: safe to retry until the file begins to arrive
#   request   AsyncDocassemble.request: not known to be safe
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
503 retry after        ServerError      1      1      1      1      1       1      1
504 page               ServerError      3      3      1      1      1       3      1
429 retry after        RateLimited      1      1      1      1      1       1      1
413 at once            PayloadTooLarge  1      1      1      1      1       1      1
redirect               RedirectRefused  1      1      1      1      1       1      1
redirect 308           RedirectRefused  1      1      1      1      1       1      1
not modified           RedirectRefused  1      1      1      1      1       1      1
status 299             DecodeError      1      1      1      1      ok      ok     ok
status 999             ServerError      1      1      1      1      1       1      1
-- contents
truncated json         DecodeError      1      1      1      1      1       ok     ok
invalid utf-8          DecodeError      1      1      1      1      1       ok     ok
nan                    DecodeError      1      1      1      1      ok      ok     ok
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
endless                DecodeError      1      1      1      1      1       large  1
endless error          ServerError      1      1      1      1      1       1      1
1,000 headers          -                ok     ok     ok     ok     ok      ok     ok
header of 1 MB         MaybeSent        3      3      1      1      1       3      1
endless headers        MaybeSent        3      3      1      1      1       3      1
-- HTTP
gzip                   DecodeError      1      1      1      1      1       1      1
gzip 502 page          DecodeError      1      1      1      1      1       1      1
gzip, endless          DecodeError      1      1      1      1      1       1      1
unknown coding         DecodeError      1      1      1      1      1       1      1
cookie                 -                ok     ok     ok     ok     ok      ok     ok
garbage                MaybeSent        3      3      1      1      1       3      1
http/0.9               MaybeSent        3      3      1      1      1       3      1
wrong length           MaybeSent        3      3      1      1      1       3      1
interim responses      MaybeSent        3      3      1      1      1       3      1
-- after the response
second response        -                ok     ok     ok     ok     ok      ok     ok
blank lines            -                ok     ok     ok     ok     ok      ok     ok
endless responses      -                ok     ok     ok     ok     ok      ok     ok
-- early refusals
413 and reset          PayloadTooLarge  1      1      1      1      1       1      1
413 and closed         PayloadTooLarge  1      1      1      1      1       1      1
403 and reset          AccessDenied     1      1      1      1      1       1      1
-- the second request of a connection
closed when idle       -                ok     ok     ok     ok     ok      ok     ok
reset when idle        -                ok     ok     ok     ok     ok      ok     ok
408 when idle          -                ok     ok     ok     ok     ok      ok     ok
response when idle     -                ok     ok     ok     ok     ok      ok     ok
flood when idle        -                ok     ok     ok     ok     ok      ok     ok
surplus before         -                ok     ok     ok     ok     ok      ok     ok
closed when used       MaybeSent        3      3      1      1      1       3      1
reset when used        MaybeSent        3      3      1      1      1       3      1
"""
LARGE = {
    *("page of 10 MB", "endless", "endless error", "endless headers", "gzip, endless"),
    *("interim responses", "endless responses", "flood when idle"),
}
"""Faults with large responses, of which little may be kept in memory."""
KEPT = {
    *("closed when idle", "reset when idle", "408 when idle", "response when idle"),
    *("flood when idle", "surplus before", "closed when used", "reset when used"),
}
"""Faults of a connection that is kept after another call."""
LIMITS = {
    "stall before headers": {"read": SHORT_SECONDS},
    "stall in headers": {"read": SHORT_SECONDS},
    "stall in body": {"read": SHORT_SECONDS},
    "never reads the body": {"read": SHORT_SECONDS, "write": SHORT_SECONDS},
}
"""Faults that only a timeout ends."""


async def _list_users(da: AsyncDocassemble, _: Path) -> list[object]:
    return [user async for user in da.users.list()]


CALLS: dict[str, Call] = {
    "get": lambda da, _: da.users.get_current(),
    "list": _list_users,
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
        for name, outcome in zip(names, rest[1:], strict=True):
            error = {"ok": "", "large": "DownloadTooLarge"}.get(outcome, rest[0])
            requests = int(outcome) if outcome.isdecimal() else 1
            cases.append(pytest.param(fault, name, error, requests, id=f"{fault}-{name}"))
    return cases


@pytest.fixture(autouse=True)
def limit_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore proxies, and lower the maximum body size, so that excess memory is noticed."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(transport_module, "MAX_BODY_BYTES", 4 * MEGABYTE)


def make_client(url: str, library: str = "", **limits: float) -> AsyncDocassemble:
    """Create a client that makes three attempts without a delay."""
    options: dict[str, Any] = {"transport": library} if library else {}
    timeout = Timeouts(**limits)
    return AsyncDocassemble(
        url, KEY, retry=NO_DELAY, timeout=timeout, verify=SSL_CONTEXT, **options
    )


async def _run_call(fault: str, call: Call, folder: Path, library: str) -> tuple[Any, FaultServer]:
    """Make the call with the fault; no other server is called and no connection stays open."""
    async with serve(respond_correctly()) as other_server:
        faults_by_name: dict[str, Fault] = {
            "refused": respond_correctly(),
            **make_faults(other_server.url),
        }
        async with serve(faults_by_name[fault]) as server:
            url = unused_url() if fault == "refused" else server.url
            async with make_client(url, library, **LIMITS.get(fault, {})) as da:
                if fault in KEPT:
                    await da.request("GET", FIRST_PATH)
                    await asyncio.sleep(IDLE_SECONDS)
                error = await _get_error(call(da, folder))
            await server.wait_all_closed()
        assert other_server.connections == 0
    return error, server


async def _get_error(call: Awaitable[object]) -> DocassembleError | None:
    try:
        async with asyncio.timeout(MAX_SECONDS):
            await call
    except DocassembleError as error:
        return error
    return None


@contextmanager
def _limit_memory(max_bytes: int) -> Generator[None]:
    """Check that the block allocates no more than that at once."""
    gc.collect()
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < max_bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    # httpx2 is httpx with other imports.
    "library",
    ["httpx", pytest.param("httpx2", marks=pytest.mark.slow), "aiohttp"],
)
@pytest.mark.parametrize(("fault", "name", "error", "request_count"), _cases())
async def test_every_fault_has_the_documented_outcome(
    tmp_path: Path, fault: str, name: str, error: str, request_count: int, library: str
) -> None:
    """A fault ends in its error, in time, with little memory, without a forbidden retry."""
    with _limit_memory(32 * MEGABYTE) if fault in LARGE else nullcontext():
        actual_error, server = await _run_call(fault, CALLS[name], tmp_path, library)

    assert (type(actual_error).__name__ if actual_error else "") == error
    requests = [request for request in server.requests if request.path != FIRST_PATH]
    assert len(requests) == request_count
    assert all("cookie" not in request.headers for request in server.requests)
    assert [path.name for path in tmp_path.iterdir()] == (
        ["a"] if name == "file" and not error else []
    )
    if actual_error:
        assert SECRET not in f"{actual_error} {actual_error!r}"
        assert KEY not in f"{actual_error} {actual_error!r} {vars(actual_error)}"
        assert actual_error.operation
        assert actual_error.request_number is not None
        assert str(pickle.loads(pickle.dumps(actual_error))) == str(actual_error)  # noqa: S301 - our own


async def test_a_raw_request_is_retried_if_it_is_safe() -> None:
    """With safe=True, a request is retried even if the server may have processed it."""
    async with serve(make_faults("")["reset in body"]) as server, make_client(server.url) as da:
        with pytest.raises(MaybeSent):
            await da.request("POST", "/x", safe=True)
        assert len(server.requests) == 3


@pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"])
async def test_a_cookie_is_not_sent_back(tmp_path: Path, library: str) -> None:
    """The session cookie of a response is not sent with later requests."""
    async with (
        serve(make_faults("")["cookie"]) as server,
        make_client(server.url, library) as da,
    ):
        for call in CALLS.values():
            response = await call(da, tmp_path)
            assert SECRET not in repr(getattr(response, "headers", ""))

    assert server.connections == 1
    assert len(server.requests) == len(CALLS)
    assert not any("cookie" in request.headers for request in server.requests)


async def test_a_response_of_any_size_stays_within_the_memory_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call keeps at most 64 MiB of a response, and 64 KiB of that in the error."""
    monkeypatch.undo()  # the smaller limit of the other tests
    async with serve(make_faults("")["endless"]) as server, make_client(server.url) as da:
        with _limit_memory(160 * MEGABYTE):
            error = await _get_error(da.users.get_current())

    assert isinstance(error, DecodeError)
    assert "larger than 64 MiB" in str(error)
    assert len(error.content) == 65536


@pytest.mark.parametrize("name", ["get", "file"])
async def test_the_total_timeout_ends_an_endless_response(tmp_path: Path, name: str) -> None:
    """The total timeout also applies while the body arrives slowly."""

    async def drip(connection: Connection) -> None:
        await connection.receive_request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            await connection.send(b" ")
            await asyncio.sleep(0.01)

    async with serve(drip) as server, make_client(server.url, total=0.1) as da:
        error = await _get_error(CALLS[name](da, tmp_path))
        await server.wait_all_closed()

    assert isinstance(error, RequestTimeout)
    assert list(tmp_path.iterdir()) == []
