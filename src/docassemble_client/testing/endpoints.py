"""Endpoints of installed packages on the fake server, such as the API of a dashboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from attrs import field, frozen

from docassemble_client._types import JSON
from docassemble_client.responses import BinaryContent
from docassemble_client.testing._handlers.questions import make_final_response
from docassemble_client.testing._server.api_call import describe_error
from docassemble_client.testing._server.messages import (
    FakeRequest,
    FakeResponse,
    make_empty_response,
    make_error_page,
)

_PLACEHOLDER = re.compile(r"\\\{(\w+)\\\}")


@frozen
class EndpointRequest:
    """
    A request to an endpoint.

    Attributes:
        path_values: Parts of the path by the names in braces.
        query: Query parameters.
        data: JSON body, or the fields of a form; an empty object if there is no body.
        files: Uploaded files by field, each with its name and content.
        email: E-mail address of the user whose API key was sent; empty for a public endpoint.
    """

    path_values: Mapping[str, str]
    query: Mapping[str, str] = field(repr=False)
    data: JSON = field(repr=False)
    files: Mapping[str, BinaryContent] = field(repr=False)
    email: str


EndpointHandler: TypeAlias = Callable[[EndpointRequest], object]
"""Returns JSON, a JSONReply with a status, BinaryContent, bytes, or None for an empty response."""


@frozen
class Endpoint:
    """
    An endpoint.

    Attributes:
        method: HTTP method.
        path: Path, with names in braces.
        handler: Function that responds.
        is_public: Whether it needs no API key.
    """

    method: str
    path: str
    handler: EndpointHandler
    is_public: bool

    def match_path(self, path: str) -> dict[str, str] | None:
        """Return the values of the names in braces; None if the path is another one."""
        pattern = _PLACEHOLDER.sub(r"(?P<\1>[^/]+)", re.escape(self.path))
        match = re.fullmatch(pattern, path)
        return None if match is None else match.groupdict()

    def respond(
        self, request: FakeRequest, path_values: dict[str, str], email: str
    ) -> FakeResponse:
        """Run the handler; an exception becomes a page with status 501, as on a real server."""
        body = request.body
        data: Any = body.data
        files = {
            file.name: BinaryContent(content=file.content, content_type="", filename=file.filename)
            for file in body.files
        }
        arguments = EndpointRequest(path_values, request.query, data, files, email)
        try:
            value = self.handler(arguments)
        except Exception as error:
            return make_error_page(HTTPStatus.NOT_IMPLEMENTED, describe_error(error))
        return make_empty_response() if value is None else make_final_response(value)
