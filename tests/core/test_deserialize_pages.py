"""Pages of lists, as every supported server version sends them."""

from __future__ import annotations

import json

import pytest

from docassemble_client import operations
from docassemble_client._core.deserialize import strict_mode
from docassemble_client.pagination import Page
from tests.core.test_deserialize_responses import USER, decode_failure, decode_json


def test_a_page_has_items_and_the_next_page_token() -> None:
    """A page of a list has typed items and the token of the next page, or None."""
    with strict_mode():
        first = decode_json(operations.USERS_LIST, {"items": [USER], "next_id": "Nw"})
        last = decode_json(operations.USERS_LIST, {"items": [], "next_id": None})

    assert isinstance(first, Page)
    assert first.next_page_token == "Nw"
    assert [user.id for user in first.items] == [7]
    assert (last.items, last.next_page_token) == ([], None)


def test_the_next_page_starts_after_the_last_user() -> None:
    """The server's token may skip a user, so the token is built from the last user of the page."""
    skipping = decode_json(operations.USERS_LIST, {"items": [USER], "next_id": "OQ"})
    empty = decode_json(operations.USERS_LIST, {"items": [], "next_id": "OQ"})

    assert isinstance(skipping, Page)
    assert isinstance(empty, Page)
    assert (skipping.next_page_token, empty.next_page_token) == ("Nw", "OQ")


def test_a_bare_list_is_one_last_page() -> None:
    """Old servers send the whole list at once: it is the only page."""
    page = decode_json(operations.USERS_LIST, [USER, {**USER, "id": 8}])

    assert [user.id for user in page.items] == [7, 8]
    assert page.next_page_token is None


def test_unknown_or_missing_page_keys_are_errors_in_strict_mode() -> None:
    """A page without a token is the last one; strict mode refuses additional keys."""
    page = decode_json(operations.USERS_LIST, {"items": [], "total": 0})
    with strict_mode():
        message = decode_failure(
            operations.USERS_LIST, b'{"items": [], "next_id": null, "total": 0}'
        )

    assert (page.items, page.next_page_token) == ([], None)
    assert message == "expected a page with items and next_id only"


@pytest.mark.parametrize("data", [{}, {"next_id": "x"}, "text", 5, None, True])
def test_a_response_that_is_not_a_page_is_an_error(data: object) -> None:
    """A response that is neither a list nor an object with items is refused."""
    message = decode_failure(operations.USERS_LIST, json.dumps(data).encode())

    assert message == "the response is not a page of a list"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"items": [{**USER, "id": "hunter2"}]}, "expected int, got str @ $.items[0].id"),
        ({"items": {"a": 1}}, "expected a list, got dict @ $.items"),
        ({"items": [], "next_id": [1]}, "expected str, got list @ $.next_id"),
        ([USER, {**USER, "id": "hunter2"}], "expected int, got str @ $[1].id"),
    ],
)
def test_an_invalid_item_is_reported_with_its_path(data: object, problem: str) -> None:
    """A mismatch in a page is reported with its path in the whole response."""
    message = decode_failure(operations.USERS_LIST, json.dumps(data).encode())

    assert message == f"the response does not match: {problem}"
