"""Calls from arguments to value: what a call can override, what it raises, when it is refused."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import AsyncDocassemble
from docassemble_client.config import RetryPolicy, Timeouts
from docassemble_client.errors import (
    APIError,
    DecodeError,
    MaybeSent,
    NotFound,
    ServerError,
    UsageError,
)
from docassemble_client.events import RequestEvent
from docassemble_client.tasks import TaskHandle
from tests.mock import MockServer, build_response, settle
from tests.raw_server import NO_DELAY, NO_RETRIES, USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.events import Event
    from tests.mock import MockResponse

from tests.core.calls import GOOD_USER, make_server
from tests.core.streams import StreamServer


@pytest.mark.parametrize(
    "call",
    [
        lambda da: da.users.list(include_inactive="yes"),
        lambda da: da.users.list(page_token=7),
        lambda da: da.sessions.list_for_user("7"),
        lambda da: da.sessions.list_for_user(-1),
        lambda da: da.files.download("17"),
        lambda da: da.files.download(-17),
        lambda da: da.playground.download_file(b"a.yml"),
    ],
)
def test_lists_and_files_refuse_invalid_arguments_when_called(
    call: Callable[[AsyncDocassemble], object],
) -> None:
    """An invalid argument is refused by the call, not when the list or file is awaited."""
    da = AsyncDocassemble("http://x.example", "key")

    with pytest.raises(UsageError) as caught:
        call(da)

    assert caught.value.operation


async def test_a_list_sends_its_arguments_with_each_page_token() -> None:
    """The request has the page token and all other arguments."""
    server = make_server((200, {"items": [json.loads(USER)], "next_id": "MQ"}))

    async with server.make_client() as da:
        page = await da.users.list(include_inactive=True, page_token="abc")
        assert [user.id for user in page.items] == [1]
        assert page.next_page_token == "MQ"
        assert (await da.users.list()).items == page.items

    queries = [dict(request.url.params) for request in server.requests]
    assert queries == [{"include_inactive": "1", "next_id": "abc"}, {}]


KINDS: dict[str, Callable[..., Awaitable[object]]] = {
    "call": lambda da, **options: da.users.get_current(**options),
    "list": lambda da, **options: da.users.list(**options),
    "file": lambda da, **options: da.files.download(17, **options).read(),
    "request": lambda da, **options: da.request("GET", "/", safe=True, **options),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (5, {"connect": 5, "read": 5, "write": 5, "pool": None}),
        (None, {"connect": None, "read": None, "write": None, "pool": None}),
        (Timeouts(connect=1, read=2, write=3), {"connect": 1, "read": 2, "write": 3, "pool": None}),
    ],
)
async def test_a_call_can_have_its_own_timeout(
    kind: str, timeout: Any, expected: dict[str, float | None]
) -> None:
    """A timeout of a call applies to that call only, the client's timeout to all others."""

    def respond(request: httpx.Request) -> MockResponse:
        return (200, []) if "list" in request.url.path else GOOD_USER

    server = MockServer(respond)

    async with server.make_client() as da:
        await KINDS[kind](da, timeout=timeout)
        await KINDS[kind](da)

    async with server.make_client(timeout=timeout) as da:
        await KINDS[kind](da)

    default = {"connect": 10.0, "read": 60.0, "write": 60.0, "pool": None}
    limits = [request.extensions["timeout"] for request in server.requests]
    assert limits == [expected, default, expected]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_can_have_its_own_retry_policy(kind: str) -> None:
    """The retry policy of a call replaces the client's policy."""
    server = make_server((503, None))

    async with server.make_client(retry=NO_DELAY) as da:
        for policy in (None, NO_RETRIES, RetryPolicy(attempts=5, initial_delay=0)):
            with pytest.raises(ServerError):
                await KINDS[kind](da, retry=policy)

    assert len(server.requests) == 3 + 1 + 5


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_call_can_have_its_own_headers(kind: str) -> None:
    """They are sent with this call only, and checked before it."""
    server = make_server((404, None))

    async with server.make_client() as da:
        for headers in ({"X-Tenant": "court"}, None):
            with pytest.raises(NotFound):
                await KINDS[kind](da, headers=headers)
        with pytest.raises(UsageError, match="headers must not contain"):
            await KINDS[kind](da, headers={"cookie": "x"})

    tenants = [request.headers.get("x-tenant") for request in server.requests]
    assert tenants == ["court", None]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"<html>", "text/html"),
        (b"{", "application/json"),
        (b"[1", "application/json"),
        (b'{"id": []}', "application/json"),
        (b"NaN", "application/json"),
        (b"", ""),
    ],
)
async def test_an_unexpected_response_names_its_operation(
    content: bytes, content_type: str
) -> None:
    """The DecodeError has the operation and the unchanged content."""
    server = MockServer(
        lambda _: httpx.Response(200, headers={"content-type": content_type}, content=content)
    )

    for kind, operation, path in (
        ("call", "users.get_current", "/api/user"),
        ("list", "users.list", "/api/user_list"),
    ):
        with pytest.raises(DecodeError) as caught:
            async with server.make_client() as da:
                await KINDS[kind](da)
        error = caught.value
        assert (error.operation, error.method, error.path) == (operation, "GET", path)
        assert (error.status, error.content) == (200, content)


@pytest.mark.parametrize(
    ("user_id", "hint"),
    [
        (7, "No account has this number: look it up with users.list or users.get_by_username."),
        (8, ""),
    ],
)
async def test_known_errors_have_their_own_hint(user_id: int, hint: str) -> None:
    """A known error has its own hint, any other the general hint of its status."""
    server = MockServer(
        lambda request: (404, "User not found." if request.url.path.endswith("/7") else "<html>")
    )

    with pytest.raises(NotFound) as caught:
        async with server.make_client() as da:
            await da.users.get(user_id)

    assert caught.value.hint
    assert (caught.value.hint == hint) is bool(hint)
    assert ("User not found" in str(caught.value)) is bool(hint)


async def test_a_download_that_breaks_has_the_number_of_its_request() -> None:
    """The connection and the slot are released."""
    server = StreamServer(lambda _: httpx.Response(200, content=b"half"))
    server.failure = httpx.ReadError("broke")
    events: list[Event] = []

    async with server.make_client(max_concurrency=1, on_event=events.append) as da:
        with pytest.raises(MaybeSent) as caught:
            await da.files.download(17)
        assert server.open_streams == set()
        server.failure = None
        assert (await da.files.download(17)).content == b"half"
        error = caught.value

    numbers = [event.number for event in events if isinstance(event, RequestEvent)]
    assert error.request_number == numbers[0]


async def test_a_request_without_an_operation_has_the_general_hint() -> None:
    """The client does not know the errors of other endpoints."""
    with pytest.raises(APIError) as caught:
        async with make_server((404, "User not found.")).make_client() as da:
            await KINDS["request"](da)

    assert caught.value.hint
    assert "User not found" not in str(caught.value)


async def test_the_log_shows_no_secret_argument(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG level, each call is logged with its arguments; secret ones are masked."""
    with caplog.at_level(logging.DEBUG, logger="docassemble_client"):
        async with make_server((200, {"user_id": 7, "password": "hunter2"})).make_client() as da:
            await da.users.create("jane@example.com", password="hunter2")

    assert "users.create" in caplog.text
    assert "hunter2" not in caplog.text


ALL_KINDS: dict[str, Callable[[AsyncDocassemble], Awaitable[object]]] = {
    **KINDS,
    "changing call": lambda da: da.sessions.go_back("x.yml", "s"),
    "pages": lambda da: anext(da.users.list().pages()),
    "items": lambda da: anext(aiter(da.users.list())),
    "task": lambda da: da.wait_for_task(TaskHandle(id="T", kind="restart", operation="x")),
    "task events": lambda da: anext(
        da.watch_task(TaskHandle(id="T", kind="restart", operation="x"))
    ),
}


@pytest.mark.parametrize("kind", ALL_KINDS)
async def test_a_second_event_loop_is_refused(kind: str) -> None:
    """A client belongs to the event loop that used it first."""
    server = make_server(GOOD_USER)
    da = server.make_client()
    await asyncio.to_thread(asyncio.run, da.users.get_current())

    with pytest.raises(UsageError, match="another event loop"):
        await ALL_KINDS[kind](da)

    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ALL_KINDS)
async def test_a_closed_client_is_refused(kind: str) -> None:
    """After aclose() nothing is sent."""
    server = make_server(GOOD_USER)

    da = server.make_client()
    await da.aclose()
    await da.aclose()
    with pytest.raises(UsageError, match="the client is closed"):
        await ALL_KINDS[kind](da)

    assert server.requests == []


async def test_an_iteration_that_has_begun_ends_with_its_client() -> None:
    """The error has the token of the page that could not be fetched."""
    server = make_server((200, {"items": [], "next_id": "x"}))

    async with server.make_client() as da:
        pages = da.users.list().pages()
        await anext(pages)
    with pytest.raises(UsageError, match="closed") as caught:
        await anext(pages)
    assert caught.value.page_token == "x"
    assert len(server.requests) == 1


async def test_a_call_that_waits_for_a_slot_is_refused_when_the_client_is_closed() -> None:
    """Its turn comes after aclose(); nothing is sent."""
    server = make_server((200, []))

    server.gate = asyncio.Event()
    da = server.make_client(max_concurrency=1)
    first, second = (asyncio.ensure_future(da.privileges.list()) for _ in range(2))
    await settle()
    await da.aclose()
    server.gate.set()
    assert await first == []
    with pytest.raises(UsageError, match="closed"):
        await second

    assert len(server.requests) == 1


async def test_a_call_that_waits_for_its_retry_is_refused_when_the_client_is_closed() -> None:
    """The next attempt would be sent after aclose()."""
    server = make_server(build_response(429, None, {"retry-after": "8"}))

    da = server.make_client()
    call = asyncio.ensure_future(da.privileges.list())
    await asyncio.sleep(1)
    await da.aclose()
    with pytest.raises(UsageError, match="closed"):
        await call

    assert len(server.requests) == 1
