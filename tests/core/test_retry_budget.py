"""The retry budget that all calls of a client share, so that retries do not amplify an outage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client._core.flow import execute
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._core.retry import RetryBudget
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError, NotSent, ServerError
from tests.core.hand import Hand, in_html
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SAFE = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
GOOD = RawResponse(status=200)


def call_succeeds(hand: Hand, budget: RetryBudget, policy: RetryPolicy | None = None) -> bool:
    """Make a call; return whether it succeeds."""
    try:
        hand.play(execute(SAFE, policy or RetryPolicy(), budget=budget))
    except DocassembleError:
        return False
    return True


@pytest.mark.parametrize("failure", [NotSent("no"), in_html(503)], ids=["not sent", "503"])
@pytest.mark.parametrize(
    "policy",
    [
        RetryPolicy(),
        RetryPolicy(attempts=50),
        RetryPolicy(budget=0),
        RetryPolicy(budget=0, earned=0),
        RetryPolicy(budget=7.5, earned=0.25),
    ],
)
def test_an_outage_is_not_amplified(failure: RawResponse | NotSent, policy: RetryPolicy) -> None:
    """For 1,000 failing calls, retries are limited by the budget and the deposits."""
    hand, budget, calls = Hand(lambda _: failure), RetryBudget(policy), 1000

    for _ in range(calls):
        assert not call_succeeds(hand, budget, policy)

    retries = len(hand.sent) - calls
    assert retries <= policy.budget + policy.earned * calls
    assert retries >= min(policy.budget, 1) * (policy.earned * calls - 1)
    assert len(hand.slept) == retries


def test_successful_calls_refill_the_budget() -> None:
    """Each call makes a deposit, until the budget is full again."""
    policy = RetryPolicy(attempts=2, budget=2, earned=0.5)
    budget = RetryBudget(policy)
    failing, working = Hand(lambda _: in_html(503)), Hand(lambda _: GOOD)
    for _ in range(10):
        call_succeeds(failing, budget, policy)

    for _ in range(100):
        assert call_succeeds(working, budget, policy)
    before = len(failing.sent)
    for _ in range(4):
        call_succeeds(failing, budget, policy)

    # Two from the budget, and one from the deposits of the failing calls.
    assert len(failing.sent) - before == 4 + 3


def test_successful_calls_do_not_use_the_budget() -> None:
    """The budget is still full at the first failure."""
    policy = RetryPolicy(attempts=4, budget=3, earned=0)
    budget = RetryBudget(policy)
    for _ in range(100):
        call_succeeds(Hand(lambda _: GOOD), budget, policy)
    hand = Hand(lambda _: in_html(503))

    call_succeeds(hand, budget, policy)

    assert len(hand.sent) == 4


def test_calls_without_retries_do_not_use_the_budget() -> None:
    """A failure that must not be retried leaves the budget to other calls."""
    unsafe = Request(operation="users.create", method="POST", path="/api/user/new")
    policy = RetryPolicy(attempts=2, budget=1, earned=0)
    budget = RetryBudget(policy)
    hand = Hand(lambda _: in_html(503))
    for _ in range(10):
        with pytest.raises(ServerError):
            hand.play(execute(unsafe, policy, budget=budget))
    assert len(hand.sent) == 10

    call_succeeds(hand, budget, policy)

    assert len(hand.sent) == 12


def test_a_policy_of_one_call_uses_the_budget_of_the_client() -> None:
    """With retry= a call may retry more often, but only within the client's budget."""
    mock = MockServer(lambda _: (503, None))
    many_retries = RetryPolicy(attempts=100, initial_delay=0, budget=1000, earned=100)

    async def use_client() -> None:
        client_policy = RetryPolicy(attempts=3, initial_delay=0, budget=5, earned=0)
        async with AsyncDocassemble(
            mock.url, "key", transport=mock.transport, retry=client_policy
        ) as da:
            for policy in (many_retries, many_retries, None):
                with pytest.raises(ServerError):
                    await da.users.get_current(retry=policy)

    asyncio.run(use_client())

    assert len(mock.requests) == (1 + 5) + 1 + 1


@pytest.mark.parametrize("total", [None, 60.0])
def test_calls_make_deposits_with_and_without_a_flow(total: float | None) -> None:
    """A call that succeeds on the first attempt makes the same deposit."""
    responses: Iterator[tuple[int, object]] = iter(
        [(503, None)] * 2 + [(200, [])] * 4 + [(503, None), (200, [])]
    )
    mock = MockServer(lambda _: next(responses))
    policy = RetryPolicy(attempts=2, initial_delay=0, budget=1, earned=0.25)

    async def use_client() -> None:
        async with AsyncDocassemble(
            mock.url, "key", transport=mock.transport, retry=policy, timeout=Timeouts(total=total)
        ) as da:
            with pytest.raises(ServerError):
                await da.privileges.list()
            for _ in range(5):
                assert await da.privileges.list() == []

    asyncio.run(use_client())

    assert len(mock.requests) == 2 + 4 + 2


def test_clients_do_not_share_a_budget() -> None:
    """An outage of one server leaves the clients of other servers their retries."""
    mock = MockServer(lambda _: (503, None))
    policy = RetryPolicy(attempts=2, initial_delay=0, budget=1, earned=0)

    async def use_client() -> None:
        for _ in range(3):
            async with AsyncDocassemble(
                mock.url, "key", transport=mock.transport, retry=policy
            ) as da:
                for _ in range(2):
                    with pytest.raises(ServerError):
                        await da.users.get_current()

    asyncio.run(use_client())

    assert len(mock.requests) == 3 * 3
