"""Requests of a blocking client over real sockets: responses, errors, and what was sent."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from docassemble_client import (
    AccessDenied,
    DecodeError,
    Docassemble,
    MaybeSent,
    NotSent,
    RequestTimeout,
    RetryPolicy,
    Timeouts,
    UsageError,
)
from docassemble_client._http import connection_pool
from tests.blocking.server import (
    make_error,
    make_response,
    read_request,
    respond_to_all,
    serve,
)

CERTIFICATE = Path(__file__).parents[1] / "http" / "data" / "localhost.pem"
KEY = "k" * 32
ONCE = RetryPolicy(attempts=1)


def make_client(url: str, library: str, **options: Any) -> Docassemble:
    """Create a client without retries; loading the usual certificates would take time."""
    settings: Any = {"transport": library, "retry": ONCE, "verify": False, **options}
    return Docassemble(url, KEY, **settings)


def make_server_context() -> ssl.SSLContext:
    """Create the context of a server with a certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def drop_connection(connection: socket.socket) -> None:
    """Read a request, and close the connection."""
    read_request(connection)


def test_calls_share_a_connection(library: str) -> None:
    """The connection is kept between calls, as long as the server keeps it."""
    connections: list[socket.socket] = []

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        respond_to_all(connection)

    with serve(script) as url, make_client(url, library) as da:
        assert [da.users.get(1).id for _ in range(3)] == [1, 1, 1]
        assert len(connections) == 1


def test_an_idle_connection_expires(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that were idle for too long are closed by the next call."""
    monkeypatch.setattr(connection_pool, "KEEPALIVE_SECONDS", 0.05)
    with serve(respond_to_all) as url, make_client(url, library) as da:
        threads = [threading.Thread(target=da.users.get, args=(1,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.1)
        assert da.users.get(1).id == 1
        assert da.users.get(1).id == 1
        pool: Any = da._inner._shared.get_connections().get_adapter()
        assert len(pool.pool._transports) == 1


def test_tls_is_verified(library: str) -> None:
    """A certificate that is not trusted is refused; a trusted one is accepted."""
    with serve(respond_to_all, context=make_server_context()) as url:
        with make_client(url, library, verify=str(CERTIFICATE)) as da:
            assert da.users.get(1).id == 1
        with (
            make_client(url, library, verify=True) as da,
            pytest.raises(NotSent, match=r"certificate of .* is not trusted"),
        ):
            da.users.get(1)


def test_a_refused_connection_was_not_sent(library: str) -> None:
    """Nothing listens on the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with make_client(f"http://127.0.0.1:{port}", library) as da:
        with pytest.raises(NotSent, match="it was refused") as caught:
            da.users.get(1)
        assert not caught.value.maybe_processed


def test_an_unknown_host_was_not_sent(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says that the name cannot be resolved."""

    def fail(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with make_client("http://no.example.com", library) as da:
        with pytest.raises(NotSent, match="cannot be resolved"):
            da.users.get(1)
        with pytest.raises(NotSent, match="cannot be resolved"):
            da.users.get(1, timeout=None)


def test_the_next_address_is_tried(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may have an address on which nobody listens."""
    with serve(respond_to_all) as url:
        port = int(url.rpartition(":")[2])
        infos = [(socket.AF_INET, 1, 6, "", (host, port)) for host in ("127.0.0.9", "127.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
        with make_client(url, library) as da:
            assert da.users.get(1).id == 1


def test_a_connection_that_breaks_may_have_been_processed(library: str) -> None:
    """The request was sent, and no response arrived."""
    with serve(drop_connection) as url:
        with make_client(url, library) as da, pytest.raises(MaybeSent) as caught:
            da.users.get(1)
        assert caught.value.maybe_processed


def test_a_silent_server_is_a_read_timeout(library: str) -> None:
    """`Timeouts.read` applies to each wait."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    with serve(script) as url, make_client(url, library) as da:
        with pytest.raises(RequestTimeout, match="sent nothing for") as caught:
            da.users.get(1, timeout=Timeouts(read=0.1))
        assert caught.value.maybe_processed


def test_a_retry_uses_another_connection(library: str) -> None:
    """A safe call is repeated after the connection broke."""
    with serve(drop_connection, respond_to_all) as url:
        retry = RetryPolicy(attempts=2, initial_delay=0)
        with make_client(url, library, retry=retry) as da:
            assert da.users.get(1).id == 1


def test_a_surplus_response_is_not_the_next_one(library: str) -> None:
    """Bytes after a response close the connection."""
    connections: list[socket.socket] = []

    def script(connection: socket.socket) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(make_response() + make_error("a trap", "403 FORBIDDEN"))

    with serve(script) as url, make_client(url, library) as da:
        assert [da.users.get(1).id for _ in range(3)] == [1, 1, 1]
        assert len(connections) == 3


def test_a_surplus_response_over_tls_is_not_the_next_one(library: str) -> None:
    """Also if OpenSSL has already decrypted it."""

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(make_response() + make_error("a trap", "403 FORBIDDEN"))

    with serve(script, context=make_server_context()) as url:
        with make_client(url, library, verify=str(CERTIFICATE)) as da:
            assert [da.users.get(1).id for _ in range(3)] == [1, 1, 1]


def test_a_body_that_tls_does_not_end_is_incomplete(library: str) -> None:
    """An attacker can end the connection, but not say so on behalf of the server."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{")
        assert isinstance(connection, ssl.SSLSocket)
        socket.socket.shutdown(connection, socket.SHUT_RDWR)

    with serve(script, context=make_server_context()) as url:
        with make_client(url, library, verify=str(CERTIFICATE)) as da, pytest.raises(MaybeSent):
            da.users.get(1)


def test_headers_without_end_are_refused(library: str) -> None:
    """Interim responses count as headers."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        while True:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 500)

    with serve(script) as url, make_client(url, library) as da, pytest.raises(MaybeSent):
        da.users.get(1)


def test_a_large_response_is_refused(library: str) -> None:
    """`max_response_size` holds, and the connection is closed."""
    with serve(respond_to_all) as url, make_client(url, library, max_response_size=10) as da:
        with pytest.raises(DecodeError, match="larger than"):
            da.users.get(1)


def test_a_transport_of_the_caller_is_used_and_not_closed() -> None:
    """Such as one of httpx with other settings."""
    with serve(respond_to_all) as url, httpx.HTTPTransport(retries=1) as transport:
        for _ in range(2):
            with Docassemble(url, KEY, transport=transport) as da:
                assert da.users.get(1).id == 1


@pytest.mark.parametrize("transport", ["aiohttp", "requests", httpx.AsyncHTTPTransport(), 5])
def test_other_transports_are_refused(transport: Any) -> None:
    """Aiohttp and asynchronous transports need an event loop."""
    with pytest.raises(UsageError, match="or a blocking transport of httpx or httpx2"):
        Docassemble("http://x.example", KEY, transport=transport)


def test_an_access_denied_reads_its_body(library: str) -> None:
    """The error has the text of the server."""

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(make_error("Access denied.", "403 FORBIDDEN"))

    with serve(script) as url, make_client(url, library) as da:
        with pytest.raises(AccessDenied, match="Access denied"):
            da.users.get(1)
