"""Retries of calls: when, how often, and with which budget."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
import pytest

from docassemble_client._core.retry import RetryBudget
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import (
    DecodeError,
    DocassembleError,
    MaybeSent,
    NotFound,
    NotSent,
    RateLimited,
    ServerError,
)
from docassemble_client.events import RetryEvent
from tests.core.responses import set_random
from tests.mock import get_loop_time
from tests.raw_server import NO_DELAY

if TYPE_CHECKING:
    from docassemble_client.events import Event
    from tests.mock import MockResponse

from tests.core.calls import GOOD_USER, make_server

BROKEN = httpx.ReadError("broke")
REFUSED = httpx.ConnectError("refused")

# With a total limit, a call takes another path.
WITH_AND_WITHOUT_LIMIT = pytest.mark.parametrize("total", [None, 600.0])


@WITH_AND_WITHOUT_LIMIT
async def test_a_successful_call_is_sent_once(total: float | None) -> None:
    """Nothing is retried, and there is no delay."""
    server = make_server(GOOD_USER)
    events: list[Event] = []

    timeout = Timeouts(total=total)
    async with server.make_client(timeout=timeout, on_event=events.append) as da:
        assert (await da.users.get_current()).id == 1
        assert get_loop_time() == 0

    assert len(server.requests) == 1
    assert not any(isinstance(event, RetryEvent) for event in events)


@WITH_AND_WITHOUT_LIMIT
async def test_a_failed_call_is_retried_after_a_delay(
    total: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event of a retry is emitted before its delay."""
    set_random(monkeypatch, 0.0)
    server = make_server(REFUSED, (503, None), GOOD_USER)
    retries: list[tuple[float, Event]] = []

    def record(event: Event) -> None:
        if isinstance(event, RetryEvent):
            retries.append((get_loop_time(), event))

    policy = RetryPolicy(initial_delay=1.0)
    async with server.make_client(
        retry=policy, timeout=Timeouts(total=total), on_event=record
    ) as da:
        assert (await da.users.get_current()).id == 1
        seconds = get_loop_time()

    assert seconds == 3.0
    operation = "users.get_current"
    assert retries == [
        (0.0, RetryEvent(operation=operation, attempt=1, reason="NotSent", delay=1.0)),
        (1.0, RetryEvent(operation=operation, attempt=2, reason="503", delay=2.0)),
    ]


@pytest.mark.parametrize("attempts", [1, 2, 5])
@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([REFUSED], NotSent),
        ([BROKEN], MaybeSent),
        ([(503, None)], ServerError),
        ([(429, None)], RateLimited),
    ],
)
async def test_the_last_failure_is_raised(
    outcomes: list[MockResponse], expected: type[DocassembleError], attempts: int
) -> None:
    """A call has no more attempts than the policy allows."""
    server = make_server(*outcomes)
    policy = RetryPolicy(attempts=attempts, initial_delay=0)

    with pytest.raises(expected):
        async with server.make_client(retry=policy) as da:
            await da.users.get_current()

    assert len(server.requests) == attempts


async def test_the_error_is_that_of_the_last_attempt() -> None:
    """Errors of earlier attempts are not raised."""
    server = make_server(REFUSED, (503, None), (429, None))

    with pytest.raises(RateLimited) as caught:
        async with server.make_client(retry=NO_DELAY) as da:
            await da.users.get_current()

    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ((404, None), NotFound),
        ((500, None), ServerError),
        ((200, "no user"), DecodeError),
        (httpx.Response(200, headers={"content-encoding": "gzip"}), DecodeError),
    ],
)
async def test_other_failures_are_raised_at_once(
    outcome: MockResponse, expected: type[DocassembleError]
) -> None:
    """A retry would have the same result."""
    server = make_server(outcome)

    with pytest.raises(expected):
        async with server.make_client(retry=NO_DELAY) as da:
            await da.users.get_current()

    assert len(server.requests) == 1


@pytest.mark.parametrize(("outcome", "attempts"), [(REFUSED, 3), (BROKEN, 1), ((503, None), 1)])
async def test_an_unsafe_call_is_retried_only_if_it_was_not_sent(
    outcome: MockResponse, attempts: int
) -> None:
    """A user must not be created twice."""
    server = make_server(outcome)

    with pytest.raises(DocassembleError):
        async with server.make_client(retry=NO_DELAY) as da:
            await da.users.create("jane@example.com")

    assert len(server.requests) == attempts


async def test_calls_and_views_use_the_budget_of_their_client() -> None:
    """With retry= a call may be retried more often, but only within the client's budget."""
    server = make_server((503, None))
    policy = RetryPolicy(attempts=100, initial_delay=0)

    async with server.make_client(
        retry=NO_DELAY, retry_budget=RetryBudget(capacity=5, deposit=0)
    ) as da:
        view = da.with_options(retry=policy)
        for client, retry in ((da, policy), (da, policy), (da, None), (view, None)):
            with pytest.raises(ServerError):
                await client.users.get_current(retry=retry)

    assert len(server.requests) == (1 + 5) + 1 + 1 + 1


async def test_each_client_has_its_own_budget() -> None:
    """An outage of one server leaves the clients of other servers their retries."""
    server = make_server((503, None))
    policy = RetryPolicy(attempts=100, initial_delay=0)

    for number in (1, 2):
        with pytest.raises(ServerError):
            async with server.make_client(retry=policy) as da:
                await da.users.get_current()
        assert len(server.requests) == number * (1 + 20)


@WITH_AND_WITHOUT_LIMIT
async def test_each_call_makes_one_deposit(total: float | None) -> None:
    """Successful calls refill the budget; retries deposit nothing."""
    server = make_server(*[(503, None)] * 2, *[(200, [])] * 4, (503, None), (200, []))

    async with server.make_client(
        timeout=Timeouts(total=total),
        retry=RetryPolicy(attempts=2, initial_delay=0),
        retry_budget=RetryBudget(capacity=1, deposit=0.25),
    ) as da:
        with pytest.raises(ServerError):
            await da.privileges.list()
        for _ in range(5):
            assert await da.privileges.list() == []

    assert len(server.requests) == 2 + 4 + 2


def test_warnings_reach_nobody_who_did_not_ask() -> None:
    """A library leaves it to the program whether its log goes to stderr."""
    handlers = logging.getLogger("docassemble_client").handlers

    assert [type(handler) for handler in handlers].count(logging.NullHandler) >= 1
