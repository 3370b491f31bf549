"""What an answer means: success, or which error with which advice."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from docassemble_client._core.redaction import scrub_url
from docassemble_client._types import decode_text, media_type
from docassemble_client.errors import (
    APIError,
    DecodeError,
    RedirectRefused,
    RequestTimeout,
    api_error_class,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._core.messages import Reply, Request
    from docassemble_client._types import JSON
    from docassemble_client.operation import KnownError

_CONTENT_KEPT = 65536


def judge(
    request: Request, reply: Reply, errors: tuple[KnownError, ...], hints: Mapping[int, str]
) -> Reply:
    """
    Let a success pass, and raise what anything else is.

    Raises:
        RedirectRefused: The server sends the client elsewhere.
        APIError: The server answered with an error.
    """
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
            if error.status == status and _fits(error.message, body):
                return error
    return None


def _fits(message: str, text: str) -> bool:
    """Whether it is this text, where {} stands for any and blanks around it do not count."""
    # No regular expression: a hostile page would keep it busy for many seconds.
    first, *middle = message.split("{}")
    if not middle:
        return text.strip() == first
    last = middle.pop()
    text = text.lstrip() if first else text
    text = text.rstrip() if last else text
    if not text.startswith(first):
        return False
    position = len(first)
    for part in middle:
        found = text.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return text.endswith(last) and position + len(last) <= len(text)


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


def timed_out(request: Request, message: str, *, sent: bool) -> RequestTimeout:
    busy = "; the server may still be working on it" if sent else ""
    return RequestTimeout(
        message,
        operation=request.operation,
        method=request.method,
        path=request.path,
        hint=f"Allow more time with timeout={busy}",
        maybe_processed=sent,
    )
