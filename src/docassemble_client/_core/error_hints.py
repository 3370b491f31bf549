"""Hints for error responses: the URL to use, the privileges to have, the seconds to wait."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from docassemble_client._header_params import parse_media_type
from docassemble_client.errors import format_seconds
from docassemble_client.operation import DiscriminatedUnion

if TYPE_CHECKING:
    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client._types import JSON
    from docassemble_client.operation import Operation, Privileges

# The body of every page of docassemble has this class (base_templates/base.html).
_DOCASSEMBLE_PAGE = r"""<body[^>]{0,200}\bdabody\b"""
# Pages of docassemble whose address was copied from a browser; api is the path of every call.
_PAGE_PATH = r"/(?:api|interviews?|user|start|run|playground|config|restart)(?:/.*)?$"
# nginx, Apache, Go and Caddy respond like this to HTTP on a port with TLS.
_TLS_EXPECTED = r"plain HTTP|HTTP request to an HTTPS server"
_REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.GONE,
    }
)
# Plain text that docassemble declares as HTML.
_FILE_NOT_FOUND = "File not found"
PRIVILEGES_PLACEHOLDER = "{privileges}"
SECONDS_PER_YEAR = 365 * 24 * 3600.0


def get_base_url(request: Request, response: RawResponse) -> str:
    """Return the base URL of a request from the URL of its response."""
    return response.url.removesuffix(request.path)


def describe_other_server(
    request: Request, response: RawResponse, body: JSON, operation: Operation[Any] | None
) -> tuple[str, str] | None:
    """
    Recognize an error response that docassemble's API does not send.

    Args:
        request: The request.
        response: Its response.
        body: The content of the response.
        operation: The operation; None for an endpoint of an installed package.

    Returns:
        What happened and what to do next; None if docassemble's API may have sent it.
    """
    base_url = get_base_url(request, response)
    if response.status not in _REFUSALS:
        return None
    if isinstance(body, str) and base_url.startswith("http:") and re.search(_TLS_EXPECTED, body):
        return "the port expects HTTPS", f"Use https:{base_url.removeprefix('http:')} as base_url"
    if isinstance(body, str) and re.search(_DOCASSEMBLE_PAGE, body):
        root = re.sub(_PAGE_PATH, "", base_url)
        if response.status == HTTPStatus.NOT_FOUND and root != base_url:
            return f"docassemble has no page {response.url}", f"Use {root} as base_url"
        return None
    if not _is_foreign(response, body, operation):
        return None
    hint = (
        f"Check that base_url ({base_url}) is the address of docassemble, without /api, and that no"
        " proxy or firewall refuses the request"
    )
    return "the response is not docassemble's", hint


def _is_foreign(response: RawResponse, body: JSON, operation: Operation[Any] | None) -> bool:
    """Whether docassemble's API cannot have sent this refusal, which is a JSON string."""
    if operation is not None and _returns_interview_content(operation):
        return False
    if not isinstance(body, str):
        return operation is not None
    is_json = parse_media_type(response.content_type) == "application/json"
    return not is_json and body.strip() != _FILE_NOT_FOUND


def _returns_interview_content(operation: Operation[Any]) -> bool:
    """Whether an interview may respond in place of the API, with any status and content."""
    return any(isinstance(result.json, DiscriminatedUnion) for result in operation.results.values())


def suggest_redirect_base_url(request: Request, response: RawResponse, location: str) -> str:
    """Return what to do about a redirect, with the base URL to use if it is known."""
    new_base_url = location.removesuffix(request.path)
    if re.match(r"https?://", location) and new_base_url != location:
        return f"Use {new_base_url} as base_url"
    base_url = get_base_url(request, response)
    return (
        f"Check that base_url ({base_url}) is the address of docassemble, and that no proxy asks"
        " for a login"
    )


def describe_privileges(privileges: Privileges) -> str:
    """Return a sentence that names the privileges; empty if nothing is known."""
    parts: list[str] = []
    if privileges.any_of:
        names = " or ".join(privileges.any_of)
        parts.append(f"the owner of the key needs the privilege {names}")
    if privileges.permissions:
        noun = "permission" if len(privileges.permissions) == 1 else "permissions"
        names = " and ".join(privileges.permissions)
        parts.append(f"a key with limited permissions needs the {noun} {names}")
    if note := privileges.note:
        needed, comma, exception = note.partition(", ")
        is_none = needed == "none" and not parts
        parts.append(f"the call needs no privilege{comma}{exception}" if is_none else note)
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def fill_in_privileges(hint: str, operation: Operation[Any] | None) -> str:
    """Replace the placeholder of a hint by the privileges that the operation needs."""
    description = "" if operation is None else describe_privileges(operation.privileges)
    return hint.replace(PRIVILEGES_PLACEHOLDER, description).strip()


def describe_retry_after(seconds: float, max_delay: float | None) -> str:
    """
    Say how long the server asks to wait.

    Args:
        seconds: The seconds.
        max_delay: Longest delay of the retry policy; None if it does not retry this response.

    Returns:
        The sentence.
    """
    duration = "a year or longer" if seconds >= SECONDS_PER_YEAR else format_seconds(seconds)
    wait = f"The server asks you to wait {duration} before you call again"
    if max_delay is None or seconds <= max_delay:
        return wait
    limit = f"The retry policy waits at most {format_seconds(max_delay)}"
    return f"{wait}. {limit}; to wait longer, set RetryPolicy(max_delay=…)"
