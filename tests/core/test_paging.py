"""A walk through a list as a generator: which page, how many items, and where it can go on."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._core.flow import pages
from docassemble_client.errors import (
    AccessDenied,
    DecodeError,
    DocassembleError,
    MaybeSent,
    NotSent,
    PaginationError,
    RedirectRefused,
    RequestTimeout,
    ServerError,
    UsageError,
)
from docassemble_client.events import PageEvent
from docassemble_client.pagination import Page
from tests.core.hand import Hand, Shelf, fetch, in_html, in_json, token_of

if TYPE_CHECKING:
    from docassemble_client._core.messages import RawResponse, Request
    from tests.core.hand import Answer


class Scripted:
    """A server that has one page for each token."""

    def __init__(self, script: dict[str | None, tuple[list[int], str | None]]) -> None:
        self.script = script

    def __call__(self, request: Request) -> RawResponse:
        """Answer with the page of this token."""
        items, following = self.script[token_of(request)]
        return in_json({"items": items, "next_id": following})


class Breaking:
    """A server whose answer to one request is lost."""

    def __init__(self, shelf: Shelf, at: int | None) -> None:
        self.shelf = shelf
        self.at = at
        self.asked = 0

    def __call__(self, request: Request) -> Answer:
        """Answer, or lose the answer."""
        self.asked += 1
        return MaybeSent("broke") if self.asked == self.at else self.shelf(request)


def tokens(hand: Hand) -> list[str | None]:
    return [token_of(request) for request in hand.sent]


def test_pages_come_in_the_servers_order() -> None:
    """Each page is asked for with the token of the one before, until there is none."""
    hand = Hand(Shelf(7, 3))

    delivered, result = hand.play(pages(fetch, "things.list"))

    assert delivered == [
        Page(items=[0, 1, 2], next_page_token="3"),
        Page(items=[3, 4, 5], next_page_token="6"),
        Page(items=[6], next_page_token=None),
    ]
    assert result is None
    assert tokens(hand) == [None, "3", "6"]
    assert hand.told == [
        PageEvent(operation="things.list", number=number, items=items)
        for number, items in ((1, 3), (2, 3), (3, 1))
    ]
    assert hand.slept == []


def test_a_page_is_asked_for_only_when_the_one_before_is_done_with() -> None:
    """Nothing is fetched ahead of whoever runs the flow."""
    hand = Hand(Shelf(7, 3))
    walk = hand.walk(pages(fetch, "things.list"))

    next(walk)

    assert len(hand.sent) == 1
    walk.close()
    assert len(hand.sent) == 1


@pytest.mark.parametrize(
    ("limit", "delivered", "asked"),
    [
        (0, [], 0),
        (2, [Page(items=[0, 1], next_page_token=None)], 1),
        (3, [Page(items=[0, 1, 2], next_page_token="3")], 1),
        (4, [Page(items=[0, 1, 2], next_page_token="3"), Page(items=[3], next_page_token="3")], 2),
        (
            6,
            [
                Page(items=[0, 1, 2], next_page_token="3"),
                Page(items=[3, 4, 5], next_page_token=None),
            ],
            2,
        ),
        (
            7,
            [
                Page(items=[0, 1, 2], next_page_token="3"),
                Page(items=[3, 4, 5], next_page_token=None),
            ],
            2,
        ),
    ],
)
def test_no_more_than_the_limit_is_asked_for(
    limit: int, delivered: list[Page[int]], asked: int
) -> None:
    """A limit ends the walk without another request; a page cut short has its own token."""
    hand = Hand(Shelf(6, 3))

    pages_, _ = hand.play(pages(fetch, "things.list", limit=limit))

    assert pages_ == delivered
    assert len(hand.sent) == asked


@pytest.mark.parametrize("limit", range(1, 12))
def test_what_a_limit_cut_off_is_found_when_going_on(limit: int) -> None:
    """Going on at the last page's token, nothing is left out that the limit cut off."""
    first, _ = Hand(Shelf(10, 4)).play(pages(fetch, "things.list", limit=limit))

    rest, _ = Hand(Shelf(10, 4)).play(pages(fetch, "things.list", start=first[-1].next_page_token))

    assert {*chain.from_iterable(page.items for page in first + rest)} == set(range(10))


def test_a_walk_can_begin_in_the_middle() -> None:
    """The first page is the one of the token given."""
    hand = Hand(Shelf(7, 3))

    delivered, _ = hand.play(pages(fetch, "things.list", start="6"))

    assert delivered == [Page(items=[6], next_page_token=None)]
    assert tokens(hand) == ["6"]


def test_empty_pages_do_not_end_a_walk() -> None:
    """A server that filters may send a page without items: only its token says whether it ends."""
    hand = Hand(Scripted({None: ([], "a"), "a": ([1], "b"), "b": ([], None)}))

    delivered, _ = hand.play(pages(fetch, "things.list", limit=2))

    assert [page.items for page in delivered] == [[], [1], []]


def test_a_bare_list_is_one_last_page() -> None:
    """Old servers send the whole list at once, without a token."""
    hand = Hand(lambda _: in_json([1, 2]))

    delivered, _ = hand.play(pages(fetch, "things.list"))

    assert delivered == [Page(items=[1, 2], next_page_token=None)]


@pytest.mark.parametrize(
    ("start", "script", "good", "at"),
    [
        (None, {None: ([1], "a"), "a": ([1], "a")}, 1, "a"),
        (None, {None: ([1], "a"), "a": ([2], "b"), "b": ([1], "a")}, 2, "b"),
        ("a", {"a": ([1], "a")}, 0, "a"),
        ("a", {"a": ([1], "b"), "b": ([1], "a")}, 1, "b"),
        (None, {None: ([1], ""), "": ([1], "")}, 1, ""),
    ],
)
def test_a_token_that_comes_again_ends_the_walk_before_its_page_is_handed_over(
    start: str | None, script: dict[str | None, tuple[list[int], str | None]], good: int, at: str
) -> None:
    """A server that restarts a list with a bad token would be walked for ever, items doubled."""
    walk = Hand(Scripted(script)).walk(pages(fetch, "things.list", start=start))

    delivered = [next(walk) for _ in range(good)]
    with pytest.raises(PaginationError) as caught:
        next(walk)

    assert [page.items for page in delivered] == [[1], [2]][:good]
    assert caught.value.page_token == at
    assert caught.value.operation == "things.list"
    assert str(caught.value) == (
        "things.list: the server sent a page token a second time. It restarts a list if the token"
        " is invalid; start again without page_token."
    )


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (NotSent("no"), NotSent),
        (MaybeSent("no"), MaybeSent),
        (RequestTimeout("no"), RequestTimeout),
        (DecodeError("bad gzip"), DecodeError),
        (in_html(), DecodeError),
        (in_json({"items": 5}), DecodeError),
        (in_json({"items": ["x"]}), DecodeError),
        (in_json("Access denied.", 403), AccessDenied),
        (in_html(503), ServerError),
        (in_html(302), RedirectRefused),
    ],
)
def test_every_error_says_where_the_walk_can_go_on(
    failure: Answer, kind: type[DocassembleError], at: int
) -> None:
    """page_token is the token of the page that could not be fetched, None for the first."""
    shelf = Shelf(9, 3)
    hand = Hand(lambda request: failure if len(hand.sent) == at + 1 else shelf(request))
    walk = hand.walk(pages(fetch, "things.list"))

    for _ in range(at):
        next(walk)
    with pytest.raises(kind) as caught:
        next(walk)

    assert caught.value.page_token == [None, "3", "6"][at]


def test_a_token_that_cannot_be_sent_says_where_the_walk_can_go_on() -> None:
    """A token the client itself refuses is an error like all others."""
    hand = Hand(Scripted({None: ([1], "\ud800")}))
    walk = hand.walk(pages(fetch, "things.list"))

    next(walk)
    with pytest.raises(UsageError) as caught:
        next(walk)

    assert caught.value.page_token == "\ud800"
    assert len(hand.sent) == 1


@given(data=st.data(), count=st.integers(0, 12), size=st.integers(1, 4))
def test_walks_that_break_and_go_on_lose_nothing(
    data: st.DataObject, count: int, size: int
) -> None:
    """However often a walk is limited, given up or fails: going on, each item comes in the end."""
    everything = set(range(count))
    shelf = Shelf(count, size)
    position: str | None = None
    seen: list[int] = []
    over = False
    for _ in range(data.draw(st.integers(0, 4), label="interruptions")):
        limit = data.draw(st.none() | st.integers(0, 5), label="limit")
        failing = data.draw(st.none() | st.integers(1, 3), label="failing request")
        attempts = data.draw(st.integers(0, 4), label="pages worked on")
        saved = data.draw(st.booleans(), label="position saved before giving up")
        hand = Hand(Breaking(shelf, failing))
        walk = hand.walk(pages(fetch, "things.list", start=position, limit=limit))
        try:
            for worked, page in enumerate(walk, start=1):
                seen += page.items
                if worked > attempts and not saved:
                    break
                position = page.next_page_token
                if worked > attempts:
                    break
            else:
                over = limit is None
        except MaybeSent as error:
            position = error.page_token
        finally:
            walk.close()
        if over:
            break
    if not over:
        rest, _ = Hand(shelf).play(pages(fetch, "things.list", start=position))
        seen += [item for page in rest for item in page.items]

    assert set(seen) == everything
    assert list(dict.fromkeys(seen)) == sorted(everything)
