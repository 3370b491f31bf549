"""What carries a call: what waits for what, what is refused when, and what a call may override."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    DecodeError,
    NotFound,
    NotSent,
    Page,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    Timeouts,
    UsageError,
    User,
)
from tests.raw_server import AT_ONCE, KEY, ONCE, PATIENCE, USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

JSON = {"content-type": "application/json"}
BRIEFLY = Timeouts(total=0.05)
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


class Server:
    """Answers through a mock transport; calls of the session `held` only when let go."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.requests: list[httpx.Request] = []
        self.arrived = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        self.requests.append(request)
        if json.loads(request.content).get("session") == "held":
            self.arrived.set()
            await self.let_go.wait()
        return httpx.Response(self.status)


def client(handler: Any, **options: Any) -> AsyncDocassemble:
    transport = httpx.MockTransport(handler)
    return AsyncDocassemble("http://x.example", KEY, transport=transport, **options)


def run(scenario: Awaitable[Any]) -> Any:
    async def patiently() -> Any:
        async with asyncio.timeout(PATIENCE):
            return await scenario

    return asyncio.run(patiently())


def locks(da: AsyncDocassemble) -> int:
    gc.collect()
    return len(da._start()._locks)


def test_calls_of_one_session_never_overlap() -> None:
    """What changes a session waits for what changes it already; nothing else does."""

    async def scenario() -> None:
        server = Server()
        async with client(server) as da:
            first = asyncio.create_task(da.sessions.set_variables(I, "held", variables={"a": 1}))
            await server.arrived.wait()
            with pytest.raises(RequestTimeout) as caught:
                await da.sessions.set_variables(I, "held", variables={"a": 2}, timeout=BRIEFLY)
            assert not caught.value.maybe_processed
            assert caught.value.operation == "sessions.set_variables"
            assert "still be working" not in str(caught.value)
            with pytest.raises(RequestTimeout):
                await da.sessions.go_back(I, "held", timeout=BRIEFLY)
            assert len(server.requests) == 1

            await da.sessions.set_variables(I, "other", variables={"a": 1})
            await da.sessions.set_variables("other:x.yml", "other", variables={"a": 1})
            assert len(server.requests) == 3

            server.let_go.set()
            await first
            await da.sessions.go_back(I, "held")
            assert len(server.requests) == 4

    run(scenario())


def test_calls_of_one_session_go_in_order() -> None:
    """Who asks first is served first, each after the end of the one before."""
    events: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        name = json.loads(request.content)["question_name"]
        events.append(f"{name} begins")
        # The others could begin now.
        later = asyncio.Event()
        asyncio.get_running_loop().call_soon(later.set)
        await later.wait()
        events.append(f"{name} ends")
        return httpx.Response(204)

    async def scenario() -> None:
        async with client(handle) as da:
            names = ["one", "two", "three"]
            await asyncio.gather(
                *(da.sessions.set_variables(I, "s", question_name=name) for name in names)
            )

    run(scenario())

    assert events == [
        f"{name} {what}" for name in ("one", "two", "three") for what in ("begins", "ends")
    ]


def test_reads_of_one_session_do_not_wait() -> None:
    """What changes nothing is not held up by what does."""

    async def scenario() -> None:
        server = Server()

        async def handle(request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return httpx.Response(200, headers=JSON, content=b"{}")
            return await server(request)

        async with client(handle) as da:
            change = asyncio.create_task(da.sessions.set_variables(I, "held", variables={"a": 1}))
            await server.arrived.wait()
            assert await da.sessions.get_variables(I, "held") == {}
            server.let_go.set()
            await change

    run(scenario())


@pytest.mark.parametrize("end", ["error", "cancelled", "timeout", "refused"])
def test_the_next_call_goes_however_the_one_before_ended(end: str) -> None:
    """An error, a cancellation or a timeout frees the session for the next call."""

    async def scenario() -> None:
        server = Server(400)
        async with client(server) as da:
            task = asyncio.create_task(
                da.sessions.set_variables(
                    I, "held", variables={"a": 1}, timeout=BRIEFLY if end == "timeout" else None
                )
            )
            await server.arrived.wait()
            if end == "cancelled":
                task.cancel()
            elif end == "error":
                server.let_go.set()
            elif end == "refused":
                server.let_go.set()
                with pytest.raises(UsageError):
                    await da.sessions.set_variables(I, "held", variables={"": 1})
            with pytest.raises((asyncio.CancelledError, RequestTimeout, BadRequest)):
                await task
            server.let_go.set()
            server.status = 204
            await da.sessions.set_variables(I, "held", variables={"a": 1})

    run(scenario())


def test_locks_do_not_accumulate() -> None:
    """A client remembers a session only while a call of it is under way."""

    async def scenario() -> None:
        server = Server()
        async with client(server) as da:
            for number in range(20):
                await da.sessions.set_variables(I, str(number), variables={"a": 1})
            assert locks(da) == 0
            task = asyncio.create_task(da.sessions.go_back(I, "held"))
            await server.arrived.wait()
            assert locks(da) == 1
            server.let_go.set()
            await task
            del task
            assert locks(da) == 0

    run(scenario())


@pytest.mark.parametrize(
    "call",
    [
        lambda da: da.users.list(include_inactive="yes"),
        lambda da: da.users.list(resume_from=7),
        lambda da: da.sessions.list_for_user("7"),
        lambda da: da.sessions.list_for_user(-1),
        lambda da: da.files.download("17"),
        lambda da: da.files.download(-17),
        lambda da: da.playground.download_file(b"a.yml"),
    ],
)
def test_lists_and_files_refuse_wrong_arguments_when_called(
    call: Callable[[AsyncDocassemble], object],
) -> None:
    """A wrong argument is refused where it is written, not where the list or file is awaited."""
    da = AsyncDocassemble("http://x.example", KEY)

    with pytest.raises(UsageError) as caught:
        call(da)

    assert caught.value.operation


def test_awaiting_a_list_brings_the_page_resumed_from() -> None:
    """A list asks for the page it was told to resume from, with all other arguments."""
    asked: list[dict[str, list[str]]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(parse_qs(request.url.query.decode()))
        content = b'{"items": [' + USER + b'], "next_id": "MQ"}'
        return httpx.Response(200, headers=JSON, content=content)

    async def scenario() -> tuple[Page[User], Page[User]]:
        async with client(handle) as da:
            users = da.users.list(include_inactive=True, resume_from="abc")
            return await users, await da.users.list()

    page, first = run(scenario())

    assert [user.id for user in page.items] == [1]
    assert page.next_id == "MQ"
    assert first == page
    assert asked == [{"include_inactive": ["1"], "next_id": ["abc"]}, {}]


async def call(da: AsyncDocassemble, kind: str, **more: Any) -> None:
    if kind == "call":
        await da.users.get_current(**more)
    elif kind == "list":
        await da.users.list(**more)
    elif kind == "file":
        await da.files.download(17, **more)
    else:
        await da.request("GET", "/", safe=True, **more)


LIMITS = [
    (5, {"connect": 5, "read": 5, "write": 5, "pool": None}),
    (None, {"connect": None, "read": None, "write": None, "pool": None}),
    (Timeouts(connect=1, read=2, write=3), {"connect": 1, "read": 2, "write": 3, "pool": None}),
]


@pytest.mark.parametrize(("timeout", "expected"), LIMITS)
@pytest.mark.parametrize("kind", ["call", "list", "file", "request"])
def test_each_call_may_have_its_own_timeout(
    kind: str, timeout: Any, expected: dict[str, float | None]
) -> None:
    """A limit given with a call holds for it alone, the client's for all others."""
    limits: list[dict[str, float | None]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        limits.append(request.extensions["timeout"])
        content = b"[]" if "list" in request.url.path else USER
        return httpx.Response(200, headers=JSON, content=content)

    async def scenario() -> None:
        async with client(handle) as da:
            await call(da, kind, timeout=timeout)
            await call(da, kind)
        async with client(handle, timeout=timeout) as da:
            await call(da, kind)

    run(scenario())

    usual = {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": None}
    assert limits == [expected, usual, expected]


@pytest.mark.parametrize("kind", ["call", "list", "file", "request"])
def test_each_call_may_have_its_own_retries(kind: str) -> None:
    """A policy given with a call replaces the client's for it."""
    attempts = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        return httpx.Response(503)

    async def scenario(own: RetryPolicy | None) -> None:
        async with client(handle, retry=AT_ONCE) as da:
            await call(da, kind, retry=own)

    with pytest.raises(ServerError):
        run(scenario(None))
    with pytest.raises(ServerError):
        run(scenario(ONCE))
    with pytest.raises(ServerError):
        run(scenario(RetryPolicy(attempts=5, initial_delay=0)))

    assert attempts == 3 + 1 + 5


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html>", "text/html"),
        (b"{", "application/json"),
        (b"[1", "application/json"),
        (b'{"id": []}', "application/json"),
        (b"NaN", "application/json"),
        (b"", ""),
    ],
)
def test_an_answer_that_does_not_fit_names_its_operation(content: bytes, kind: str) -> None:
    """What cannot be understood is an error of the operation, with the answer as it came."""

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": kind}, content=content)

    async def scenario(*, paged: bool) -> None:
        async with client(handle) as da:
            await (da.users.list() if paged else da.users.get_current())

    with pytest.raises(DecodeError) as caught:
        run(scenario(paged=False))
    with pytest.raises(DecodeError) as caught_page:
        run(scenario(paged=True))

    error = caught.value
    assert (error.operation, error.method, error.path) == ("users.get_current", "GET", "/api/user")
    assert (error.status, error.content) == (200, content)
    assert caught_page.value.operation == "users.list"


def test_known_errors_come_with_their_hint() -> None:
    """An error the operation knows has its hint; one that only the status tells, a general one."""

    def handle(request: httpx.Request) -> httpx.Response:
        known = request.url.path.endswith("/7")
        return httpx.Response(404, json="User not found." if known else "<html>")

    async def scenario(user_id: int) -> None:
        async with client(handle) as da:
            await da.users.get(user_id)

    with pytest.raises(NotFound) as known:
        run(scenario(7))
    with pytest.raises(NotFound) as unknown:
        run(scenario(8))

    assert "User not found" in str(known.value)
    assert known.value.hint == "No account has this number."
    assert unknown.value.hint
    assert unknown.value.hint != known.value.hint


def test_no_connection_is_retried_for_every_call() -> None:
    """What cannot have reached the server is sent again even where that would do harm."""
    attempts = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        message = "no"
        raise httpx.ConnectError(message)

    async def scenario() -> None:
        async with client(handle, retry=AT_ONCE) as da:
            await da.users.create("jane@example.com")

    with pytest.raises(NotSent):
        run(scenario())

    assert attempts == 3
