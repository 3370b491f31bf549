"""Connections of httpcore in a blocking client: deadlines, closing by other threads, and forks."""

from __future__ import annotations

import socket
import ssl
import sys
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from docassemble_client._blocking import MIN_SECONDS, call_within, limit_wait, reset_in_child
from docassemble_client._concurrency import CancelledError, perf_counter
from docassemble_client._http.connecting import ClientClosedError
from docassemble_client._http.early_response import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator

    from docassemble_client._http.connecting import Connecting

PIECE_BYTES = 16384  # a record of TLS, so that the socket's timeout applies to all of it


class BlockingBackend:
    """A network backend of httpcore that keeps the deadlines."""

    def __init__(self, backend: Any, connecting: Connecting) -> None:
        """
        Wrap another backend.

        Args:
            backend: The backend of httpcore that opens the connections.
            connecting: Whether the client was closed.
        """
        self._backend = backend
        self._connecting = connecting
        self._httpcore = _find_package(backend)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **options: Any
    ) -> BlockingStream:
        """Open a connection to the first address of a host that accepts it, within the timeout."""
        httpcore = self._httpcore
        with _convert_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            seconds = limit_wait(timeout)
            end = None if seconds is None else perf_counter() + seconds
            *others, last = _resolve(host, port, seconds)

        def connect(address: str, shares: int) -> BlockingStream:
            # An address that does not respond must leave time for the others.
            rest = None if end is None else max((end - perf_counter()) / shares, MIN_SECONDS)
            connection = self._backend.connect_tcp(host=address, port=port, timeout=rest, **options)
            if self._connecting.is_closed:  # by another thread, which did not see this connection
                connection.close()
                raise ClientClosedError
            return BlockingStream(connection)

        for number, address in enumerate(others):
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return connect(address, len(others) + 1 - number)
        return connect(last, 1)


def _resolve(host: str, port: int, seconds: float | None) -> list[str]:
    """Return the addresses of a host."""
    resolve = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    # The function has no timeout of its own, and may take half a minute.
    infos = resolve() if seconds is None else call_within(resolve, seconds)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


class BlockingStream:
    """
    A network stream of httpcore.

    Each wait ends at the deadline. With TLS, the stream ends only if the server says so.
    """

    def __init__(self, connection: Any) -> None:
        """
        Wrap another stream.

        Args:
            connection: The stream.
        """
        self.get_extra_info = connection.get_extra_info
        self._connection = connection
        self._httpcore = _find_package(connection)
        self._socket: socket.socket = connection.get_extra_info("socket")
        # TLS within TLS: the socket is that of the outer connection.
        self._is_nested = hasattr(connection, "ssl_obj")
        self._head_bytes: int | None = 0
        self._is_closed = False
        if isinstance(self._socket, ssl.SSLSocket):
            # An attacker can end the connection, but not say so on behalf of the server.
            cast("Any", self._socket).suppress_ragged_eofs = False  # not in typeshed
        reset_in_child(self)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive bytes."""
        httpcore = self._httpcore
        with _convert_errors(httpcore.ReadTimeout, httpcore.ReadError):
            chunk: bytes = self._connection.read(max_bytes, limit_wait(timeout))
        if not chunk and self._is_closed:
            message = "the client was closed"
            raise httpcore.ReadError(message)
        if self._head_bytes is not None:
            self._head_bytes += len(chunk)
            if self._head_bytes > MAX_HEAD_BYTES:
                # httpcore limits one head, but not the number of interim responses.
                message = "the headers are too large"
                raise httpcore.ReadError(message)
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes; the timeout applies to each piece."""
        httpcore = self._httpcore
        self._head_bytes = 0
        view = memoryview(buffer)
        with _convert_errors(httpcore.WriteTimeout, httpcore.WriteError):
            for start in range(0, len(buffer), PIECE_BYTES):
                piece = view[start : start + PIECE_BYTES]
                seconds = limit_wait(timeout)
                if self._is_nested:
                    self._connection.write(bytes(piece), seconds)
                else:
                    self._socket.settimeout(seconds)
                    self._socket.sendall(piece)

    def end_head(self) -> None:
        """Read the body from now on, which may be of any size."""
        self._head_bytes = None

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> BlockingStream:
        """Encrypt the connection."""
        httpcore = self._httpcore
        with _convert_errors(httpcore.ConnectTimeout, httpcore.ConnectError):
            connection = self._connection.start_tls(
                ssl_context, server_hostname, limit_wait(timeout)
            )
        return BlockingStream(connection)

    def close(self) -> None:
        """Close the connection; a thread that reads from it gets an error."""
        self._is_closed = True
        with suppress(OSError):
            # Not the method of an SSLSocket, which would end the encryption for that thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        self._connection.close()

    def reset_after_fork(self) -> None:
        """Close the copy of the socket; the parent process continues to use its own."""
        self._socket.close()


def has_pending_bytes(stream: Any) -> bool:
    """Whether OpenSSL holds bytes that nobody has read; httpcore checks the socket itself."""
    connection = stream.get_extra_info("socket")
    return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0


def _find_package(value: object) -> Any:
    """Return httpcore or httpcore2, whichever defines the class of a value."""
    return sys.modules[type(value).__module__.partition(".")[0]]


@contextmanager
def _convert_errors(
    timeout_error: type[Exception], error_class: type[Exception]
) -> Generator[None]:
    """Convert the errors of sockets, and a passed deadline, to those of httpcore."""
    try:
        yield
    except (TimeoutError, CancelledError) as error:
        raise timeout_error(type(error).__name__) from error
    except OSError as error:
        raise error_class(str(error)) from error
