"""Decisions without I/O: generators that say what to send and how long to wait."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeAlias

from attrs import field, frozen

from docassemble_client._redact import scrub_url
from docassemble_client._types import decode_text, media_type
from docassemble_client.errors import (
    APIError,
    DecodeError,
    RedirectRefused,
    TransportError,
    api_error_class,
)
from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from docassemble_client._operation import KnownError
    from docassemble_client._types import JSON
    from docassemble_client.config import RetryPolicy

_NOT_PROCESSED = frozenset({429})
_TRANSIENT = frozenset({429, 502, 503, 504})
_CONTENT_KEPT = 65536
_MOST_DOUBLINGS = 1000  # 2.0 ** 1024 is no float any more


@frozen(kw_only=True)
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
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    json: bytes | None = field(default=None, repr=False)
    form: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    files: tuple[tuple[str, Upload], ...] = field(default=(), repr=False)
    auth: bool = True
    safe: bool = False
    stream: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether its body can be produced a second time."""
        return all(_rereadable(upload.content) for _, upload in self.files)


def _rereadable(content: object) -> bool:
    if isinstance(content, (bytes, os.PathLike)):
        return True
    # A file object that cannot say so would be sent empty the second time.
    seekable: Callable[[], bool] | None = getattr(content, "seekable", None)
    return seekable is not None and seekable()


class _Ended:
    """The chunks of a reply that was read to its end."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        raise StopAsyncIteration


async def _nothing_open() -> None:
    """Close a reply that was read to its end."""


@frozen(kw_only=True)
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
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=False)
    url: str = ""
    chunks: AsyncIterator[bytes] = field(factory=_Ended, repr=False)
    close: Callable[[], Awaitable[None]] = field(default=_nothing_open, repr=False)

    @property
    def content_type(self) -> str:
        """Media type with its parameters, empty if there is none."""
        return self.headers.get("content-type", "")


@frozen
class Send:
    """Asks the driver to send a request and to bring its reply or TransportError."""

    request: Request


@frozen
class Sleep:
    """Asks the driver to wait."""

    seconds: float


Flow: TypeAlias = Generator[Send | Sleep, Reply | None, Reply]
"""Yields what to do, receives replies, returns the last."""


def execute(
    request: Request,
    policy: RetryPolicy,
    errors: tuple[KnownError, ...] = (),
    hints: Mapping[int, str] | None = None,
    jitter: Callable[[], float] = random.random,
) -> Flow:
    """
    Carry one call: send, send again where that can do no harm, and judge the answer.

    Args:
        request: What to send.
        policy: How often and after which pauses.
        errors: Errors the server is known to send.
        hints: What to do next, by status, where no known error fits.
        jitter: Draws a number from 0 to 1.

    Yields:
        What the driver has to do.

    Returns:
        A successful reply.

    Raises:
        TransportError: No answer came.
        APIError: The server answered with an error.
    """
    for attempt in range(1, policy.attempts + 1):
        last = attempt == policy.attempts or not request.repeatable
        pause = jitter() * min(policy.cap, policy.base * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
        try:
            reply = yield Send(request)
        except TransportError as error:
            if (
                last
                or (error.maybe_processed and not request.safe)
                or isinstance(error, RedirectRefused)
            ):
                raise
        else:
            if reply is None:  # a driver sends a reply after each Send
                message = "the driver brought no reply"
                raise RuntimeError(message)
            repeat = reply.status in (_TRANSIENT if request.safe else _NOT_PROCESSED)
            if last or not repeat:
                return _judge(request, reply, errors, hints or {})
            pause = min(policy.cap, max(pause, retry_after(reply)))
        yield Sleep(pause)
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


def retry_after(reply: Reply) -> float:
    """Seconds the server asks to wait; 0 if it does not say, or not in seconds."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if text.isdecimal() and text.isascii() else 0.0


def _judge(
    request: Request, reply: Reply, errors: tuple[KnownError, ...], hints: Mapping[int, str]
) -> Reply:
    if reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return reply
    if reply.status < HTTPStatus.BAD_REQUEST:
        raise _redirected(request, reply)
    raise _api_error(request, reply, errors, hints)


def _redirected(request: Request, reply: Reply) -> RedirectRefused:
    location = scrub_url(reply.headers.get("location", ""))
    return RedirectRefused(
        f"{reply.url} redirects to {location or 'no address'} (status {reply.status})",
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint="Use the final address as base_url, mostly the same with https:// or another host",
        status=reply.status,
        location=location,
    )


def _api_error(
    request: Request, reply: Reply, errors: tuple[KnownError, ...], hints: Mapping[int, str]
) -> APIError:
    body = error_body(reply)
    known = find_known(errors, reply.status, body)
    phrase = _phrase(reply.status)
    return api_error_class(reply.status)(
        f"{reply.status} {phrase}" + (f": {known.message.replace('{}', '…')}" if known else ""),
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint=known.hint if known else hints.get(reply.status, ""),
        status=reply.status,
        body=body,
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def error_body(reply: Reply) -> JSON:
    """What the server said: its JSON value, or else the text as it came."""
    if media_type(reply.content_type) == "application/json":
        try:
            value: JSON = json.loads(reply.content)
        except (ValueError, RecursionError):
            return decode_text(reply.content, reply.content_type)
        return value
    return decode_text(reply.content, reply.content_type)


def find_known(errors: tuple[KnownError, ...], status: int, body: JSON) -> KnownError | None:
    """Find the known error that this is, by its status and text."""
    if isinstance(body, str):
        for error in errors:
            pattern = ".*".join(map(re.escape, error.message.split("{}")))
            if error.status == status and re.fullmatch(rf"\s*{pattern}\s*", body, re.DOTALL):
                return error
    return None


def undecodable(request: Request, reply: Reply, problem: str) -> DecodeError:
    """Make the error for an answer the operation never brings."""
    return DecodeError(
        problem,
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint="Check that base_url leads to docassemble; the answer is in the error's content",
        status=reply.status,
        content=reply.content[:_CONTENT_KEPT],
    )
