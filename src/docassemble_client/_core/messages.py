"""A request and its response, independent of any HTTP library."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from docassemble_client._types import is_mapping
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from docassemble_client.errors import RequestContext
    from docassemble_client.transfer import Upload


_MAX_DATE_LENGTH = 64
_CONTROL = r"[\x00-\x1f\x7f]"
_HEADER_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",  # a compressed response would be refused
        "authorization",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "transfer-encoding",
        "x-api-key",
    }
)


# Not an attrs class: every first call defines it. Without a repr: most of it may be secret.
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
        form: Text fields of a form; of a multipart body if there are files.
        files: File fields of a multipart body.
        auth: Whether the API key is sent.
        safe: Whether it may be retried even if the server may have processed it.
        stream: Whether a successful body is left open for the caller to read.
        package: Normalized name of the package; empty if there is none.
    """

    __slots__ = (
        "auth",
        "files",
        "form",
        "headers",
        "json",
        "method",
        "operation",
        "package",
        "path",
        "query",
        "safe",
        "stream",
    )

    def __init__(
        self,
        *,
        operation: str,
        method: str,
        path: str,
        query: tuple[tuple[str, str], ...] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
        json: bytes | None = None,
        form: tuple[tuple[str, str], ...] = (),
        files: tuple[tuple[str, Upload], ...] = (),
        auth: bool = True,
        safe: bool = False,
        stream: bool = False,
        package: str = "",
    ) -> None:
        self.operation = operation
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.json = json
        self.form = form
        self.files = files
        self.auth = auth
        self.safe = safe
        self.stream = stream
        self.package = package

    @property
    def error_context(self) -> RequestContext:
        """Operation, method and path, for the errors of the request."""
        return {"operation": self.operation, "method": self.method, "path": self.path}

    @property
    def is_repeatable(self) -> bool:
        """Whether the body can be produced a second time."""
        return all(upload.is_repeatable for _, upload in self.files)


def check_headers(headers: Mapping[str, str], operation: str = "") -> dict[str, str]:
    """
    Check headers that the caller passed.

    Args:
        headers: Values by name.
        operation: Operation that they are for; empty for those of a client.

    Returns:
        Values by lower-case name, without outer whitespace, which HTTP libraries refuse.

    Raises:
        UsageError: A header is set by the client itself, or cannot be sent. No value is shown.
    """
    if not is_mapping(headers):
        message = "headers must be a mapping"
        raise UsageError(message, operation=operation)
    checked: dict[str, str] = {}
    try:
        items = dict(headers)
    except Exception as error:  # noqa: BLE001 - whatever the caller's object raises
        message = f"headers cannot be read: reading them raised {type(error).__name__}"
        raise UsageError(message, operation=operation) from None
    for name, value in items.items():
        problem = _find_header_problem(name, value)
        if problem:
            raise UsageError(problem, operation=operation)
        checked[name.lower()] = value.strip()
    return checked


def _find_header_problem(name: object, value: object) -> str:
    if not isinstance(name, str) or not isinstance(value, str):
        return "headers must map strings to strings"
    if name.lower() in _RESERVED_HEADERS:
        return f"headers must not contain {name.lower()!r}"
    is_sendable = value.isascii() and not re.search(_CONTROL, value)
    if not is_sendable or not re.fullmatch(_HEADER_NAME, name):
        return "headers contain a control, non-ASCII or other invalid character"
    return ""


def has_dot_segment(path: str) -> bool:
    """Whether a library, a proxy or the server may resolve a segment to a folder above."""
    if "." not in path and "%" not in path:
        return False
    # A proxy may decode the path once, and the server once more.
    segments = re.split(r"[/\\]", unquote(unquote(path)))
    return any(segment.partition(";")[0] in {".", ".."} for segment in segments)


class SendState:
    """
    The progress of a call: what an error may say about its requests.

    Attributes:
        is_sent: Whether sending the current request has begun. The adapter sets it.
        was_processed: Whether the server may have processed an earlier request of the call.
        callers_error: Exception of the caller's own code, such as the iterable of an upload. It
            is raised unchanged, and is not retried, whatever its class.
        connection: The connection on which the current request is sent, if the adapter needs it.
        request_number: Number of its last request; None before the first.
    """

    __slots__ = ("callers_error", "connection", "is_sent", "request_number", "was_processed")

    def __init__(self) -> None:
        self.is_sent = False
        self.was_processed = False
        self.callers_error: BaseException | None = None
        self.connection: object = None
        self.request_number: int | None = None

    @property
    def maybe_processed(self) -> bool:
        """Whether the server may have processed any request of the call."""
        return self.is_sent or self.was_processed


_captured: ContextVar[list[RawResponse] | None] = ContextVar("captured", default=None)


@contextmanager
def capture_responses() -> Generator[list[RawResponse]]:
    """Collect the successful responses of the calls in this context."""
    responses: list[RawResponse] = []
    token = _captured.set(responses)
    try:
        yield responses
    finally:
        _captured.reset(token)


def record_response(response: RawResponse) -> None:
    """Add a response to those that the context collects, if it does."""
    responses = _captured.get()
    if responses is not None:
        responses.append(response)


class RawResponse:
    """
    One response, in two phases: its head, then its body.

    This class has its body already. An adapter's subclass reads it from a connection.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name, without cookies; repeated ones are joined with commas.
        content: The body once it was read; for an error at most its first 64 KiB.
        url: URL of the request, without its query.
        received_at: Time at which it arrived, in seconds since 1970.
        request_number: Number of the request, unique in a process.
        release: Closes an open stream and releases its slot; None if the body was read.
        release_slot: Releases only the slot of an open stream; None if the body was read.
    """

    __slots__ = (
        "content",
        "headers",
        "received_at",
        "release",
        "release_slot",
        "request_number",
        "status",
        "url",
    )

    def __init__(
        self,
        *,
        status: int,
        headers: dict[str, str] | None = None,
        content: bytes = b"",
        url: str = "",
        received_at: float = 0.0,
    ) -> None:
        self.status = status
        self.headers: dict[str, str] = {} if headers is None else headers
        self.content = content
        self.url = url
        self.received_at = received_at
        self.request_number = 0
        self.release: Callable[[], Awaitable[None]] | None = None
        self.release_slot: Callable[[], None] | None = None

    def read_nowait(self, limit: int) -> bytes | None:
        """Return the body, or its first bytes, if it has arrived; None if `read` must wait."""
        return self.content[:limit]

    async def read(self, limit: int) -> bytes:
        """Read the body to its end, or its first bytes."""
        return self.content[:limit]

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the chunks of the body; raises errors of this package."""
        yield self.content

    async def aclose(self) -> None:
        """Release the connection if the body was read to its end, else close it."""

    @property
    def content_type(self) -> str:
        """Media type with its parameters; empty if there is none."""
        return self.headers.get("content-type", "")


def parse_http_date(text: str) -> float | None:
    """Parse a date header to seconds since 1970; return None if it is not valid."""
    try:
        date = parsedate_to_datetime(text[:_MAX_DATE_LENGTH])
        # Without a time zone, it would count as local time.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, OSError, LookupError):
        return None
