"""Ctrl+C, and exceptions of signal handlers, leave nothing behind that is not reported."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import CleanupFailed, PollPolicy, RetryEvent, RetryPolicy, Timeouts
from docassemble_client.testing import FakeServer
from tests.blocking.server import make_response, read_request, respond_to_all, serve
from tests.blocking.test_connections import make_client

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from docassemble_client import Docassemble

I = "docassemble.base:data/questions/examples/text-field.yml"  # noqa: E741 - as the API calls it


class TimeUpError(Exception):
    """As SoftTimeLimitExceeded of Celery: raised by a signal handler, at any moment."""


def interrupt_after(seconds: float) -> threading.Timer:
    """Send this process the signal of Ctrl+C."""
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(seconds, signal.pthread_kill, args=(main, signal.SIGINT))
    timer.start()
    return timer


def count_sessions(fake: FakeServer) -> int:
    """Return the number of sessions on a server."""
    with fake.blocking_client() as da:
        return len(list(da.sessions.list()))


def interrupt_at(fake: FakeServer, operation: str, error: BaseException) -> dict[str, Any]:
    """Return options of a client in which a request of an operation is interrupted."""
    transport: Any = fake.transport()
    handle = transport.handle_request

    def handle_request(request: Any) -> Any:
        response = handle(request)
        if fake.received_requests[-1].operation == operation:
            raise error
        return response

    transport.handle_request = handle_request
    return {"transport": transport}


def test_a_call_is_interrupted(library: str) -> None:
    """At once; the connection is closed, and the client can be used again."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        interrupt_after(0.1).join()
        connection.recv(1)

    with serve(script, respond_to_all) as url, make_client(url, library) as da:
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            da.users.get(1, timeout=Timeouts(read=60))
        assert time.monotonic() - start < 30
        assert da.users.get(1).id == 1
        limiter: Any = da._inner._shared.get_connections().limiter
        assert limiter._free_slots == 100


def test_a_delay_is_interrupted() -> None:
    """A retry is not made."""
    fake = FakeServer()
    fake.fail(times=None, headers={"Retry-After": "20"})

    def interrupt(event: object) -> None:
        if isinstance(event, RetryEvent):
            timers.append(interrupt_after(0.1))

    timers: list[threading.Timer] = []
    retry = RetryPolicy(attempts=5, max_delay=60)
    with fake.blocking_client(retry=retry, on_event=interrupt) as da:
        with pytest.raises(KeyboardInterrupt):
            da.users.get_current()
        timers[0].join()
        assert len(fake.received_requests) == 1


def test_the_wait_for_a_task_is_interrupted() -> None:
    """The task continues on the server."""
    fake = FakeServer(restart_seconds=1000)
    with fake.blocking_client(poll=PollPolicy(interval=20)) as da:
        task = da.server.restart()
        timers: list[threading.Timer] = []
        with pytest.raises(KeyboardInterrupt):
            da.wait_for_task(task, on_progress=lambda _: timers.append(interrupt_after(0.1)))
        timers[0].join()


@pytest.mark.parametrize(
    # A block may end in the CancelledError of an event loop that it has run.
    "error",
    [KeyboardInterrupt(), TimeUpError(), SystemExit(), asyncio.CancelledError()],
    ids=lambda error: type(error).__name__,
)
def test_the_session_of_an_interrupted_block_is_deleted(error: BaseException) -> None:
    """Before the interrupt leaves the block."""
    fake = FakeServer()
    with pytest.raises(type(error)), fake.blocking_client() as da, da.interview(I).session():
        raise error
    assert count_sessions(fake) == 0


def test_the_project_of_an_interrupted_block_is_deleted() -> None:
    """As a session."""
    fake = FakeServer()
    with fake.blocking_client() as da:
        with pytest.raises(KeyboardInterrupt), da.project("demo", create=True, delete=True):
            assert da.playground.list_projects() == ["demo"]
            raise KeyboardInterrupt
        assert da.playground.list_projects() == []


def test_a_session_is_deleted_after_an_interrupted_answer() -> None:
    """The server may still process the answer and store the session again, which is reported."""
    fake = FakeServer()
    options = interrupt_at(fake, "sessions.set_variables", KeyboardInterrupt())
    da = fake.blocking_client(**options)
    with pytest.raises(KeyboardInterrupt), da.interview(I).session() as s:
        s.answer({"target_variable": "a"})
    assert count_sessions(fake) == 0
    with pytest.raises(CleanupFailed, match="may remain") as caught:
        da.close()
    assert I in str(caught.value)


def test_a_session_that_is_kept_is_not_reported() -> None:
    """Nothing was to be deleted."""
    fake = FakeServer()
    options = interrupt_at(fake, "sessions.set_variables", KeyboardInterrupt())
    with fake.blocking_client(**options) as da:
        session = da.interview(I).session(keep=True)
        with pytest.raises(KeyboardInterrupt), session as s:
            s.answer({"target_variable": "a"})
    assert count_sessions(fake) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TimeUpError()])
def test_an_interrupted_start_is_reported(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The ID of the session is lost, so nobody can delete it."""
    fake = FakeServer()
    options = interrupt_at(fake, "sessions.start", error)
    with pytest.raises(type(error)) as caught:
        with fake.blocking_client(**options) as da, da.interview(I).session():
            pass
    assert f"a new session of {I} may remain" in caplog.text
    assert I in " ".join(caught.value.__notes__)


def test_an_interrupted_deletion_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A second Ctrl+C ends the clean-up."""
    fake = FakeServer()
    options = interrupt_at(fake, "sessions.delete", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        with fake.blocking_client(**options) as da, da.interview(I).session():
            raise TimeUpError
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "may remain" in caplog.text


def test_a_new_api_key_is_deleted_if_nobody_gets_it() -> None:
    """`ensure_api_key` is interrupted between the creation and its result."""
    fake = FakeServer()
    options = interrupt_at(fake, "api_keys.list_for_user", KeyboardInterrupt())
    with fake.blocking_client() as da:
        names = [key.name for key in da.api_keys.list_for_user(1)]
        calls: list[int] = []
        transport: Any = options["transport"]
        handle = transport.handle_request

        def interrupt_second(request: Any) -> Any:
            try:
                return handle(request)
            except KeyboardInterrupt:
                calls.append(1)
                if len(calls) == 2:
                    raise
                return fake.transport().handle_request(request)

        transport.handle_request = interrupt_second
        with fake.blocking_client(**options) as other, pytest.raises(KeyboardInterrupt):
            other.ensure_api_key(1, "ci")
        assert [key.name for key in da.api_keys.list_for_user(1)] == names


def test_an_abandoned_download_releases_its_connection(library: str) -> None:
    """The block ends in the middle of the body."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(make_response(b"x" * 1_000_000)[:500_000])
        connection.recv(1)

    with serve(script, respond_to_all) as url, make_client(url, library) as da:
        with pytest.raises(KeyboardInterrupt), da.files.download(1) as stream:
            next(iter(stream))
            raise KeyboardInterrupt
        assert da.users.get(1).id == 1


def read_users(da: Docassemble) -> list[int]:
    """Read the first users of a list, and leave the iteration."""
    for user in da.users.list():
        return [user.id]
    return []


def export_first(da: Docassemble) -> list[int]:
    """Leave an iteration whose pages are requested by a generator."""
    for _ in da.export_sessions():
        return [1]
    return []


@pytest.mark.parametrize("iterate", [read_users, export_first])
def test_an_abandoned_iteration_leaves_nothing(
    iterate: Callable[[Docassemble], list[int]],
) -> None:
    """Python closes the generators when nobody refers to them any more."""
    fake = FakeServer(page_size=1)
    with fake.blocking_client() as da:
        for _ in range(2):
            da.sessions.start(I)
        assert iterate(da) == [1]
        iterator = da.export_sessions()
        assert next(iterator).error is None
        iterator.close()
        assert list(iterator) == []
