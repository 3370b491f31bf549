"""Lists by page and by item: in order, at most one page ahead, with complete cleanup."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.errors import UsageError
from docassemble_client.events import PageEvent
from tests.mock import MockServer, get_loop_time, get_other_tasks, settle
from tests.session_pages import (
    SessionPages,
    collect,
    collect_numbers,
    collect_pages,
    get_numbers,
    get_token,
    get_tokens,
    make_page,
    use_list,
)

if TYPE_CHECKING:
    import httpx

    from docassemble_client.events import Event
    from docassemble_client.models import SessionSummary
    from docassemble_client.pagination import Page, Paginator
    from tests.mock import MockResponse

WITH_AND_WITHOUT_PREFETCH = pytest.mark.parametrize(
    "prefetch", [False, True], ids=["plain", "prefetch"]
)


@pytest.mark.parametrize(
    ("first_token", "numbers", "next_token"), [(None, [0, 1], "2"), ("4", [4], None)]
)
async def test_awaiting_a_list_fetches_its_first_page(
    first_token: str | None, numbers: list[int], next_token: str | None
) -> None:
    """The first page is that of the list's token; it is requested when awaited."""
    server = MockServer(SessionPages(5, 2))

    async def use(sessions: Paginator[SessionSummary]) -> Page[SessionSummary]:
        assert server.requests == []
        return await sessions

    page = await use_list(server, use, first_token)

    assert (get_numbers(page), page.next_page_token) == (numbers, next_token)
    assert get_tokens(server) == [first_token]


@WITH_AND_WITHOUT_PREFETCH
async def test_pages_are_yielded_in_the_servers_order(*, prefetch: bool) -> None:
    """Each page is requested with the token of the page before, until there is none."""
    server = MockServer(SessionPages(7, 3))
    events: list[Event] = []

    pages = await use_list(
        server,
        lambda sessions: collect_pages(sessions.pages(prefetch=prefetch)),
        on_event=events.append,
    )

    assert pages == [([0, 1, 2], "3"), ([3, 4, 5], "6"), ([6], None)]
    assert get_tokens(server) == [None, "3", "6"]
    assert [event for event in events if isinstance(event, PageEvent)] == [
        PageEvent(operation="sessions.list", number=number, item_count=items)
        for number, items in ((1, 3), (2, 3), (3, 1))
    ]


async def test_a_list_shows_its_operation() -> None:
    """Its repr shows no arguments, which may be secret."""

    async def use(sessions: Paginator[SessionSummary]) -> str:
        return repr(sessions)

    shown = await use_list(MockServer(SessionPages(5, 2)), use, "hunter2")

    assert "sessions.list" in shown
    assert "hunter2" not in shown


async def test_a_page_is_iterable() -> None:
    """A page has a length, and iterating over it yields its items."""

    async def use(sessions: Paginator[SessionSummary]) -> Page[SessionSummary]:
        return await sessions

    page = await use_list(MockServer(SessionPages(5, 2)), use)

    assert list(page) == page.items
    assert len(page) == 2


async def test_a_list_is_iterated_item_by_item() -> None:
    """The iteration yields every item of every page in order; each one requests the pages again."""
    server = MockServer(SessionPages(5, 2))

    async def use(sessions: Paginator[SessionSummary]) -> None:
        for _ in range(2):
            assert await collect_numbers(aiter(sessions)) == [0, 1, 2, 3, 4]

    await use_list(server, use)

    assert get_tokens(server) == [None, "2", "4"] * 2


@pytest.mark.parametrize("kind", ["pages", "items"])
@WITH_AND_WITHOUT_PREFETCH
async def test_an_iteration_that_has_ended_stays_ended(kind: str, *, prefetch: bool) -> None:
    """After the last page, or after aclose(), nothing is requested."""
    server = MockServer(SessionPages(3, 2))

    async def use(sessions: Paginator[SessionSummary]) -> None:
        for is_complete in (True, False):
            iterator: Any = getattr(sessions, kind)(prefetch=prefetch)
            if is_complete:
                await collect(iterator)
            else:
                await anext(iterator)
                await iterator.aclose()
                await iterator.aclose()
            before = len(server.requests)
            if kind == "pages" or is_complete:
                assert await collect(iterator) == []
            assert len(server.requests) == before

    await use_list(server, use)


@pytest.mark.parametrize(
    ("max_items", "pages"),
    [
        (0, []),
        (2, [([0, 1], None)]),
        (3, [([0, 1, 2], "3")]),
        (4, [([0, 1, 2], "3"), ([3], "3")]),
        (6, [([0, 1, 2], "3"), ([3, 4, 5], None)]),
        (7, [([0, 1, 2], "3"), ([3, 4, 5], None)]),
    ],
)
@WITH_AND_WITHOUT_PREFETCH
async def test_a_page_that_max_items_cuts_has_its_own_token(
    max_items: int, pages: list[Any], *, prefetch: bool
) -> None:
    """If you continue with that token, no item is lost."""
    server = MockServer(SessionPages(6, 3))

    result = await use_list(
        server,
        lambda sessions: collect_pages(sessions.pages(max_items=max_items, prefetch=prefetch)),
    )

    assert result == pages
    assert len(server.requests) == len(pages)


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize(
    ("max_items", "request_count"), [(None, 3), (0, 0), (1, 1), (2, 1), (3, 2), (5, 3), (9, 3)]
)
async def test_max_items_limits_items_and_requests(
    max_items: int | None, request_count: int, *, prefetch: bool
) -> None:
    """There are no more items than max_items, and no request beyond them, even with prefetch."""
    server = MockServer(SessionPages(5, 2))

    numbers = await use_list(
        server,
        lambda sessions: collect_numbers(sessions.items(max_items=max_items, prefetch=prefetch)),
    )

    assert numbers == list(range(5))[:max_items]
    assert len(server.requests) == request_count


@pytest.mark.parametrize("max_items", [-1, 1.5, "2", True, False])
async def test_an_invalid_max_items_is_refused(max_items: Any) -> None:
    """An invalid max_items is a UsageError, before any request."""
    server = MockServer(SessionPages(5, 2))

    with pytest.raises(UsageError, match="max_items must be a whole number"):
        await use_list(server, lambda sessions: collect(sessions.items(max_items=max_items)))

    assert server.requests == []


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize(
    ("first_token", "page_token", "expected"),
    [
        (None, None, [[0, 1], [2, 3], [4]]),
        ("2", None, [[2, 3], [4]]),
        (None, "2", [[2, 3], [4]]),
        ("2", "4", [[4]]),
        ("2", "", [[2, 3], [4]]),
    ],
)
async def test_pages_begin_with_their_page_token(
    first_token: str | None, page_token: str | None, expected: list[list[int]], *, prefetch: bool
) -> None:
    """The page_token of pages() has priority over the token of the call."""
    server = MockServer(SessionPages(5, 2))

    pages = await use_list(
        server,
        lambda sessions: collect_pages(sessions.pages(page_token=page_token, prefetch=prefetch)),
        first_token,
    )

    assert [numbers for numbers, _ in pages] == expected
    assert [token for _, token in pages] == ["2", "4", None][-len(expected) :]


async def test_empty_pages_do_not_end_a_list() -> None:
    """A server that filters may send a page without items; only a missing token ends a list."""
    pages = {None: make_page([], "a"), "a": make_page([1], "b"), "b": make_page([])}
    server = MockServer(lambda request: pages[get_token(request)])

    async def use(sessions: Paginator[SessionSummary]) -> list[Any]:
        return [
            await collect_pages(sessions.pages(max_items=2)),
            await collect_numbers(sessions.items()),
        ]

    assert await use_list(server, use) == [[([], "a"), ([1], "b"), ([], None)], [1]]


async def test_a_bare_list_is_one_last_page() -> None:
    """Old servers send the whole list at once, without a token."""
    server = MockServer(lambda _: (200, make_page([1, 2])[1]["items"]))

    assert await use_list(server, lambda sessions: collect_pages(sessions.pages())) == [
        ([1, 2], None)
    ]


@pytest.mark.parametrize(("prefetch", "ahead"), [(False, 0), (True, 1)])
async def test_at_most_one_page_is_fetched_ahead(ahead: int, *, prefetch: bool) -> None:
    """While you process a page, at most one more page is fetched."""
    server = MockServer(SessionPages(9, 2))

    async def use(sessions: Paginator[SessionSummary]) -> None:
        number = 0
        async for _ in sessions.pages(prefetch=prefetch):
            number += 1
            await settle()
            assert len(server.requests) == min(number + ahead, 5)
            assert server.active_requests == 0

    await use_list(server, use)
    assert len(server.requests) == 5


@pytest.mark.parametrize(("prefetch", "seconds"), [(False, 12), (True, 8)])
async def test_prefetch_overlaps_processing_and_requests(seconds: float, *, prefetch: bool) -> None:
    """The next page is requested while you process a page."""
    server = MockServer(SessionPages(9, 3))
    server.delay = lambda _: 2.0

    async def use(sessions: Paginator[SessionSummary]) -> float:
        async for _ in sessions.pages(prefetch=prefetch):
            await asyncio.sleep(2)
        return get_loop_time()

    assert await use_list(server, use) == seconds


@pytest.mark.parametrize("ending", ["break", "raise", "cancel", "forget"])
@pytest.mark.parametrize("state", ["running", "fetched", "failed"])
async def test_a_prefetched_page_is_cancelled_with_the_iteration(ending: str, state: str) -> None:
    """The end of an iteration leaves no task, no request and no unhandled error."""
    pages = SessionPages(9, 2)
    server = MockServer(pages.fail_at("2", (404, None)) if state == "failed" else pages)
    is_prefetching = asyncio.Event()

    async def consume(sessions: Paginator[SessionSummary]) -> None:
        if ending == "forget":
            async for _ in sessions.items(prefetch=True):
                await wait_for_prefetch()
                break
            return
        async with aclosing(sessions.pages(prefetch=True)) as iterator:
            async for _ in iterator:
                await wait_for_prefetch()
                if ending == "raise":
                    raise KeyError
                if ending == "cancel":
                    await asyncio.Event().wait()
                break

    async def wait_for_prefetch() -> None:
        server.gate = asyncio.Event() if state == "running" else None
        await settle()
        assert server.active_requests == (state == "running")
        assert len(server.requests) == 2
        is_prefetching.set()

    async def use(sessions: Paginator[SessionSummary]) -> None:
        task = asyncio.create_task(consume(sessions))
        await is_prefetching.wait()
        if ending == "cancel":
            task.cancel()
        await asyncio.wait([task])
        await settle()
        assert get_other_tasks() == set()
        assert server.active_requests == 0
        assert task.cancelled() == (ending == "cancel")
        assert task.cancelled() or isinstance(task.exception(), KeyError) == (ending == "raise")
        gc.collect()

    await use_list(server, use)
    assert len(server.requests) == 2


@WITH_AND_WITHOUT_PREFETCH
async def test_a_page_that_is_still_fetched_is_awaited(*, prefetch: bool) -> None:
    """The next page is not requested a second time."""
    server = MockServer(SessionPages(9, 3))
    server.delay = lambda _: 5.0

    async def use(sessions: Paginator[SessionSummary]) -> list[int]:
        numbers = []
        async for page in sessions.pages(prefetch=prefetch):
            await asyncio.sleep(1)
            numbers += get_numbers(page)
        return numbers

    assert await use_list(server, use) == list(range(9))
    assert get_tokens(server) == [None, "3", "6"]


async def test_concurrent_iterations_are_independent() -> None:
    """Each iteration has its own token and limit, though they share the paginator."""

    async def use(sessions: Paginator[SessionSummary]) -> list[list[int]]:
        prefetching = sessions.items(prefetch=True, max_items=7)
        iterations = (sessions.items(), prefetching, sessions.items(max_items=3))
        return list(await asyncio.gather(*map(collect_numbers, iterations)))

    result = await use_list(MockServer(SessionPages(9, 2)), use)

    assert result == [list(range(9)), list(range(7)), [0, 1, 2]]


@WITH_AND_WITHOUT_PREFETCH
async def test_a_long_list_needs_no_more_memory_than_a_short_one(*, prefetch: bool) -> None:
    """At most two pages are in memory; only the tokens of the others are kept."""
    page_size, page_count = 50, 150

    def respond(request: httpx.Request) -> MockResponse:
        server.requests.clear()
        number = int(get_token(request) or 0) + 1
        return make_page(range(page_size), str(number) if number < page_count else None)

    async def use(sessions: Paginator[SessionSummary]) -> tuple[int, int]:
        count = 0
        async for page in sessions.pages(prefetch=prefetch):
            count += len(page.items)
            if count == 10 * page_size:
                tracemalloc.start()
        return count, tracemalloc.get_traced_memory()[1]

    server = MockServer(respond)
    try:
        count, peak = await use_list(server, use)
    finally:
        tracemalloc.stop()

    # All sessions together would be about 5 MB.
    assert count == page_count * page_size
    assert peak < 512 * 1024
