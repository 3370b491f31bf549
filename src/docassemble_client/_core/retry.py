"""Retries: when to retry a request, after which delay, and how many retries a client may make."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, TypeVar

from docassemble_client._blocking import reset_in_child
from docassemble_client._checks import NUMBER, check_arguments
from docassemble_client._concurrency import ThreadLock, sleep
from docassemble_client._core.error_mapping import parse_retry_after
from docassemble_client._core.messages import RawResponse
from docassemble_client.errors import TRANSIENT_STATUSES, DocassembleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._core.messages import Request
    from docassemble_client.config import RetryPolicy
    from docassemble_client.errors import TransportError

T = TypeVar("T")
# A proxy sends 429 before docassemble sees the request.
UNPROCESSED_STATUSES = frozenset({429})
RESTART_POLL_SECONDS = 2.0
_MAX_RESTART_POLLS = 30


def compute_delay(
    attempt: int, initial: float, maximum: float, *, factor: float = 2.0, jitter: float = 1.0
) -> float:
    """
    Compute the delay after an attempt: exponential, with jitter.

    Args:
        attempt: Number of the attempt, from 1.
        initial: Upper limit of the first delay, in seconds.
        maximum: Upper limit of every delay, in seconds.
        factor: Growth of the limit from one delay to the next.
        jitter: Part of the limit that is random, from 0 (none) to 1 (all of it).

    Returns:
        Seconds.
    """
    try:
        growth = float(factor) ** (attempt - 1)
    except OverflowError:
        growth = math.inf
    limit = min(maximum, initial * growth) if initial else 0.0
    return limit * (1 - jitter * random.random())  # noqa: S311 - not a secret


class RetryBudget:
    """
    Limits the retries of all calls of a client, so that an outage is not amplified.

    It starts full. Each call deposits a part of a retry, and each retry withdraws a whole one.
    When it is empty, retries add no more requests than the deposits allow.
    """

    def __init__(self, capacity: float = 20.0, deposit: float = 0.1) -> None:
        """
        Create a full budget.

        Args:
            capacity: Number of retries that all calls together may make in a row.
            deposit: Part of a retry that each call adds; in an outage, the share of requests that
                retries add.

        Raises:
            UsageError: A number is negative, infinite, or not a number.
        """
        check_arguments(NUMBER, capacity=capacity, deposit=deposit)
        self._capacity = capacity
        self._deposit = deposit
        self._balance = capacity
        self._guard = ThreadLock()
        reset_in_child(self)

    def deposit(self) -> None:
        """Add the deposit of one call."""
        if self._balance < self._capacity:
            with self._guard:
                self._balance = min(self._capacity, self._balance + self._deposit)

    def reset_after_fork(self) -> None:
        """Forget that a thread of the parent process holds the lock."""
        self._guard = ThreadLock()

    def try_withdraw(self) -> bool:
        """Withdraw one retry; return False if the budget is empty."""
        with self._guard:
            if self._balance < 1:
                return False
            self._balance -= 1
            return True


def retry_delay(
    request: Request,
    outcome: RawResponse | TransportError,
    attempt: int,
    policy: RetryPolicy,
    budget: RetryBudget,
) -> float | None:
    """
    Decide whether to send a request again.

    Args:
        request: The request.
        outcome: Its response or error.
        attempt: Number of times it was sent.
        policy: Limits and delays.
        budget: The retries of all calls; one is withdrawn if the answer is yes.

    Returns:
        The seconds to wait before the next attempt, or None to give up. An attempt earlier than
        the server asks for would only add to its load.
    """
    retry_after = 0.0
    if isinstance(outcome, RawResponse):
        may_retry = outcome.status in get_retried_statuses(request)
        retry_after = parse_retry_after(outcome) or 0.0
    else:
        may_retry = outcome.is_transient and (request.safe or not outcome.maybe_processed)
    may_retry = may_retry and retry_after <= policy.max_delay
    if not may_retry or attempt >= policy.attempts or not request.is_repeatable:
        return None
    if not budget.try_withdraw():
        return None
    delay = compute_delay(attempt, policy.initial_delay, policy.max_delay)
    return max(delay, retry_after)


def get_retried_statuses(request: Request) -> frozenset[int]:
    """Return the statuses after which a request may be sent again."""
    return TRANSIENT_STATUSES if request.safe else UNPROCESSED_STATUSES


def may_be_processed(error: DocassembleError) -> bool:
    """Whether the server may have carried out the request although its response was lost."""
    return error.is_transient and error.maybe_processed


async def retry_until_available(call: Callable[[], Awaitable[T]]) -> T:
    """
    Repeat a call that is safe to repeat while the server restarts, for at least a minute.

    Args:
        call: Makes the call.

    Returns:
        Its result.

    Raises:
        DocassembleError: It failed for another reason, or too often.
    """
    for _ in range(_MAX_RESTART_POLLS):
        try:
            return await call()
        except DocassembleError as error:
            if not error.is_transient:
                raise
        await sleep(RESTART_POLL_SECONDS)
    return await call()
