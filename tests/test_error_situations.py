"""The table of situations in the guide shows the exact text of each error."""

from __future__ import annotations

import pytest

from tests.error_situations import SITUATIONS, format_row, provoke
from tests.guides import GUIDE
from tests.raw_server import check_leaks

pytestmark = pytest.mark.sockets
leak_check = pytest.fixture(autouse=True)(check_leaks)
HEADING = "| situation | error | text |"


def read_rows() -> dict[str, str]:
    """Read the rows of the table, by situation."""
    _, _, table = (GUIDE / "errors.md").read_text(encoding="utf-8").partition(HEADING)
    rows = table.partition("\n\n")[0].splitlines()[2:]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


ROWS = read_rows()


@pytest.mark.parametrize("title", SITUATIONS)
async def test_the_guide_shows_the_text_of_every_error(title: str) -> None:
    """Replace the row of the guide by the one that the failed test shows, if it reads well."""
    error = await provoke(SITUATIONS[title])

    assert format_row(title, error) == ROWS[title]


def test_the_guide_lists_no_other_situation() -> None:
    """The rows stand in the order of the situations."""
    assert [*ROWS] == [*SITUATIONS]
