"""Each library: a response belongs to its request, and an error says whether it was sent."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    DocassembleError,
    MaybeSent,
    NotSent,
    RedirectRefused,
    RequestTimeout,
    RetryPolicy,
    Timeouts,
    Upload,
    UsageError,
)
from tests.http.test_adapters_connections import CERTIFICATE, make_tls_context
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    NO_RETRIES,
    USER,
    Connection,
    check_leaks,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

leak_check = pytest.fixture(autouse=True)(check_leaks)
pytestmark = [
    pytest.mark.sockets,
    pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"]),
]

SECRET = "hunter2"
WRONG = make_response(json.dumps({**json.loads(USER), "id": 1000}).encode())


def make_user(number: int) -> bytes:
    return make_response(json.dumps({**json.loads(USER), "id": number}).encode())


FIRST_RESPONSES = {
    "second response": make_user(1) + WRONG,
    "many responses": make_user(1) + WRONG * 1000,
    "long surplus": make_user(1) + WRONG + b"x" * 300_000,
    "204 with a body": b"HTTP/1.1 204 No\r\n\r\n" + WRONG,
    "304 with a body": b"HTTP/1.1 304 No\r\n\r\n" + WRONG,
    "blank line": make_user(1) + b"\r\n\r\n" + WRONG,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: "
    b"application/json\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(USER), USER) + WRONG,
}


@pytest.mark.parametrize("name", FIRST_RESPONSES)
@pytest.mark.parametrize("tls", [False, True])
async def test_bytes_after_a_response_never_answer_another_call(
    name: str, library: Any, *, tls: bool
) -> None:
    """The connection is closed, and each later call gets its own response."""
    count = 0

    async def script(connection: Connection) -> None:
        nonlocal count
        while True:
            await connection.receive()
            count += 1
            await connection.send(FIRST_RESPONSES[name] if count == 1 else make_user(count))

    options: dict[str, Any] = {"verify": CERTIFICATE} if tls else {}
    async with (
        serve(script, make_tls_context() if tls else None) as server,
        make_client(server, transport=library, **options) as da,
    ):
        with suppress(DocassembleError):
            assert (await da.users.get_current()).id == 1
        ids = [(await da.users.get_current()).id for _ in range(3)]

    assert ids == [2, 3, 4]
    assert server.connections == 2


async def test_bytes_that_arrive_on_an_idle_connection_are_never_a_response(library: Any) -> None:
    """Before a connection is used again, it must be silent."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(make_user(connection.server.connections))
        await asyncio.sleep(0.01)
        await connection.send(WRONG)
        await connection.wait_closed()

    async with serve(script) as server, make_client(server, transport=library) as da:
        ids: list[int] = []
        for _ in range(3):
            ids.append((await da.users.get_current()).id)
            await asyncio.sleep(0.05)

    assert ids == [1, 2, 3]


async def test_an_announced_body_of_a_204_is_never_a_response(library: Any) -> None:
    """A connection on which it may still arrive is closed."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.receive()
            number = connection.server.connections
            if number > 1:
                await connection.send(make_user(number))
                continue
            await connection.send(b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n")
            await connection.wait_closed()

    async with serve(script) as server, make_client(server, transport=library) as da:
        await da.request("DELETE", "/x")
        assert (await da.users.get_current()).id == 2


async def test_a_connection_that_the_server_has_closed_is_not_used(library: Any) -> None:
    """A server that closes after each response, unannounced, receives every request once."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(make_response(b"{}"))

    async with (
        serve(script) as server,
        make_client(server, NO_RETRIES, transport=library) as da,
    ):
        for _ in range(20):
            await da.request("POST", "/x", json={})
        assert len(server.requests) == 20


async def close_at_once(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")


async def refuse_tunnel(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.send(b"HTTP/1.1 999 " + SECRET.encode() + b"\r\nContent-Length: 0\r\n\r\n")


async def send_garbage(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.send(SECRET.encode() * 10 + b"\r\n\r\n")


async def stay_silent(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.wait_closed()


async def open_tunnel_and_close(connection: Connection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    await connection.send(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [
        (close_at_once, NotSent),
        (refuse_tunnel, NotSent),
        (send_garbage, NotSent),
        (stay_silent, RequestTimeout),
        (open_tunnel_and_close, NotSent),
    ],
)
async def test_nothing_was_sent_before_the_tunnel_stands(
    proxy: Any, kind: type[DocassembleError], library: Any
) -> None:
    """A proxy that fails has not forwarded the request; the error shows no text of the proxy."""
    async with serve(proxy) as server:
        timeouts = Timeouts(connect=0.2, read=0.2)
        async with AsyncDocassemble(
            "https://da.example.com",
            KEY,
            proxy=server.url,
            transport=library,
            retry=NO_RETRIES,
            timeout=timeouts,
        ) as da:
            with pytest.raises(kind) as caught:
                await da.users.create("jane@example.com")

    assert not caught.value.maybe_processed
    assert SECRET not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


async def test_the_total_limit_tells_whether_the_request_was_sent(library: Any) -> None:
    """A call that still connects has sent nothing; one that waits for a response may have."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent, socket.socket() as other:
        # The handshake of TLS never ends.
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        async with AsyncDocassemble(url, KEY, transport=library, verify=False) as da:
            with pytest.raises(RequestTimeout) as caught:
                await da.users.create("jane@example.com", timeout=Timeouts(total=0.2))
        assert other.fileno() > 0
    assert not caught.value.maybe_processed

    async with serve(never_respond) as server, make_client(server, transport=library) as da:
        with pytest.raises(RequestTimeout) as caught:
            await da.users.create("jane@example.com", timeout=Timeouts(total=0.2))
    assert caught.value.maybe_processed


async def test_an_address_that_a_library_refuses_is_not_sent(library: Any) -> None:
    """Aiohttp refuses 127.1; the others connect, where nobody listens."""
    async with AsyncDocassemble(
        "http://127.1:1",
        KEY,
        transport=library,
        retry=NO_RETRIES,
    ) as da:
        with pytest.raises((UsageError, NotSent)) as caught:
            await da.users.create("jane@example.com")

    assert not caught.value.maybe_processed


@pytest.mark.parametrize(
    ("status", "maybe_processed"),
    [(301, False), (302, True), (303, True), (304, False), (307, False), (308, False)],
)
async def test_a_redirect_of_a_post_tells_whether_it_was_processed(
    status: int, *, maybe_processed: bool, library: Any
) -> None:
    """A 302 or 303 is how servers respond to a form that they have processed."""
    response = make_response(b"", "Location: /elsewhere", status=status)
    async with (
        serve(respond_with(response)) as server,
        make_client(server, transport=library) as da,
    ):
        with pytest.raises(RedirectRefused) as caught:
            await da.users.create("jane@example.com")

    assert caught.value.maybe_processed is maybe_processed


@pytest.mark.parametrize("retry", [NO_RETRIES, RetryPolicy(initial_delay=0.01)])
async def test_a_call_under_way_when_the_client_closes_may_have_been_sent(
    retry: RetryPolicy, library: Any
) -> None:
    """Also if it is safe to repeat: the refused repetition does not count."""
    async with serve(never_respond) as server:
        da = make_client(server, retry, transport=library)
        call = asyncio.create_task(da.users.get_current())
        await server.request_arrived.wait()
        await da.aclose()
        async with asyncio.timeout(HANG_SECONDS):
            with pytest.raises(MaybeSent) as caught:
                await call

    assert caught.value.maybe_processed


async def test_interim_responses_without_end_are_an_error(library: Any) -> None:
    """They count as headers, whose size is limited."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        while True:
            await connection.send(b"HTTP/1.1 103 Early\r\nX-A: b\r\n\r\n" * 1000)

    async with (
        serve(script) as server,
        make_client(server, transport=library) as da,
        asyncio.timeout(HANG_SECONDS),
    ):
        with pytest.raises(MaybeSent):
            await da.users.get_current()


async def test_equal_headers_are_joined_in_linear_time(library: Any) -> None:
    """27 MB of headers end in an error, within the limits of the call."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 200 OK\r\n" + (b"X-A: " + b"x" * 3000 + b"\r\n") * 9000)
        await connection.send(b"Content-Length: 0\r\n\r\n")

    async with (
        serve(script) as server,
        make_client(server, transport=library) as da,
        asyncio.timeout(HANG_SECONDS),
    ):
        with pytest.raises(MaybeSent):
            await da.users.get_current()


async def test_repeated_headers_are_joined(library: Any) -> None:
    """As HTTP allows."""
    response = make_response(b"{}", "X-A: 1", "X-B: 2", "x-a: 3", "X-A: 4")
    async with (
        serve(respond_with(response)) as server,
        make_client(server, transport=library) as da,
    ):
        assert (await da.request("GET", "/x")).headers["x-a"] == "1, 3, 4"


@pytest.mark.parametrize("ending", ["orderly", "cut off"])
async def test_a_body_that_tls_cut_off_is_not_complete(ending: str, library: Any) -> None:
    """Without a length, only a message of the server ends the body."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nfirst half")
        if ending == "cut off":
            native = connection.writer.transport.get_extra_info("socket")
            # The kernel ends the connection; TLS does not.
            native._sock.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.1)
            connection.writer.transport.abort()

    async with (
        serve(script, make_tls_context()) as server,
        make_client(server, transport=library, verify=CERTIFICATE) as da,
    ):
        if ending == "orderly":
            assert (await da.request("GET", "/x")).content == b"first half"
        else:
            with pytest.raises(MaybeSent):
                await da.request("GET", "/x")


class CallersError(NotSent):
    """An error of this package that the caller's own code raises."""


@pytest.mark.parametrize("source", ["iterable", "on_progress", "headers"])
async def test_an_error_of_the_callers_own_code_is_not_retried(source: str, library: Any) -> None:
    """Whatever its class: the client did not raise it."""
    calls = 0

    def fail(*_: object) -> dict[str, str]:
        nonlocal calls
        calls += 1
        raise CallersError

    async def generate() -> AsyncGenerator[bytes]:
        yield b"x"
        fail()

    async def respond(connection: Connection) -> None:
        while True:
            await connection.receive()
            await connection.send(make_response(b"{}"))

    async with serve(respond) as server:
        options = {"headers": fail} if source == "headers" else {}
        async with make_client(server, NO_DELAY, transport=library, **options) as da:
            upload = (
                Upload(generate(), "a")
                if source == "iterable"
                else Upload(b"x", "a", on_progress=None if source == "headers" else fail)
            )
            with pytest.raises(CallersError):
                await da.playground.upload_files([upload])

    assert calls == 1
