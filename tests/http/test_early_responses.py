"""A server that responds before it has read an upload, and closes the connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    APIError,
    MaybeSent,
    PayloadTooLarge,
    ServerError,
    Upload,
)
from docassemble_client._http.early_response import EarlyResponseSocket, EarlyResponseStream
from tests.http.test_adapters import library
from tests.http.test_adapters_connections import CERTIFICATE, make_tls_context
from tests.raw_server import (
    HANG_SECONDS,
    NO_DELAY,
    Connection,
    check_leaks,
    make_client,
    make_response,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from tests.raw_server import RawServer

leak_check = pytest.fixture(autouse=True)(check_leaks)
pytestmark = pytest.mark.sockets
__all__ = ["library"]

SIZE = 20_000_000
"""Number of bytes; more than the buffers between two sockets can hold."""
PAGE = b"<html>" + b"x" * 3000 + b"</html>"
HEADERS = ("Content-Type: text/html", "Connection: close")
RESET = struct.pack("ii", 1, 0)


async def close(_: Connection) -> None:
    """Close the connection; the kernel resets it, because there are unread bytes."""


async def reset(connection: Connection) -> None:
    """Reset the connection at once."""
    native_socket = connection.writer.get_extra_info("socket")
    native_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.writer.transport.abort()


async def read_to_the_end(connection: Connection) -> None:
    """Read the rest of the upload; without TLS, close the sending direction first."""
    if connection.writer.can_write_eof():
        connection.writer.write_eof()
    async with asyncio.timeout(HANG_SECONDS):
        while len(await connection.reader.read(65536)) == 65536:
            pass


def refuse(
    status: int, ending: Callable[[Connection], Awaitable[None]], page: bytes = PAGE
) -> Callable[[Connection], Awaitable[None]]:
    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(make_response(page, *HEADERS, status=status))
        await ending(connection)

    return script


async def upload(server: RawServer, content: Any = b"z" * SIZE, **options: Any) -> APIError:
    """Upload a file and return the error."""
    async with asyncio.timeout(HANG_SECONDS), make_client(server, NO_DELAY, **options) as da:
        with pytest.raises((APIError, MaybeSent)) as caught:
            await da.packages.install(zip=Upload(content, "package.zip"))
    assert server.connections == 1
    assert isinstance(caught.value, APIError), caught.value
    return caught.value


@pytest.mark.parametrize("ending", [close, reset, read_to_the_end])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_refused_upload_is_payload_too_large(ending: Any, *, tls: bool) -> None:
    """The response is read although writing fails; the request is not repeated."""
    options = {"verify": CERTIFICATE} if tls else {}
    async with serve(refuse(413, ending), make_tls_context() if tls else None) as server:
        error = await upload(server, **options)

    assert isinstance(error, PayloadTooLarge)
    assert not error.maybe_processed


@pytest.mark.parametrize(("status", "kind"), [(401, AccessDenied), (418, APIError)])
async def test_the_status_of_an_early_response_is_the_error(
    status: int, kind: type[APIError]
) -> None:
    """Any response before the end of the upload is reported as such."""
    async with serve(refuse(status, close)) as server:
        error = await upload(server)

    assert type(error) is kind


async def test_an_early_503_is_reported() -> None:
    """Whether a 503 is repeated depends on the operation only."""
    async with serve(refuse(503, close)) as server, make_client(server) as da:
        with pytest.raises(ServerError):
            await da.packages.install(zip=b"z" * SIZE)


async def test_a_response_whose_page_is_cut_off_is_reported() -> None:
    """The status says why the server closed; its page is not needed."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(make_response(PAGE, *HEADERS, status=413)[:-1000])

    async with serve(script) as server:
        error = await upload(server)

    assert isinstance(error, PayloadTooLarge)


async def test_an_upload_without_an_end_stops() -> None:
    """The source of an upload is closed when the connection breaks, not read to its end."""
    is_closed = False

    async def generate() -> AsyncGenerator[bytes]:
        nonlocal is_closed
        try:
            while True:
                yield b"z" * 10_000
                await asyncio.sleep(0)
        finally:
            is_closed = True

    async with serve(refuse(413, close)) as server:
        error = await upload(server, generate())

    assert isinstance(error, PayloadTooLarge)
    assert is_closed


async def test_a_reset_without_a_response_may_have_been_sent() -> None:
    """Nothing has arrived, so nothing is known."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await reset(connection)

    async with serve(script) as server, make_client(server, NO_DELAY) as da:
        with pytest.raises(MaybeSent):
            await da.packages.install(zip=b"z" * SIZE)
        assert server.connections == 1


async def test_the_next_call_opens_a_new_connection() -> None:
    """A connection that broke during an upload is not used again."""

    async def script(connection: Connection) -> None:
        if connection.server.connections == 1:
            await refuse(413, close)(connection)
        else:
            await connection.receive()
            await connection.send(make_response(b"[]"))

    async with serve(script) as server, make_client(server) as da:
        with pytest.raises(PayloadTooLarge):
            await da.packages.install(zip=b"z" * SIZE)
        assert await da.privileges.list() == []
        assert server.connections == 2


class BrokenStream:
    """A stream of a connection that fails."""

    async def send(self, _: bytes) -> None:
        raise ConnectionResetError

    async def receive(self, _: int) -> bytes:
        raise ConnectionResetError

    async def aclose(self) -> None:
        """Do nothing."""


async def test_too_many_open_files_do_not_break_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a second descriptor, a failing write is an error as before."""

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(socket, "fromfd", fail)
    with socket.socket() as connection:
        stream = EarlyResponseStream(BrokenStream(), connection)
        with pytest.raises(ConnectionResetError):
            await stream.send(b"z" * 100_000)

    assert not stream.is_broken


def connect_to_closed_server(response: bytes) -> EarlyResponseSocket:
    """Connect to a server that sends the response and resets the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = EarlyResponseSocket.from_address((socket.AF_INET, socket.SOCK_STREAM, 0, "", ()))
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        server.sendall(response)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        server.close()
    client.settimeout(0)
    return client


@pytest.mark.parametrize("method", ["send", "sendmsg"])
@pytest.mark.parametrize("response", [b"response", b""])
def test_a_write_fails_only_if_nothing_can_be_read(method: str, response: bytes) -> None:
    """Bytes are dropped until asyncio has read the response."""
    with connect_to_closed_server(response) as client:
        argument = b"request" if method == "send" else iter([b"re", b"quest"])
        write = getattr(client, method)
        if response:
            assert write(argument) == len(b"request")
            assert client.recv(100) == response
        else:
            with pytest.raises(ConnectionError):
                write(argument)


async def test_a_response_is_read_after_a_write_has_failed() -> None:
    """What has arrived is read from the second descriptor, up to the reset."""
    with connect_to_closed_server(b"response") as client:
        stream = EarlyResponseStream(BrokenStream(), client)
        await stream.send(b"z" * 100_000)
        assert stream.is_broken
        assert await stream.receive(5) == b"respo"
        assert await stream.receive(5) == b"nse"
        with pytest.raises(ConnectionResetError):
            await stream.receive(5)


def test_a_write_fails_if_there_is_no_connection() -> None:
    """A socket that cannot be read either reports the failing write."""
    with EarlyResponseSocket() as client, pytest.raises(ConnectionError):
        client.send(b"request")
