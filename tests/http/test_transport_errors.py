"""Which error the HTTP library's own exceptions become, and what is refused before it is sent."""

from __future__ import annotations

import asyncio
import logging
import re

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    DecodeError,
    MaybeSent,
    NotSent,
    RequestTimeout,
    RetryPolicy,
    TransportError,
    UsageError,
)
from tests.raw_server import AT_ONCE, KEY, ONCE, USER, answering, client, reply, serve, tidy

tidied = pytest.fixture(autouse=True)(tidy)


def _all_below(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(one for below in kind.__subclasses__() for one in _all_below(below))]


def _made(kind: type[Exception]) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1")
    if issubclass(kind, httpx.HTTPStatusError):
        return kind("secret", request=request, response=httpx.Response(500))
    # Those below StreamError bring their own text.
    return kind() if kind.__base__ is httpx.StreamError else kind("secret")


NEVER_SENT = (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)
RAISED = [
    *_all_below(httpx.HTTPError),
    *_all_below(httpx.StreamError),
    OSError,
    ConnectionResetError,
    BrokenPipeError,
    TimeoutError,
]


@pytest.mark.parametrize("kind", RAISED)
def test_whatever_the_library_raises_becomes_an_error_of_this_package(
    kind: type[Exception],
) -> None:
    """Each exception of httpx, and an OSError of a custom transport, has its documented error."""

    def refuse(_: httpx.Request) -> httpx.Response:
        raise _made(kind)

    async def scenario() -> None:
        transport = httpx.MockTransport(refuse)
        async with AsyncDocassemble("http://x.example", KEY, transport=transport, retry=ONCE) as da:
            await da.users.get_current()

    expected: type[Exception] = MaybeSent
    if issubclass(kind, (httpx.TimeoutException, TimeoutError)):
        expected = RequestTimeout
    elif issubclass(kind, httpx.DecodingError):
        expected = DecodeError
    elif issubclass(kind, NEVER_SENT):
        expected = NotSent
    with pytest.raises(expected) as caught:
        asyncio.run(scenario())

    error = caught.value
    assert type(error) is expected
    assert error.__suppress_context__
    if isinstance(error, TransportError):
        early = (*NEVER_SENT, httpx.ConnectTimeout, httpx.PoolTimeout)
        assert error.maybe_processed is not issubclass(kind, early)
        assert ("secret" in str(error)) is issubclass(kind, NEVER_SENT)


def test_other_exceptions_of_a_custom_transport_pass() -> None:
    """What a transport raises on purpose, such as a failing test, is not dressed up as network."""

    def refuse(_: httpx.Request) -> httpx.Response:
        message = "my own"
        raise AssertionError(message)

    async def scenario() -> None:
        transport = httpx.MockTransport(refuse)
        async with AsyncDocassemble("http://x.example", KEY, transport=transport) as da:
            await da.users.get_current()

    with pytest.raises(AssertionError, match="my own"):
        asyncio.run(scenario())


@pytest.mark.parametrize("base_url", ["http://\u200b.example", "http://xn--.example"])
def test_an_address_the_library_refuses_is_a_usage_error(base_url: str) -> None:
    """An address that only httpx finds wrong is refused before anything is sent."""
    da = AsyncDocassemble(base_url, KEY, retry=AT_ONCE, transport="httpx")

    with pytest.raises(UsageError, match="cannot be made") as caught:
        asyncio.run(da.users.get_current())

    assert caught.value.operation == "users.get_current"


def test_a_query_too_long_for_an_address_is_a_usage_error() -> None:
    """A query no address can hold is refused, and not shown."""
    da = AsyncDocassemble("http://127.0.0.1:1", KEY)

    with pytest.raises(UsageError, match="cannot be made") as caught:
        asyncio.run(da.request("GET", "/x", params={"q": "x" * 70_000}))

    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize("name", ["httpcore.http11", "httpcore.http2", "hpack.hpack"])
def test_the_librarys_log_of_headers_keeps_the_event_only(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However many clients there are, such a record is masked once, and none is dropped."""
    caplog.set_level(logging.DEBUG, name)

    async def scenario() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(204))
        async with AsyncDocassemble("http://x.example", KEY, transport=transport) as da:
            await da.request("GET", "/")
            await da.request("GET", "/")

    for _ in range(3):
        asyncio.run(scenario())
    logger = logging.getLogger(name)
    logger.debug("receive.complete return_value=[(b'Location', b'https://hunter2')]")
    logger.debug("Adding %s to the table", (b"x-api-key", b"hunter2"))

    assert caplog.messages == ["receive.complete (masked)", "Adding (masked)"]
    assert len(logger.filters) == 1


def test_each_answer_is_logged_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG the client logs each call without its texts, and what each request came to."""
    caplog.set_level(logging.DEBUG, "docassemble_client")

    async def scenario() -> None:
        answers = answering(reply(status=503), reply(USER))
        policy = RetryPolicy(initial_delay=0)
        async with serve(answers) as server, client(server, policy) as da:
            await da.users.get_by_username("jane@example.com")

    asyncio.run(scenario())

    lines = [one.getMessage() for one in caplog.records if one.name == "docassemble_client"]
    assert [re.sub(r" in \d+\.\d{3} s$", " in time", one) for one in lines] == [
        "users.get_by_username {'username': '***'}",
        "users.get_by_username: GET /api/user_info: 503 in time",
        "users.get_by_username: GET /api/user_info: 200 in time",
    ]
