"""Lists that the server sends in pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import Any, Generic, Self, TypeAlias, TypeVar

from docassemble_client._checks import SIZE, TEXT, check_arguments
from docassemble_client._concurrency import Task, create_task, gather
from docassemble_client.errors import DocassembleError, PaginationError

T = TypeVar("T")
MAX_FIRST_TOKENS = 1000


class Page(Generic[T]):
    """
    One page of a list; iterate over it for its items.

    Attributes:
        items: The items.
        next_page_token: Token of the next page; None on the last page. A page that `max_items` cut
            short has its own token (None for the first page), so that nothing is lost.
    """

    __slots__ = ("items", "next_page_token")

    def __init__(self, *, items: list[T], next_page_token: str | None) -> None:
        self.items = items
        self.next_page_token = next_page_token

    def __repr__(self) -> str:
        return f"Page(items={self.items!r}, next_page_token={self.next_page_token!r})"

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def _retrieve_error(task: Task[Any]) -> None:
    """Mark the error of a task as retrieved, so that it is not logged."""
    if not task.cancelled():
        task.exception()


class _LoopGuard:
    """
    Detects tokens that repeat, in bounded memory.

    A server that restarts a list repeats its first tokens, which are kept. A loop that begins later
    is found by Brent's algorithm, which keeps only the last token at a power of two. It finds every
    loop before three times as many pages were read as there are different ones.
    """

    def __init__(self, first_token: str | None) -> None:
        self._first_tokens = {first_token}
        self._marked_token: str | None = None
        self._steps = 0
        self._next_mark = 1

    def is_repeated(self, token: str) -> bool:
        """Whether the token was seen before."""
        return token in self._first_tokens or token == self._marked_token

    def add(self, token: str) -> None:
        """Record the token of the next page."""
        if len(self._first_tokens) < MAX_FIRST_TOKENS:
            self._first_tokens.add(token)
            return
        self._steps += 1
        if self._steps == self._next_mark:
            self._marked_token = token
            self._next_mark *= 2


FetchPage: TypeAlias = Callable[[str | None, int], Coroutine[Any, Any, Page[T]]]
"""Fetches the page with this token and this number, counted from 1."""


class PageIterator(Generic[T]):
    """
    Iterates over the pages of a list with `async for`.

    After an error, `anext` requests the same page again.
    """

    def __init__(
        self,
        fetch: FetchPage[T],
        operation: str,
        page_token: str | None,
        *,
        max_items: int | None,
        prefetch: bool,
    ) -> None:
        self._fetch = fetch
        self._operation = operation
        self._page_token = page_token
        self._guard = _LoopGuard(page_token)
        self._items_left = max_items
        self._prefetch = prefetch
        self._number = 0
        self._next_page: Task[Page[T]] | None = None
        self._has_ended = max_items == 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        if self._has_ended:
            raise StopAsyncIteration
        try:
            page = await self._get_page()
            next_page_token = page.next_page_token
            # Before the page is returned: its items must not be processed twice.
            if next_page_token is not None and self._guard.is_repeated(next_page_token):
                message = "the server sent a page token a second time"
                hint = (
                    "The server rejected the token and started again at the first page: list again,"
                    " without page_token"
                )
                raise PaginationError(message, operation=self._operation, hint=hint)
        except DocassembleError as error:
            error.page_token = self._page_token
            raise
        self._number += 1
        return self._advance(page)

    async def aclose(self) -> None:
        """Stop; a page that is being fetched is cancelled."""
        self._has_ended = True
        task, self._next_page = self._next_page, None
        if task is not None:
            task.cancel()
            await gather(task, return_exceptions=True)

    def __del__(self) -> None:
        # After a `break`, nobody calls `aclose`.
        if self._next_page is not None:
            self._next_page.cancel()

    async def _get_page(self) -> Page[T]:
        if self._next_page is None:
            return await self._fetch(self._page_token, self._number + 1)
        task = self._next_page
        try:
            page = await task
        finally:
            # Cancelled or failed: the page is requested again.
            self._next_page = None
        return page

    def _advance(self, page: Page[T]) -> Page[T]:
        """Move to the next page, and cut this one to the items that are left."""
        own_token, self._page_token = self._page_token, page.next_page_token
        if page.next_page_token is not None:
            self._guard.add(page.next_page_token)
        if self._items_left is not None:
            if len(page.items) > self._items_left:
                page = Page(items=page.items[: self._items_left], next_page_token=own_token)
            self._items_left -= len(page.items)
        self._has_ended = self._page_token is None or self._items_left == 0
        if self._prefetch and not self._has_ended:
            self._next_page = create_task(self._fetch(self._page_token, self._number + 1))
            # It is raised when the page is requested, if it ever is.
            self._next_page.add_done_callback(_retrieve_error)
        return page


class ItemIterator(Generic[T]):
    """Iterates over the items of a list with `async for`."""

    def __init__(self, pages: PageIterator[T]) -> None:
        self._pages = pages
        self._items: Iterator[T] = iter(())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = iter((await anext(self._pages)).items)

    async def aclose(self) -> None:
        """Stop; a page that is being fetched is cancelled."""
        self._items = iter(())
        await self._pages.aclose()


class Paginator(Generic[T]):
    """
    A list on the server.

    Await it to get its first page. Iterate over it with `async for` to get every item, or over
    `pages()` to get every page. Each iteration requests the pages again; nothing is cached.
    """

    def __init__(
        self,
        fetch: FetchPage[T],
        operation: str,
        page_token: str | None = None,
    ) -> None:
        self._fetch = fetch
        self._operation = operation
        self._page_token = page_token

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._operation}>"

    def __await__(self) -> Generator[object, None, Page[T]]:
        return anext(self.pages()).__await__()

    def __aiter__(self) -> ItemIterator[T]:
        return self.items()

    def items(self, *, max_items: int | None = None, prefetch: bool = False) -> ItemIterator[T]:
        """
        Iterate over every item.

        Args:
            max_items: Maximum number of items; None for all.
            prefetch: Whether to request the next page while you process this one.

        Returns:
            The items, in the server's order. While you iterate, an error has the `page_token` of
            the page that could not be fetched.

        Raises:
            UsageError: `max_items` is not valid.
        """
        return ItemIterator(self.pages(max_items=max_items, prefetch=prefetch))

    def pages(
        self,
        *,
        page_token: str | None = None,
        max_items: int | None = None,
        prefetch: bool = False,
    ) -> PageIterator[T]:
        """
        Iterate over every page.

        To continue after a crash, save the `next_page_token` of the last page that you processed,
        and pass it as `page_token`.

        Args:
            page_token: Token of the first page; by default the token passed to the call.
            max_items: Maximum number of items; None for all.
            prefetch: Whether to request the next page while you process this one. At most one page
                is fetched ahead; `aclose()` cancels its request.

        Returns:
            The pages, in the server's order. While you iterate, an error has the `page_token` of
            the page that could not be fetched.

        Raises:
            UsageError: `max_items` is not valid.
        """
        check_arguments(SIZE, optional=True, max_items=max_items)
        check_arguments(TEXT, optional=True, page_token=page_token)
        return PageIterator(
            self._fetch,
            self._operation,
            page_token or self._page_token,
            max_items=max_items,
            prefetch=prefetch,
        )
