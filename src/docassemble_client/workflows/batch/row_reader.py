"""Reads the rows of a batch, one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import TypeAlias

from docassemble_client.workflows.interviews.answers import Answer

Row: TypeAlias = Mapping[str, Answer]
Rows: TypeAlias = Iterable[Row] | AsyncIterable[Row]
"""Answers by variable, one mapping for each run of the interview."""


async def enumerate_rows(rows: Rows) -> AsyncGenerator[tuple[int, Row]]:
    """
    Number the rows.

    Args:
        rows: The rows.

    Yields:
        Number and answers of each row.
    """
    index = 0
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield index, row
            index += 1
    else:
        for row in rows:
            yield index, row
            index += 1


async def fetch_row(rows: AsyncGenerator[tuple[int, Row]]) -> tuple[int, Row] | None:
    """
    Fetch the next row.

    Args:
        rows: The rows.

    Returns:
        Number and answers of the row; None at the end.
    """
    return await anext(rows, None)
