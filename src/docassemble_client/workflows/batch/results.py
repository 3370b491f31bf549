"""Results and progress of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import evolve, field, frozen

from docassemble_client.errors import DocassembleError
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.documents import Documents

RowOutcome: TypeAlias = Literal["done", "failed", "unknown", "missing"]
"""
How a row ended. done: its documents are available. failed: the interview certainly did not finish.
unknown: the interview finished, or may have, but there are no documents. missing: it was done in an
earlier run, but its files are gone.
"""


@frozen(kw_only=True)
class RowResult:
    """
    The result of a row; its repr contains no answers.

    Attributes:
        index: Position of the row, from 0.
        key: Key of the row; by default the position as a string.
        outcome: done, failed, unknown or missing.
        row: The row itself.
        documents: Documents in memory; None if they were saved or there are none.
        paths: Paths of the documents, if they were saved.
        error: Why the row is not done, without traceback and cause; None if an earlier run
            reported it.
        from_journal: Whether the outcome comes from an earlier run with the same journal.
        leftover_session: ID of the row's session, if it could not be deleted; else empty.
    """

    index: int
    key: str
    outcome: RowOutcome
    row: Mapping[str, Answer] = field(repr=False)
    documents: Documents | None = None
    paths: tuple[Path, ...] = ()
    error: DocassembleError | None = None
    from_journal: bool = False
    leftover_session: str = ""


@frozen(kw_only=True)
class BatchProgress:
    """
    The progress of a batch.

    Attributes:
        done: Number of rows that are done, including those of earlier runs.
        failed: Number of rows that failed.
        unknown: Number of rows whose outcome is unknown.
        missing: Number of rows that were done in an earlier run, and whose files are gone.
        from_journal: Number of these rows whose outcome comes from an earlier run.
        total: Number of all rows; None if the rows have no length.
        active: Number of rows in progress.
        concurrency: Current limit of concurrent rows, which adapts to the server.
    """

    done: int = 0
    failed: int = 0
    unknown: int = 0
    missing: int = 0
    from_journal: int = 0
    total: int | None = None
    active: int = 0
    concurrency: int = 1

    @property
    def completed(self) -> int:
        """Number of rows reported so far."""
        return self.done + self.failed + self.unknown + self.missing

    def with_result(self, result: RowResult, *, active: int, concurrency: int) -> BatchProgress:
        """
        Return the progress after one more row.

        Args:
            result: Result of the row.
            active: Number of rows in progress now.
            concurrency: Limit of concurrent rows now.

        Returns:
            The new progress.
        """
        return evolve(
            self,
            done=self.done + (result.outcome == "done"),
            failed=self.failed + (result.outcome == "failed"),
            unknown=self.unknown + (result.outcome == "unknown"),
            missing=self.missing + (result.outcome == "missing"),
            from_journal=self.from_journal + result.from_journal,
            active=active,
            concurrency=concurrency,
        )
