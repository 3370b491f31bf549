"""Lists that the server sends in pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")


@frozen(kw_only=True)
class Page(Generic[T]):
    """
    One page of a list.

    Attributes:
        items: What stands on it.
        next_id: Token of the next page for `resume_from`; None on the last page.
    """

    items: list[T]
    next_id: str | None


@frozen
class Paginator(Generic[T]):
    """A list on the server; awaiting it brings its first page."""

    _fetch: Callable[[str | None], Awaitable[Page[T]]] = field(repr=False)
    _first: str | None = None

    def __await__(self) -> Generator[object, None, Page[T]]:
        return self._fetch(self._first).__await__()
