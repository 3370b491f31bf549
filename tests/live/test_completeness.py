"""Checks that a complete run covered all operations and errors; runs last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client.operations import OPERATIONS
from tests.live.recorder import is_complete_run
from tests.operation_coverage import count_successes, find_unproven_errors

if TYPE_CHECKING:
    from tests.live.exchange_log import ExchangeLog


@pytest.fixture(autouse=True)
def skip_partial_run(pytestconfig: pytest.Config) -> None:
    """Skip these tests if only some tests run."""
    if not is_complete_run(pytestconfig):
        pytest.skip("only some tests run")


def test_every_operation_succeeded(exchange_log: ExchangeLog) -> None:
    """Each operation succeeded at least once."""
    assert count_successes(exchange_log.exchanges).keys() == OPERATIONS.keys()


@pytest.mark.since("1.10")
def test_every_documented_error_occurred_or_is_listed(exchange_log: ExchangeLog) -> None:
    """Each known error of each operation occurred, or is listed in untriggered_errors."""
    assert find_unproven_errors(exchange_log.exchanges) == []
