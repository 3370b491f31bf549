"""Requests of a blocking client over real sockets: responses, errors, and what was sent."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from docassemble_client import (
    AccessDenied,
    DecodeError,
    Docassemble,
    DownloadTooLarge,
    MaybeSent,
    NotSent,
    PayloadTooLarge,
    RequestTimeout,
    RetryPolicy,
    Timeouts,
    Upload,
    UsageError,
)
from docassemble_client._http import connection_pool
from docassemble_client._http.blocking_connection import BlockingStream
from docassemble_client.testing import FakeServer
from tests.blocking.server import (
    make_error,
    make_response,
    read_request,
    respond_to_all,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATE = Path(__file__).parents[1] / "http" / "data" / "localhost.pem"
KEY = "k" * 32
ONCE = RetryPolicy(attempts=1)
SIZE = 20_000_000
"""Number of bytes; more than the buffers between two sockets can hold."""


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


@pytest.mark.parametrize("tls", [False, True])
def test_a_response_that_arrives_during_an_upload_is_read(library: str, *, tls: bool) -> None:
    """The server refuses the file before it has read it, and closes the connection."""

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(make_error("too large", "413 REQUEST ENTITY TOO LARGE"))
        time.sleep(0.2)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serve(script, context=make_server_context() if tls else None) as url:
        with make_client(url, library, verify=str(CERTIFICATE)) as da:
            with pytest.raises((PayloadTooLarge, MaybeSent)) as caught:
                da.playground.upload_files([Upload(b"x" * SIZE, "a.txt")], folder="static")
            assert isinstance(caught.value, PayloadTooLarge)


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


def test_downloads_are_streamed(library: str, tmp_path: Path) -> None:
    """Chunk by chunk, to disk, or into memory, with a limit."""
    reports: list[tuple[int, int | None]] = []
    content = b"x" * 300_000

    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(make_response(content, "200 OK", "content-disposition: a"))

    with serve(script) as url, make_client(url, library) as da:
        assert da.files.download(1).read().content == content
        path = da.files.download(1).save(tmp_path / "a", on_progress=lambda *r: reports.append(r))
        assert path.read_bytes() == content
        assert reports[-1] == (300_000, 300_000)
        with da.files.download(1) as stream:
            assert stream.size == 300_000
            assert b"".join(stream) == content
        with da.files.download(1) as stream:
            assert stream.read(max_size=300_000).content == content
        with da.files.download(1) as stream:
            chunks: Iterator[bytes] = iter(stream)
            assert next(chunks)
        with pytest.raises(DownloadTooLarge):
            da.files.download(1).read(max_size=10)
        assert da.files.download(1).read().content == content


def test_an_upload_is_sent_in_pieces(library: str, tmp_path: Path) -> None:
    """A path, bytes, a file object, or an iterator of bytes."""
    sizes: list[int] = []

    def script(connection: socket.socket) -> None:
        while True:
            received = read_request(connection)
            if not received:
                return
            head, _, body = received.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
            size = len(body)
            if b"content-length" in fields:
                while size < int(fields[b"content-length"]):
                    size += len(connection.recv(65536))
            else:
                while not body.endswith(b"0\r\n\r\n"):
                    body += connection.recv(65536)
                    size = len(body)
            sizes.append(size)
            connection.sendall(b"HTTP/1.1 204 NO CONTENT\r\n\r\n")

    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 200_000)
    with serve(script) as url, make_client(url, library) as da, path.open("rb") as file:
        for content in (path, b"x" * 200_000, file, iter([b"x" * 100_000, b"x" * 100_000])):
            upload = Upload(content, "a.txt")
            da.playground.upload_files([upload], folder="static", restart=False)
    assert all(size > 200_000 for size in sizes)
    assert len(sizes) == 4


def test_an_async_iterable_cannot_be_uploaded(library: str) -> None:
    """The error says what to pass instead."""

    async def produce() -> Any:
        yield b"x"

    with make_client("http://127.0.0.1:9", library) as da:
        with pytest.raises(UsageError, match="an iterator of bytes"):
            da.playground.upload_files([Upload(produce(), "a.txt")], folder="static")


def test_closing_the_client_ends_a_call_of_another_thread(library: str) -> None:
    """The call fails at once, as maybe processed, and not after its timeout."""
    is_waiting = threading.Event()

    def script(connection: socket.socket) -> None:
        read_request(connection)
        is_waiting.set()
        connection.recv(1)

    errors: list[Exception] = []

    def call(da: Docassemble) -> None:
        try:
            da.users.get(1, timeout=60)
        except MaybeSent as error:
            errors.append(error)

    with serve(script) as url:
        da = make_client(url, library)
        thread = threading.Thread(target=call, args=(da,))
        thread.start()
        assert is_waiting.wait(10)
        da.close()
        thread.join(10)
    assert not thread.is_alive()
    assert len(errors) == 1
    with pytest.raises(UsageError, match="the client is closed"):
        da.users.get(1)


def test_closing_the_client_ends_a_body_without_length(library: str) -> None:
    """It does not look complete."""
    is_waiting = threading.Event()

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[]")
        is_waiting.set()
        connection.recv(1)

    errors: list[Exception] = []

    def call(da: Docassemble) -> None:
        try:
            da.privileges.list()
        except MaybeSent as error:
            errors.append(error)

    with serve(script) as url:
        da = make_client(url, library)
        thread = threading.Thread(target=call, args=(da,))
        thread.start()
        assert is_waiting.wait(10)
        time.sleep(0.1)
        da.close()
        thread.join(10)
    assert len(errors) == 1


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


def test_a_client_that_is_closed_while_it_connects_sends_nothing(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new connection is closed, too."""
    connect = socket.create_connection

    def close_and_connect(*arguments: Any, **options: Any) -> socket.socket:
        da.close()
        return connect(*arguments, **options)

    monkeypatch.setattr(socket, "create_connection", close_and_connect)
    with serve(respond_to_all) as url:
        da = make_client(url, library)
        with pytest.raises(NotSent, match="closed"):
            da.users.get(1)


def test_tls_within_tls_is_written_by_httpcore() -> None:
    """Its socket is that of the outer connection, so nothing may be written to it."""
    written: list[bytes] = []
    left, right = socket.socketpair()

    class Nested:
        """As httpcore._backends.sync.TLSinTLSStream."""

        __module__ = "httpcore._backends.sync"
        ssl_obj = None

        def get_extra_info(self, _: str) -> socket.socket:
            return left

        def write(self, buffer: bytes, _: float | None) -> None:
            written.append(buffer)

    with left, right:
        BlockingStream(Nested()).write(b"x" * 20_000, 5)
    assert [len(piece) for piece in written] == [16384, 3616]


def test_an_upload_may_make_calls() -> None:
    """Of the same client, although its only slot is taken."""
    fake = FakeServer()
    ids: list[int] = []
    with fake.blocking_client(max_concurrency=1) as da:
        report = Upload(b"x", "a", on_progress=lambda *_: ids.append(da.users.get_current().id))
        da.playground.upload_files([report], folder="static", restart=False)
        assert ids == [1]
        assert da.users.get_current().id == 1
