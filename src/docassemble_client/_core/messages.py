"""A request and its response, independent of any HTTP library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

from attrs import define, field

if TYPE_CHECKING:
    from docassemble_client.transfer import Upload  # noqa: TC004 - not resolved at run time


# Not frozen, because each call creates one; without a repr, because most of it may be secret.
@define(kw_only=True, eq=False, repr=False)
class Request:
    """
    One request, independent of any HTTP library.

    Attributes:
        operation: Name of the operation.
        method: HTTP method.
        path: Path below the base URL, quoted.
        query: Query parameters in order.
        headers: Headers in addition to those that the transport always sends.
        json: Encoded JSON body.
        form: Text fields of a multipart body.
        files: File fields of a multipart body.
        auth: Whether the API key is sent.
        safe: Whether it may be retried even if the server may have processed it.
        stream: Whether a successful body is left open for the caller to read.
        target: Normalized name of the package; empty if there is none.
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
    def is_repeatable(self) -> bool:
        """Whether the body can be produced a second time."""
        return all(upload.is_repeatable for _, upload in self.files)


class _EmptyStream:
    """The chunks of a body that has been read to its end."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


_EMPTY_STREAM = _EmptyStream()


async def _close_nothing() -> None:
    """Close a response that has been read to its end."""


class RawResponse:
    """
    One response, independent of any HTTP library.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name, without cookies.
        content: The body; for an error at most its first 64 KiB.
        url: URL of the request, without its query.
        chunks: Chunks of the body, if the request asked for a stream.
        close: Closes the stream.
        received_at: Time at which it arrived, in seconds since 1970.
    """

    __slots__ = ("chunks", "close", "content", "headers", "received_at", "status", "url")

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
        self.received_at = received
        self.chunks: AsyncIterator[bytes] = _EMPTY_STREAM
        self.close: Callable[[], Awaitable[None]] = _close_nothing

    @property
    def content_type(self) -> str:
        """Media type with its parameters; empty if there is none."""
        return self.headers.get("content-type", "")


def parse_http_date(text: str) -> float | None:
    """Parse a date header to seconds since 1970; return None if it is not valid."""
    try:
        date = parsedate_to_datetime(text)
        # Without a time zone, it would count as local time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
