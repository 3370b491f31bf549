"""Uploads and downloads of a blocking client, and what happens when another thread closes it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from docassemble_client import (
    Docassemble,
    DownloadTooLarge,
    MaybeSent,
    NotSent,
    PayloadTooLarge,
    Upload,
    UsageError,
)
from docassemble_client._http.blocking_connection import BlockingStream
from docassemble_client.testing import FakeServer
from tests.blocking.server import (
    make_error,
    make_response,
    read_request,
    respond_to_all,
    serve,
)
from tests.blocking.test_connections import CERTIFICATE, make_client, make_server_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 20_000_000
"""Number of bytes; more than the buffers between two sockets can hold."""


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


def test_a_connection_that_was_closed_cannot_be_read() -> None:
    """Its end is not the end of a response, which the server sends."""
    left, right = socket.socketpair()

    class Ended:
        """As httpcore._backends.sync.SyncStream, at the end of the connection."""

        __module__ = "httpcore._backends.sync"

        def get_extra_info(self, _: str) -> socket.socket:
            return left

        def read(self, _max_bytes: int, _timeout: float | None) -> bytes:
            return b""

        def close(self) -> None:
            left.close()

    with right:
        stream = BlockingStream(Ended())
        stream.close()
        with pytest.raises(httpcore.ReadError, match="closed"):
            stream.read(100)


def test_an_upload_may_make_calls() -> None:
    """Of the same client, although its only slot is taken."""
    fake = FakeServer()
    ids: list[int] = []
    with fake.blocking_client(max_concurrency=1) as da:
        report = Upload(b"x", "a", on_progress=lambda *_: ids.append(da.users.get_current().id))
        da.playground.upload_files([report], folder="static", restart=False)
        assert ids == [1]
        assert da.users.get_current().id == 1
