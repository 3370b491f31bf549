"""A list of sessions in pages, and a client that iterates over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from docassemble_client import AsyncDocassemble
from tests.raw_server import NO_RETRIES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    import httpx

    from docassemble_client.models import SessionSummary
    from docassemble_client.pagination import Page, Paginator
    from tests.mock import MockResponse, MockServer

T = TypeVar("T")


SESSION: dict[str, Any] = {
    "filename": "docassemble.demo:data/questions/questions.yml",
    "title": "Questions",
    "subtitle": None,
    "metadata": {},
    "tags": [],
    "valid": True,
    "email": None,
    "user_id": 1,
    "temp_user_id": None,
    "modtime": "",
    "utc_modtime": None,
    "starttime": "",
    "utc_starttime": None,
}


def make_page(numbers: Iterable[int], next_token: object = None) -> tuple[int, Any]:
    """Return a response with sessions of these numbers."""
    items = [{**SESSION, "session": str(number)} for number in numbers]
    return 200, {"items": items, "next_id": next_token}


def get_token(request: httpx.Request) -> str | None:
    """Return the token of the requested page."""
    token: str | None = request.url.params.get("next_id")
    return token


def get_tokens(server: MockServer) -> list[str | None]:
    """Return the tokens of all requested pages."""
    return [get_token(request) for request in server.requests]


class SessionPages:
    """
    A list of the sessions 0 to `count` - 1 in pages of `size`.

    The token of a page is the number of its first session.
    """

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size

    def __call__(self, request: httpx.Request) -> tuple[int, Any]:
        """Return the requested page."""
        start = int(get_token(request) or 0)
        end = min(start + self.size, self.count)
        return make_page(range(start, end), str(end) if end < self.count else None)

    def fail_at(
        self, token: str | None, failure: MockResponse
    ) -> Callable[[httpx.Request], MockResponse]:
        """Return a function that responds with the failure to requests for this page."""
        return lambda request: failure if get_token(request) == token else self(request)


def get_numbers(page: Page[SessionSummary]) -> list[int]:
    return [int(session.session) for session in page.items]


async def collect(iterator: AsyncIterator[T]) -> list[T]:
    return [item async for item in iterator]


async def collect_numbers(iterator: AsyncIterator[SessionSummary]) -> list[int]:
    return [int(session.session) async for session in iterator]


async def collect_pages(
    iterator: AsyncIterator[Page[SessionSummary]],
) -> list[tuple[list[int], str | None]]:
    """Return the numbers and the next token of each page."""
    return [(get_numbers(page), page.next_page_token) async for page in iterator]


async def use_list(
    server: MockServer,
    use: Callable[[Paginator[SessionSummary]], Awaitable[T]],
    page_token: str | None = None,
    **options: Any,
) -> T:
    """Run a function with the list of sessions of this server; no request is retried."""
    async with AsyncDocassemble(
        server.url, "key", transport=server.transport, **{"retry": NO_RETRIES, **options}
    ) as da:
        return await use(da.sessions.list(page_token=page_token))
