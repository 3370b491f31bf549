"""The total limit of a call: what it covers, what it does not, and what its error says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError, RequestTimeout
from docassemble_client.events import RequestEvent
from tests.core.responses import set_random
from tests.core.streams import StreamServer
from tests.mock import MockServer, build_response, get_loop_time, get_other_tasks, settle
from tests.raw_server import NO_RETRIES
from tests.session_pages import SessionPages, get_numbers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from docassemble_client.events import Event
    from tests.mock import MockResponse

HEALTH = build_response(200, {"ok": True, "server_start_time": 1.5, "version": "1.10.14"})
UNAVAILABLE = build_response(503, None, {"retry-after": "8"})
RATE_LIMITED = build_response(429, None, {"retry-after": "8"})
RETRY = RetryPolicy(initial_delay=8, attempts=9)
QUESTION = {"questionType": "deadend"}


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every delay as long as it can be."""
    set_random(monkeypatch, 0.0)


def call_safe(da: AsyncDocassemble) -> Awaitable[object]:
    return da.server.get_health()


def call_unsafe(da: AsyncDocassemble) -> Awaitable[object]:
    return da.users.create("jane@example.com")


async def get_timeout(
    server: MockServer,
    call: Callable[[AsyncDocassemble], Awaitable[object]] = call_safe,
    total: float = 20,
    **options: Any,
) -> RequestTimeout:
    """Return the error of a call that takes longer than `total` seconds."""
    timeout = Timeouts(total=total)
    async with server.make_client(timeout=timeout, retry=RETRY, **options) as da:
        with pytest.raises(RequestTimeout) as caught:
            await call(da)
        assert get_loop_time() == total
        assert server.active_requests == 0
        assert get_other_tasks() == set()
        return caught.value


async def test_the_limit_covers_all_attempts_and_delays() -> None:
    """Attempts of one second after delays of 8 and 16: the second delay is cut at 20 seconds."""
    server = MockServer(lambda _: UNAVAILABLE)
    server.delay = lambda _: 1.0

    error = await get_timeout(server)

    assert len(server.requests) == 2
    assert error.message == "the call took longer than 20 s"
    assert (error.operation, error.path) == ("server.get_health", "/health_status")


async def test_a_call_that_ends_in_time_is_not_limited() -> None:
    """Retries are possible within the limit."""
    responses = iter([UNAVAILABLE, UNAVAILABLE, HEALTH])
    server = MockServer(lambda _: next(responses))

    async with server.make_client(timeout=Timeouts(total=20)) as da:
        await da.server.get_health(retry=RetryPolicy(initial_delay=0))
        assert get_loop_time() == 16


@pytest.mark.parametrize(
    ("call", "outcomes", "maybe_processed"),
    [
        (call_unsafe, [None], True),
        (call_safe, [None], True),
        (call_unsafe, [httpx.ConnectError("no")], False),
        (call_unsafe, [httpx.ConnectTimeout("no")], False),
        (call_unsafe, [RATE_LIMITED], False),
        (call_safe, [httpx.ReadError("no")], True),
        (call_safe, [httpx.ReadTimeout("no")], True),
        (call_safe, [UNAVAILABLE], True),
        (call_unsafe, [httpx.ConnectError("no"), None], True),
        (call_unsafe, [RATE_LIMITED, None], True),
        (call_safe, [httpx.ReadError("no"), httpx.ConnectError("no")], True),
        (call_safe, [UNAVAILABLE, RATE_LIMITED], True),
    ],
)
async def test_the_error_says_whether_any_attempt_may_have_been_processed(
    call: Callable[[AsyncDocassemble], Awaitable[object]],
    outcomes: list[MockResponse | None],
    *,
    maybe_processed: bool,
) -> None:
    """None is an attempt without a response; the last outcome repeats."""
    remaining = list(outcomes)

    def respond(_: httpx.Request) -> MockResponse:
        outcome = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        assert outcome is not None
        return outcome

    server = MockServer(respond)
    server.delay = lambda _: 1000.0 if remaining[0] is None else 1.0

    error = await get_timeout(server, call)

    assert error.maybe_processed is maybe_processed
    # A safe call can simply be repeated.
    assert ("may still be working" in error.hint) is (maybe_processed and call is not call_safe)


async def test_the_error_has_the_number_of_the_last_request() -> None:
    """The number leads from the error to its events."""
    server = MockServer(lambda _: UNAVAILABLE)
    server.delay = lambda _: 1.0
    events: list[Event] = []

    error = await get_timeout(server, on_event=events.append)

    numbers = [event.number for event in events if isinstance(event, RequestEvent)]
    assert len(numbers) == 2
    assert error.request_number == numbers[-1]


async def hold(server: MockServer, call: Awaitable[object]) -> asyncio.Future[object]:
    """Start a call that holds its slot and lock until the server's gate opens."""
    server.gate = asyncio.Event()
    task = asyncio.ensure_future(call)
    await settle()
    return task


@pytest.mark.parametrize("resource", ["lock", "slot"])
async def test_the_limit_covers_the_wait_for_lock_and_slot(resource: str) -> None:
    """Nothing was sent, and neither the lock nor the slot is lost."""
    server = MockServer(lambda _: build_response(200, QUESTION))

    def change(da: AsyncDocassemble, session: str, total: float | None = 5) -> Awaitable[object]:
        timeout = Timeouts(total=total)
        return da.sessions.set_variables("x.yml", session, variables={"a": 1}, timeout=timeout)

    async with server.make_client(max_concurrency=1 if resource == "slot" else 9) as da:
        first = await hold(server, change(da, "s", None))
        with pytest.raises(RequestTimeout) as caught:
            await change(da, "s" if resource == "lock" else "other")
        assert get_loop_time() == 5
        assert not caught.value.maybe_processed
        assert caught.value.request_number is None
        assert "still be working" not in str(caught.value)
        assert len(server.requests) == 1
        assert server.gate is not None
        server.gate.set()
        await first
        await change(da, "s")

    assert len(server.requests) == 2


async def test_an_earlier_attempt_counts_while_the_next_one_waits_for_a_slot() -> None:
    """The first attempt may have been processed, although the second one was not sent."""
    server = MockServer(lambda _: httpx.ReadError("no"))

    async with server.make_client(max_concurrency=1, retry=RETRY) as da:
        timeout = Timeouts(total=20)
        waiting = asyncio.ensure_future(da.server.get_health(timeout=timeout))
        await asyncio.sleep(1)
        first = await hold(server, da.server.get_health(retry=NO_RETRIES))
        with pytest.raises(RequestTimeout) as caught:
            await waiting
        assert server.gate is not None
        server.gate.set()
        with pytest.raises(DocassembleError):
            await first
        assert caught.value.maybe_processed

    assert len(server.requests) == 2


@pytest.mark.parametrize("prefetch", [False, True])
async def test_no_limit_is_held_while_the_caller_works_on_a_page(*, prefetch: bool) -> None:
    """The limit is for each page; the time between two pages does not count."""
    server = MockServer(SessionPages(6, 2))
    server.delay = lambda _: 4.0

    numbers = []
    async with server.make_client(timeout=Timeouts(total=5)) as da:
        async for page in da.sessions.list().pages(prefetch=prefetch):
            await asyncio.sleep(100)
            numbers += get_numbers(page)
    assert numbers == list(range(6))


def make_file_server(chunk_delay: float = 4.0) -> StreamServer:
    """Create a server with a file of four chunks."""
    server = StreamServer(lambda _: httpx.Response(200, content=b"abcd"), chunk_size=1)
    server.chunk_delay = chunk_delay
    return server


@pytest.mark.parametrize(("total", "seconds"), [(None, 16), (20, 16), (10, None)])
@pytest.mark.parametrize("method", ["await", "save", "iterate"])
async def test_the_limit_covers_each_chunk_of_a_download(
    method: str, total: float | None, seconds: float | None, tmp_path: Path
) -> None:
    """A file that arrives too slowly is an error; its connection and slot are released."""
    server = make_file_server()

    async def download(da: AsyncDocassemble) -> bytes:
        file = da.files.download(17)
        if method == "await":
            return (await file).content
        if method == "save":
            return (await file.save(tmp_path / "file")).read_bytes()
        async with file as stream:
            return b"".join([chunk async for chunk in stream])

    timeout = Timeouts(total=total)
    async with server.make_client(timeout=timeout, max_concurrency=1) as da:
        if seconds is not None:
            assert await download(da) == b"abcd"
            assert get_loop_time() == seconds
        else:
            with pytest.raises(RequestTimeout) as caught:
                await download(da)
            assert get_loop_time() == total
            assert caught.value.maybe_processed
            assert caught.value.operation == "files.download"
            assert caught.value.request_number is not None
        assert server.open_streams == set()
        server.chunk_delay = 0
        assert (await da.files.download(17)).content == b"abcd"


async def test_no_limit_is_held_while_the_caller_works_on_a_chunk() -> None:
    """The caller's work is not interrupted, but the next chunk comes too late."""
    server = make_file_server()
    chunks = []

    async def scenario() -> None:
        da = server.make_client(timeout=Timeouts(total=10))
        async with da, da.files.download(17) as stream:
            async for chunk in stream:
                await asyncio.sleep(100)
                chunks.append(chunk)

    with pytest.raises(RequestTimeout):
        await scenario()
    assert chunks == [b"a"]


@pytest.mark.parametrize("total", [None, 5.0])
async def test_a_timeout_of_the_caller_is_raised_unchanged(total: float | None) -> None:
    """In the block of a download, or in a function for headers, it is not the client's timeout."""
    error = TimeoutError("mine")
    server = make_file_server(0)

    def get_headers() -> dict[str, str]:
        raise error

    async def use_download(da: AsyncDocassemble) -> None:
        async with da.files.download(17):
            raise error

    async with server.make_client(timeout=Timeouts(total=total)) as da:
        view = da.with_options(headers=get_headers)
        for call in (view.request("GET", "/x"), use_download(da), use_download(view)):
            with pytest.raises(TimeoutError) as caught:
                await call
            assert caught.value is error
        assert server.open_streams == set()
