"""What is the same whatever library sends: the hook, logs, closing, event loops."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    APIError,
    AsyncDocassemble,
    Event,
    RequestEvent,
    ResponseEvent,
    ServerError,
    UsageError,
)
from tests.http.test_adapters import library, run
from tests.raw_server import PATIENCE, USER, Connection, answering, client, reply, serve, tidy

if TYPE_CHECKING:
    from tests.raw_server import RawServer

go_direct = pytest.fixture(autouse=True)(tidy)
__all__ = ["library"]

HEALTH = b'{"ok": true, "server_start_time": "1", "version": "1"}'


async def get_user(da: AsyncDocassemble, _: RawServer) -> int:
    return (await da.users.get_current()).id


def test_the_hook_is_told_what_goes_out_and_what_comes_back() -> None:
    """Both events carry the same number, and no query."""
    events: list[Event] = []
    script = answering(reply(USER))

    run(script, lambda da, _: da.users.get_by_username("jane@example.com"), on_event=events.append)

    sent, came = events
    assert isinstance(sent, RequestEvent)
    assert isinstance(came, ResponseEvent)
    assert (sent.operation, sent.method, sent.path) == (
        "users.get_by_username",
        "GET",
        "/api/user_info",
    )
    assert (came.number, came.status, came.error) == (sent.number, 200, "")
    assert came.seconds >= 0


def test_a_hook_that_fails_breaks_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged and forgotten."""

    def fail(_: Event) -> None:
        raise ZeroDivisionError

    assert run(answering(reply(USER)), get_user, on_event=fail) == 1

    assert [one.getMessage() for one in caplog.records] == ["on_event failed"] * 2


def test_a_call_without_authentication_sends_no_key() -> None:
    """The state of the server is asked for without showing the key to a load balancer."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> dict[str, str]:
        await da.server.get_health()
        return server.received[0].headers

    assert "x-api-key" not in run(answering(reply(HEALTH)), scenario)


def test_a_long_error_is_cut_and_its_connection_closed() -> None:
    """Of an error's body the first 64 KiB are kept, and the rest is never read."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 10000000\r\n\r\n")
        await connection.send(b"x" * 70_000)
        await connection.gone()

    async def scenario(da: AsyncDocassemble, server: RawServer) -> APIError:
        with pytest.raises(ServerError) as caught:
            await da.request("POST", "/x")
        await server.all_gone()
        return caught.value

    assert run(script, scenario).body == "x" * 65536


def test_a_closed_client_says_so() -> None:
    """After closing, and after closing again, each use is a clear error."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        await da.users.get_current()
        await da.aclose()
        await da.aclose()
        with pytest.raises(UsageError, match="client is closed"):
            await da.users.get_current()
        await server.all_gone()

    run(answering(reply(USER)), scenario)


def test_a_client_stays_with_its_event_loop() -> None:
    """Use and closing on another event loop are clear errors."""

    async def elsewhere(da: AsyncDocassemble) -> None:
        with pytest.raises(UsageError, match="another event loop"):
            await da.users.get_current()
        with pytest.raises(UsageError, match="another event loop"):
            await da.aclose()

    async def scenario() -> None:
        async with serve(answering(reply(USER))) as server, client(server) as da:
            await da.users.get_current()
            await asyncio.to_thread(asyncio.run, asyncio.wait_for(elsewhere(da), PATIENCE))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "name", ["httpcore.http11", "httpcore.http2", "httpcore2.http11", "hpack.hpack"]
)
def test_the_librarys_log_of_headers_keeps_the_event_only(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """However many calls there are, such a record is masked once, and none is dropped."""
    run(answering(reply(USER), reply(USER)), get_user)
    caplog.set_level(logging.DEBUG, name)
    logger = logging.getLogger(name)

    logger.debug("receive.complete return_value=[(b'Location', b'https://hunter2')]")
    logger.debug("Adding %s to the table", (b"x-api-key", b"hunter2"))

    assert caplog.messages == ["receive.complete (masked)", "Adding (masked)"]
    assert len(logger.filters) == 1


def test_no_log_of_any_library_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    """With everything at DEBUG, neither key nor cookie nor arguments are logged."""
    caplog.set_level(logging.DEBUG)
    canary = "canary5ecret"
    bad = f"Set-Cookie: a b[{canary}]=\x7f; {canary}"
    answer = reply(b'{"a": "%s"}' % canary.encode(), f"Set-Cookie: s={canary}", bad)

    async def scenario(da: AsyncDocassemble, server: RawServer) -> Any:
        while len(server.received) < 2:
            await da.request(
                "POST", "/x", json={"p": canary}, params={"q": canary}, headers={"x-own": canary}
            )

    run(answering(answer, answer), scenario)

    assert caplog.records
    assert canary not in caplog.text
