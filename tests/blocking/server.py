"""Servers with real sockets and a script for each connection, in threads."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

from tests.raw_server import USER

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

    Script: TypeAlias = Callable[[socket.socket], None]


def make_response(body: bytes = USER, status: str = "200 OK", *headers: str) -> bytes:
    """Return the bytes of a response."""
    lines = [
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def make_error(message: str, status: str) -> bytes:
    """Return the bytes of an error response."""
    return make_response(json.dumps(message).encode(), status)


def read_request(connection: socket.socket) -> bytes:
    """Read a request without a body, or its head; return nothing at the end of the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        received += chunk
    return received


def respond_to_all(connection: socket.socket) -> None:
    """Respond to each request with a user."""
    while read_request(connection):
        connection.sendall(make_response())


@contextmanager
def serve(*scripts: Script, context: ssl.SSLContext | None = None) -> Generator[str]:
    """
    Run a server.

    Args:
        scripts: Handles the connections in order; the last one also all later ones.
        context: Context for TLS.

    Yields:
        Its URL.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    open_connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket, script: Script) -> None:
        with suppress(OSError):
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
                open_connections.append(connection)
            with connection:
                script(connection)

    def accept() -> None:
        remaining = list(scripts)
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                script = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                thread = threading.Thread(target=handle, args=(connection, script))
                thread.start()
                threads.append(thread)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{port}" if context is None else f"https://localhost:{port}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for connection in open_connections:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            connection.close()
        for thread in threads:
            thread.join()
