"""The last answer of a call as a generator: a reply, or an error that says what happened."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.error_mapping import undecodable
from docassemble_client._core.flow import Send, execute
from docassemble_client._core.messages import Reply, Request
from docassemble_client.config import RetryPolicy
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
from docassemble_client.operation import KnownError
from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE = "application/json"
HTML_TYPE = "text/html; charset=utf-8"
REQUEST = Request(operation="users.get", method="GET", path="/api/user/7", safe=True)
KNOWN = (
    KnownError(404, "User not found.", "No account has this number."),
    KnownError(400, "Error reading {}: {}", "Look at the log."),
    KnownError(400, "Error reading {}", "Never reached for two parts."),
    KnownError(400, "(a+)+$", "Not a pattern."),
    KnownError(501, "{} of {} is {} late.", "Begin earlier."),
)


def reply(
    status: int = 200,
    content: bytes = b"",
    kind: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    typed = {"content-type": kind} if kind else {}
    url = "https://da.example.com/api/user/7"
    return Reply(status=status, headers={**typed, **(headers or {})}, content=content, url=url)


def judge(answer: Reply, **more: Any) -> DocassembleError:
    """Feed a call its only answer, and catch what it raises."""
    flow = execute(REQUEST, RetryPolicy(attempts=1), **more)
    next(flow)
    with pytest.raises(DocassembleError) as caught:
        flow.send(answer)
    return caught.value


def error_of(answer: Reply, **more: Any) -> APIError:
    error = judge(answer, **more)
    assert isinstance(error, APIError)
    return error


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
def test_a_redirect_is_an_error_that_names_both_addresses(
    status: int, location: str, shown: str
) -> None:
    """A 3xx answer is refused, with where from, where to and the fix, but no user and no query."""
    error = judge(reply(status, headers={"location": location}))

    assert isinstance(error, RedirectRefused)
    assert (error.status, error.location) == (status, shown)
    assert (error.operation, error.method, error.path) == ("users.get", "GET", "/api/user/7")
    assert error.message == (
        f"https://da.example.com/api/user/7 redirects to {shown or 'no address'} (status {status})"
    )
    assert "base_url" in error.hint
    assert "hunter2" not in str(error)
    assert not error.maybe_processed


@pytest.mark.parametrize(
    ("status", "kind", "phrase"),
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
def test_the_status_chooses_the_class(status: int, kind: type[APIError], phrase: str) -> None:
    """Each error status has its class, and the error says in which call it came."""
    error = error_of(reply(status), hints={status: "Do this"})

    assert type(error) is kind
    assert error.message == f"{status} {phrase}"
    assert (error.operation, error.method, error.path) == ("users.get", "GET", "/api/user/7")
    assert (error.status, error.body, error.hint) == (status, "", "Do this")
    assert str(error) == f"users.get (GET /api/user/7): {status} {phrase}. Do this."


@pytest.mark.parametrize(
    ("kind", "content", "body"),
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
def test_whatever_the_server_says_becomes_the_body(kind: str, content: bytes, body: Any) -> None:
    """JSON is read, all else is kept as text: no body an error can have breaks the error."""
    error = error_of(reply(404, content, kind))

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
        (501, "a of b is late.", "501 Not Implemented", ""),
        (501, "a is b of c late.", "501 Not Implemented", ""),
        (501, "a of b is c late. d", "501 Not Implemented", ""),
        (501, " of " * 40_000, "501 Not Implemented", ""),
        (501, " of  is " * 20_000, "501 Not Implemented", ""),
        (501, " " * 160_000 + "!", "501 Not Implemented", ""),
        (400, "User not found.", "400 Bad Request", "By status"),
        (404, "User not found. hunter2", "404 Not Found", ""),
        (404, {"hunter2": "User not found."}, "404 Not Found", ""),
    ],
)
def test_a_known_error_brings_its_own_hint(status: int, body: Any, message: str, hint: str) -> None:
    """The first known error of this status and text gives message and hint; {} fits any text."""
    answer = reply(status, json.dumps(body).encode(), JSON_TYPE)

    error = error_of(answer, errors=KNOWN, hints={400: "By status"})

    assert (error.message, error.hint, error.body) == (message, hint, body)
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error)


def test_an_answer_kept_with_a_decode_error_is_cut() -> None:
    """An answer that cannot be read is kept with the error, but not more than 64 KiB of it."""
    error = undecodable(REQUEST, reply(200, b"x" * 100_000), "no use")

    assert error.content == b"x" * 65536
    assert (error.status, error.operation, error.path) == (200, "users.get", "/api/user/7")
    assert str(error).startswith("users.get (GET /api/user/7): no use. Check that base_url")


def test_requests_and_replies_show_no_content() -> None:
    """What is sent and what comes may be secret: neither repr shows values, headers or bodies."""
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

    shown = repr((Send(request), reply(200, b"hunter2", headers={"h": "hunter2"})))

    assert "hunter2" not in shown


def test_a_reply_without_a_stream_has_no_chunks_left() -> None:
    """A reply that was read to its end can still be iterated over and closed like any other."""

    async def use(answer: Reply) -> list[bytes]:
        chunks = [chunk async for chunk in answer.chunks]
        await answer.close()
        return chunks

    assert asyncio.run(use(reply())) == []
