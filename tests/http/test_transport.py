"""Errors on the wire, and the exceptions that they become."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotSent,
    RedirectRefused,
    RequestTimeout,
    RetryPolicy,
    ServerError,
    Timeouts,
)
from tests.faults.server import unused_url
from tests.raw_server import (
    KEY,
    NO_DELAY,
    Connection,
    check_leaks,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from tests.raw_server import Script

pytestmark = pytest.mark.sockets

PARTIAL_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


leak_check = pytest.fixture(autouse=True)(check_leaks)


async def get_user(script: Script, **options: Any) -> Any:
    async with serve(script) as server, make_client(server, **options) as da:
        return await da.users.get_current()


async def test_a_refused_connection_is_not_sent() -> None:
    """The request was not processed, so all attempts are made."""

    async def scenario(port: int) -> None:
        async with AsyncDocassemble(f"http://127.0.0.1:{port}", KEY, retry=NO_DELAY) as da:
            await da.users.create("jane@example.com")

    # A bound socket that does not listen refuses connections, and its port stays reserved.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))

        with pytest.raises(NotSent) as caught:
            await scenario(listener.getsockname()[1])

    assert not caught.value.maybe_processed
    assert (caught.value.operation, caught.value.method, caught.value.path) == (
        "users.create",
        "POST",
        "/api/user/new",
    )


async def hang_up(connection: Connection) -> None:
    await connection.receive()


async def break_off(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE)


async def break_off_in_head(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE[:40])


async def reset_connection(connection: Connection) -> None:
    await connection.receive()
    connection.writer.transport.abort()


async def send_garbage(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"\x00\xff no HTTP at all\r\n\r\n")


async def stop_in_chunk(connection: Connection) -> None:
    await connection.receive()
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


BROKEN = [hang_up, break_off, break_off_in_head, reset_connection, send_garbage, stop_in_chunk]


@pytest.mark.parametrize("script", BROKEN)
async def test_a_broken_connection_may_have_been_sent(script: Script) -> None:
    """After sending began, the server may have processed the request."""
    with pytest.raises(MaybeSent) as caught:
        await get_user(script)

    assert caught.value.maybe_processed
    assert caught.value.operation == "users.get_current"
    assert "try again" in str(caught.value).lower()


@pytest.mark.parametrize("script", BROKEN)
async def test_a_broken_connection_is_retried_only_if_safe(script: Script) -> None:
    """A read is sent three times, a creation once."""
    async with serve(script) as server, make_client(server, NO_DELAY) as da:
        with pytest.raises(MaybeSent):
            await da.users.get_current()
        reads = len(server.requests)
        with pytest.raises(MaybeSent):
            await da.users.create("jane@example.com")
        creations = len(server.requests) - reads

    assert (reads, creations) == (3, 1)


async def stop_in_body(connection: Connection) -> None:
    await connection.receive()
    await connection.send(PARTIAL_RESPONSE)
    await connection.wait_closed()


@pytest.mark.parametrize("script", [never_respond, stop_in_body])
async def test_a_response_that_does_not_arrive_in_time_is_a_timeout(script: Script) -> None:
    """The server may have processed the request."""
    with pytest.raises(RequestTimeout, match="sent nothing for") as caught:
        await get_user(script, timeout=Timeouts(read=0.05))

    assert caught.value.maybe_processed
    assert caught.value.operation == "users.get_current"


@pytest.mark.parametrize("script", [never_respond, stop_in_body])
async def test_the_total_timeout_ends_the_call(script: Script) -> None:
    """The total timeout also applies without any other timeout."""
    timeout = Timeouts(connect=None, read=None, write=None, total=0.05)

    with pytest.raises(RequestTimeout, match=r"longer than 0\.05 s") as caught:
        await get_user(script, timeout=timeout)

    assert caught.value.maybe_processed
    assert caught.value.path == "/api/user"


@pytest.mark.parametrize("is_sent", [False, True])
async def test_the_total_timeout_ends_a_delay(
    monkeypatch: pytest.MonkeyPatch, *, is_sent: bool
) -> None:
    """The request may have been processed only if an attempt reached the server."""
    monkeypatch.setattr("docassemble_client._core.retry.random.random", lambda: 0.0)

    async def scenario() -> None:
        async with serve(respond_with(make_response(status=503))) as server:
            policy = RetryPolicy(initial_delay=60, max_delay=60)
            timeout = Timeouts(total=0.05)
            url = server.url if is_sent else unused_url()
            async with AsyncDocassemble(url, KEY, retry=policy, timeout=timeout) as da:
                await da.users.get_current()

    with pytest.raises(RequestTimeout, match=r"longer than 0\.05 s") as caught:
        await scenario()

    assert caught.value.maybe_processed is is_sent
    assert caught.value.operation == "users.get_current"


async def test_a_timeout_of_the_caller_is_raised_unchanged() -> None:
    """Only the expired limit itself becomes a RequestTimeout."""

    def fail() -> dict[str, str]:
        message = "mine"
        raise TimeoutError(message)

    with pytest.raises(TimeoutError, match=r"^mine$"):
        await get_user(never_respond, headers=fail, timeout=Timeouts(total=9))


@pytest.mark.parametrize("size", [65535, 65536, 65537, 10_000_000])
async def test_a_long_error_body_is_cut_and_its_rest_not_read(size: int) -> None:
    """The first 64 KiB of the body are kept, and the connection is not used again."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        head = f"HTTP/1.1 500 Oops\r\nContent-Length: {size}\r\n\r\n"
        await connection.send(head.encode() + b"x" * min(size, 65537))
        await connection.wait_closed()

    async with serve(script) as server, make_client(server) as da:
        with pytest.raises(ServerError) as caught:
            await da.users.get_current()
        if size > 65536:
            await server.wait_all_closed()
        error = caught.value

    assert error.body == "x" * min(size, 65536)


async def test_cookies_are_neither_shown_nor_sent_back() -> None:
    """The session cookie of a response is dropped."""
    response = make_response(
        b"{}", "Set-Cookie: session=abc; Path=/", "SET-COOKIE: remember=def", "X-Other: 1"
    )

    async with serve(respond_with(response, response)) as server, make_client(server) as da:
        first = await da.request("GET", "/")
        await da.request("GET", "/")

    assert first.headers["x-other"] == "1"
    assert not any("cookie" in name for name in first.headers)
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The error contains both URLs; the other server receives no request."""
    async with serve(never_respond) as other_server:
        response = make_response(b"", f"Location: {other_server.url}/api/user?a=b", status=status)
        async with serve(respond_with(response)) as server, make_client(server, NO_DELAY) as da:
            with pytest.raises(RedirectRefused) as caught:
                await da.users.get_current()
            assert f"{server.url}/api/user" in str(caught.value)
            assert len(server.requests) == 1

    error = caught.value
    assert other_server.connections == 0
    assert (error.status, error.location) == (status, f"{other_server.url}/api/user")
    assert not error.maybe_processed
