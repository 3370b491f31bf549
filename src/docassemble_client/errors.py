"""Errors of single calls and tasks: what happened, in which operation, what to do next."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.tasks import TaskHandle


__all__ = [
    "APIError",
    "AccessDenied",
    "BadRequest",
    "DecodeError",
    "DocassembleError",
    "DownloadTooLarge",
    "MaybeSent",
    "MethodNotAllowed",
    "NotFound",
    "NotSent",
    "PaginationError",
    "PayloadTooLarge",
    "RateLimited",
    "RedirectRefused",
    "RequestTimeout",
    "ServerError",
    "TaskError",
    "TaskFailed",
    "TaskLost",
    "TaskTimeout",
    "TransportError",
    "UsageError",
]


class DocassembleError(Exception):
    """
    Base of all errors of this client; plain data, so it survives pickle and copy.

    Attributes:
        message: What happened; never holds what a server or caller sent.
        operation: Full name of the operation, such as users.get; empty outside of one.
        method: HTTP method of the request, empty if there was none.
        path: Path of the request without its query, empty if there was none.
        hint: What to do next, may be empty.
        resume_from: Where a walk through a list can go on, if it broke; None if at its start.
    """

    resume_from: str | None = None

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
        call = f"{self.method} {self.path}".strip()
        where = f"{self.operation} ({call})" if self.operation and call else self.operation or call
        parts = (part.rstrip(".") for part in (self.message, self.hint) if part)
        sentences = [part if part.endswith("…") else f"{part}." for part in parts]
        return ": ".join(part for part in (where, " ".join(sentences)) if part)


class UsageError(DocassembleError, ValueError):
    """The call is wrong as it stands; nothing was sent."""


class TransportError(DocassembleError):
    """
    The server's answer did not arrive.

    Attributes:
        maybe_processed: Whether the server may have carried out the request.
    """

    maybe_processed = True


class NotSent(TransportError):
    """The request did not reach the server: it cannot have been processed."""

    maybe_processed = False


class MaybeSent(TransportError):
    """The connection broke after the request began: the server may have processed it."""


class RequestTimeout(TransportError):
    """A limit of time was reached."""

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
    The server sent the client elsewhere; following would lose the body and leak the key.

    Attributes:
        status: HTTP status, 3xx.
        location: Where to, without its query.
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
    The server answered with an error.

    Attributes:
        status: HTTP status.
        body: What the server said: a text in most cases; shown nowhere, as it may hold secrets.
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
    """400: the server refused the arguments."""


class AccessDenied(APIError):
    """401 or 403: the key, its owner or its address may not do this."""


class NotFound(APIError):
    """404: nothing is there, or the feature is switched off."""


class MethodNotAllowed(APIError):
    """405: the server has no such method under this path."""


class PayloadTooLarge(APIError):
    """413: the request is larger than the server takes."""


class RateLimited(APIError):
    """429: a proxy limits the rate."""


class ServerError(APIError):
    """5xx: the server, or a proxy before it, failed."""


class DecodeError(DocassembleError):
    """
    The server answered with something this operation never brings.

    Attributes:
        status: HTTP status.
        content: The body as it came (at most its first 64 KiB); shown nowhere.
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
    A file is larger than the caller allowed; nothing of it was kept.

    Attributes:
        max_size: How many bytes were allowed.
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
    """The server repeats itself while a list is walked."""


class TaskError(DocassembleError):
    """
    A task of the server cannot be waited for any longer.

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
    The work failed on the server.

    Attributes:
        log: What the work printed (the log of pip); shown nowhere.
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
    """The task was not over in time; wait again with its handle."""


class TaskLost(TaskError):
    """The server does not know the task, and nothing shows that it is over."""


_BY_STATUS = {
    400: BadRequest,
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    429: RateLimited,
}


def api_error_class(status: int) -> type[APIError]:
    """Class of the error for a status."""
    return _BY_STATUS.get(
        status, ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else APIError
    )
