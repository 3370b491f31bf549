"""Headers of a client and of a call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Secret, UsageError
from tests.mock import MockServer
from tests.raw_server import KEY, NO_DELAY, USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.mock import MockResponse

URL = MockServer.url
RESERVED_HEADERS = (
    *("X-API-Key", "Authorization", "Cookie", "Host", "Content-Type", "Content-Length"),
    *("Transfer-Encoding", "Accept-Encoding"),
)
INVALID_HEADERS: tuple[Any, ...] = (
    {"x-a": None},
    {"x-a": 5},
    {"x-a": b"hunter2"},
    {"x-a": Secret("hunter2")},
    {5: "hunter2"},
    {"x-a": "hunter2\r\nx-b: c"},
    {"x-a": "hünter2"},
    {"x a": "hunter2"},
    {"": "hunter2"},
    [("x-a", "hunter2")],
    "x-a: hunter2",
)


def respond(request: httpx.Request) -> MockResponse:
    """Respond as the server does; the list of users has two pages."""
    if request.url.path == "/api/user_list":
        is_last = "next_id" in request.url.params
        return 200, {"items": [], "next_id": None if is_last else "abc"}
    return 200, json.loads(USER)


def make_client(server: MockServer, **options: Any) -> AsyncDocassemble:
    return AsyncDocassemble(URL, KEY, transport=server.transport, **options)


async def run_call(
    call: Callable[[AsyncDocassemble], Awaitable[object]],
    server: MockServer | None = None,
    **options: Any,
) -> MockServer:
    """Use a client with these options; return its server."""
    server = server or MockServer(respond)

    async with make_client(server, **options) as da:
        await call(da)

    return server


async def make_every_kind_of_call(da: AsyncDocassemble, headers: Any) -> None:
    """Make a call, read a list and a file, and send a raw request."""
    await da.users.get_current(headers=headers)
    async for _ in da.users.list(headers=headers):
        pass
    await da.files.download(17, headers=headers)
    await da.request("GET", "/x", headers=headers)


async def test_headers_are_sent_with_every_request() -> None:
    """Headers of a call replace those of the client, in any case; the key is not replaced."""
    server = await run_call(
        lambda da: make_every_kind_of_call(da, {"x-b": "call", "X-C": " call "}),
        headers={"X-A": "client", "X-B": "client", "User-Agent": "mine/1.0"},
    )

    assert [request.url.path for request in server.requests] == [
        *("/api/user", "/api/user_list", "/api/user_list", "/api/file/17", "/x"),
    ]
    for request in server.requests:
        sent = {name: request.headers[name] for name in ("x-a", "x-b", "x-c", "user-agent")}
        assert sent == {"x-a": "client", "x-b": "call", "x-c": "call", "user-agent": "mine/1.0"}
        assert request.headers["x-api-key"] == KEY
        assert request.headers["accept-encoding"] == "identity"


async def test_a_header_function_is_called_for_each_request() -> None:
    """A retry gets new headers, for example with a new token."""
    tokens = iter("abc")
    statuses = iter([503, 200, 200])

    async def scenario(da: AsyncDocassemble) -> None:
        await da.users.get_current()
        await da.users.get_current(headers={"x-own": "1"})

    server = await run_call(
        scenario,
        MockServer(lambda _: (next(statuses), json.loads(USER))),
        headers=lambda: {"X-Token": next(tokens)},
        retry=NO_DELAY,
    )

    assert [request.headers["x-token"] for request in server.requests] == ["a", "b", "c"]
    assert server.requests[-1].headers["x-own"] == "1"


async def test_the_client_has_its_own_copy_of_the_headers() -> None:
    """Changing the mapping later has no effect."""
    headers = {"x-a": "1"}
    server = MockServer(respond)

    async with make_client(server, headers=headers) as da:
        headers["x-a"] = "2"
        await da.users.get_current()

    assert server.requests[0].headers["x-a"] == "1"


@pytest.mark.parametrize(
    "headers", [*({name: "hunter2"} for name in RESERVED_HEADERS), *INVALID_HEADERS]
)
async def test_invalid_headers_are_refused(headers: Any) -> None:
    """A header that the client sets, or that cannot be sent, is refused without its value."""
    errors: list[UsageError] = []

    async def refuse(call: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(UsageError, match="headers") as caught:
            await call()
        errors.append(caught.value)

    async def scenario(da: AsyncDocassemble) -> None:
        await refuse(lambda: da.users.get_current(headers=headers))
        await refuse(lambda: da.users.list(headers=headers))
        await refuse(lambda: da.files.download(17, headers=headers))
        await refuse(lambda: da.request("GET", "/x", headers=headers))
        async with make_client(server, headers=lambda: headers) as dynamic:
            await refuse(lambda: dynamic.users.get(9))
        for options in ({}, {"headers": {"x-a": "1"}}):
            with pytest.raises(UsageError, match="headers") as caught:
                make_client(server, **options).with_options(headers=headers)
            errors.append(caught.value)
        with pytest.raises(UsageError, match="headers"):
            make_client(server, headers=headers)

    server = MockServer(respond)
    await run_call(scenario, server)

    assert [error.operation for error in errors] == [
        *("users.get_current", "users.list", "files.download", "request", "users.get", "", ""),
    ]
    assert not [error for error in errors if "hunter2" in f"{error} {error!r} {error.hint}"]
    assert server.requests == []


async def test_an_exception_of_a_header_function_is_raised_unchanged() -> None:
    """No request is sent, and the slot is free again."""
    results: list[Any] = [ZeroDivisionError("x"), {"x-a": "1"}]

    def get_headers() -> dict[str, str]:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return dict(result)

    async def scenario(da: AsyncDocassemble) -> None:
        with pytest.raises(ZeroDivisionError):
            await da.users.get_current()
        await da.users.get_current()

    server = await run_call(scenario, headers=get_headers, max_concurrency=1)

    assert len(server.requests) == 1
