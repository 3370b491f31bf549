"""Events, logs, closing and event loops, for every HTTP library."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    AsyncDocassemble,
    Event,
    RequestEvent,
    ResponseEvent,
    ServerError,
    UsageError,
)
from tests.http.test_adapters import library
from tests.raw_server import (
    HANG_SECONDS,
    USER,
    Connection,
    check_leaks,
    connect,
    make_client,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from tests.raw_server import RawServer

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

LIBRARY_LOGGERS = (
    *("asyncio", "aiohttp", "aiohttp.client", "hpack", "hpack.hpack", "httpx", "httpx2"),
    *("httpcore", "httpcore.http11", "httpcore.http2", "httpcore2", "httpcore2.http11"),
)
HEALTH = b'{"ok": true, "server_start_time": "1", "version": "1"}'


async def get_user(da: AsyncDocassemble, _: RawServer) -> int:
    return (await da.users.get_current()).id


async def test_the_hook_receives_request_and_response_events() -> None:
    """Both events have the same number, and no query."""
    events: list[Event] = []
    script = respond_with(make_response(USER))

    async with connect(script, on_event=events.append) as (da, _):
        await da.users.get_by_username("jane@example.com")

    request_event, response_event = events
    assert isinstance(request_event, RequestEvent)
    assert isinstance(response_event, ResponseEvent)
    assert (request_event.operation, request_event.method, request_event.path) == (
        "users.get_by_username",
        "GET",
        "/api/user_info",
    )
    assert (response_event.number, response_event.status, response_event.error) == (
        request_event.number,
        200,
        "",
    )
    assert response_event.seconds >= 0


async def test_an_exception_of_the_hook_does_not_break_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The exception is logged."""

    def fail(_: Event) -> None:
        raise ZeroDivisionError

    async with connect(respond_with(make_response(USER)), on_event=fail) as (da, server):
        assert await get_user(da, server) == 1

    assert [record.getMessage() for record in caplog.records] == ["on_event failed"] * 2


async def test_a_call_without_authentication_sends_no_key() -> None:
    """The health check does not send the key to a load balancer."""
    async with connect(respond_with(make_response(HEALTH))) as (da, server):
        await da.server.get_health()
        assert "x-api-key" not in server.requests[0].headers


async def test_a_long_error_body_is_cut_and_its_connection_closed() -> None:
    """The first 64 KiB of the body are kept; the rest is not read."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 10000000\r\n\r\n")
        await connection.send(b"x" * 70_000)
        await connection.wait_closed()

    async with connect(script) as (da, server):
        with pytest.raises(ServerError) as caught:
            await da.request("POST", "/x")
        await server.wait_all_closed()
        assert caught.value.body == "x" * 65536


async def test_a_closed_client_refuses_calls() -> None:
    """Every call after closing is a UsageError; closing again has no effect."""
    async with connect(respond_with(make_response(USER))) as (da, server):
        await da.users.get_current()
        await da.aclose()
        await da.aclose()
        with pytest.raises(UsageError, match="client is closed"):
            await da.users.get_current()
        await server.wait_all_closed()


async def test_a_client_stays_with_its_event_loop() -> None:
    """Calls and closing on another event loop are a UsageError."""

    async def use_in_other_loop(da: AsyncDocassemble) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await da.users.get_current()
        with pytest.raises(UsageError, match="another event loop"):
            await da.aclose()

    async with serve(respond_with(make_response(USER))) as server, make_client(server) as da:
        await da.users.get_current()
        await asyncio.to_thread(asyncio.run, asyncio.wait_for(use_in_other_loop(da), HANG_SECONDS))


async def test_loggers_of_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client changes no filter, handler or level of them."""
    loggers = [logging.getLogger(name) for name in LIBRARY_LOGGERS]
    for logger in loggers:
        monkeypatch.setattr(logger, "filters", [])
    before = [(logger.level, [*logger.handlers], logger.propagate) for logger in loggers]

    async with connect(respond_with(make_response(USER))) as (da, server):
        await get_user(da, server)

    assert [(logger.level, logger.handlers, logger.propagate) for logger in loggers] == before
    assert not any(logger.filters for logger in loggers)


async def test_no_url_is_logged_at_info(caplog: pytest.LogCaptureFixture) -> None:
    """The clients of some libraries log each URL with its query; their transports do not."""
    caplog.set_level(logging.INFO)

    async with connect(respond_with(make_response(USER))) as (da, _):
        await da.users.get_by_username("jane@example.com")

    assert caplog.messages == []
