"""Threads share one client; a forked process opens its own connections."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import Docassemble, DocassembleError, RetryBudget, RetryPolicy
from docassemble_client._blocking import BlockingLimiter, BlockingLock, _reset_all, run_blocking
from docassemble_client._core.session_locks import SessionLocks
from docassemble_client.testing import FakeServer
from tests.blocking.server import make_response, read_request, respond_to_all, serve
from tests.blocking.test_connections import make_client

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

I = "docassemble.base:data/questions/examples/text-field.yml"  # noqa: E741 - as the API calls it
THREADS = 8


def run_in_threads(work: Callable[[int], object]) -> None:
    """Run a function in eight threads, with their numbers; raise the first error."""
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def call_from_threads(calls: int) -> None:
    """Make calls from eight threads, on three slots; count slots, events and requests."""
    fake = FakeServer()
    numbers: list[int] = []
    with fake.blocking_client(max_concurrency=3, on_event=lambda _: numbers.append(1)) as da:
        ids = [fake.add_user(f"{number}@example.com").id for number in range(THREADS)]

        def work(number: int) -> None:
            for _ in range(calls):
                assert da.users.get(ids[number]).email == f"{number}@example.com"

        run_in_threads(work)
        limiter: Any = da._inner._shared.get_connections().limiter
        assert limiter._free_slots == 3
    assert len(fake.received_requests) == THREADS * calls
    assert len(numbers) == 2 * THREADS * calls


def test_threads_share_a_client() -> None:
    """Each gets its own responses, and no slot is lost."""
    call_from_threads(25)


@pytest.mark.slow
def test_threads_share_a_client_for_a_thousand_calls() -> None:
    """The same for 8,000 calls."""
    call_from_threads(1000)


def test_closing_waits_for_a_thread_that_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections that it creates are closed too."""
    da = FakeServer().blocking_client()
    connections: Any = da._inner._shared.get_connections()
    make_adapter = connections._make_adapter
    is_creating = threading.Event()
    is_closing = threading.Event()
    closed: list[object] = []

    def make_slowly() -> Any:
        is_creating.set()
        is_closing.wait()
        time.sleep(0.05)
        adapter = make_adapter()
        close = adapter.aclose

        async def aclose() -> None:
            closed.append(adapter)
            await close()

        monkeypatch.setattr(adapter, "aclose", aclose)
        return adapter

    monkeypatch.setattr(connections, "_make_adapter", make_slowly)

    def call() -> None:
        with suppress(DocassembleError):
            da.users.get_current()

    thread = threading.Thread(target=call)
    thread.start()
    is_creating.wait()
    is_closing.set()
    da.close()
    thread.join()

    assert closed == [connections._adapter]


def test_threads_share_connections(library: str) -> None:
    """Over real sockets, each connection serves a thread at a time."""
    connections: list[socket.socket] = []

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        respond_to_all(connection)

    with serve(script) as url, make_client(url, library) as da:
        run_in_threads(lambda _: [da.users.get(1) for _ in range(20)])
        assert 1 <= len(connections) <= THREADS


def test_calls_to_one_session_do_not_overlap() -> None:
    """Also from several threads; concurrent answers would overwrite each other."""
    fake = FakeServer(latency=0.002)
    under_way: list[int] = []
    overlaps: list[int] = []

    def watch(event: object) -> None:
        if type(event).__name__ == "RequestEvent":
            under_way.append(1)
            overlaps.extend([1] * (len(under_way) - 1))
        else:
            under_way.pop()

    with fake.blocking_client() as da:
        session = da.sessions.start(I)
        changing = da.with_options(on_event=watch)

        def work(number: int) -> None:
            for step in range(5):
                changing.sessions.set_variables(
                    I,
                    session.session,
                    secret=session.secret,
                    variables={f"x{number}_{step}": step},
                    question=False,
                )

        run_in_threads(work)
        variables = da.sessions.get_variables(I, session.session, secret=session.secret)
        da.sessions.delete(I, session.session)
    assert overlaps == []
    assert {f"x{n}_{step}" for n in range(THREADS) for step in range(5)} <= variables.keys()


def test_a_session_is_used_by_several_threads() -> None:
    """Its calls are made one at a time."""
    fake = FakeServer()
    with fake.blocking_client() as da, da.interview(I).session() as s:
        run_in_threads(lambda number: s.set_variables({f"x{number}": number}))
        assert {f"x{number}" for number in range(THREADS)} <= s.variables().keys()


def test_a_budget_is_shared_by_threads() -> None:
    """It never gives away more retries than it has."""
    budget = RetryBudget(capacity=100, deposit=0)
    taken: list[int] = []
    run_in_threads(lambda _: taken.extend(1 for _ in range(50) if budget.try_withdraw()))

    assert len(taken) == 100
    assert not budget.try_withdraw()
    refilled = RetryBudget(capacity=100, deposit=1)
    while refilled.try_withdraw():
        pass

    def refill(_: int) -> None:
        for _ in range(10):
            refilled.deposit()

    run_in_threads(refill)
    assert sum(refilled.try_withdraw() for _ in range(200)) == THREADS * 10


def test_a_slow_call_does_not_hold_up_others(library: str) -> None:
    """Each thread waits for its own response only."""

    def respond_slowly(connection: socket.socket) -> None:
        read_request(connection)
        time.sleep(0.5)
        connection.sendall(make_response())

    with serve(respond_slowly, respond_to_all) as url, make_client(url, library) as da:
        slow = threading.Thread(target=da.users.get, args=(1,))
        slow.start()
        time.sleep(0.1)
        da.users.get(1)
        assert slow.is_alive()
        slow.join()


def call_in_child(da: Docassemble, results: Any) -> None:
    """Make calls in a forked process."""
    try:
        results.put([da.users.get(1).id for _ in range(2)])
    except BaseException as error:
        results.put(repr(error))
        raise


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_connects_anew(library: str) -> None:
    """With an open connection, a lost slot and a held lock; the parent keeps its connection."""
    connections: list[socket.socket] = []

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        respond_to_all(connection)

    with serve(script) as url, make_client(url, library, max_concurrency=1) as da:
        assert da.users.get(1).id == 1
        limiter = da._inner._shared.get_connections().limiter
        assert limiter.acquire_nowait()  # by another thread, which the child does not have
        guard: Any = da._inner._shared.get_connections()._guard
        with guard:
            context = multiprocessing.get_context("fork")
            results = context.Queue()
            child = context.Process(target=call_in_child, args=(da, results))
            child.start()
            assert results.get(timeout=30) == [1, 1]
            child.join()
        limiter.release()
        assert child.exitcode == 0
        assert len(connections) == 2
        assert da.users.get(1).id == 1
        assert len(connections) == 2
        results.close()
        results.join_thread()


def test_what_a_fork_resets() -> None:
    """A child does not wait for threads of its parent."""

    async def make() -> SessionLocks:
        return SessionLocks()

    lock, limiter, locks = BlockingLock(), BlockingLimiter(1), run_blocking(make())
    run_blocking(lock.acquire())
    assert limiter.acquire_nowait()
    locks._guard.acquire()
    for item in (lock, limiter, locks):
        item.reset_after_fork()

    run_blocking(lock.acquire())
    assert limiter.acquire_nowait()
    assert not locks._guard.locked()


def test_a_fork_closes_copies_of_sockets(library: str) -> None:
    """The next call opens a new connection."""
    connections: list[socket.socket] = []

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        respond_to_all(connection)

    with serve(script) as url, make_client(url, library) as da:
        assert da.users.get(1).id == 1
        _reset_all()
        assert da.users.get(1).id == 1
        assert len(connections) == 2


def test_a_transport_of_the_caller_is_kept_by_a_fork() -> None:
    """Only its owner can connect it again."""
    with serve(respond_to_all) as url, httpx.HTTPTransport() as transport:
        with Docassemble(url, "k", transport=transport, retry=RetryPolicy(attempts=1)) as da:
            assert da.users.get(1).id == 1
            da._inner._shared.get_connections().reset_after_fork()
            assert da.users.get(1).id == 1
