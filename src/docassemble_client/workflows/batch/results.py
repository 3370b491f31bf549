"""What a batch tells of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import evolve, field, frozen

from docassemble_client.errors import DocassembleError
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.documents import Documents

RowOutcome: TypeAlias = Literal["done", "failed", "unknown"]
"""
How a row ended: done; failed, so that the interview has certainly not come to its end; or unknown,
where it has or may have, but there are no documents.
"""


@frozen(kw_only=True)
class RowResult:
    """
    How a row ended; its repr shows no answer.

    Attributes:
        index: Position of the row, from 0.
        key: Its key; by default the position as a text.
        outcome: done, failed or unknown.
        row: The row itself.
        documents: Its documents in memory; None if they were saved, or there are none.
        paths: Where its documents are, if they were saved.
        error: Why it is not done, without traceback and cause; None where an earlier run was told.
        earlier: Whether an earlier run with the same journal ended it.
        left: ID of its session, if that could not be deleted.
    """

    index: int
    key: str
    outcome: RowOutcome
    row: Mapping[str, Answer] = field(repr=False)
    documents: Documents | None = None
    paths: tuple[Path, ...] = ()
    error: DocassembleError | None = None
    earlier: bool = False
    left: str = ""


@frozen(kw_only=True)
class BatchProgress:
    """
    How far a batch is.

    Attributes:
        done: Rows that are done, those of earlier runs too.
        failed: Rows that failed.
        unknown: Rows of which it is not known.
        earlier: Rows among all these that were ended by an earlier run.
        total: How many rows there are; None if the rows do not say.
        active: Rows under way.
        concurrency: How many may be under way now, which the server decides by how it answers.
    """

    done: int = 0
    failed: int = 0
    unknown: int = 0
    earlier: int = 0
    total: int | None = None
    active: int = 0
    concurrency: int = 1

    @property
    def ended(self) -> int:
        """How many rows were reported."""
        return self.done + self.failed + self.unknown

    def after(self, result: RowResult, *, active: int, concurrency: int) -> BatchProgress:
        """
        Count another row.

        Args:
            result: How it ended.
            active: Rows under way now.
            concurrency: How many may be.

        Returns:
            How far the batch is now.
        """
        return evolve(
            self,
            done=self.done + (result.outcome == "done"),
            failed=self.failed + (result.outcome == "failed"),
            unknown=self.unknown + (result.outcome == "unknown"),
            earlier=self.earlier + result.earlier,
            active=active,
            concurrency=concurrency,
        )
