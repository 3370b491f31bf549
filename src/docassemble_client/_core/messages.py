"""One request and one answer, free of any HTTP library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

from attrs import define, field

if TYPE_CHECKING:
    from docassemble_client.transfer import Upload  # noqa: TC004 - nobody resolves it


# Not frozen, as there is one for each call; with no repr, as most of it may be secret.
@define(kw_only=True, eq=False, repr=False)
class Request:
    """
    One request, free of any HTTP library.

    Attributes:
        operation: Name of the operation it belongs to.
        method: HTTP method.
        path: Path below the base URL, quoted.
        query: Query parameters in order.
        headers: Headers beyond those the transport always sends.
        json: Encoded JSON body.
        form: Text fields of a multipart body.
        files: File fields of a multipart body.
        auth: Whether the API key is sent.
        safe: Whether it may be sent again although the server may have processed it.
        stream: Whether a successful body is left open for the caller to read.
        target: Normalised name of the package it is about, empty if there is none.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(factory=dict[str, str])
    json: bytes | None = None
    form: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, Upload], ...] = ()
    auth: bool = True
    safe: bool = False
    stream: bool = False
    target: str = ""

    @property
    def repeatable(self) -> bool:
        """Whether its body can be produced a second time."""
        return all(upload.repeatable for _, upload in self.files)


class _Ended:
    """The chunks of a reply that was read to its end."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


_ENDED = _Ended()


async def _nothing_open() -> None:
    """Close a reply that was read to its end."""


class Reply:
    """
    One answer, free of any HTTP library.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name; never a cookie.
        content: The body; of an error at most its first 64 KiB.
        url: Where the request went, without its query.
        chunks: The body, left open, where the request asked for a stream.
        close: Ends the stream.
        received: When it came, in seconds since 1970.
    """

    __slots__ = ("chunks", "close", "content", "headers", "received", "status", "url")

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        url: str = "",
        received: float = 0.0,
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        self.content = content
        self.url = url
        self.received = received
        self.chunks: AsyncIterator[bytes] = _ENDED
        self.close: Callable[[], Awaitable[None]] = _nothing_open

    @property
    def content_type(self) -> str:
        """Media type with its parameters, empty if there is none."""
        return self.headers.get("content-type", "")


def http_date(text: str) -> float | None:
    """Seconds since 1970 of a date in a header; None if it is none."""
    try:
        date = parsedate_to_datetime(text)
        # One without a zone would be taken for local time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
