"""Requests and responses for tests of the decisions that need no network."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

from docassemble_client._core.messages import RawResponse, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"
SAFE = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
UNSAFE = Request(operation="users.create", method="POST", path="/api/user/new")


def to_dict(request: Request) -> dict[str, object]:
    """Return the attributes of a request, which has no equality of its own."""
    return {name: getattr(request, name) for name in Request.__slots__}


def make_response(
    status: int = 200,
    content: bytes = b"",
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
) -> RawResponse:
    content_type_header = {"content-type": content_type} if content_type else {}
    url = "https://da.example.com/api/user/7"
    return RawResponse(
        status=status, headers={**content_type_header, **(headers or {})}, content=content, url=url
    )


def make_json(value: object, status: int = 200) -> RawResponse:
    return make_response(status, json.dumps(value).encode(), JSON_TYPE)


def make_html(status: int = 200) -> RawResponse:
    return make_response(status, b"<h1>Wait</h1>", HTML_TYPE)


def set_random(monkeypatch: pytest.MonkeyPatch, *numbers: float) -> None:
    """Replace the random numbers of delays by these; the last one remains. 0 is no jitter."""
    remaining = list(numbers)

    def draw() -> float:
        return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    monkeypatch.setattr("docassemble_client._core.retry.random", SimpleNamespace(random=draw))
