"""Responses with the content of a file: ranges, and requests that depend on its version."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from zlib import adler32

from docassemble_client.testing._server.messages import FakeResponse, make_error_page
from docassemble_client.testing._state.files import OCTET_STREAM

if TYPE_CHECKING:
    from docassemble_client.testing._server.api_call import ApiCall

_NO_CACHE = "no-store, no-cache, must-revalidate, post-check=0, pre-check=0, max-age=0"
_RANGE = re.compile(r"\s*bytes\s*=\s*(?:([0-9]+)\s*-\s*([0-9]*)|-\s*([0-9]+))\s*")
_OUTSIDE = (
    "RequestedRangeNotSatisfiable: 416 Requested Range Not Satisfiable: "
    "The server cannot provide the requested range."
)


def make_file_response(
    call: ApiCall, content: bytes, content_type: str, disposition: str, modified: float
) -> FakeResponse:
    """
    Build the response with the content of a file, or with the part that was requested.

    Args:
        call: The call.
        content: The bytes.
        content_type: Media type; an empty one means any bytes.
        disposition: Value of Content-Disposition.
        modified: When the file was saved, in seconds since 1970.
    """
    if content_type.startswith("text/"):
        content_type = f"{content_type}; charset=utf-8"
    headers = {
        "content-type": content_type or OCTET_STREAM,
        "content-disposition": disposition,
        "cache-control": _NO_CACHE,
        "accept-ranges": "bytes",
        "etag": f'"{int(modified)}.0-{len(content)}-{adler32(content)}"',
        "last-modified": formatdate(modified, usegmt=True),
    }
    requested_range = call.request.headers.get("range")
    if content and requested_range is not None and _is_current(call, headers, modified):
        return _cut(content, requested_range, headers)
    if _is_known(call, headers, modified):
        del headers["content-type"], headers["last-modified"]
        return FakeResponse(HTTPStatus.NOT_MODIFIED, b"", headers)
    return FakeResponse(HTTPStatus.OK, content, headers)


def _cut(content: bytes, requested_range: str, headers: dict[str, str]) -> FakeResponse:
    """Return a part of the content; the server refuses several parts."""
    match = _RANGE.fullmatch(requested_range)
    size = len(content)
    start = end = size
    if match is not None and match[3]:
        start = max(0, size - int(match[3]))
    elif match is not None:
        start = int(match[1])
        end = min(size, int(match[2]) + 1) if match[2] else size
    if start >= end:
        return make_error_page(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, _OUTSIDE)
    headers = {**headers, "content-range": f"bytes {start}-{end - 1}/{size}"}
    return FakeResponse(HTTPStatus.PARTIAL_CONTENT, content[start:end], headers)


def _is_current(call: ApiCall, headers: dict[str, str], modified: float) -> bool:
    """Whether If-Range names this version of the file, if it is sent."""
    version = call.request.headers.get("if-range")
    if version is None or version == headers["etag"]:
        return True
    return _parse_date(version) >= int(modified)


def _is_known(call: ApiCall, headers: dict[str, str], modified: float) -> bool:
    """Whether the client has this version of the file already."""
    etags = call.request.headers.get("if-none-match")
    if etags is not None:
        known = {etag.strip().removeprefix("W/") for etag in etags.split(",")}
        return bool(known & {headers["etag"], "*"})
    return _parse_date(call.request.headers.get("if-modified-since", "")) >= int(modified)


def _parse_date(text: str) -> float:
    """Parse an HTTP date; an invalid one is older than every file."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return -1.0
