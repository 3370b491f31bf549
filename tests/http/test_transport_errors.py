"""How exceptions of the HTTP library are mapped, and what is refused before sending."""

from __future__ import annotations

import logging
import re

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotSent,
    RequestTimeout,
    RetryPolicy,
    TransportError,
    UsageError,
)
from tests.raw_server import (
    KEY,
    NO_DELAY,
    NO_RETRIES,
    USER,
    check_leaks,
    make_client,
    make_response,
    respond_with,
    serve,
)

leak_check = pytest.fixture(autouse=True)(check_leaks)


def _all_subclasses(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(cls for child in kind.__subclasses__() for cls in _all_subclasses(child))]


def _make_exception(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1")
    if issubclass(kind, httpx.HTTPStatusError):
        return kind("secret", request=request, response=httpx.Response(500))
    # Subclasses of StreamError have a fixed text.
    return kind() if kind.__base__ is httpx.StreamError else kind("secret")


NEVER_SENT = (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)
EXCEPTIONS = [
    *_all_subclasses(httpx.HTTPError),
    *_all_subclasses(httpx.StreamError),
    OSError,
    ConnectionResetError,
    BrokenPipeError,
    TimeoutError,
]


@pytest.mark.parametrize("kind", EXCEPTIONS)
async def test_every_exception_of_the_library_is_mapped(
    kind: type[Exception],
) -> None:
    """This includes an OSError of a custom transport."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise _make_exception(kind)

    async def scenario() -> None:
        transport = httpx.MockTransport(refuse)
        async with AsyncDocassemble(
            "http://x.example", KEY, transport=transport, retry=NO_RETRIES
        ) as da:
            await da.users.get_current()

    expected: type[Exception] = MaybeSent
    if issubclass(kind, (httpx.TimeoutException, TimeoutError)):
        expected = RequestTimeout
    elif issubclass(kind, NEVER_SENT):
        expected = NotSent
    with pytest.raises(expected) as caught:
        await scenario()

    error = caught.value
    assert type(error) is expected
    assert error.__suppress_context__
    assert isinstance(error, TransportError)
    never_sent = (*NEVER_SENT, httpx.ConnectTimeout, httpx.PoolTimeout)
    assert error.maybe_processed is not issubclass(kind, never_sent)
    assert ("secret" in str(error)) is issubclass(kind, NEVER_SENT)


async def test_other_exceptions_of_a_custom_transport_are_raised_unchanged() -> None:
    """An AssertionError of a test, for example, is not mapped."""

    def refuse(_: httpx.Request) -> httpx.Response:
        message = "my own"
        raise AssertionError(message)

    async def scenario() -> None:
        transport = httpx.MockTransport(refuse)
        async with AsyncDocassemble("http://x.example", KEY, transport=transport) as da:
            await da.users.get_current()

    with pytest.raises(AssertionError, match="my own"):
        await scenario()


@pytest.mark.parametrize("base_url", ["http://\u200b.example", "http://xn--.example"])
async def test_a_url_that_the_library_refuses_is_a_usage_error(base_url: str) -> None:
    """A URL that only httpx refuses is refused before anything is sent."""
    da = AsyncDocassemble(base_url, KEY, retry=NO_DELAY, transport="httpx")

    with pytest.raises(UsageError, match="cannot be built") as caught:
        await da.users.get_current()

    assert caught.value.operation == "users.get_current"


async def test_a_very_long_query_is_a_usage_error() -> None:
    """It is refused and not shown."""
    da = AsyncDocassemble("http://127.0.0.1:1", KEY)

    with pytest.raises(UsageError, match="longer than 65536 characters") as caught:
        await da.request("GET", "/x", params={"q": "x" * 70_000})

    assert "xxx" not in str(caught.value)


@pytest.mark.sockets
async def test_each_response_is_logged_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, the client logs each call without its texts, and the status of each response."""
    caplog.set_level(logging.DEBUG, "docassemble_client")

    script = respond_with(make_response(status=503), make_response(USER))
    policy = RetryPolicy(initial_delay=0)
    async with serve(script) as server, make_client(server, policy) as da:
        await da.users.get_by_username("jane@example.com")

    lines = [
        record.getMessage() for record in caplog.records if record.name == "docassemble_client"
    ]
    assert [re.sub(r" in \d+\.\d{3} s$", " in time", line) for line in lines] == [
        "users.get_by_username {'username': '***'}",
        "users.get_by_username: GET /api/user_info: 503 in time",
        "users.get_by_username: attempt 1 failed (503), next in 0.0 s",
        "users.get_by_username: GET /api/user_info: 200 in time",
    ]
