"""How many retries a client may make."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client.config import RetryPolicy


class RetryBudget:
    """
    How many retries a client still has, so that an outage is not amplified.

    It starts full; each call earns a part of a retry and each retry spends one. Once it is
    spent, an outage causes no more extra requests than the calls earn.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._full = policy.budget
        self._earned = policy.earned
        self._left = policy.budget

    def earn(self) -> None:
        """Add what one call earns."""
        if self._left < self._full:
            self._left = min(self._full, self._left + self._earned)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
