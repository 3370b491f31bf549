"""Whether the run has shown everything; comes last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client.operations import OPERATIONS
from tests.live.recorder import is_whole
from tests.proof import successes, unproven_errors

if TYPE_CHECKING:
    from tests.live.evidence import Evidence


@pytest.fixture(autouse=True)
def whole_run(pytestconfig: pytest.Config) -> None:
    """A selection of the tests shows nothing about the rest."""
    if not is_whole(pytestconfig):
        pytest.skip("only some tests were run")


def test_every_operation_is_proven(evidence: Evidence) -> None:
    """Each operation of the table has succeeded at least once."""
    assert successes(evidence.exchanges).keys() == OPERATIONS.keys()


@pytest.mark.since("1.10")
def test_every_documented_error_is_provoked_or_excused(evidence: Evidence) -> None:
    """Each known error of each operation came at least once, or a reason says why it cannot."""
    assert unproven_errors(evidence.exchanges) == []
