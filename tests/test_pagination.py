"""Lists page by page and item by item: in order, one page ahead at most, nothing left behind."""

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
from tests.mock import Line, now, others, run, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docassemble_client._core.messages import Reply, Request
    from docassemble_client.pagination import Walk

EITHER = pytest.mark.parametrize("prefetch", [False, True], ids=["plain", "prefetch"])


def over(line: Line, first: str | None = None, timeouts: Timeouts | None = None) -> Paginator[int]:
    """A list behind a line, as the runtime makes it."""

    def walk(token: str | None, limit: int | None) -> Walk[Page[int]]:
        flow = pages(fetch, "things.list", start=token, limit=limit)
        request = cast("Any", None)
        return Run(cast("Any", line), flow, request, timeouts or Timeouts(), each=True)

    return Paginator(walk, first)


def asked(line: Line) -> list[str | None]:
    return [token_of(request) for request in line.sent]


async def all_of(iterator: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in iterator]


@pytest.mark.parametrize(
    ("first", "page"),
    [(None, Page(items=[0, 1], next_id="2")), ("4", Page(items=[4], next_id=None))],
)
def test_awaiting_a_list_brings_its_first_page(first: str | None, page: Page[int]) -> None:
    """The first page is the one the list was told to begin with, fetched when awaited."""
    line = Line(Shelf(5, 2))
    paginator = over(line, first)
    assert line.sent == []

    async def use() -> Page[int]:
        return await paginator

    assert run(use()) == page
    assert asked(line) == [first]


def test_a_list_is_iterated_item_by_item() -> None:
    """Iterating brings every item of every page in order, and asks anew each time."""
    line = Line(Shelf(5, 2))
    paginator = over(line)

    for _ in range(2):
        assert run(all_of(aiter(paginator))) == [0, 1, 2, 3, 4]

    assert asked(line) == [None, "2", "4"] * 2


@EITHER
@pytest.mark.parametrize(
    ("limit", "requests"), [(None, 3), (0, 0), (1, 1), (2, 1), (3, 2), (5, 3), (9, 3)]
)
def test_a_limit_stops_items_and_requests(
    limit: int | None, requests: int, *, prefetch: bool
) -> None:
    """No more items come than the limit, and no page is asked for beyond it, not even ahead."""
    line = Line(Shelf(5, 2))

    items = run(all_of(over(line).items(limit=limit, prefetch=prefetch)))

    assert items == list(range(5))[:limit]
    assert len(line.sent) == requests


@pytest.mark.parametrize("limit", [-1, 1.5, "2", True, False])
def test_a_limit_that_is_no_number_of_items_is_refused(limit: Any) -> None:
    """What cannot be a limit is a wrong call, before anything is sent."""
    line = Line(Shelf(5, 2))

    with pytest.raises(UsageError, match="limit must be a whole number of items, or None"):
        run(all_of(over(line).items(limit=limit)))

    assert line.sent == []


@EITHER
@pytest.mark.parametrize(
    ("first", "resume_from", "items"),
    [
        (None, None, [[0, 1], [2, 3], [4]]),
        ("2", None, [[2, 3], [4]]),
        (None, "2", [[2, 3], [4]]),
        ("2", "4", [[4]]),
        ("2", "", [[2, 3], [4]]),
    ],
)
def test_pages_begin_where_they_are_told_to(
    first: str | None, resume_from: str | None, items: list[list[int]], *, prefetch: bool
) -> None:
    """resume_from comes before the token of the call, and the first page is the default."""
    paginator = over(Line(Shelf(5, 2)), first)

    delivered = run(all_of(paginator.pages(resume_from=resume_from, prefetch=prefetch)))

    assert [page.items for page in delivered] == items
    assert [page.next_id for page in delivered] == ["2", "4", None][-len(items) :]


@pytest.mark.parametrize(("prefetch", "ahead"), [(False, 0), (True, 1)])
def test_at_most_one_page_is_fetched_ahead(ahead: int, *, prefetch: bool) -> None:
    """However long a page is worked on, the next one waits for it, or none at all."""
    line = Line(Shelf(9, 2))

    async def use() -> None:
        number = 0
        async for _ in over(line).pages(prefetch=prefetch):
            number += 1
            await settle()
            assert len(line.sent) == min(number + ahead, 5)
            assert line.busy == 0

    run(use())
    assert len(line.sent) == 5


def test_prefetching_overlaps_work_and_network() -> None:
    """While a page is worked on, the next one is on its way."""

    async def use(*, prefetch: bool) -> float:
        line = Line(Shelf(9, 3))
        line.seconds = lambda _: 2.0
        async for _ in over(line).pages(prefetch=prefetch):
            await asyncio.sleep(2)
        return now()

    assert run(use(prefetch=False)) == 12
    assert run(use(prefetch=True)) == 8


@pytest.mark.parametrize("how", ["break", "raise", "cancel", "forget"])
@pytest.mark.parametrize("busy", [True, False], ids=["under way", "fetched"])
def test_a_page_fetched_ahead_is_given_up_with_the_iteration(how: str, *, busy: bool) -> None:
    """Whoever stops leaves no task and no request behind, and no error that nobody has seen."""
    line = Line(Shelf(9, 2))
    reached = asyncio.Event()

    async def consume() -> None:
        if how == "forget":
            async for _ in over(line).items(prefetch=True):
                await stop()
                break
            return
        async with aclosing(over(line).pages(prefetch=True)) as walk:
            async for _ in walk:
                await stop()
                if how == "raise":
                    raise KeyError
                if how == "cancel":
                    await asyncio.Event().wait()
                break

    async def stop() -> None:
        line.gate = asyncio.Event() if busy else None
        await settle()
        assert line.busy == busy
        assert len(line.sent) == 2
        reached.set()

    async def use() -> None:
        task = asyncio.create_task(consume())
        await reached.wait()
        if how == "cancel":
            task.cancel()
        await asyncio.wait([task])
        gc.collect()
        await settle()
        assert others() == set()
        assert line.busy == 0
        assert task.cancelled() == (how == "cancel")
        assert task.cancelled() or isinstance(task.exception(), KeyError) == (how == "raise")

    run(use())
    assert len(line.sent) == 2


def test_a_consumer_cancelled_while_it_waits_gives_the_page_up() -> None:
    """Cancelling reaches the request that the consumer waits for."""
    line = Line(Shelf(9, 2))

    async def use() -> None:
        for prefetch in (False, True):
            line.gate = asyncio.Event()
            task = asyncio.create_task(all_of(over(line).pages(prefetch=prefetch)))
            await settle()
            if prefetch:
                line.gate.set()
                line.gate = asyncio.Event()
                await settle()
            task.cancel()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert line.busy == 0
            assert others() == set()

    run(use())


def test_an_error_ahead_waits_for_its_turn() -> None:
    """The pages before come whole; the error comes where its page would have, with its place."""
    shelf = Shelf(9, 2)
    line = Line(lambda request: MaybeSent("no") if token_of(request) == "4" else shelf(request))
    worked: list[int] = []

    async def use() -> None:
        async for item in over(line).items(prefetch=True):
            await settle()
            worked.append(item)

    with pytest.raises(MaybeSent) as caught:
        run(use())

    assert worked == [0, 1, 2, 3]
    assert caught.value.resume_from == "4"


def test_an_error_ahead_that_nobody_comes_to_is_nobodys() -> None:
    """Who stops before the page that failed never hears of it."""
    shelf = Shelf(9, 2)
    line = Line(lambda request: MaybeSent("no") if token_of(request) == "2" else shelf(request))

    async def use() -> list[int]:
        async with aclosing(over(line).items(prefetch=True)) as items:
            async for item in items:
                await settle()
                return [item]
        return []

    assert run(use()) == [0]
    assert len(line.sent) == 2


@EITHER
@pytest.mark.parametrize("slow", [None, "3", "6"])
def test_a_page_that_takes_too_long_says_where_to_go_on(
    slow: str | None, *, prefetch: bool
) -> None:
    """The limit of the whole is for each page, and its error has a resume_from like any other."""
    line = Line(Shelf(9, 3))
    line.seconds = lambda request: 6.0 if token_of(request) == slow else 4.0

    with pytest.raises(RequestTimeout) as caught:
        run(all_of(over(line, timeouts=Timeouts(total=5)).pages(prefetch=prefetch)))

    assert caught.value.resume_from == slow
    assert caught.value.maybe_processed
    assert asked(line)[-1] == slow


def test_iterations_at_once_do_not_know_of_each_other() -> None:
    """Each iteration has its own place, token and limit, though they share the paginator."""
    line = Line(Shelf(9, 2))
    paginator = over(line)

    async def use() -> list[list[Any]]:
        ahead = paginator.items(prefetch=True, limit=7)
        walks = (paginator.items(), ahead, paginator.items(limit=3))
        return list(await asyncio.gather(*map(all_of, walks)))

    assert run(use()) == [list(range(9)), list(range(7)), [0, 1, 2]]


@EITHER
def test_a_long_list_needs_no_more_memory_than_a_short_one(*, prefetch: bool) -> None:
    """Of 1,000 pages no more than two are there at once; only their tokens are remembered."""

    def answer(request: Request) -> Reply:
        line.sent.clear()
        line.told.clear()
        number = int(token_of(request) or 0) + 1
        following = str(number) if number < 1000 else None
        return in_json({"items": [10**9] * 100, "next_id": following})

    async def use() -> tuple[int, int]:
        number = 0
        async for page in over(line).pages(prefetch=prefetch):
            number += len(page.items)
            if number == 10_000:
                tracemalloc.reset_peak()
        return number, tracemalloc.get_traced_memory()[1]

    line = Line(answer)
    tracemalloc.start()
    try:
        number, peak = run(use())
    finally:
        tracemalloc.stop()

    # All items together would be 4 MB.
    assert number == 100_000
    assert peak < 1024 * 1024


@given(data=st.data(), count=st.integers(0, 9), size=st.integers(1, 3), prefetch=st.booleans())
def test_iterations_that_are_cancelled_and_go_on_lose_nothing(
    data: st.DataObject, count: int, size: int, *, prefetch: bool
) -> None:
    """Wherever it is cancelled: who saves each page's token and goes on there gets every item."""
    seen: list[int] = []
    saved: list[str | None] = [None]
    line = Line(Shelf(count, size))
    cancellations = data.draw(st.lists(st.integers(0, 40), max_size=4), label="turns")

    async def consume() -> None:
        walk = over(line).pages(resume_from=saved[-1], prefetch=prefetch)
        async with aclosing(walk):
            async for page in walk:
                await asyncio.sleep(0)
                seen.extend(page.items)
                await asyncio.sleep(0)
                saved.append(page.next_id)

    async def use() -> None:
        for turns in cancellations:
            task = asyncio.create_task(consume())
            await settle(turns)
            task.cancel()
            await asyncio.wait([task])
            assert others() == set()
            if not task.cancelled():
                return
        await consume()

    run(use())

    assert set(seen) == set(range(count))
    assert list(dict.fromkeys(seen)) == list(range(count))
