"""Requests and responses: what they hold, and what they never show."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from docassemble_client._core.messages import (
    RawResponse,
    Request,
    capture_responses,
    check_headers,
    parse_http_date,
    record_response,
)
from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload
from tests.core.responses import SAFE, make_response


def test_requests_and_responses_show_no_content() -> None:
    """Requests and responses may contain secrets: their repr shows no values."""
    request = Request(
        operation="x",
        method="POST",
        path="/x",
        query=(("q", "hunter2"),),
        headers={"h": "hunter2"},
        json=b"hunter2",
        form=(("f", "hunter2"),),
        files=(("f", Upload(b"hunter2")),),
    )

    shown = repr((request, make_response(200, b"hunter2", headers={"h": "hunter2"})))

    assert "hunter2" not in shown


def test_a_request_says_where_its_errors_happened() -> None:
    """Errors of a request name its operation, method and path, but not its query."""
    request = Request(operation="x.y", method="GET", path="/x", query=(("q", "hunter2"),))

    assert request.error_context == {"operation": "x.y", "method": "GET", "path": "/x"}


@pytest.mark.parametrize("limit", [100, 3])
async def test_a_response_without_a_connection_has_its_body_already(limit: int) -> None:
    """Tests and recordings need no adapter."""
    response = make_response(200, b"content", "text/plain")

    content = await response.read(limit)
    chunks = [chunk async for chunk in response.iter_chunks()]
    await response.aclose()
    assert (content, chunks) == (b"content"[:limit], [b"content"])
    assert response.read_nowait(limit) == b"content"[:limit]
    assert response.content_type == "text/plain"
    assert make_response().content_type == ""


def test_responses_do_not_share_their_headers() -> None:
    """The transport removes cookies from them."""
    response = RawResponse(status=200)
    response.headers["a"] = "b"

    assert RawResponse(status=200).headers == {}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, {}),
        ({"X-Tenant": "court"}, {"x-tenant": "court"}),
        ({"x-a": " b ", "X-C": ""}, {"x-a": "b", "x-c": ""}),
        ({"X-A": "1", "x-a": "2"}, {"x-a": "2"}),
    ],
)
def test_headers_have_lower_case_names(headers: dict[str, str], expected: dict[str, str]) -> None:
    """So that the headers of a call replace those of the client; values have no outer space."""
    assert check_headers(headers) == expected


@pytest.mark.parametrize(
    "name",
    [
        "X-API-Key",
        "Authorization",
        "COOKIE",
        "Host",
        "content-length",
        "Content-Type",
        "Transfer-Encoding",
    ],
)
def test_reserved_headers_are_refused(name: str) -> None:
    """Only the client sets the headers for authentication and framing."""
    with pytest.raises(UsageError, match=f"must not contain '{name.lower()}'") as caught:
        check_headers({name: "hunter2"})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({"x": "hunter2\r\nx-api-key: y"}, "invalid character"),
        ({"x": "hunter2\n"}, "invalid character"),
        ({"x": "hunter2\t"}, "invalid character"),
        ({"x": "hunter2\0"}, "invalid character"),
        ({"x": "hunter2\xfc"}, "invalid character"),
        ({"x\r\ny": "hunter2"}, "invalid character"),
        ({"x\n": "hunter2"}, "invalid character"),
        ({"x-api-key ": "hunter2"}, "invalid character"),
        ({" cookie": "hunter2"}, "invalid character"),
        ({"x:y": "hunter2"}, "invalid character"),
        ({"": "hunter2"}, "invalid character"),
        ({"\xfc": "hunter2"}, "invalid character"),
        ({"x": ["hunter2"]}, "must map strings to strings"),
        ({b"x": "hunter2"}, "must map strings to strings"),
        ([("x", "hunter2")], "must be a mapping"),
        (None, "must be a mapping"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Any, problem: str) -> None:
    """A line break or an invalid name could add another header; no value is shown."""
    with pytest.raises(UsageError, match=problem) as caught:
        check_headers(headers, "users.get")

    assert caught.value.operation == "users.get"
    assert "hunter2" not in str(caught.value)


def test_responses_are_captured_only_within_the_context() -> None:
    """Contexts can be nested; each one collects the responses of its own calls."""
    first, second, third = (make_response(status) for status in (200, 201, 204))

    record_response(first)
    with capture_responses() as outer:
        record_response(first)
        with capture_responses() as inner:
            record_response(second)
        record_response(third)
    record_response(second)

    assert outer == [first, third]
    assert inner == [second]


async def test_calls_of_other_tasks_are_not_captured() -> None:
    """Each task has a context of its own."""

    async def record(response: RawResponse) -> list[RawResponse]:
        with capture_responses() as responses:
            await asyncio.sleep(0)
            record_response(response)
            await asyncio.sleep(0)
        return responses

    captured = list(await asyncio.gather(*(record(make_response(200 + n)) for n in range(3))))

    assert [[response.status for response in responses] for responses in captured] == [
        [200],
        [201],
        [202],
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 01 Jan 1970 00:16:40 GMT", 1000.0),
        ("Thu, 01 Jan 1970 00:16:40 -0000", 1000.0),
        ("Thu, 01 Jan 1970 02:16:40 +0200", 1000.0),
        ("Thu, 01 Jan 1970 00:16:40", 1000.0),
        ("Thursday, 01-Jan-70 00:16:40 GMT", 1000.0),
        ("Thu, 99 Jan 1970 00:16:40 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 +9999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_in_utc_unless_it_says_otherwise(text: str, seconds: float | None) -> None:
    """The local time zone does not matter; a date that is not valid is None."""
    assert parse_http_date(text) == seconds


def test_a_request_sends_the_key_unless_it_says_otherwise() -> None:
    """A request is not safe to repeat, not a stream, and has no body, if nothing else is said."""
    request = Request(operation="x", method="POST", path="/x")

    assert (request.auth, request.safe, request.stream, request.json) == (True, False, False, None)
    assert request.is_repeatable
    assert SAFE.safe
