"""The budget that all calls of a client share, so that retries do not make an outage worse."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client._core.flow import execute
from docassemble_client._core.messages import Reply, Request
from docassemble_client._core.retry import RetryBudget
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import DocassembleError, NotSent, ServerError
from tests.core.hand import Hand, in_html
from tests.mock import Mock

if TYPE_CHECKING:
    from collections.abc import Iterator

SAFE = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
GOOD = Reply(status=200)


def call(hand: Hand, budget: RetryBudget, policy: RetryPolicy | None = None) -> bool:
    """Whether a call succeeds."""
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
def test_an_outage_is_not_amplified(failure: Reply | NotSent, policy: RetryPolicy) -> None:
    """Of 1,000 calls that fail, no more are repeated than the budget and what the calls earn."""
    hand, budget, calls = Hand(lambda _: failure), RetryBudget(policy), 1000

    for _ in range(calls):
        assert not call(hand, budget, policy)

    extra = len(hand.sent) - calls
    assert extra <= policy.budget + policy.earned * calls
    assert extra >= min(policy.budget, 1) * (policy.earned * calls - 1)
    assert len(hand.slept) == extra


def test_a_budget_recovers_with_the_calls_that_succeed() -> None:
    """Each call adds its part again, until the budget is as full as it was."""
    policy = RetryPolicy(attempts=2, budget=2, earned=0.5)
    budget = RetryBudget(policy)
    failing, working = Hand(lambda _: in_html(503)), Hand(lambda _: GOOD)
    for _ in range(10):
        call(failing, budget, policy)

    for _ in range(100):
        assert call(working, budget, policy)
    before = len(failing.sent)
    for _ in range(4):
        call(failing, budget, policy)

    # Two of the budget, and one that the calls have earned until then.
    assert len(failing.sent) - before == 4 + 3


def test_calls_without_failures_never_touch_the_budget() -> None:
    """Success costs nothing: the budget is still whole for the first failures."""
    policy = RetryPolicy(attempts=4, budget=3, earned=0)
    budget = RetryBudget(policy)
    for _ in range(100):
        call(Hand(lambda _: GOOD), budget, policy)
    hand = Hand(lambda _: in_html(503))

    call(hand, budget, policy)

    assert len(hand.sent) == 4


def test_what_is_never_repeated_spends_nothing() -> None:
    """A failure that may not be repeated leaves the budget to those that may."""
    unsafe = Request(operation="users.create", method="POST", path="/api/user/new")
    policy = RetryPolicy(attempts=2, budget=1, earned=0)
    budget = RetryBudget(policy)
    hand = Hand(lambda _: in_html(503))
    for _ in range(10):
        with pytest.raises(ServerError):
            hand.play(execute(unsafe, policy, budget=budget))
    assert len(hand.sent) == 10

    call(hand, budget, policy)

    assert len(hand.sent) == 12


def test_a_policy_of_one_call_draws_on_the_clients_budget() -> None:
    """With retry= a call may try more often, but not beyond what all calls have together."""
    mock = Mock(lambda _: (503, None))
    often = RetryPolicy(attempts=100, initial_delay=0, budget=1000, earned=100)

    async def use() -> None:
        own = RetryPolicy(attempts=3, initial_delay=0, budget=5, earned=0)
        async with AsyncDocassemble(mock.url, "key", transport=mock.http, retry=own) as da:
            for policy in (often, often, None):
                with pytest.raises(ServerError):
                    await da.users.get_current(retry=policy)

    asyncio.run(use())

    assert len(mock.requests) == (1 + 5) + 1 + 1


@pytest.mark.parametrize("total", [None, 60.0])
def test_calls_of_a_client_earn_with_a_flow_and_without(total: float | None) -> None:
    """A call that succeeds at once is carried without a flow, and earns as much as with one."""
    answers: Iterator[tuple[int, object]] = iter(
        [(503, None)] * 2 + [(200, [])] * 4 + [(503, None), (200, [])]
    )
    mock = Mock(lambda _: next(answers))
    policy = RetryPolicy(attempts=2, initial_delay=0, budget=1, earned=0.25)

    async def use() -> None:
        async with AsyncDocassemble(
            mock.url, "key", transport=mock.http, retry=policy, timeout=Timeouts(total=total)
        ) as da:
            with pytest.raises(ServerError):
                await da.privileges.list()
            for _ in range(5):
                assert await da.privileges.list() == []

    asyncio.run(use())

    assert len(mock.requests) == 2 + 4 + 2


def test_clients_do_not_share_a_budget() -> None:
    """One server's outage leaves the clients of other servers their retries."""
    mock = Mock(lambda _: (503, None))
    policy = RetryPolicy(attempts=2, initial_delay=0, budget=1, earned=0)

    async def use() -> None:
        for _ in range(3):
            async with AsyncDocassemble(mock.url, "key", transport=mock.http, retry=policy) as da:
                for _ in range(2):
                    with pytest.raises(ServerError):
                        await da.users.get_current()

    asyncio.run(use())

    assert len(mock.requests) == 3 * 3
