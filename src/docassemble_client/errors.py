"""Errors of calls and tasks. Each says what happened, in which operation, and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from docassemble_client._types import JSON

if TYPE_CHECKING:
    from docassemble_client.tasks import TaskHandle
else:
    # tasks.py imports this module: at run time any type stands for it.
    TaskHandle = Any


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
    """

    page_token: str | None = None

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.method = method
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        request = f"{self.method} {self.path}".strip()
        context = self.operation or request
        if self.operation and request:
            context = f"{self.operation} ({request})"
        parts = (part.rstrip(".") for part in (self.message, self.hint) if part)
        sentences = [part if part.endswith("…") else f"{part}." for part in parts]
        return ": ".join(part for part in (context, " ".join(sentences)) if part)


class UsageError(DocassembleError, ValueError):
    """The arguments are invalid; no request was sent."""


class TransportError(DocassembleError):
    """
    No response arrived.

    Attributes:
        maybe_processed: Whether the server may have processed the request.
    """

    maybe_processed = True


class NotSent(TransportError):
    """The request did not reach the server, so it was not processed."""

    maybe_processed = False


class MaybeSent(TransportError):
    """The connection failed after sending began; the server may have processed the request."""


class RequestTimeout(TransportError):
    """A time limit was reached."""

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        maybe_processed: bool = True,
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
        self.maybe_processed = maybe_processed


class RedirectRefused(TransportError):
    """
    The server sent a redirect. Following it would lose the body and leak the API key.

    Attributes:
        status: HTTP status, 3xx.
        location: Target of the redirect, without its query.
    """

    maybe_processed = False

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        status: int = 302,
        location: str = "",
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
        self.status = status
        self.location = location


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
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        status: int = 500,
        body: JSON = None,
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
        self.status = status
        self.body = body


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
    The response is not one that this operation returns.

    Attributes:
        status: HTTP status.
        content: Body of the response, at most its first 64 KiB; not part of the error's text.
    """

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        status: int = 200,
        content: bytes = b"",
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
        self.status = status
        self.content = content


class DownloadTooLarge(DocassembleError):
    """
    A file is larger than allowed; nothing of it was kept.

    Attributes:
        max_size: Maximum number of bytes.
    """

    def __init__(
        self,
        message: str = "",
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        max_size: int = 0,
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
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
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        handle: TaskHandle | None = None,
    ) -> None:
        super().__init__(message, operation=operation, method=method, path=path, hint=hint)
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
        operation: str = "",
        method: str = "",
        path: str = "",
        hint: str = "",
        handle: TaskHandle | None = None,
        log: str = "",
    ) -> None:
        super().__init__(
            message, operation=operation, method=method, path=path, hint=hint, handle=handle
        )
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
    """Return the error class for a status."""
    return _CLASSES_BY_STATUS.get(
        status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else APIError
    )
