"""Requests and answers of the fake server, free of any HTTP library."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from email.utils import formatdate
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from attrs import Factory, define, field, frozen

from docassemble_client._types import UNSET, is_list, is_object
from docassemble_client.config import Secret
from docassemble_client.testing._server.body import read_body

if TYPE_CHECKING:
    from docassemble_client.testing._server.body import Body

_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
_SAFETY = {
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


@define
class Incoming:
    """
    A request.

    Attributes:
        method: HTTP method.
        path: Path, unquoted.
        query: Query parameters; of several of one name the first.
        headers: Headers by lower-case name.
        content: The body.
        address: Address it came from.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=False)
    address: str = "127.0.0.1"
    __dict__: dict[str, Any] = field(init=False, repr=False, eq=False)

    @cached_property
    def body(self) -> Body:
        """The body, as the server reads it."""
        return read_body(self.headers.get("content-type", ""), self.content)


@frozen
class Answer:
    """
    An answer.

    Attributes:
        status: HTTP status.
        content: The body.
        headers: Headers by lower-case name.
    """

    status: int
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = Factory(dict[str, str])

    def finished(self, now: float, *, cookie: str = "", cors: bool = True) -> Answer:
        """Add the headers that every answer has."""
        more = {"server": "gunicorn", "date": formatdate(now, usegmt=True), **_SAFETY}
        if cors:
            more["access-control-allow-origin"] = "*"
        if cookie:
            more["set-cookie"] = f"session={cookie}; HttpOnly; Path=/; SameSite=Lax"
        if self.status != HTTPStatus.NO_CONTENT:
            more["content-length"] = str(len(self.content))
        return Answer(self.status, self.content, {**more, **self.headers})


class Refusal(Exception):  # noqa: N818 - an answer, thrown
    """An answer that ends the work on a request."""

    def __init__(self, answer: Answer) -> None:
        """
        Carry it.

        Args:
            answer: The answer.
        """
        super().__init__(answer.status)
        self.answer = answer


class Crash(Exception):  # noqa: N818 - what the server does, not this program
    """An exception the server does not handle, of which it makes a page with status 501."""


def json_answer(value: object, status: int = HTTPStatus.OK) -> Answer:
    """Answer with JSON, written as the server does: compact, keys in order, ASCII."""
    text = json.dumps(wire(value), separators=(",", ":"), sort_keys=True) + "\n"
    return Answer(status, text.encode(), {"content-type": _JSON})


def text_answer(text: str, status: int, content_type: str = _HTML) -> Answer:
    """Answer with plain text, which the server calls HTML."""
    return Answer(status, text.encode(), {"content-type": content_type})


def nothing() -> Answer:
    """Answer that there is nothing to say."""
    return Answer(HTTPStatus.NO_CONTENT, b"", {"content-type": _HTML})


def web_page(title: str, content: str) -> Answer:
    """Answer with a page for a person; the title is text and the content HTML."""
    text = _PAGE.format(title=html.escape(title), heading=html.escape(title), content=content)
    return Answer(HTTPStatus.OK, text.encode(), {"content-type": _HTML})


def page(status: int, message: str = "") -> Answer:
    """Answer with a page, as for a path there is not and for an exception."""
    if status == HTTPStatus.NOT_FOUND:
        title = f"{status} Not Found"
        heading = "Not Found"
        content = "<p>The requested URL was not found on the server.</p>"
    else:
        title = heading = "Error"
        content = f'<blockquote class="blockquote">{html.escape(message)}</blockquote>'
    text = _PAGE.format(title=title, heading=heading, content=content)
    return Answer(status, text.encode(), {"content-type": _HTML})


def wire(value: Any) -> Any:
    """
    Turn a model into the JSON the server sends.

    Args:
        value: A model, or JSON that may hold models.

    Returns:
        JSON without what is absent: what is unset, and what is None where that is the default.
    """
    if isinstance(value, Secret):
        return value.reveal()
    if is_object(value):
        return {name: wire(one) for name, one in value.items()}
    if is_list(value):
        return [wire(one) for one in value]
    attributes: Any = getattr(value, "__attrs_attrs__", None)
    if attributes is None:
        return value
    sent: dict[str, Any] = {}
    for one in attributes:
        item = getattr(value, one.name)
        absent = item is UNSET or (item is None and one.default is None)
        if one.name != "extra" and not absent:
            sent[one.metadata.get("wire", one.name)] = wire(item)
    return {**sent, **value.extra}


def first_of(query: bytes) -> dict[str, str]:
    """Read a query; of several parameters of one name the first counts."""
    pairs = parse_qsl(query.decode("ascii", "replace"), keep_blank_values=True)
    return dict(reversed(pairs))
