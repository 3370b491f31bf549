"""The web form of a real server, posted as a browser does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.browser_posts import TABLE, record_field

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run


@pytest.mark.since("1.10")
@pytest.mark.unrecorded
@pytest.mark.parametrize("name", ["limited integer", "checkboxes", "optional object"])
def test_form_is_processed_as_in_the_table(run: Run, name: str) -> None:
    """The server makes of a form what browser_posts.json says."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))

    async def job(da: AsyncDocassemble) -> None:
        _, posts = await record_field(da, name)

        assert posts == [post for post in table["posts"] if post["field"] == name]

    run(job)
