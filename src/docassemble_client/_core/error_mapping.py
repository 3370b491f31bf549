"""Maps the status, text and Retry-After of a response to an exception."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypeVar

from docassemble_client._core.error_hints import (
    SECONDS_PER_YEAR,
    describe_other_server,
    describe_retry_after,
    fill_in_privileges,
    get_base_url,
    suggest_redirect_base_url,
)
from docassemble_client._core.messages import parse_http_date
from docassemble_client._core.redaction import redact_url
from docassemble_client._header_params import decode_text, parse_media_type
from docassemble_client.errors import (
    APIError,
    DecodeError,
    DocassembleError,
    RedirectRefused,
    RequestTimeout,
    get_error_class,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client._types import JSON
    from docassemble_client.operation import KnownError, Operation

MAX_ERROR_CONTENT_BYTES = 65536
_MEBIBYTE = 1 << 20
_DEFAULT_HINT = "See error.body"
# Headers that hold no secret: what an error may keep of its response.
SAFE_HEADERS = frozenset(
    {
        "allow",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "server",
        "via",
        "x-request-id",
    }
)
E = TypeVar("E", bound=DocassembleError)
_JSON_NAMES: dict[type, str] = {dict: "an object", list: "a list"}


class StructureError(Exception):
    """JSON does not match its type; the message shows no value. It becomes a DecodeError."""

    @classmethod
    def wrong_type(cls, type_: type, value: object) -> Self:
        """Create the error for a value of another type."""
        name = _JSON_NAMES.get(type_, type_.__name__)
        return cls(f"expected {name}, got {type(value).__name__}")


def raise_for_status(
    request: Request,
    response: RawResponse,
    operation: Operation[Any] | None,
    hints: Mapping[int, str],
    max_delay: float | None = None,
) -> RawResponse:
    """
    Return a successful response; raise the error for any other.

    Args:
        request: The request.
        response: Its response.
        operation: The operation; None for a request that no operation describes.
        hints: Hints by status, for errors that the operation does not list.
        max_delay: Longest delay before a retry, if the request may be retried.

    Returns:
        The response.

    Raises:
        RedirectRefused: The server sent a redirect.
        APIError: The server responded with an error.
    """
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return response
    if response.status < HTTPStatus.BAD_REQUEST:
        raise _redirect_error(request, response)
    error = _api_error(request, response, operation, hints)
    if error.retry_after is not None and error.is_transient:
        error.hint = f"{describe_retry_after(error.retry_after, max_delay)}. {error.hint}"
    raise error


def _redirect_error(request: Request, response: RawResponse) -> RedirectRefused:
    location = redact_url(response.headers.get("location", ""))
    error = RedirectRefused(
        f"{response.url} redirects to {location or 'no URL'} (status {response.status})",
        hint=suggest_redirect_base_url(request, response, location),
        status=response.status,
        location=location,
        **request.error_context,
    )
    return attach_response(error, response)


def _api_error(
    request: Request,
    response: RawResponse,
    operation: Operation[Any] | None,
    hints: Mapping[int, str],
) -> APIError:
    body = parse_error_body(response)
    status = response.status
    known_error = match_known_error(operation.errors if operation else (), status, body)
    detail, hint = "", hints.get(status, _DEFAULT_HINT)
    if known_error:
        detail, hint = known_error.message.replace("{}", "…"), known_error.hint
    elif other_server := describe_other_server(request, response, body, operation):
        detail, hint = other_server
    message = f"{status} {_reason_phrase(status)}"
    error = get_error_class(status)(
        f"{message}: {detail}" if detail else message,
        hint=fill_in_privileges(hint, operation),
        status=status,
        body=body,
        **request.error_context,
    )
    return attach_response(error, response)


def attach_response(error: E, response: RawResponse) -> E:
    """Copy safe headers, Retry-After and the request number to an error."""
    error.headers = {
        name: value for name, value in response.headers.items() if name in SAFE_HEADERS
    }
    error.retry_after = parse_retry_after(response)
    error.request_number = response.request_number
    return error


def parse_retry_after(response: RawResponse) -> float | None:
    """
    Return the seconds of a Retry-After header, also if it is a date; None without one.

    A longer time than a year is an error of the server, and counts as a year.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text), SECONDS_PER_YEAR)
    date = parse_http_date(text) if text else None
    return None if date is None else min(max(0.0, date - response.received_at), SECONDS_PER_YEAR)


def _reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"


def parse_error_body(response: RawResponse) -> JSON:
    """Return the JSON value of an error response, or its text if it is not valid JSON."""
    if parse_media_type(response.content_type) == "application/json":
        try:
            value: JSON = json.loads(response.content)
        except (ValueError, RecursionError):
            return decode_text(response.content, response.content_type)
        return value
    return decode_text(response.content, response.content_type)


def match_known_error(errors: tuple[KnownError, ...], status: int, body: JSON) -> KnownError | None:
    """Find the first known error with this status and text."""
    if isinstance(body, str):
        for error in errors:
            if error.status == status and _matches(error.message, body):
                return error
    return None


def _matches(message: str, text: str) -> bool:
    """Whether the text matches the message; {} matches any text, outer whitespace is ignored."""
    # Not a regular expression: it would take many seconds on a hostile page.
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
        index = text.find(part, position)
        if index < 0:
            return False
        position = index + len(part)
    return text.endswith(last) and position + len(last) <= len(text)


def decode_error(request: Request, response: RawResponse, problem: str) -> DecodeError:
    """Build the DecodeError for an unexpected response."""
    is_page = parse_media_type(response.content_type) == "text/html"
    reason = (
        "that no proxy sends a page of its own"
        if is_page
        else "that the client supports its version"
    )
    error = DecodeError(
        problem,
        hint=(
            f"Check that base_url ({get_base_url(request, response)}) is the address of"
            f" docassemble, and {reason}; see error.content"
        ),
        status=response.status,
        content=response.content[:MAX_ERROR_CONTENT_BYTES],
        **request.error_context,
    )
    return attach_response(error, response)


def size_error(request: Request, response: RawResponse, max_size: int) -> DecodeError:
    """Build the DecodeError for a response that is larger than the client allows."""
    size = f"{max_size // _MEBIBYTE} MiB" if max_size % _MEBIBYTE == 0 else f"{max_size} bytes"
    error = decode_error(request, response, f"the response is larger than {size}")
    error.hint = "Raise max_response_size of the client"
    return error


def timeout_error(request: Request, message: str, *, sent: bool, limit: str) -> RequestTimeout:
    """
    Build the RequestTimeout for an expired limit.

    Args:
        request: The request.
        message: What took too long.
        sent: Whether the server may have processed the request.
        limit: Attribute of Timeouts that sets the limit.

    Returns:
        The error.
    """
    hint = f"To allow more time, pass timeout=Timeouts({limit}=…)"
    if sent and not request.safe:
        hint = f"The server may still be working on it: check before you repeat it. {hint}"
    return RequestTimeout(message, hint=hint, maybe_processed=sent, **request.error_context)
