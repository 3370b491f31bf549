"""Pages of lists, as servers of every age send them."""

from __future__ import annotations

import json

import pytest

from docassemble_client import operations
from docassemble_client._core.deserialize import strict
from docassemble_client.pagination import Page
from tests.core.test_deserialize_responses import USER, problem, take_json


def test_a_page_holds_items_and_the_way_on() -> None:
    """A page of a list has typed items and the token of the next page, or None."""
    with strict():
        first = take_json(operations.USERS_LIST, {"items": [USER], "next_id": "Nw"})
        last = take_json(operations.USERS_LIST, {"items": [], "next_id": None})

    assert isinstance(first, Page)
    assert first.next_id == "Nw"
    assert [user.id for user in first.items] == [7]
    assert last == Page(items=[], next_id=None)


def test_users_go_on_after_the_last_who_came() -> None:
    """The server's token may skip a user, so it is made of the page's last one, if it has any."""
    skipping = take_json(operations.USERS_LIST, {"items": [USER], "next_id": "OQ"})
    empty = take_json(operations.USERS_LIST, {"items": [], "next_id": "OQ"})

    assert isinstance(skipping, Page)
    assert isinstance(empty, Page)
    assert (skipping.next_id, empty.next_id) == ("Nw", "OQ")


def test_a_bare_list_is_one_last_page() -> None:
    """Old servers send the whole list at once: it is the only page."""
    page = take_json(operations.USERS_LIST, [USER, {**USER, "id": 8}])

    assert [user.id for user in page.items] == [7, 8]
    assert page.next_id is None


def test_a_page_may_say_more_or_less_in_use_but_not_in_strict_mode() -> None:
    """A page without a token is the last; new keys beside its items are noticed by tests."""
    page = take_json(operations.USERS_LIST, {"items": [], "total": 0})
    with strict():
        message = problem(operations.USERS_LIST, b'{"items": [], "next_id": null, "total": 0}')

    assert page == Page(items=[], next_id=None)
    assert message == "expected a page of items and next_id only"


@pytest.mark.parametrize("data", [{}, {"next_id": "x"}, "text", 5, None, True])
def test_what_is_no_page_is_an_error(data: object) -> None:
    """Neither a list nor an object with items: the answer is refused."""
    message = problem(operations.USERS_LIST, json.dumps(data).encode())

    assert message == "the answer is no page of a list"


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"items": [{**USER, "id": "hunter2"}]}, "expected int, got str @ $.items[0].id"),
        ({"items": {"a": 1}}, "expected a list, got dict @ $.items"),
        ({"items": [], "next_id": [1]}, "expected str, got list @ $.next_id"),
        ([USER, {**USER, "id": "hunter2"}], "expected int, got str @ $[1].id"),
    ],
)
def test_a_wrong_item_is_named_by_its_place(data: object, place: str) -> None:
    """What does not fit in a page is named by its place in the whole answer."""
    message = problem(operations.USERS_LIST, json.dumps(data).encode())

    assert message == f"the answer does not fit: {place}"
