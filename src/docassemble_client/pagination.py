"""Lists that the server sends in pages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing
from typing import Generic, Protocol, TypeVar

from attrs import field, frozen

from docassemble_client._concurrency import Task, create_task, gather
from docassemble_client.errors import DocassembleError, UsageError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True)
class Page(Generic[T]):
    """
    One page of a list.

    Attributes:
        items: Items of the page.
        next_page_token: Token of the next page; None on the last page. If `max_items` cut this
            page short, it is the page's own token (None for the first), so that no item is lost.
    """

    items: list[T]
    next_page_token: str | None


class PageSource(Protocol[T_co]):
    """The pages of one iteration over a list."""

    async def step(self) -> T_co | None:
        """Fetch the next page; return None after the last one."""
        ...

    def close(self) -> None:
        """Stop the iteration."""
        ...


@frozen
class Paginator(Generic[T]):
    """
    A list on the server.

    Await it to get its first page. Iterate over it with `async for` to get every item, or over
    `pages()` to get every page. Each iteration requests the pages again; nothing is cached.
    """

    _open_source: Callable[[str | None, int | None], PageSource[Page[T]]] = field(repr=False)
    _first_token: str | None = None

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self._first_page().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return self.items()

    async def items(
        self, *, max_items: int | None = None, prefetch: bool = False
    ) -> AsyncGenerator[T]:
        """
        Iterate over every item.

        Args:
            max_items: Maximum number of items; None for all.
            prefetch: Whether to request the next page while you process this one.

        Yields:
            The items, in the server's order.

        Raises:
            DocassembleError: A page could not be fetched; `page_token` is its token.
        """
        async with aclosing(self.pages(max_items=max_items, prefetch=prefetch)) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    async def pages(
        self,
        *,
        page_token: str | None = None,
        max_items: int | None = None,
        prefetch: bool = False,
    ) -> AsyncGenerator[Page[T]]:
        """
        Iterate over every page.

        To continue after a crash, save the `next_page_token` of the last page that you processed,
        and pass it as `page_token`.

        Args:
            page_token: Token of the first page; by default the token passed to the call.
            max_items: Maximum number of items; None for all.
            prefetch: Whether to request the next page while you process this one. At most one page
                is fetched ahead; the request is cancelled when the iteration stops.

        Yields:
            The pages, in the server's order.

        Raises:
            DocassembleError: A page could not be fetched; `page_token` is its token.
        """
        if max_items is not None and (type(max_items) is not int or max_items < 0):
            message = "max_items must be a whole number from 0, or None"
            raise UsageError(message)
        token = page_token or self._first_token
        source = self._open_source(token, max_items)
        prefetched: Task[Page[T] | None] | None = None
        try:
            page = await source.step()
            while page is not None:
                token = page.next_page_token
                if prefetch:
                    prefetched = create_task(source.step())
                yield page
                page = await (prefetched or source.step())
                prefetched = None
        except DocassembleError as error:
            # The flow sets the same token, but not if the total time limit ended the call.
            error.page_token = token
            raise
        finally:
            try:
                if prefetched is not None:
                    prefetched.cancel()
                    await gather(prefetched, return_exceptions=True)
            finally:
                source.close()

    async def _first_page(self) -> Page[T]:
        async with aclosing(self.pages()) as pages:
            return await anext(pages)
