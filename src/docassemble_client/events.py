"""Events for the `on_event` hook of a client: immutable, and free of secrets."""

# Annotations are evaluated here: a named tuple turns strings into forward references, which cattrs
# does not resolve.
from typing import NamedTuple, TypeAlias


class RequestEvent(NamedTuple):
    """
    A request is about to be sent.

    Attributes:
        number: Number of the request, unique in the process; its ResponseEvent has the same number.
        operation: Full name of the operation.
        method: HTTP method.
        path: Path without its query.
    """

    number: int
    operation: str
    method: str
    path: str


class ResponseEvent(NamedTuple):
    """
    The headers of a response arrived, or the request failed.

    Attributes:
        number: Number of the request.
        operation: Full name of the operation.
        method: HTTP method.
        path: Path without its query.
        status: HTTP status; None if no response arrived.
        error: Name of the error class if no response arrived, else empty.
        seconds: Seconds since the request.
    """

    number: int
    operation: str
    method: str
    path: str
    status: int | None
    error: str
    seconds: float


class RetryEvent(NamedTuple):
    """
    A request will be sent again.

    Attributes:
        operation: Full name of the operation.
        attempt: Number of the failed attempt, from 1.
        reason: HTTP status, or the name of the error class.
        delay: Seconds until the next attempt.
    """

    operation: str
    attempt: int
    reason: str
    delay: float


class WaitEvent(NamedTuple):
    """
    The state of a task was polled.

    Attributes:
        operation: Full name of the operation that started the task.
        state: State of the task: working, restarting, confirming or completed.
        polls: Number of times its status was requested.
        reason: HTTP status or error class that led to a state that the server did not report.
    """

    operation: str
    state: str
    polls: int
    reason: str


class PageEvent(NamedTuple):
    """
    A page of a list arrived.

    Attributes:
        operation: Full name of the operation.
        number: Number of the page in this iteration, from 1.
        items: Number of items on the page.
    """

    operation: str
    number: int
    item_count: int


Event: TypeAlias = RequestEvent | ResponseEvent | RetryEvent | WaitEvent | PageEvent
"""Any event that the hook receives."""
