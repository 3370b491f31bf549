"""The status and text of a response become the error that describes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.error_mapping import (
    decode_error,
    parse_retry_after,
    raise_for_status,
    timeout_error,
)
from docassemble_client.errors import (
    AccessDenied,
    APIError,
    BadRequest,
    DocassembleError,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    RedirectRefused,
    ServerError,
)
from docassemble_client.operation import KnownError, Operation
from tests.core.responses import HTML_TYPE, JSON_TYPE, SAFE, UNSAFE, make_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._core.messages import RawResponse

KNOWN = (
    KnownError(404, "User not found.", "No account has this number."),
    KnownError(400, "Error reading {}: {}", "See the log."),
    KnownError(400, "Error reading {}", "Not used for two parts."),
    KnownError(400, "(a+)+$", "Not a pattern."),
    KnownError(501, "{} of {} is {} late.", "Begin earlier."),
)


def make_operation(errors: tuple[KnownError, ...] = ()) -> Operation[Any]:
    """Make an operation with these errors."""
    return Operation(
        tag="users",
        name="get",
        method="GET",
        path="/api/user/{user_id}",
        summary="",
        results={},
        errors=errors,
    )


def raise_error(
    response: RawResponse,
    errors: tuple[KnownError, ...] = (),
    hints: Mapping[int, str] | None = None,
) -> DocassembleError:
    """Return the error of this response."""
    with pytest.raises(DocassembleError) as caught:
        raise_for_status(SAFE, response, make_operation(errors), hints or {})
    return caught.value


def raise_api_error(response: RawResponse, **options: Any) -> APIError:
    error = raise_error(response, **options)
    assert isinstance(error, APIError)
    return error


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_success_is_returned(status: int) -> None:
    """A success has no error."""
    response = make_response(status, b"x")

    assert raise_for_status(SAFE, response, make_operation(KNOWN), {}) is response


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://u:hunter2@other.example/x?hunter2#hunter2", "https://other.example/x"),
        ("//u:hunter2@other.example/x", "//other.example/x"),
        ("/user/sign-in?next=hunter2", "/user/sign-in"),
        ("http:u:hunter2@other.example", "http:"),
        ("http://[hunter2", ""),
        ("http://\u2100/x", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 304, 307, 399])
def test_a_redirect_is_an_error_with_both_urls(status: int, location: str, shown: str) -> None:
    """A redirect is refused; the error shows both URLs without user and query."""
    error = raise_error(make_response(status, headers={"location": location}))

    assert isinstance(error, RedirectRefused)
    assert (error.status, error.location) == (status, shown)
    assert (error.operation, error.method, error.path) == ("users.get", "GET", "/api/user/7")
    assert error.message == (
        f"https://da.example.com/api/user/7 redirects to {shown or 'no URL'} (status {status})"
    )
    assert "base_url" in error.hint
    assert "hunter2" not in str(error)
    assert not error.maybe_processed


@pytest.mark.parametrize(
    ("status", "expected", "phrase"),
    [
        (400, BadRequest, "Bad Request"),
        (401, AccessDenied, "Unauthorized"),
        (403, AccessDenied, "Forbidden"),
        (404, NotFound, "Not Found"),
        (405, MethodNotAllowed, "Method Not Allowed"),
        (413, PayloadTooLarge, HTTPStatus(413).phrase),
        (418, APIError, "I'm a Teapot"),
        (429, RateLimited, "Too Many Requests"),
        (499, APIError, "unknown status"),
        (500, ServerError, "Internal Server Error"),
        (503, ServerError, "Service Unavailable"),
        (599, ServerError, "unknown status"),
        (999, ServerError, "unknown status"),
    ],
)
def test_the_status_selects_the_error_class(
    status: int, expected: type[APIError], phrase: str
) -> None:
    """Each error status has its class, and the error names the call."""
    error = raise_api_error(make_response(status, b'""', JSON_TYPE), hints={status: "Do this"})

    assert type(error) is expected
    assert error.message == f"{status} {phrase}"
    assert (error.operation, error.method, error.path) == ("users.get", "GET", "/api/user/7")
    assert (error.status, error.body, error.hint) == (status, "", "Do this")
    assert str(error) == f"users.get (GET /api/user/7): {status} {phrase}. Do this."


@pytest.mark.parametrize(
    ("content_type", "content", "body"),
    [
        (JSON_TYPE, b'"User not found."\n', "User not found."),
        ("Application/JSON; charset=utf-8", b'{"a":[1,null]}', {"a": [1, None]}),
        (JSON_TYPE, b"null", None),
        (HTML_TYPE, b"File not found", "File not found"),
        (HTML_TYPE, "<h1>Größe</h1>".encode(), "<h1>Größe</h1>"),
        ("text/html; charset=iso-8859-1", b"Gr\xf6\xdfe", "Größe"),
        ("text/plain; charset=no-such-thing", b"ok \xff", "ok \ufffd"),
        ("text/plain; charset=hex", b"ff", "ff"),
        ("text/plain; charset=punycode", b"a-b9", "a-b9"),
        ("text/plain; charset=\x00", b"ok", "ok"),
        ("", b"no type", "no type"),
        ("", b"", ""),
        (JSON_TYPE, b"", ""),
        (JSON_TYPE, b'{"cut off', '{"cut off'),
        (JSON_TYPE, b'"\xff"', '"\ufffd"'),
        (JSON_TYPE, b"9" * 5000, "9" * 5000),
        (JSON_TYPE, b"[" * 100_000, "[" * 100_000),
        (JSON_TYPE, b'\xef\xbb\xbf"marked"', "marked"),
    ],
)
def test_any_content_becomes_the_body(content_type: str, content: bytes, body: Any) -> None:
    """JSON is decoded, anything else is kept as text; no content raises another error."""
    error = raise_api_error(make_response(404, content, content_type))

    assert type(error) is NotFound
    assert error.body == body


@pytest.mark.parametrize(
    ("status", "body", "message", "hint"),
    [
        (404, "User not found.", "404 Not Found: User not found.", "No account has this number."),
        (404, "  User not found.\n", "404 Not Found: User not found.", KNOWN[0].hint),
        (400, "Error reading hunter2: b\nc", "400 Bad Request: Error reading …: …", KNOWN[1].hint),
        (400, "Error reading : ", "400 Bad Request: Error reading …: …", KNOWN[1].hint),
        (400, "Error reading x", "400 Bad Request: Error reading …", KNOWN[2].hint),
        (400, "(a+)+$", "400 Bad Request: (a+)+$", "Not a pattern."),
        (400, "aaaa", "400 Bad Request", "By status"),
        (501, "\na of b is c late.\n", "501 Not Implemented: … of … is … late.", KNOWN[4].hint),
        (501, "a of b is late.", "501 Not Implemented", "See error.body"),
        (501, "a is b of c late.", "501 Not Implemented", "See error.body"),
        (501, "a of b is c late. d", "501 Not Implemented", "See error.body"),
        (501, " of " * 40_000, "501 Not Implemented", "See error.body"),
        (501, " of  is " * 20_000, "501 Not Implemented", "See error.body"),
        (501, " " * 160_000 + "!", "501 Not Implemented", "See error.body"),
        (400, "User not found.", "400 Bad Request", "By status"),
        (404, "User not found. hunter2", "404 Not Found", "See error.body"),
    ],
)
def test_a_known_error_has_its_own_hint(status: int, body: Any, message: str, hint: str) -> None:
    """The first known error with this status and text sets the hint; {} matches any text."""
    response = make_response(status, json.dumps(body).encode(), JSON_TYPE)

    error = raise_api_error(response, errors=KNOWN, hints={400: "By status"})

    assert (error.message, error.hint, error.body) == (message, hint, body)
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error)


def test_the_content_of_a_decode_error_is_cut() -> None:
    """The error keeps at most the first 64 KiB of the response."""
    error = decode_error(SAFE, make_response(200, b"x" * 100_000), "not valid")

    assert error.content == b"x" * 65536
    assert (error.status, error.operation, error.path) == (200, "users.get", "/api/user/7")
    assert str(error).startswith("users.get (GET /api/user/7): not valid. Check that base_url")


@pytest.mark.parametrize(
    ("status", "is_transient", "maybe_processed"),
    [
        (302, False, False),
        (400, False, False),
        (429, True, False),
        (500, False, True),
        (501, False, True),
        (502, True, True),
        (503, True, True),
        (504, True, True),
    ],
)
def test_the_status_says_whether_to_try_again(
    status: int, *, is_transient: bool, maybe_processed: bool
) -> None:
    """Statuses of proxies pass by themselves; a failed server may have carried the request out."""
    error = raise_error(make_response(status))

    assert (error.is_transient, error.maybe_processed) == (is_transient, maybe_processed)


HEADERS = {
    "date": "Wed, 21 Oct 2026 07:28:00 GMT",
    "retry-after": "7",
    "server": "nginx",
    "x-request-id": "abc",
}


@pytest.mark.parametrize("status", [200, 302, 404, 503])
def test_an_error_keeps_the_harmless_headers_of_its_response(status: int) -> None:
    """Other headers may hold secrets; Retry-After and the request number are also attributes."""
    secrets = {"set-cookie": "hunter2", "location": "https://x/?hunter2", "x-token": "hunter2"}
    response = make_response(status, headers={**HEADERS, **secrets})
    response.request_number = 17

    error = decode_error(SAFE, response, "x") if status == 200 else raise_error(response)

    assert error.headers == HEADERS
    assert error.retry_after == 7.0
    assert error.request_number == 17
    assert "hunter2" not in f"{error} {error!r} {vars(error)}"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("120", 120.0),
        ("9" * 300, 365 * 24 * 3600.0),
        ("9" * 5000, 365 * 24 * 3600.0),
        (None, None),
        ("", None),
        ("1.5", None),
        ("-5", None),
        ("+5", None),
        ("\u0667", None),
        ("\u00b2", None),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 20.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 20.0),
        ("Wed, 21 Oct 2026 09:28:00 +0200", 20.0),
        ("Wednesday, 21-Oct-26 07:28:00 GMT", 20.0),
        ("Wed, 21 Oct 2026 07:27:30 GMT", 0.0),
        ("Wed, 21 Oct 2026 08:28:00 GMT", 3620.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 24 * 3600.0),
        ("Wed, 99 Oct 2026 07:28:00 GMT", None),
        ("Wed, 21 Oct 2026 07:28:00 +9999", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(
    header: str | None, seconds: float | None
) -> None:
    """A date is compared with the time at which the response arrived."""
    response = make_response(429, headers={} if header is None else {"retry-after": header})
    response.received_at = datetime(2026, 10, 21, 7, 27, 40, tzinfo=UTC).timestamp()

    assert parse_retry_after(response) == seconds


@pytest.mark.parametrize("sent", [True, False])
def test_a_timeout_says_whether_the_server_may_still_work(*, sent: bool) -> None:
    """A request that was not sent was not processed."""
    error = timeout_error(UNSAFE, "too late", sent=sent, limit="read")

    assert error.maybe_processed is sent
    assert error.is_transient
    assert ("may still be working" in error.hint) is sent
    assert (error.operation, error.method, error.path) == (
        "users.create",
        "POST",
        "/api/user/new",
    )
