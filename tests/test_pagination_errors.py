"""Errors of lists: they say where to continue, and no item is lost or doubled by that."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import aclosing
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client import pagination
from docassemble_client.config import Timeouts
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
from docassemble_client.pagination import Page, PageIterator, Paginator
from tests.mock import MockServer, get_other_tasks, settle
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
    from collections.abc import AsyncIterator, Callable

    from docassemble_client.models import SessionSummary
    from tests.mock import MockResponse

WITH_AND_WITHOUT_PREFETCH = pytest.mark.parametrize(
    "prefetch", [False, True], ids=["plain", "prefetch"]
)
HTML = {"content-type": "text/html"}


def iterate_tokens(next_token: Callable[[int], int]) -> PageIterator[int]:
    """Iterate over empty pages whose tokens are numbers."""

    async def fetch(page_token: str | None, _: int) -> Page[int]:
        return Page(items=[], next_page_token=str(next_token(int(page_token or 0))))

    return Paginator(fetch, "x.list").pages()


async def count_pages(pages: PageIterator[int]) -> int:
    """Count the pages before the error."""
    count = 0
    while True:
        try:
            await anext(pages)
        except PaginationError:
            return count
        count += 1


@given(start=st.integers(1, 60), length=st.integers(1, 60), kept=st.integers(1, 40))
async def test_every_loop_of_tokens_ends_in_an_error(start: int, length: int, kept: int) -> None:
    """A loop that returns to a kept token ends at once, any other after a bounded number."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(pagination, "MAX_FIRST_TOKENS", kept)
        last = start + length - 1
        pages = iterate_tokens(lambda token: start if token == last else token + 1)

        count = await count_pages(pages)

    assert count <= 3 * last + kept
    if start < kept:
        assert count == last


async def _check_memory(pages: PageIterator[int]) -> int:
    tracemalloc.start()
    try:
        for _ in range(20_000):
            await anext(pages)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


async def test_a_long_list_needs_bounded_memory() -> None:
    """20,000 tokens would need more than a megabyte; only some of them are kept."""
    assert await _check_memory(iterate_tokens(lambda token: token + 1)) < 300_000


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize(
    ("page_token", "script", "page_count", "repeated_at"),
    [
        (None, {None: ([1], "a"), "a": ([1], "a")}, 1, "a"),
        (None, {None: ([1], "a"), "a": ([2], "b"), "b": ([1], "a")}, 2, "b"),
        ("a", {"a": ([1], "a")}, 0, "a"),
        ("a", {"a": ([1], "b"), "b": ([1], "a")}, 1, "b"),
        (None, {None: ([1], ""), "": ([1], "")}, 1, ""),
    ],
)
async def test_a_repeated_token_is_an_error_before_its_page_is_yielded(
    page_token: str | None,
    script: dict[str | None, tuple[list[int], str]],
    page_count: int,
    repeated_at: str,
    *,
    prefetch: bool,
) -> None:
    """A server that cannot read a token restarts the list: it would never end."""
    server = MockServer(lambda request: make_page(*script[get_token(request)]))

    async def use(sessions: Paginator[SessionSummary]) -> tuple[list[list[int]], PaginationError]:
        pages = sessions.pages(prefetch=prefetch)
        numbers = [get_numbers(await anext(pages)) for _ in range(page_count)]
        for _ in range(2):
            with pytest.raises(PaginationError) as caught:
                await anext(pages)
            assert caught.value.page_token == repeated_at
        return numbers, caught.value

    numbers, error = await use_list(server, use, page_token)

    assert numbers == [[1], [2]][:page_count]
    assert error.operation == "sessions.list"
    assert str(error) == (
        "sessions.list: the server sent a page token a second time. The server rejected the token"
        " and started again at the first page: list again, without page_token."
    )


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize("token", [None, "3", "6"])
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (httpx.ConnectError("no"), NotSent),
        (httpx.ReadError("no"), MaybeSent),
        (httpx.ReadTimeout("no"), RequestTimeout),
        (httpx.Response(200, headers={**HTML, "content-encoding": "gzip"}), DecodeError),
        (httpx.Response(200, headers=HTML, content=b"<h1>Wait</h1>"), DecodeError),
        ((200, {"items": 5}), DecodeError),
        ((200, {"items": ["x"]}), DecodeError),
        ((403, "Access denied."), AccessDenied),
        (httpx.Response(503, headers=HTML), ServerError),
        (httpx.Response(302, headers=HTML), RedirectRefused),
    ],
)
async def test_an_error_has_the_token_of_its_page_and_leaves_the_iteration_there(
    failure: MockResponse, expected: type[DocassembleError], token: str | None, *, prefetch: bool
) -> None:
    """page_token is None for the first page; the next anext() requests the page again."""
    pages = SessionPages(9, 3)
    failures = [failure]

    def respond(request: httpx.Request) -> MockResponse:
        return failures.pop() if failures and get_token(request) == token else pages(request)

    server = MockServer(respond)

    async def use(sessions: Paginator[SessionSummary]) -> list[int]:
        iterator = sessions.items(prefetch=prefetch)
        numbers: list[int] = []
        with pytest.raises(expected) as caught:
            await read_until_error(iterator, numbers)
        assert caught.value.page_token == token
        assert numbers == list(range(int(token or 0)))
        return numbers + await collect_numbers(iterator)

    assert await use_list(server, use) == list(range(9))
    assert sorted(get_tokens(server), key=str) == sorted([None, "3", "6", token], key=str)


async def read_until_error(iterator: AsyncIterator[SessionSummary], numbers: list[int]) -> None:
    async for session in iterator:
        numbers.append(int(session.session))
        await settle()


async def test_a_prefetch_error_is_not_raised_if_its_page_is_not_requested() -> None:
    """An iteration that ends before the failed page does not raise its error."""
    server = MockServer(SessionPages(9, 2).fail_at("2", httpx.ReadError("no")))

    async def use(sessions: Paginator[SessionSummary]) -> list[int]:
        async with aclosing(sessions.items(prefetch=True)) as items:
            async for session in items:
                await settle()
                return [int(session.session)]
        return []

    assert await use_list(server, use) == [0]
    assert len(server.requests) == 2


async def test_a_token_that_cannot_be_sent_is_an_error_of_its_page() -> None:
    """The client itself refuses the token."""
    server = MockServer(lambda _: make_page([1], "\ud800"))

    async def use(sessions: Paginator[SessionSummary]) -> None:
        pages = sessions.pages()
        await anext(pages)
        with pytest.raises(UsageError) as caught:
            await anext(pages)
        assert caught.value.page_token == "\ud800"

    await use_list(server, use)
    assert len(server.requests) == 1


@WITH_AND_WITHOUT_PREFETCH
@pytest.mark.parametrize("slow_token", [None, "3", "6"])
async def test_the_total_timeout_applies_to_each_page(
    slow_token: str | None, *, prefetch: bool
) -> None:
    """Three pages of four seconds are no timeout of five; an error has the slow page's token."""
    server = MockServer(SessionPages(9, 3))
    server.delay = lambda request: 6.0 if get_token(request) == slow_token else 4.0

    with pytest.raises(RequestTimeout) as caught:
        await use_list(
            server,
            lambda sessions: collect(sessions.pages(prefetch=prefetch)),
            timeout=Timeouts(total=5),
        )

    assert caught.value.page_token == slow_token
    assert caught.value.maybe_processed
    assert get_tokens(server)[-1] == slow_token


@pytest.mark.parametrize("max_items", range(1, 12))
async def test_continuing_after_max_items_loses_nothing(max_items: int) -> None:
    """The token of the last page leads to the items that max_items cut off."""

    async def use(sessions: Paginator[SessionSummary]) -> set[int]:
        first = await collect_pages(sessions.pages(max_items=max_items))
        rest = await collect_pages(sessions.pages(page_token=first[-1][1]))
        return {*chain.from_iterable(numbers for numbers, _ in first + rest)}

    assert await use_list(MockServer(SessionPages(10, 4)), use) == set(range(10))


class Interruption(NamedTuple):
    """How an iteration ends early."""

    max_items: int | None
    failing_request: int | None
    page_count: int
    is_saved_first: bool

    async def iterate(
        self, sessions: Paginator[SessionSummary], numbers: list[int], **options: Any
    ) -> tuple[str | None, bool]:
        """Return the position to continue from, and whether the list has ended."""
        position: str | None = options["page_token"]
        async with aclosing(sessions.pages(max_items=self.max_items, **options)) as pages:
            page_number = 0
            try:
                async for page in pages:
                    numbers += get_numbers(page)
                    page_number += 1
                    if page_number <= self.page_count or self.is_saved_first:
                        position = page.next_page_token
                    if page_number > self.page_count:
                        return position, False
            except MaybeSent as error:
                return error.page_token, False
        return position, self.max_items is None


INTERRUPTIONS = st.lists(
    st.builds(
        Interruption,
        st.none() | st.integers(0, 5),
        st.none() | st.integers(1, 3),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=4,
)


@given(
    interruptions=INTERRUPTIONS,
    count=st.integers(0, 12),
    size=st.integers(1, 4),
    prefetch=st.booleans(),
)
async def test_interrupted_iterations_can_be_continued_without_loss(
    interruptions: list[Interruption], count: int, size: int, *, prefetch: bool
) -> None:
    """However often an iteration is limited, left or fails: continuing, you receive every item."""
    pages = SessionPages(count, size)
    failing_request: int | None = None

    def respond(request: httpx.Request) -> MockResponse:
        is_failing = len(server.requests) == failing_request
        return httpx.ReadError("broke") if is_failing else pages(request)

    async def use(sessions: Paginator[SessionSummary]) -> list[int]:
        nonlocal failing_request
        position, numbers = None, list[int]()
        for interruption in interruptions:
            server.requests.clear()
            failing_request = interruption.failing_request
            position, has_ended = await interruption.iterate(
                sessions, numbers, page_token=position, prefetch=prefetch
            )
            if has_ended:
                return numbers
        failing_request = None
        rest = await collect_pages(sessions.pages(page_token=position, prefetch=prefetch))
        return [*numbers, *chain.from_iterable(page_numbers for page_numbers, _ in rest)]

    server = MockServer(respond)

    assert list(dict.fromkeys(await use_list(server, use))) == list(range(count))


@given(data=st.data(), count=st.integers(0, 9), size=st.integers(1, 3), prefetch=st.booleans())
async def test_a_cancelled_iteration_can_be_continued_without_loss(
    data: st.DataObject, count: int, size: int, *, prefetch: bool
) -> None:
    """If you save each page's token and continue with it, you receive every item."""
    numbers: list[int] = []
    saved_tokens: list[str | None] = [None]
    cancellations = data.draw(st.lists(st.integers(0, 40), max_size=4), label="steps")

    async def consume(sessions: Paginator[SessionSummary]) -> None:
        iterator = sessions.pages(page_token=saved_tokens[-1], prefetch=prefetch)
        async with aclosing(iterator):
            async for page in iterator:
                await asyncio.sleep(0)
                numbers.extend(get_numbers(page))
                await asyncio.sleep(0)
                saved_tokens.append(page.next_page_token)

    async def use(sessions: Paginator[SessionSummary]) -> None:
        for steps in cancellations:
            task: asyncio.Task[Any] = asyncio.create_task(consume(sessions))
            await settle(steps)
            task.cancel()
            await asyncio.wait([task])
            assert get_other_tasks() == set()
            if not task.cancelled():
                return
        await consume(sessions)

    await use_list(MockServer(SessionPages(count, size)), use)

    assert list(dict.fromkeys(numbers)) == list(range(count))
