"""Whether the run has shown everything; comes last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from docassemble_client._judge import find_known
from docassemble_client.operations import OPERATIONS
from tests.live.evidence import error_text

if TYPE_CHECKING:
    from tests.live.evidence import Evidence

UNPROVOKED = Path(__file__).parent / "unprovoked"
SUCCESS = range(200, 300)


@pytest.fixture(autouse=True)
def whole_run(request: pytest.FixtureRequest) -> None:
    """A selection of the tests shows nothing about the rest."""
    option = request.config.option
    if option.keyword or option.markexpr or request.config.args != ["tests/live"]:
        pytest.skip("only some tests were run")


def test_every_operation_is_proven(evidence: Evidence) -> None:
    """Each operation of the table has succeeded at least once."""
    succeeded = {one.operation for one in evidence.exchanges if one.status in SUCCESS}

    assert succeeded >= set(OPERATIONS)


@pytest.mark.since("1.10")
def test_every_documented_error_is_provoked_or_excused(evidence: Evidence) -> None:
    """Each known error of each operation came at least once, or a reason says why it cannot."""
    came = {
        (one.operation, known)
        for one in evidence.exchanges
        if one.operation in OPERATIONS and one.status not in SUCCESS
        if (known := find_known(OPERATIONS[one.operation].errors, one.status, error_text(one)))
    }
    excused = _excused()

    missing = [
        f"{operation}: {error.status} {error.message}"
        for operation, described in OPERATIONS.items()
        for error in described.errors
        if (operation, error) not in came
        and not excused & {(operation, error.message), (described.tag, error.message)}
    ]

    assert missing == []


def _excused() -> set[tuple[str, str]]:
    """Which errors of which operation (or of a whole tag) cannot be provoked here."""
    return {
        (where, message)
        for path in UNPROVOKED.glob("*.yaml")
        for where, reasons in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        for message, reason in reasons.items()
        if reason
    }
