"""The retry budget, and which errors are transient."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from docassemble_client._concurrency import sleep
from docassemble_client.errors import DecodeError, RedirectRefused, ServerError, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.config import RetryPolicy
    from docassemble_client.errors import DocassembleError

T = TypeVar("T")
TRANSIENT = (TransportError, ServerError, DecodeError)
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
RESTART_POLL_SECONDS = 2.0
_RESTART_STATUSES = frozenset({502, 503, 504})
_MAX_RETRIES = 30


class RetryBudget:
    """
    Limits the retries of all calls of a client, so that they do not amplify an outage.

    It starts full. Each call deposits a part of a retry, and each retry withdraws a whole one.
    When it is empty, there are no more retries than the deposits allow.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._capacity = policy.budget
        self._deposit = policy.earned
        self._balance = policy.budget

    def deposit(self) -> None:
        """Add the deposit of one call."""
        if self._balance < self._capacity:
            self._balance = min(self._capacity, self._balance + self._deposit)

    def try_withdraw(self) -> bool:
        """Withdraw one retry; return False if the budget is empty."""
        if self._balance < 1:
            return False
        self._balance -= 1
        return True


def never_sent(error: DocassembleError) -> bool:
    """Whether the request did not reach the server, but the next attempt may."""
    is_redirect = isinstance(error, RedirectRefused)
    return isinstance(error, TransportError) and not error.maybe_processed and not is_redirect


def may_be_processed(error: DocassembleError) -> bool:
    """Whether the server may have carried out the request although its response was lost."""
    if isinstance(error, ServerError):
        return error.status in _RESTART_STATUSES
    return isinstance(error, DecodeError) or (
        isinstance(error, TransportError) and error.maybe_processed
    )


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
    for _ in range(_MAX_RETRIES):
        try:
            return await call()
        except TRANSIENT as error:
            if not may_be_processed(error) and not never_sent(error):
                raise
        await sleep(RESTART_POLL_SECONDS)
    return await call()
