"""Requests and responses of the fake server, independent of any HTTP library."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import Factory, define, field, frozen

from docassemble_client._types import UNSET, is_json_array, is_json_object
from docassemble_client.config import Secret
from docassemble_client.testing._server.request_body import read_body

if TYPE_CHECKING:
    from docassemble_client.testing._server.request_body import RequestBody

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-xss-protection": "1",
    "x-frame-options": "SAMEORIGIN",
    "content-security-policy": "frame-ancestors 'self';",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>{title}</title></head>
  <body class="dabody">
    <div class="container" id="damain" role="main">
<h1>{heading}</h1>
{content}
    </div>
  </body>
</html>
"""
_PAGE_START = b"<!DOCTYPE html>"


@define
class FakeRequest:
    """
    A request.

    Attributes:
        method: HTTP method.
        path: Path, unquoted.
        query: Query parameters; the first value of each name.
        headers: Headers by lower-case name.
        content: The body.
        address: IP address of the client.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=False)
    address: str = "127.0.0.1"
    __dict__: dict[str, Any] = field(init=False, repr=False, eq=False)

    @cached_property
    def body(self) -> RequestBody:
        """The body, parsed like the server does."""
        return read_body(self.headers.get("content-type", ""), self.content)


@frozen
class FakeResponse:
    """
    A response.

    Attributes:
        status: HTTP status.
        content: The body.
        headers: Headers by lower-case name.
    """

    status: int
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = Factory(dict[str, str])

    def with_server_headers(
        self, now: float, *, cookie: str = "", cors: bool = True, origin: str = ""
    ) -> FakeResponse:
        """
        Return a copy with the headers that every response has.

        Args:
            now: Time, in seconds since 1970.
            cookie: Value of the session cookie; none by default.
            cors: Whether web pages of other origins may read the response.
            origin: Origin of the web page that has sent the request.
        """
        headers = {
            "server": "gunicorn",
            "date": formatdate(now, usegmt=True),
            **_SECURITY_HEADERS,
        }
        if cors:
            headers["access-control-allow-origin"] = origin or "*"
        if cors and origin:
            headers["vary"] = "Origin"
        if cookie:
            headers["set-cookie"] = f"session={cookie}; HttpOnly; Path=/; SameSite=Lax"
        if self.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
            headers["content-length"] = str(len(self.content))
        return FakeResponse(self.status, self.content, {**headers, **self.headers})


class ApiRefusal(Exception):  # noqa: N818 - a response that is raised
    """A response that ends the handling of a request."""

    def __init__(self, response: FakeResponse) -> None:
        """
        Wrap a response.

        Args:
            response: The response.
        """
        super().__init__(response.status)
        self.response = response


class UnhandledError(Exception):
    """
    An exception that the real server does not handle; the response is a page with status 501.

    Attributes:
        class_name: Name of the exception's class on the real server.
    """

    def __init__(self, message: str, class_name: str = "DAException") -> None:
        """
        Create the error.

        Args:
            message: Text of the exception.
            class_name: Name of the exception's class on the real server.
        """
        super().__init__(message)
        self.class_name = class_name


def make_json_response(value: object, status: int = HTTPStatus.OK) -> FakeResponse:
    """Make a JSON response, formatted like the server's: compact, sorted keys, ASCII."""
    text = json.dumps(to_json(value), separators=(",", ":"), sort_keys=True) + "\n"
    return FakeResponse(status, text.encode(), {"content-type": _JSON})


def make_text_response(text: str, status: int, content_type: str = _HTML) -> FakeResponse:
    """Make a plain-text response; the server declares it as HTML."""
    return FakeResponse(status, text.encode(), {"content-type": content_type})


def make_options_response(methods: Iterable[str]) -> FakeResponse:
    """Make the response to OPTIONS: the methods of a path."""
    allowed = dict.fromkeys(("OPTIONS", *methods))
    headers = {"content-type": _HTML, "allow": ", ".join(allowed)}
    return FakeResponse(HTTPStatus.OK, b"", headers)


def make_empty_response() -> FakeResponse:
    """Make a response without content."""
    return FakeResponse(HTTPStatus.NO_CONTENT, b"", {"content-type": _HTML})


def make_web_page(title: str, content: str) -> FakeResponse:
    """Make a web page; the title is text, the content HTML."""
    text = _PAGE.format(title=html.escape(title), heading=html.escape(title), content=content)
    return FakeResponse(HTTPStatus.OK, text.encode(), {"content-type": _HTML})


def make_error_page(status: int, message: str = "") -> FakeResponse:
    """Make the server's error page, such as for an unknown path or an exception."""
    if status == HTTPStatus.NOT_FOUND:
        title = f"{status} Not Found"
        heading = "Not Found"
        content = "<p>The requested URL was not found on the server.</p>"
    else:
        title = heading = "Error"
        content = f'<blockquote class="blockquote">{html.escape(message)}</blockquote>'
    text = _PAGE.format(title=title, heading=heading, content=content)
    return FakeResponse(status, text.encode(), {"content-type": _HTML})


def is_error_page(response: FakeResponse) -> bool:
    """Whether a response is one of the server's error pages."""
    return response.status >= HTTPStatus.BAD_REQUEST and response.content.startswith(_PAGE_START)


def to_json(value: Any) -> Any:
    """
    Convert a model to the JSON that the server sends.

    Args:
        value: A model, or JSON that may contain models.

    Returns:
        JSON. Fields are absent if they are UNSET, or if they are None and None is the default.
    """
    if isinstance(value, Secret):
        return value.reveal()
    if is_json_object(value):
        return {name: to_json(item) for name, item in value.items()}
    if is_json_array(value):
        return [to_json(item) for item in value]
    attributes: Any = getattr(value, "__attrs_attrs__", None)
    if attributes is None:
        return value
    data: dict[str, Any] = {}
    for attribute in attributes:
        item = getattr(value, attribute.name)
        is_absent = item is UNSET or (item is None and attribute.default is None)
        if attribute.name != "extra" and not is_absent:
            data[attribute.metadata.get("wire", attribute.name)] = to_json(item)
    return {**data, **value.extra}


def parse_query(query: bytes) -> dict[str, str]:
    """Parse a query string; the first value of each name counts."""
    pairs = parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True)
    return dict(reversed(pairs))
