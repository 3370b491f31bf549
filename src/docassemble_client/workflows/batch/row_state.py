"""A row of a batch with its position, key and digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from docassemble_client.errors import DocassembleError
from docassemble_client.workflows.batch.results import RowOutcome, RowResult
from docassemble_client.workflows.batch.row_reader import Row
from docassemble_client.workflows.interviews.answers import Answer
from docassemble_client.workflows.interviews.documents import Documents


@define
class RowState:
    """
    A row in progress.

    Attributes:
        index: Position of the row, from 0.
        key: Key of the row.
        answers: The row itself.
        initial: Variables to set before the first question.
        digest: Digest of the answers for the journal; empty without a journal.
    """

    index: int
    key: str
    answers: Row = field(repr=False)
    initial: Mapping[str, Answer] = field(repr=False, kw_only=True)
    digest: str = ""

    def make_result(
        self,
        outcome: RowOutcome,
        *,
        documents: Documents | None = None,
        paths: tuple[Path, ...] = (),
        error: DocassembleError | None = None,
        from_journal: bool = False,
        leftover_session: str = "",
    ) -> RowResult:
        """Make the result that is reported."""
        return RowResult(
            index=self.index,
            key=self.key,
            outcome=outcome,
            row=self.answers,
            documents=documents,
            paths=paths,
            error=error and _detach(error),
            from_journal=from_journal,
            leftover_session=leftover_session,
        )


def _detach(error: DocassembleError) -> DocassembleError:
    """Remove traceback and causes: they keep rows in memory and may not be picklable."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
