"""Decides without I/O what to send and how long to wait; flows are generators."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import define, evolve, frozen

from docassemble_client._core.error_mapping import raise_for_status
from docassemble_client._core.messages import RawResponse, Request, parse_http_date
from docassemble_client._core.retry import TRANSIENT_STATUSES, RetryBudget
from docassemble_client.errors import (
    DocassembleError,
    PaginationError,
    RedirectRefused,
    TransportError,
)
from docassemble_client.events import PageEvent, RetryEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client.config import RetryPolicy
    from docassemble_client.events import Event  # noqa: TC004 - nobody resolves what Tell holds
    from docassemble_client.operation import KnownError
    from docassemble_client.pagination import Page

T = TypeVar("T")

_NOT_PROCESSED = frozenset({429})
_MOST_DOUBLINGS = 1000  # 2.0 ** 1024 is no float any more


@define  # not frozen: there is one for each request, and freezing doubles what it takes to make
class Send:
    """Asks the driver to send a request and to bring its reply or TransportError."""

    request: Request


@frozen
class Sleep:
    """Asks the driver to wait."""

    seconds: float


@frozen
class Tell:
    """Asks the driver to tell the hook."""

    event: Event


@frozen
class Deliver:
    """Hands a value to whoever runs the flow, which then goes on."""

    value: Any


Step: TypeAlias = Send | Sleep | Tell | Deliver
Flow: TypeAlias = Generator[Step, RawResponse | None, T]
"""Yields what to do, receives a reply after each Send, returns its result."""


def execute(
    request: Request,
    policy: RetryPolicy,
    errors: tuple[KnownError, ...] = (),
    hints: Mapping[int, str] | None = None,
    *,
    budget: RetryBudget | None = None,
    jitter: Callable[[], float] = random.random,
) -> Flow[RawResponse]:
    """
    Carry one call: send, send again where that can do no harm, and judge the answer.

    Args:
        request: What to send.
        policy: How often and after which pauses.
        errors: Errors the server is known to send.
        hints: What to do next, by status, where no known error fits.
        budget: What limits the retries of all calls together.
        jitter: Draws a number from 0 to 1.

    Yields:
        What the driver has to do.

    Returns:
        A successful reply.

    Raises:
        TransportError: No answer came.
        APIError: The server answered with an error.
    """
    budget = budget or RetryBudget(policy)
    budget.deposit()
    for attempt in range(1, policy.attempts + 1):
        asked = 0.0
        try:
            reply = yield Send(request)
        except TransportError as error:
            harmful = error.maybe_processed and not request.safe
            hopeless = isinstance(error, RedirectRefused)
            if harmful or hopeless or not _again(request, attempt, policy, budget):
                raise
            reason = type(error).__name__
        else:
            reply = received(reply)
            repeat = reply.status in (TRANSIENT_STATUSES if request.safe else _NOT_PROCESSED)
            if not repeat or not _again(request, attempt, policy, budget):
                return raise_for_status(request, reply, errors, hints or {})
            asked = retry_after(reply)
            reason = str(reply.status)
        pause = jitter() * min(
            policy.max_delay, policy.initial_delay * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
        )
        pause = max(pause, min(policy.max_delay, asked))
        yield Tell(
            RetryEvent(operation=request.operation, attempt=attempt, reason=reason, delay=pause)
        )
        yield Sleep(pause)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def _again(request: Request, attempt: int, policy: RetryPolicy, budget: RetryBudget) -> bool:
    return attempt < policy.attempts and request.is_repeatable and budget.try_withdraw()


def received(reply: RawResponse | None) -> RawResponse:
    """Insist on the reply that a driver brings after each Send."""
    if reply is None:
        message = "the driver brought no reply"
        raise RuntimeError(message)
    return reply


def retry_after(reply: RawResponse) -> float:
    """Seconds the server asks to wait, in seconds or until a date; 0 if it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return float(text)
    until = parse_http_date(text)
    return max(0.0, until - reply.received_at) if until is not None else 0.0


def pages(
    fetch: Callable[[str | None], Flow[Page[T]]],
    operation: str,
    *,
    start: str | None = None,
    limit: int | None = None,
) -> Flow[None]:
    """
    Walk a list page by page.

    Args:
        fetch: Makes the flow that brings the page of a token.
        operation: Full name of the operation.
        start: Token of the first page.
        limit: How many items to deliver at most; None for all.

    Yields:
        What the driver has to do; each page in a Deliver.

    Raises:
        PaginationError: The server repeats itself.
        DocassembleError: A page could not be fetched; `page_token` is its token.
    """
    token, seen, left, number = start, {start}, limit, 0
    while left is None or left > 0:
        number += 1
        try:
            page = yield from fetch(token)
        except DocassembleError as error:
            error.page_token = token
            raise
        yield Tell(PageEvent(operation=operation, number=number, items=len(page.items)))
        following = page.next_page_token
        # Before the page is handed over: a page that comes again must not be worked on again.
        if following is not None and following in seen:
            raise _repeated(operation, token)
        seen.add(following)
        if left is not None:
            if len(page.items) > left:
                # Its own token: whoever goes on there finds what is cut off here.
                page = evolve(page, items=page.items[:left], next_page_token=token)
            left -= len(page.items)
        yield Deliver(page)
        if following is None:
            return
        token = following


def _repeated(operation: str, token: str | None) -> PaginationError:
    error = PaginationError(
        "the server sent a page token a second time",
        operation=operation,
        hint="It restarts a list if the token is invalid; start again without page_token",
    )
    error.page_token = token
    return error
