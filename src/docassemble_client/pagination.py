"""Lists that the server sends in pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from attrs import field, frozen

from docassemble_client.errors import DocassembleError, UsageError

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@frozen(kw_only=True)
class Page(Generic[T]):
    """
    One page of a list.

    Attributes:
        items: What stands on it.
        next_id: Token of the next page for `resume_from`; None on the last page. On a page that
            a limit cut short it is the page's own (None for the first), so that nothing is lost.
    """

    items: list[T]
    next_id: str | None


class Walk(Protocol[T_co]):
    """A walk through a list, as the runtime makes it."""

    async def step(self) -> T_co | None:
        """Bring the next page, or None after the last."""
        ...

    def close(self) -> None:
        """Give up."""
        ...


@frozen
class Paginator(Generic[T]):
    """
    A list on the server.

    Await it for its first page, iterate over it with `async for` for every item, or over
    `pages()` for every page. Each iteration asks anew; nothing is kept.
    """

    _walk: Callable[[str | None, int | None], Walk[Page[T]]] = field(repr=False)
    _first: str | None = None

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self._one().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        return self.items()

    async def items(self, *, limit: int | None = None, prefetch: bool = False) -> AsyncGenerator[T]:
        """
        Iterate over every item.

        Args:
            limit: How many items at most; None for all.
            prefetch: Whether to ask for the next page while this one is worked on.

        Yields:
            The items, in the server's order.

        Raises:
            DocassembleError: A page could not be had; `resume_from` says which.
        """
        async with aclosing(self.pages(limit=limit, prefetch=prefetch)) as pages:
            async for page in pages:
                for item in page.items:
                    yield item

    async def pages(
        self, *, resume_from: str | None = None, limit: int | None = None, prefetch: bool = False
    ) -> AsyncGenerator[Page[T]]:
        """
        Iterate over every page.

        To go on after a crash, keep the `next_id` of the last page that was worked on, and pass it
        as `resume_from`.

        Args:
            resume_from: Token of the first page; by default that of the call.
            limit: How many items at most; None for all.
            prefetch: Whether to ask for the next page while this one is worked on; at most one
                page ahead, cancelled when the iteration stops.

        Yields:
            The pages, in the server's order.

        Raises:
            DocassembleError: A page could not be had; `resume_from` says which.
        """
        if limit is not None and (type(limit) is not int or limit < 0):
            message = "limit must be a whole number of items, or None"
            raise UsageError(message)
        position = resume_from or self._first
        walk = self._walk(position, limit)
        ahead: asyncio.Task[Page[T] | None] | None = None
        try:
            page = await walk.step()
            while page is not None:
                position = page.next_id
                if prefetch:
                    ahead = asyncio.create_task(walk.step())
                yield page
                page = await (ahead or walk.step())
                ahead = None
        except DocassembleError as error:
            # The flow knows no more than this, and it does not see the limit of the whole.
            error.resume_from = position
            raise
        finally:
            try:
                if ahead is not None:
                    ahead.cancel()
                    await asyncio.gather(ahead, return_exceptions=True)
            finally:
                walk.close()

    async def _one(self) -> Page[T]:
        async with aclosing(self.pages()) as pages:
            return await anext(pages)
