"""The table of what docassemble makes of forms that a browser posts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.live.browser_entries import FIELDS, list_entries
from tests.live.browser_posts import COMMAND, NO_VALUE, TABLE

_TABLE: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FIELDS)
def test_table_has_every_entry(name: str) -> None:
    """Every field is described, and every entry was posted; if not, record the table again."""
    entries = [post["text"] for post in _TABLE["posts"] if post["field"] == name]

    assert _TABLE["fields"][name]["variable_name"] == "answer"
    assert entries == list_entries(name, FIELDS[name]), f"run {COMMAND}"


def test_posts_have_the_documented_shape() -> None:
    """A post has a field, its text, what is posted, why not, and a value with its type or error."""
    keys = ["field", "datatype", "required", "text", "posted", "refused", "result"]

    for post in _TABLE["posts"]:
        assert list(post) == keys
        description = _TABLE["fields"][post["field"]]
        assert (post["datatype"], post["required"]) == (
            description["datatype"],
            description["required"],
        )
        assert isinstance(post["posted"], (str, dict)), post
        assert all(isinstance(reason, str) for reason in post["refused"]), post
        assert set(post["result"]) in ({"type", "value"}, {"error"}), post


def test_server_stores_a_value_of_all_that_a_browser_posts() -> None:
    """Only an optional drop-down list of objects that is left empty is asked again for ever."""
    posts = [post for post in _TABLE["posts"] if not post["refused"]]
    failed = {(post["field"], post["posted"]): post["result"] for post in posts if _failed(post)}

    assert len(posts) > 300
    assert failed == {("optional object", ""): {"error": NO_VALUE}}


def _failed(post: dict[str, Any]) -> bool:
    return "error" in post["result"]
