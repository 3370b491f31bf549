"""Responses to HEAD: most of the server's views treat it as neither GET nor another method."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from docassemble_client.testing._server.messages import (
    FakeResponse,
    make_empty_response,
    make_json_response,
    make_text_response,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAYGROUND = "/api/playground"
_NOT_FOUND = make_text_response("File not found", HTTPStatus.NOT_FOUND)
_NO_FOLDER = make_json_response("Invalid folder.", HTTPStatus.BAD_REQUEST)
# Responses of the views that test the method, to a user whom they let in.
_RESPONSES: Mapping[str, FakeResponse] = {
    **dict.fromkeys(
        (
            *("/api/user", "/api/user/{user_id}", "/api/user/{user_id}/privileges"),
            *("/api/user/api", "/api/user/{user_id}/api", "/api/privileges", "/api/session"),
            *("/api/user/interviews", "/api/user/{user_id}/interviews"),
            *("/api/interviews", "/api/users/interviews"),
        ),
        make_empty_response(),
    ),
    **dict.fromkeys(("/api/config", "/api/package", "/api/playground/project"), _NOT_FOUND),
    _PLAYGROUND: _NO_FOLDER,
}
_KEPT_STATUSES = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.NOT_IMPLEMENTED)
_KEPT_ERRORS = (
    "Invalid query parameter",
    (
        "Error obtaining user information: You do not have sufficient privileges to access "
        "information about other users"
    ),
)


def convert_to_head(response: FakeResponse, path: str) -> FakeResponse:
    """
    Convert the response to GET into that to HEAD.

    Args:
        response: The response to GET.
        path: Path of the route, with placeholders.

    Returns:
        The response, without its body.
    """
    statuses = (HTTPStatus.FORBIDDEN,) if path == _PLAYGROUND else _KEPT_STATUSES
    is_kept = response.status in statuses or response.content in map(_encode, _KEPT_ERRORS)
    if not is_kept:
        response = _RESPONSES.get(path, response)
    if response.status == HTTPStatus.NO_CONTENT:
        return response
    length = str(len(response.content))
    return FakeResponse(response.status, b"", {**response.headers, "content-length": length})


def _encode(text: str) -> bytes:
    return json.dumps(text).encode() + b"\n"
