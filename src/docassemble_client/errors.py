"""Errors of calls and tasks. Each says what happened, in which operation, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from docassemble_client._types import JSON

if TYPE_CHECKING:
    from docassemble_client.tasks import TaskHandle
else:
    # tasks.py imports this module: at run time any type stands for it.
    TaskHandle = Any

# The server asks for the same request at another URL, or has nothing newer.
_UNPROCESSED_REDIRECTS = frozenset({301, 304, 307, 308})
# Statuses of a proxy or a rate limit, which pass by themselves.
TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
_MAX_LEFTOVERS = 20  # named in the text of an error


class RequestContext(TypedDict, total=False):
    """Where an error happened."""

    operation: str
    method: str
    path: str


class ErrorContext(RequestContext, total=False):
    """Where an error happened, and what to do next."""

    hint: str


def format_seconds(seconds: float) -> str:
    """Format a duration for the text of an error, such as 0.5 s or 60 s."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"


class DocassembleError(Exception):
    """
    Base class of all errors of this client. They survive pickle and copy.

    Attributes:
        message: What happened; never contains data of the server or the caller.
        operation: Full name of the operation, such as users.get; empty outside of an operation.
        method: HTTP method of the request; empty if there was no request.
        path: Path of the request without its query; empty if there was no request.
        hint: What to do next; may be empty.
        page_token: Token of the list page that failed, to continue from; None for the first page.
        request_number: Number of the request, the same as in its events; None if there was none.
        headers: Headers of the response that hold no secret, by lower-case name.
        maybe_processed: Whether the server may have carried out the request.
        is_transient: Whether the same call may succeed later.
        retry_after: Seconds that the server asks you to wait; None if it does not say.
    """

    page_token: str | None = None
    request_number: int | None = None
    maybe_processed: bool = False
    is_transient: bool = False
    retry_after: float | None = None

    def __init__(self, message: str = "", **context: Unpack[ErrorContext]) -> None:
        super().__init__(message)
        self.message = message
        self.operation = context.get("operation", "")
        self.method = context.get("method", "")
        self.path = context.get("path", "")
        self.hint = context.get("hint", "")
        self.headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        call = f"{self.method} {self.path}".strip()
        where = f"{self.operation} ({call})" if self.operation and call else self.operation or call
        parts = (part.rstrip(".") for part in (self.message, self.hint) if part)
        sentences = [part if part.endswith("…") else f"{part}." for part in parts]
        return ": ".join(part for part in (where, " ".join(sentences)) if part)


class UsageError(DocassembleError, ValueError):
    """The arguments are invalid; no request was sent."""


class CleanupFailed(DocassembleError):
    """
    The client was closed, and something that it should have deleted may remain.

    Attributes:
        leftovers: What may remain, such as the session of an interview with its ID.
    """

    maybe_processed = True

    def __init__(
        self,
        message: str = "",
        *,
        leftovers: Sequence[str] = (),
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.leftovers = tuple(leftovers)

    @classmethod
    def from_leftovers(cls, leftovers: Sequence[str]) -> Self:
        """Create the error that names what may remain."""
        names = ", ".join(leftovers[:_MAX_LEFTOVERS])
        more = len(leftovers) - _MAX_LEFTOVERS
        others = f" and {more} more" if more > 0 else ""
        return cls(
            f"the clean-up failed or did not end in time; this may remain: {names}{others}",
            hint="Delete it yourself, or increase cleanup_timeout",
            leftovers=leftovers,
        )


class TransportError(DocassembleError):
    """No response arrived."""

    maybe_processed = True
    is_transient = True


class NotSent(TransportError):
    """The request did not reach the server, so it was not processed."""

    maybe_processed = False


class MaybeSent(TransportError):
    """The connection failed after sending began; the server may have processed the request."""


class RequestTimeout(TransportError):
    """A time limit was reached."""

    def __init__(
        self, message: str = "", *, maybe_processed: bool = True, **context: Unpack[ErrorContext]
    ) -> None:
        super().__init__(message, **context)
        self.maybe_processed = maybe_processed


class RedirectRefused(TransportError):
    """
    The server sent a redirect. Following it would lose the body and leak the API key.

    With 301, 307 and 308 the server asks for the same request elsewhere, so it was not processed.
    A 302 or 303 may be the response to a POST that was processed.

    Attributes:
        status: HTTP status, 3xx.
        location: Target of the redirect, without its query.
    """

    is_transient = False

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 302,
        location: str = "",
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.status = status
        self.location = location
        changes_nothing = self.method in {"", "GET", "HEAD"}
        self.maybe_processed = not changes_nothing and status not in _UNPROCESSED_REDIRECTS


class APIError(DocassembleError):
    """
    The server responded with an error.

    Attributes:
        status: HTTP status.
        body: Content of the response, in most cases a text. It is never part of the error's text,
            because it may contain secrets.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 500,
        body: JSON = None,
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.status = status
        self.body = body
        self.is_transient = status in TRANSIENT_STATUSES
        self.maybe_processed = status >= HTTPStatus.INTERNAL_SERVER_ERROR


class BadRequest(APIError):
    """400: the server rejected the arguments."""


class AccessDenied(APIError):
    """401 or 403: the API key, its owner or the client's IP address is not allowed to do this."""


class NotFound(APIError):
    """404: the resource does not exist, or the feature is disabled."""


class MethodNotAllowed(APIError):
    """405: the server does not support this method for the path."""


class PayloadTooLarge(APIError):
    """413: the request is larger than the server accepts."""


class RateLimited(APIError):
    """429: a proxy limits the request rate."""


class ServerError(APIError):
    """5xx: the server, or a proxy in front of it, failed."""


class DecodeError(DocassembleError):
    """
    The response is not valid for this operation.

    It is transient: while the server restarts, a proxy may send a page of its own.

    Attributes:
        status: HTTP status.
        content: Body of the response, at most its first 64 KiB; not part of the error's text.
    """

    maybe_processed = True
    is_transient = True

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 200,
        content: bytes = b"",
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.status = status
        self.content = content


class DownloadTooLarge(DocassembleError):
    """
    A file is larger than allowed; nothing of it was kept.

    Attributes:
        max_size: Maximum number of bytes.
    """

    def __init__(
        self, message: str = "", *, max_size: int = 0, **context: Unpack[ErrorContext]
    ) -> None:
        super().__init__(message, **context)
        self.max_size = max_size


class PaginationError(DocassembleError):
    """The server repeated a page of a list."""


class TaskError(DocassembleError):
    """
    Waiting for a task failed.

    Attributes:
        handle: The task; None if there is none.
    """

    def __init__(
        self,
        message: str = "",
        *,
        handle: TaskHandle | None = None,
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, **context)
        self.handle = handle


class TaskFailed(TaskError):
    """
    The task failed on the server.

    Attributes:
        log: Output of the task, such as pip's log; not part of the error's text.
    """

    def __init__(
        self,
        message: str = "",
        *,
        log: str = "",
        handle: TaskHandle | None = None,
        **context: Unpack[ErrorContext],
    ) -> None:
        super().__init__(message, handle=handle, **context)
        self.log = log


class TaskTimeout(TaskError):
    """The task did not end in time; you can wait again with its handle."""


class TaskLost(TaskError):
    """The server does not know the task, and nothing shows that it has ended."""


_CLASSES_BY_STATUS = {
    400: BadRequest,
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    429: RateLimited,
}


def get_error_class(status: int) -> type[APIError]:
    """Return the class of the error for a status."""
    is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return _CLASSES_BY_STATUS.get(status, ServerError if is_server_error else APIError)
