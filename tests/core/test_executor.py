"""How calls of one session wait for each other, and what a call can override."""

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
from tests.raw_server import HANG_SECONDS, KEY, NO_DELAY, NO_RETRIES, USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

JSON = {"content-type": "application/json"}
SHORT_TIMEOUT = Timeouts(total=0.05)
I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as the API calls it


class Server:
    """Responds through a mock transport; calls of the session `held` wait for `released`."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.requests: list[httpx.Request] = []
        self.request_arrived = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Respond to a request."""
        self.requests.append(request)
        if json.loads(request.content).get("session") == "held":
            self.request_arrived.set()
            await self.released.wait()
        return httpx.Response(self.status)


def make_client(handler: Any, **options: Any) -> AsyncDocassemble:
    transport = httpx.MockTransport(handler)
    return AsyncDocassemble("http://x.example", KEY, transport=transport, **options)


def run_scenario(scenario: Awaitable[Any]) -> Any:
    async def run_with_timeout() -> Any:
        async with asyncio.timeout(HANG_SECONDS):
            return await scenario

    return asyncio.run(run_with_timeout())


def count_locks(da: AsyncDocassemble) -> int:
    gc.collect()
    return len(da._get_executor()._locks)


def test_calls_of_one_session_never_overlap() -> None:
    """A call that changes a session waits for another one; other calls do not wait."""

    async def scenario() -> None:
        server = Server()
        async with make_client(server) as da:
            first = asyncio.create_task(da.sessions.set_variables(I, "held", variables={"a": 1}))
            await server.request_arrived.wait()
            with pytest.raises(RequestTimeout) as caught:
                await da.sessions.set_variables(
                    I, "held", variables={"a": 2}, timeout=SHORT_TIMEOUT
                )
            assert not caught.value.maybe_processed
            assert caught.value.operation == "sessions.set_variables"
            assert "still be working" not in str(caught.value)
            with pytest.raises(RequestTimeout):
                await da.sessions.go_back(I, "held", timeout=SHORT_TIMEOUT)
            assert len(server.requests) == 1

            await da.sessions.set_variables(I, "other", variables={"a": 1})
            await da.sessions.set_variables("other:x.yml", "other", variables={"a": 1})
            assert len(server.requests) == 3

            server.released.set()
            await first
            await da.sessions.go_back(I, "held")
            assert len(server.requests) == 4

    run_scenario(scenario())


def test_calls_of_one_session_run_in_order() -> None:
    """The calls run in the order in which they were made, each after the end of the last one."""
    events: list[str] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        name = json.loads(request.content)["question_name"]
        events.append(f"{name} begins")
        # Without the lock, the other calls would begin now.
        yielded = asyncio.Event()
        asyncio.get_running_loop().call_soon(yielded.set)
        await yielded.wait()
        events.append(f"{name} ends")
        return httpx.Response(204)

    async def scenario() -> None:
        async with make_client(handle) as da:
            names = ["one", "two", "three"]
            await asyncio.gather(
                *(da.sessions.set_variables(I, "s", question_name=name) for name in names)
            )

    run_scenario(scenario())

    assert events == [
        f"{name} {step}" for name in ("one", "two", "three") for step in ("begins", "ends")
    ]


def test_reads_of_one_session_do_not_wait() -> None:
    """A call that changes nothing does not wait for one that changes the session."""

    async def scenario() -> None:
        server = Server()

        async def handle(request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return httpx.Response(200, headers=JSON, content=b"{}")
            return await server(request)

        async with make_client(handle) as da:
            change = asyncio.create_task(da.sessions.set_variables(I, "held", variables={"a": 1}))
            await server.request_arrived.wait()
            assert await da.sessions.get_variables(I, "held") == {}
            server.released.set()
            await change

    run_scenario(scenario())


@pytest.mark.parametrize("ending", ["error", "cancelled", "timeout", "refused"])
def test_the_next_call_runs_after_any_end_of_the_last_one(ending: str) -> None:
    """An error, a cancellation or a timeout releases the session for the next call."""

    async def scenario() -> None:
        server = Server(400)
        async with make_client(server) as da:
            task = asyncio.create_task(
                da.sessions.set_variables(
                    I,
                    "held",
                    variables={"a": 1},
                    timeout=SHORT_TIMEOUT if ending == "timeout" else None,
                )
            )
            await server.request_arrived.wait()
            if ending == "cancelled":
                task.cancel()
            elif ending == "error":
                server.released.set()
            elif ending == "refused":
                server.released.set()
                with pytest.raises(UsageError):
                    await da.sessions.set_variables(I, "held", variables={"": 1})
            with pytest.raises((asyncio.CancelledError, RequestTimeout, BadRequest)):
                await task
            server.released.set()
            server.status = 204
            await da.sessions.set_variables(I, "held", variables={"a": 1})

    run_scenario(scenario())


def test_locks_do_not_accumulate() -> None:
    """A client keeps the lock of a session only during a call."""

    async def scenario() -> None:
        server = Server()
        async with make_client(server) as da:
            for number in range(20):
                await da.sessions.set_variables(I, str(number), variables={"a": 1})
            assert count_locks(da) == 0
            task = asyncio.create_task(da.sessions.go_back(I, "held"))
            await server.request_arrived.wait()
            assert count_locks(da) == 1
            server.released.set()
            await task
            del task
            assert count_locks(da) == 0

    run_scenario(scenario())


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
    da = AsyncDocassemble("http://x.example", KEY)

    with pytest.raises(UsageError) as caught:
        call(da)

    assert caught.value.operation


def test_awaiting_a_list_fetches_the_page_of_its_token() -> None:
    """The request has the page token and all other arguments."""
    queries: list[dict[str, list[str]]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        queries.append(parse_qs(request.url.query.decode()))
        content = b'{"items": [' + USER + b'], "next_id": "MQ"}'
        return httpx.Response(200, headers=JSON, content=content)

    async def scenario() -> tuple[Page[User], Page[User]]:
        async with make_client(handle) as da:
            users = da.users.list(include_inactive=True, page_token="abc")
            return await users, await da.users.list()

    page, first = run_scenario(scenario())

    assert [user.id for user in page.items] == [1]
    assert page.next_page_token == "MQ"
    assert first == page
    assert queries == [{"include_inactive": ["1"], "next_id": ["abc"]}, {}]


async def make_call(da: AsyncDocassemble, kind: str, **options: Any) -> None:
    if kind == "call":
        await da.users.get_current(**options)
    elif kind == "list":
        await da.users.list(**options)
    elif kind == "file":
        await da.files.download(17, **options)
    else:
        await da.request("GET", "/", safe=True, **options)


LIMITS = [
    (5, {"connect": 5, "read": 5, "write": 5, "pool": None}),
    (None, {"connect": None, "read": None, "write": None, "pool": None}),
    (Timeouts(connect=1, read=2, write=3), {"connect": 1, "read": 2, "write": 3, "pool": None}),
]


@pytest.mark.parametrize(("timeout", "expected"), LIMITS)
@pytest.mark.parametrize("kind", ["call", "list", "file", "request"])
def test_a_call_can_have_its_own_timeout(
    kind: str, timeout: Any, expected: dict[str, float | None]
) -> None:
    """A timeout of a call applies to that call only, the client's timeout to all others."""
    limits: list[dict[str, float | None]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        limits.append(request.extensions["timeout"])
        content = b"[]" if "list" in request.url.path else USER
        return httpx.Response(200, headers=JSON, content=content)

    async def scenario() -> None:
        async with make_client(handle) as da:
            await make_call(da, kind, timeout=timeout)
            await make_call(da, kind)
        async with make_client(handle, timeout=timeout) as da:
            await make_call(da, kind)

    run_scenario(scenario())

    default = {"connect": 60.0, "read": 60.0, "write": 60.0, "pool": None}
    assert limits == [expected, default, expected]


@pytest.mark.parametrize("kind", ["call", "list", "file", "request"])
def test_a_call_can_have_its_own_retry_policy(kind: str) -> None:
    """The retry policy of a call replaces the client's policy."""
    attempts = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        return httpx.Response(503)

    async def scenario(policy: RetryPolicy | None) -> None:
        async with make_client(handle, retry=NO_DELAY) as da:
            await make_call(da, kind, retry=policy)

    with pytest.raises(ServerError):
        run_scenario(scenario(None))
    with pytest.raises(ServerError):
        run_scenario(scenario(NO_RETRIES))
    with pytest.raises(ServerError):
        run_scenario(scenario(RetryPolicy(attempts=5, initial_delay=0)))

    assert attempts == 3 + 1 + 5


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
def test_an_unexpected_response_names_its_operation(content: bytes, content_type: str) -> None:
    """The DecodeError has the operation and the unchanged content."""

    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": content_type}, content=content)

    async def scenario(*, paged: bool) -> None:
        async with make_client(handle) as da:
            await (da.users.list() if paged else da.users.get_current())

    with pytest.raises(DecodeError) as caught:
        run_scenario(scenario(paged=False))
    with pytest.raises(DecodeError) as caught_page:
        run_scenario(scenario(paged=True))

    error = caught.value
    assert (error.operation, error.method, error.path) == ("users.get_current", "GET", "/api/user")
    assert (error.status, error.content) == (200, content)
    assert caught_page.value.operation == "users.list"


def test_known_errors_have_their_own_hint() -> None:
    """A known error has its own hint, any other the general hint of its status."""

    def handle(request: httpx.Request) -> httpx.Response:
        known = request.url.path.endswith("/7")
        return httpx.Response(404, json="User not found." if known else "<html>")

    async def scenario(user_id: int) -> None:
        async with make_client(handle) as da:
            await da.users.get(user_id)

    with pytest.raises(NotFound) as known:
        run_scenario(scenario(7))
    with pytest.raises(NotFound) as unknown:
        run_scenario(scenario(8))

    assert "User not found" in str(known.value)
    assert known.value.hint == "No account has this number."
    assert unknown.value.hint
    assert unknown.value.hint != known.value.hint


def test_a_failed_connection_is_retried_for_every_call() -> None:
    """A request that was not sent is retried, even if the operation is not safe."""
    attempts = 0

    def handle(_: httpx.Request) -> httpx.Response:
        nonlocal attempts
        attempts += 1
        message = "refused"
        raise httpx.ConnectError(message)

    async def scenario() -> None:
        async with make_client(handle, retry=NO_DELAY) as da:
            await da.users.create("jane@example.com")

    with pytest.raises(NotSent):
        run_scenario(scenario())

    assert attempts == 3
