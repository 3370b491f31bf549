"""Limits hold without an event loop: each wait ends at the deadline."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    Docassemble,
    NotSent,
    PollPolicy,
    RequestTimeout,
    RetryPolicy,
    TaskTimeout,
    Timeouts,
    Upload,
)
from docassemble_client._blocking import (
    BlockingLimiter,
    BlockingLock,
    DeadlineExceeded,
    DeadlineScope,
    NoDeadline,
    call_blocking,
    call_within,
    limit_wait,
    run_blocking,
    sleep,
)
from docassemble_client._concurrency import time_limit, timeout_after
from docassemble_client._long_work import run_in_steps, run_in_thread
from docassemble_client.testing import FakeServer
from tests.blocking.server import make_response, read_request, serve
from tests.blocking.test_connections import make_client

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

TOTAL = Timeouts(total=0.3)
MAX_SECONDS = 5.0
"""Far less than any other limit; a busy machine may need some of it."""


@pytest.fixture(autouse=True)
def _check_time() -> Generator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < MAX_SECONDS


def send_slowly(connection: socket.socket) -> None:
    """Send a body byte by byte, without end."""
    read_request(connection)
    connection.sendall(make_response(b"x" * 1000)[:-1000])
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def send_head_slowly(connection: socket.socket) -> None:
    """Send a head byte by byte, without end."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"a")
        time.sleep(0.02)


def send_nothing(connection: socket.socket) -> None:
    """Read the request, and nothing else."""
    read_request(connection)
    time.sleep(1)


@pytest.mark.parametrize("script", [send_slowly, send_head_slowly, send_nothing])
def test_total_limits_a_response(script: Callable[[socket.socket], None], library: str) -> None:
    """However slowly it arrives; the request may have been processed."""
    with serve(script) as url, make_client(url, library, timeout=TOTAL) as da:
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s") as caught:
            da.users.get(1)
        assert caught.value.maybe_processed


def test_total_limits_an_upload(library: str) -> None:
    """Also if the server reads slowly."""

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while connection.recv(4096):
            time.sleep(0.05)

    with serve(script) as url, make_client(url, library, timeout=TOTAL) as da:
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s"):
            upload = Upload(b"x" * 20_000_000, "a.txt")
            da.playground.upload_files([upload], folder="static")


def test_total_limits_the_tls_handshake(library: str) -> None:
    """A server that does not answer it."""
    with serve(lambda _: time.sleep(1)) as url:
        https = url.replace("http:", "https:")
        context = ssl.create_default_context()
        with make_client(https, library, timeout=TOTAL, verify=context) as da:
            with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s") as caught:
                da.users.get(1)
            assert not caught.value.maybe_processed


def test_total_limits_the_resolution_of_a_name(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the function of the operating system has no timeout."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1))
    with make_client("http://slow.example.com", library, timeout=TOTAL) as da:
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s"):
            da.users.get(1)
        with pytest.raises(RequestTimeout, match="no connection to"):
            da.users.get(1, timeout=Timeouts(connect=0.2))


def test_total_is_shared_by_the_addresses(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not respond leaves time for the others."""
    limits: list[float | None] = []

    def connect(address: tuple[str, int], timeout: float | None, **_: object) -> Any:
        limits.append(timeout)
        raise TimeoutError

    infos = [(socket.AF_INET, 1, 6, "", (f"192.0.2.{number}", 80)) for number in range(3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    monkeypatch.setattr(socket, "create_connection", connect)
    with make_client("http://x.example.com", library, timeout=Timeouts(connect=3)) as da:
        with pytest.raises(RequestTimeout, match="no connection to"):
            da.users.get(1)
        assert [round(limit or 0, 1) for limit in limits] == [1.0, 1.5, 3.0]
        limits.clear()
        with pytest.raises(RequestTimeout, match="no connection to"):
            da.users.get(1, timeout=None)
        assert limits == [None] * 3


def test_total_limits_a_transport_of_the_caller() -> None:
    """Its timeouts are cut, and the time is checked after each chunk."""
    with serve(send_slowly) as url, httpx.HTTPTransport() as transport:
        with Docassemble(url, "k", transport=transport, timeout=TOTAL) as da:
            with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s"):
                da.users.get(1)


def test_total_limits_each_chunk_of_a_download(library: str) -> None:
    """As in the asynchronous client."""
    with serve(send_slowly) as url, make_client(url, library, timeout=TOTAL) as da:
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s"):
            da.files.download(1).read()
        with pytest.raises(RequestTimeout), da.files.download(1) as stream:
            b"".join(stream)


def test_total_limits_the_wait_for_a_slot() -> None:
    """Nothing was sent."""
    fake = FakeServer()
    da = fake.blocking_client(max_concurrency=1)
    with da:
        limiter = call_blocking(da._inner._shared.get_connections).limiter
        assert limiter.acquire_nowait()
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s") as caught:
            da.users.get_current(timeout=TOTAL)
        assert not caught.value.maybe_processed
        with pytest.raises(RequestTimeout, match="none was free within") as caught:
            da.users.get_current(timeout=Timeouts(pool=0.1))
        assert limiter._free_slots == 0


def test_total_limits_the_delays_of_retries() -> None:
    """The delay is cut, and the error says that the total is over."""
    fake = FakeServer()
    fake.fail(times=None)
    retry = RetryPolicy(attempts=50, initial_delay=10, max_delay=20)
    with fake.blocking_client(retry=retry) as da:
        fake.fail(times=None, headers={"Retry-After": "10"})
        with pytest.raises(RequestTimeout, match=r"longer than 0\.3 s"):
            da.users.get_current(timeout=TOTAL)


def test_the_wait_for_a_task_ends_in_time() -> None:
    """`TaskTimeout` has the handle."""
    fake = FakeServer(restart_seconds=100)
    with fake.blocking_client(poll=PollPolicy(interval=0.05)) as da:
        task = da.server.restart()
        with pytest.raises(TaskTimeout) as caught:
            da.wait_for_task(task, timeout=0.3)
        assert caught.value.handle == task


def test_a_workflow_ends_in_time() -> None:
    """The restart is not over."""
    fake = FakeServer(restart_seconds=100)
    with fake.blocking_client() as da, pytest.raises(TaskTimeout, match="not stable within"):
        da.restart(timeout=0.3)


def test_the_outer_of_two_deadlines_counts_if_it_is_earlier() -> None:
    """Its scope raises TimeoutError, and the inner one has not expired."""

    async def wait() -> tuple[bool, bool]:
        outer, inner = timeout_after(0.05), timeout_after(10)
        try:
            async with outer, inner:
                await sleep(20)
        except TimeoutError:
            return outer.expired(), inner.expired()
        return False, False

    assert run_blocking(wait()) == (True, False)


def test_a_deadline_that_is_not_reached_changes_nothing() -> None:
    """A TimeoutError of the block is the caller's own."""

    async def run() -> None:
        async with time_limit(10, ValueError):
            await sleep(0)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        run_blocking(run())


def test_clean_up_ignores_the_deadline_of_its_caller() -> None:
    """Otherwise nothing could be deleted after a timeout."""

    async def run() -> float | None:
        remaining: float | None = None
        scope = DeadlineScope(time.monotonic() - 1)
        async with scope:
            with NoDeadline():
                remaining = limit_wait(5)
            with pytest.raises(DeadlineExceeded):
                limit_wait()
            scope.reschedule(None)
        return remaining

    assert run_blocking(run()) == 5


def test_locks_and_slots_wait_until_the_deadline() -> None:
    """And no longer."""
    lock, limiter = BlockingLock(), BlockingLimiter(1)
    assert limiter.acquire_nowait()
    assert not limiter.acquire_nowait()
    run_blocking(lock.acquire())

    async def wait(acquire: Callable[[], Any]) -> None:
        async with timeout_after(0.05):
            await acquire()

    for acquire in (lock.acquire, limiter.acquire):
        with pytest.raises(TimeoutError):
            run_blocking(wait(acquire))
    lock.release()
    limiter.release()
    run_blocking(wait(lock.acquire))
    run_blocking(wait(limiter.acquire))


def work_forever() -> Generator[None, None, int]:
    """Work in steps."""
    while True:
        time.sleep(0.01)
        yield


def test_long_work_ends_at_the_deadline() -> None:
    """It is checked between two steps."""

    async def run(start: Callable[[Generator[None, None, int]], Any]) -> None:
        async with timeout_after(0.05):
            await start(work_forever())

    for start in (run_in_steps, run_in_thread):
        with pytest.raises(TimeoutError):
            run_blocking(run(start))


def test_a_function_without_a_timeout_is_left_to_a_thread() -> None:
    """Its result or error arrives; if it takes too long, the caller goes on."""

    def fail() -> None:
        raise KeyError

    assert call_within(lambda: 5, 10) == 5
    with pytest.raises(KeyError):
        call_within(fail, 10)
    with pytest.raises(TimeoutError):
        call_within(lambda: time.sleep(0.3), 0.01)


def test_a_passed_deadline_sends_nothing(library: str) -> None:
    """The error says that nothing was sent."""
    with make_client("http://127.0.0.1:9", library) as da:
        with pytest.raises((RequestTimeout, NotSent)) as caught:
            da.users.get(1, timeout=Timeouts(total=0))
        assert not caught.value.maybe_processed
