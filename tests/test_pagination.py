"""Lists by page and by item: in order, at most one page ahead, with complete cleanup."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._core.driver import Run
from docassemble_client._core.flow import pages
from docassemble_client.config import Timeouts
from docassemble_client.errors import MaybeSent, RequestTimeout, UsageError
from docassemble_client.pagination import Page, Paginator
from tests.core.hand import Shelf, fetch, in_json, token_of
from tests.mock import FakeTransport, get_loop_time, get_other_tasks, run, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client.pagination import PageSource

WITH_AND_WITHOUT_PREFETCH = pytest.mark.parametrize(
    "prefetch", [False, True], ids=["plain", "prefetch"]
)


def make_paginator(
    transport: FakeTransport, first_token: str | None = None, timeouts: Timeouts | None = None
) -> Paginator[int]:
    """Create a paginator over this transport, as the executor does."""

    def open_source(token: str | None, limit: int | None) -> PageSource[Page[int]]:
        flow = pages(fetch, "things.list", start=token, limit=limit)
        request = cast("Any", None)
        return Run(cast("Any", transport), flow, request, timeouts or Timeouts(), per_delivery=True)

    return Paginator(open_source, first_token)


def get_requested_tokens(transport: FakeTransport) -> list[str | None]:
    return [token_of(request) for request in transport.sent]


async def collect_items(iterator: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in iterator]


@pytest.mark.parametrize(
    ("first_token", "page"),
    [(None, Page(items=[0, 1], next_page_token="2")), ("4", Page(items=[4], next_page_token=None))],
)
def test_awaiting_a_list_fetches_its_first_page(first_token: str | None, page: Page[int]) -> None:
    """The first page is that of the list's token; it is requested when awaited."""
    transport = FakeTransport(Shelf(5, 2))
    paginator = make_paginator(transport, first_token)
    assert transport.sent == []

    async def scenario() -> Page[int]:
        return await paginator

    assert run(scenario()) == page
    assert get_requested_tokens(transport) == [first_token]


def test_a_list_is_iterated_item_by_item() -> None:
    """The iteration yields every item of every page in order; each one requests the pages again."""
    transport = FakeTransport(Shelf(5, 2))
    paginator = make_paginator(transport)

    for _ in range(2):
        assert run(collect_items(aiter(paginator))) == [0, 1, 2, 3, 4]

    assert get_requested_tokens(transport) == [None, "2", "4"] * 2


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize(
    ("max_items", "request_count"), [(None, 3), (0, 0), (1, 1), (2, 1), (3, 2), (5, 3), (9, 3)]
)
def test_max_items_limits_items_and_requests(
    max_items: int | None, request_count: int, *, prefetch: bool
) -> None:
    """There are no more items than max_items, and no request beyond them, even with prefetch."""
    transport = FakeTransport(Shelf(5, 2))

    items = run(
        collect_items(make_paginator(transport).items(max_items=max_items, prefetch=prefetch))
    )

    assert items == list(range(5))[:max_items]
    assert len(transport.sent) == request_count


@pytest.mark.parametrize("max_items", [-1, 1.5, "2", True, False])
def test_an_invalid_max_items_is_refused(max_items: Any) -> None:
    """An invalid max_items is a UsageError, before any request."""
    transport = FakeTransport(Shelf(5, 2))

    with pytest.raises(UsageError, match="max_items must be a whole number"):
        run(collect_items(make_paginator(transport).items(max_items=max_items)))

    assert transport.sent == []


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize(
    ("first_token", "page_token", "items"),
    [
        (None, None, [[0, 1], [2, 3], [4]]),
        ("2", None, [[2, 3], [4]]),
        (None, "2", [[2, 3], [4]]),
        ("2", "4", [[4]]),
        ("2", "", [[2, 3], [4]]),
    ],
)
def test_pages_begin_with_their_page_token(
    first_token: str | None, page_token: str | None, items: list[list[int]], *, prefetch: bool
) -> None:
    """The page_token of pages() has priority over the token of the call."""
    paginator = make_paginator(FakeTransport(Shelf(5, 2)), first_token)

    page_list = run(collect_items(paginator.pages(page_token=page_token, prefetch=prefetch)))

    assert [page.items for page in page_list] == items
    assert [page.next_page_token for page in page_list] == ["2", "4", None][-len(items) :]


@pytest.mark.parametrize(("prefetch", "ahead"), [(False, 0), (True, 1)])
def test_at_most_one_page_is_fetched_ahead(ahead: int, *, prefetch: bool) -> None:
    """While you process a page, at most one more page is fetched."""
    transport = FakeTransport(Shelf(9, 2))

    async def scenario() -> None:
        number = 0
        async for _ in make_paginator(transport).pages(prefetch=prefetch):
            number += 1
            await settle()
            assert len(transport.sent) == min(number + ahead, 5)
            assert transport.active_requests == 0

    run(scenario())
    assert len(transport.sent) == 5


def test_prefetch_overlaps_processing_and_requests() -> None:
    """The next page is requested while you process a page."""

    async def measure_seconds(*, prefetch: bool) -> float:
        transport = FakeTransport(Shelf(9, 3))
        transport.delay = lambda _: 2.0
        async for _ in make_paginator(transport).pages(prefetch=prefetch):
            await asyncio.sleep(2)
        return get_loop_time()

    assert run(measure_seconds(prefetch=False)) == 12
    assert run(measure_seconds(prefetch=True)) == 8


@pytest.mark.parametrize("ending", ["break", "raise", "cancel", "forget"])
@pytest.mark.parametrize("is_running", [True, False], ids=["running", "fetched"])
def test_a_prefetched_page_is_cancelled_with_the_iteration(
    ending: str, *, is_running: bool
) -> None:
    """The end of an iteration leaves no task, no request and no unhandled error."""
    transport = FakeTransport(Shelf(9, 2))
    first_page_arrived = asyncio.Event()

    async def consume() -> None:
        if ending == "forget":
            async for _ in make_paginator(transport).items(prefetch=True):
                await wait_for_prefetch()
                break
            return
        async with aclosing(make_paginator(transport).pages(prefetch=True)) as iterator:
            async for _ in iterator:
                await wait_for_prefetch()
                if ending == "raise":
                    raise KeyError
                if ending == "cancel":
                    await asyncio.Event().wait()
                break

    async def wait_for_prefetch() -> None:
        transport.gate = asyncio.Event() if is_running else None
        await settle()
        assert transport.active_requests == is_running
        assert len(transport.sent) == 2
        first_page_arrived.set()

    async def scenario() -> None:
        task = asyncio.create_task(consume())
        await first_page_arrived.wait()
        if ending == "cancel":
            task.cancel()
        await asyncio.wait([task])
        gc.collect()
        await settle()
        assert get_other_tasks() == set()
        assert transport.active_requests == 0
        assert task.cancelled() == (ending == "cancel")
        assert task.cancelled() or isinstance(task.exception(), KeyError) == (ending == "raise")

    run(scenario())
    assert len(transport.sent) == 2


def test_cancelling_a_consumer_cancels_its_request() -> None:
    """The request is cancelled, with and without prefetch."""
    transport = FakeTransport(Shelf(9, 2))

    async def scenario() -> None:
        for prefetch in (False, True):
            transport.gate = asyncio.Event()
            task = asyncio.create_task(
                collect_items(make_paginator(transport).pages(prefetch=prefetch))
            )
            await settle()
            if prefetch:
                transport.gate.set()
                transport.gate = asyncio.Event()
                await settle()
            task.cancel()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert transport.active_requests == 0
            assert get_other_tasks() == set()

    run(scenario())


def test_a_prefetch_error_is_raised_in_place_of_its_page() -> None:
    """All earlier pages are yielded; the error has the token of its page."""
    shelf = Shelf(9, 2)
    transport = FakeTransport(
        lambda request: MaybeSent("no") if token_of(request) == "4" else shelf(request)
    )
    items: list[int] = []

    async def scenario() -> None:
        async for item in make_paginator(transport).items(prefetch=True):
            await settle()
            items.append(item)

    with pytest.raises(MaybeSent) as caught:
        run(scenario())

    assert items == [0, 1, 2, 3]
    assert caught.value.page_token == "4"


def test_a_prefetch_error_is_ignored_if_the_iteration_ends() -> None:
    """An iteration that ends before the failed page does not raise its error."""
    shelf = Shelf(9, 2)
    transport = FakeTransport(
        lambda request: MaybeSent("no") if token_of(request) == "2" else shelf(request)
    )

    async def scenario() -> list[int]:
        async with aclosing(make_paginator(transport).items(prefetch=True)) as items:
            async for item in items:
                await settle()
                return [item]
        return []

    assert run(scenario()) == [0]
    assert len(transport.sent) == 2


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize("slow_token", [None, "3", "6"])
def test_the_total_timeout_applies_to_each_page(slow_token: str | None, *, prefetch: bool) -> None:
    """The error has the page_token of the slow page."""
    transport = FakeTransport(Shelf(9, 3))
    transport.delay = lambda request: 6.0 if token_of(request) == slow_token else 4.0

    with pytest.raises(RequestTimeout) as caught:
        run(
            collect_items(
                make_paginator(transport, timeouts=Timeouts(total=5)).pages(prefetch=prefetch)
            )
        )

    assert caught.value.page_token == slow_token
    assert caught.value.maybe_processed
    assert get_requested_tokens(transport)[-1] == slow_token


def test_concurrent_iterations_are_independent() -> None:
    """Each iteration has its own token and limit, though they share the paginator."""
    transport = FakeTransport(Shelf(9, 2))
    paginator = make_paginator(transport)

    async def scenario() -> list[list[Any]]:
        prefetching = paginator.items(prefetch=True, max_items=7)
        iterations = (paginator.items(), prefetching, paginator.items(max_items=3))
        return list(await asyncio.gather(*map(collect_items, iterations)))

    assert run(scenario()) == [list(range(9)), list(range(7)), [0, 1, 2]]


@WITH_AND_WITHOUT_PREFETCH
def test_a_long_list_needs_no_more_memory_than_a_short_one(*, prefetch: bool) -> None:
    """At most two pages of 1,000 are in memory; only the tokens of the others are kept."""

    def respond(request: Request) -> RawResponse:
        transport.sent.clear()
        transport.events.clear()
        count = int(token_of(request) or 0) + 1
        next_token = str(count) if count < 1000 else None
        return in_json({"items": [10**9] * 100, "next_id": next_token})

    async def scenario() -> tuple[int, int]:
        count = 0
        async for page in make_paginator(transport).pages(prefetch=prefetch):
            count += len(page.items)
            if count == 10_000:
                tracemalloc.reset_peak()
        return count, tracemalloc.get_traced_memory()[1]

    transport = FakeTransport(respond)
    tracemalloc.start()
    try:
        count, peak = run(scenario())
    finally:
        tracemalloc.stop()

    # All items together would be 4 MB.
    assert count == 100_000
    assert peak < 1024 * 1024


@given(data=st.data(), count=st.integers(0, 9), size=st.integers(1, 3), prefetch=st.booleans())
def test_a_cancelled_iteration_can_be_continued_without_loss(
    data: st.DataObject, count: int, size: int, *, prefetch: bool
) -> None:
    """If you save each page's token and continue with it, you receive every item."""
    items: list[int] = []
    saved_tokens: list[str | None] = [None]
    transport = FakeTransport(Shelf(count, size))
    cancellations = data.draw(st.lists(st.integers(0, 40), max_size=4), label="steps")

    async def consume() -> None:
        iterator = make_paginator(transport).pages(page_token=saved_tokens[-1], prefetch=prefetch)
        async with aclosing(iterator):
            async for page in iterator:
                await asyncio.sleep(0)
                items.extend(page.items)
                await asyncio.sleep(0)
                saved_tokens.append(page.next_page_token)

    async def scenario() -> None:
        for steps in cancellations:
            task = asyncio.create_task(consume())
            await settle(steps)
            task.cancel()
            await asyncio.wait([task])
            assert get_other_tasks() == set()
            if not task.cancelled():
                return
        await consume()

    run(scenario())

    assert set(items) == set(range(count))
    assert list(dict.fromkeys(items)) == list(range(count))
