"""What a client tells its `on_event` hook: frozen facts that hold no secret."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

__all__ = ["Event", "PageEvent", "RequestEvent", "ResponseEvent", "RetryEvent", "WaitEvent"]


@frozen(kw_only=True)
class RequestEvent:
    """
    A request goes out.

    Attributes:
        number: Number of the request, the same in its ResponseEvent; unique in a process.
        operation: Full name of the operation.
        method: HTTP method.
        path: Path without its query.
    """

    number: int
    operation: str
    method: str
    path: str


@frozen(kw_only=True)
class ResponseEvent:
    """
    The headers of an answer came, or none did.

    Attributes:
        number: Number of the request.
        operation: Full name of the operation.
        method: HTTP method.
        path: Path without its query.
        status: HTTP status; None if no answer came.
        error: Name of the error's class if no answer came, else empty.
        seconds: Time since the request.
    """

    number: int
    operation: str
    method: str
    path: str
    status: int | None
    error: str
    seconds: float


@frozen(kw_only=True)
class RetryEvent:
    """
    A request will be sent again.

    Attributes:
        operation: Full name of the operation.
        attempt: Which attempt failed, from 1.
        reason: The status or the name of the error's class.
        delay: Seconds until the next attempt.
    """

    operation: str
    attempt: int
    reason: str
    delay: float


@frozen(kw_only=True)
class WaitEvent:
    """
    A task was looked at.

    Attributes:
        operation: Full name of the operation that began the task.
        state: What is known: working, restarting, confirming or completed.
        polls: How often the server was asked.
        detail: The status or error behind a state that the server did not name.
    """

    operation: str
    state: str
    polls: int
    detail: str


@frozen(kw_only=True)
class PageEvent:
    """
    A page of a list came.

    Attributes:
        operation: Full name of the operation.
        number: Number of the page in this walk, from 1.
        items: How many items it has.
    """

    operation: str
    number: int
    items: int


Event: TypeAlias = RequestEvent | ResponseEvent | RetryEvent | WaitEvent | PageEvent
"""Anything a hook is told."""
