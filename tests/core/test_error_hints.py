"""Error responses say which URL to use, which privileges to have, and how long to wait."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client._core.error_hints import describe_privileges
from docassemble_client._core.error_mapping import raise_for_status
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client.errors import APIError, RedirectRefused
from docassemble_client.operation import Privileges
from docassemble_client.operations import OPERATIONS, STATUS_HINTS
from tests.core.responses import HTML_TYPE, JSON_TYPE

DOCASSEMBLE_PAGE = b'<html><body class="dabody da-pad-for-navbar"><h1>Not Found</h1></body></html>'
OTHER_PAGE = b"<!DOCTYPE html><html><body class='error404'>Page not found</body></html>"
BASE_URL = "https://da.example.com"
HINT_404 = STATUS_HINTS[404]
CHECK_URL = (
    f"Check that base_url ({BASE_URL}) is the address of docassemble, without /api, and that no"
    " proxy or firewall refuses the request"
)


def get_error(
    status: int,
    content: bytes = b"",
    content_type: str = HTML_TYPE,
    *,
    operation: str = "users.get",
    base_url: str = BASE_URL,
    max_delay: float | None = None,
    **headers: str,
) -> Any:
    """Return the error of a response."""
    path = "/api/user/7"
    request = Request(operation=operation, method="GET", path=path)
    response = RawResponse(
        status=status,
        headers={"content-type": content_type}
        | {name.replace("_", "-"): value for name, value in headers.items()},
        content=content,
        url=base_url + path,
    )
    with pytest.raises((APIError, RedirectRefused)) as caught:
        raise_for_status(request, response, OPERATIONS.get(operation), STATUS_HINTS, max_delay)
    return caught.value


@pytest.mark.parametrize(
    ("status", "content", "content_type"),
    [
        (404, b'"Something new."', JSON_TYPE),
        (404, b"File not found", HTML_TYPE),
        (404, DOCASSEMBLE_PAGE, HTML_TYPE),
        (405, DOCASSEMBLE_PAGE, HTML_TYPE),
        (403, b'"Something new."', JSON_TYPE),
        (503, OTHER_PAGE, HTML_TYPE),
    ],
)
def test_a_response_of_docassemble_has_the_hint_of_its_status(
    status: int, content: bytes, content_type: str
) -> None:
    """Also a page of a proxy that says that the server is down."""
    error = get_error(status, content, content_type)

    assert error.message.count(":") == 0
    assert error.hint.startswith(STATUS_HINTS[status].partition(" {")[0])


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410])
@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (OTHER_PAGE, HTML_TYPE),
        (b"404 page not found", "text/plain"),
        (b'{"code":"rest_no_route","message":"No route"}', JSON_TYPE),
        (b"", ""),
    ],
)
def test_a_response_of_another_site_is_not_taken_for_docassembles(
    status: int, content: bytes, content_type: str
) -> None:
    """The API refuses a call with a JSON string, a page of its own or a fixed text."""
    error = get_error(status, content, content_type)

    assert error.message.endswith(": the response is not docassemble's")
    assert error.hint == CHECK_URL


@pytest.mark.parametrize(
    ("operation", "content", "content_type", "is_recognized"),
    [
        ("sessions.get_question", OTHER_PAGE, HTML_TYPE, False),
        ("sessions.get_question", b"{}", JSON_TYPE, False),
        ("sessions.list", OTHER_PAGE, HTML_TYPE, True),
        ("request", b"{}", JSON_TYPE, False),
        ("request", OTHER_PAGE, HTML_TYPE, True),
    ],
)
def test_interviews_and_packages_respond_as_they_like(
    operation: str, content: bytes, content_type: str, *, is_recognized: bool
) -> None:
    """An interview sends its own 404; the API of a package sends JSON of any kind."""
    error = get_error(404, content, content_type, operation=operation)

    assert (error.hint == CHECK_URL) is is_recognized
    assert (error.hint == HINT_404) is not is_recognized


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("https://da.example.com/api", "https://da.example.com"),
        ("https://da.example.com/da/api", "https://da.example.com/da"),
        ("https://da.example.com/user/sign-in", "https://da.example.com"),
        ("https://da.example.com/interview", "https://da.example.com"),
    ],
)
def test_the_url_of_a_page_is_not_the_base_url(base_url: str, root: str) -> None:
    """The 404 page of docassemble below such a URL says which base URL to use."""
    error = get_error(404, DOCASSEMBLE_PAGE, base_url=base_url)

    assert error.message == f"404 Not Found: docassemble has no page {base_url}/api/user/7"
    assert error.hint == f"Use {root} as base_url"


def test_a_server_below_a_path_is_not_suspected() -> None:
    """Only the URLs of docassemble's own pages are."""
    assert get_error(404, DOCASSEMBLE_PAGE, base_url=f"{BASE_URL}/da").hint == HINT_404


@pytest.mark.parametrize(
    "content",
    [
        b"<html>The plain HTTP request was sent to HTTPS port</html>",
        b"<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.</p>",
        b"Client sent an HTTP request to an HTTPS server.",
    ],
)
def test_a_port_with_tls_needs_https(content: bytes) -> None:
    """nginx, Apache, and servers in Go say so in a page with status 400."""
    error = get_error(400, content, base_url="http://da.example.com:8443")

    assert error.message == "400 Bad Request: the port expects HTTPS"
    assert error.hint == "Use https://da.example.com:8443 as base_url"
    assert not error.maybe_processed


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("https://x.example/api/user/7", "Use https://x.example as base_url"),
        ("https://x.example/da/api/user/7?a=b", "Use https://x.example/da as base_url"),
        (
            "/user/sign-in",
            (
                f"Check that base_url ({BASE_URL}) is the address of docassemble, and that no proxy"
                " asks for a login"
            ),
        ),
    ],
)
def test_a_redirect_names_the_base_url(location: str, hint: str) -> None:
    """If the redirect keeps the path of the call, the rest of its URL is the one to use."""
    assert get_error(301, location=location).hint == hint


@pytest.mark.parametrize(
    ("privileges", "text"),
    [
        (Privileges(), ""),
        (Privileges(note="none"), "The call needs no privilege."),
        (
            Privileges(note="none, except those that the interview requires"),
            "The call needs no privilege, except those that the interview requires.",
        ),
        (
            Privileges(("admin",), note="keys with limited permissions are always refused"),
            (
                "The owner of the key needs the privilege admin;"
                " keys with limited permissions are always refused."
            ),
        ),
        (
            Privileges(
                ("admin", "advocate"), ("access_user_info",), "not needed for your own account"
            ),
            (
                "The owner of the key needs the privilege admin or advocate; a key with limited"
                " permissions needs the permission access_user_info; not needed for your own"
                " account."
            ),
        ),
        (
            Privileges((), ("a", "b"), "none for a key without limited permissions"),
            (
                "A key with limited permissions needs the permissions a and b;"
                " none for a key without limited permissions."
            ),
        ),
    ],
)
def test_privileges_are_described(privileges: Privileges, text: str) -> None:
    """Exceptions, such as the owner's own account, are part of the sentence."""
    assert describe_privileges(privileges) == text


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("body", [b'"Access denied."', b'"Something new."'])
def test_every_refusal_names_the_privileges_of_its_call(name: str, body: bytes) -> None:
    """The server refuses a wrong key and a missing privilege with the same text."""
    privileges = OPERATIONS[name].privileges

    hint = get_error(403, body, JSON_TYPE, operation=name).hint

    assert hint.endswith(f" {describe_privileges(privileges)}")
    assert {*privileges.any_of, *privileges.permissions} <= set(
        hint.replace(";", " ").replace(".", " ").split()
    )


@pytest.mark.parametrize(
    ("max_delay", "wait"),
    [
        (None, "The server asks you to wait 120 s before you call again. "),
        (120.0, "The server asks you to wait 120 s before you call again. "),
        (
            30.0,
            (
                "The server asks you to wait 120 s before you call again. The retry policy waits at"
                " most 30 s; to wait longer, set RetryPolicy(max_delay=…). "
            ),
        ),
    ],
)
def test_the_error_says_how_long_to_wait(max_delay: float | None, wait: str) -> None:
    """A longer wait than the policy allows says how to allow it, if the call may be retried."""
    error = get_error(503, retry_after="120", max_delay=max_delay)

    assert error.retry_after == 120.0
    assert error.hint == wait + STATUS_HINTS[503]


@pytest.mark.parametrize(
    "retry_after", ["9" * 20, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"], ids=len
)
def test_an_absurd_wait_is_said_in_words(retry_after: str) -> None:
    """The error's number stays finite."""
    error = get_error(429, retry_after=retry_after)

    assert error.retry_after == 365 * 24 * 3600
    assert str(error.hint).startswith("The server asks you to wait a year or longer before you ")


def test_an_unknown_status_has_a_hint() -> None:
    """The error always says where to look."""
    assert get_error(418, b'"x"', JSON_TYPE).hint == "See error.body"
