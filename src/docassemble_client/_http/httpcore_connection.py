"""Connections of httpcore: when sending begins, how a body ends, and what follows it."""

from __future__ import annotations

import ssl
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from docassemble_client._http.connection_pool import STATUSES_WITHOUT_BODY, announces_body
from docassemble_client._http.early_response import EarlyResponseStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._core.messages import SendState
    from docassemble_client._http.connecting import Connecting


class SendObserver:
    """
    The `trace` extension of httpcore for one request: notes when sending begins.

    Connecting, the handshakes of TLS and of SOCKS, and the request for a tunnel come before.
    """

    __slots__ = ("_state",)

    def __init__(self, state: SendState) -> None:
        self._state = state

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Receive an event."""
        observe_sending(self._state, event, info)


def observe_sending(state: SendState, event: str, info: dict[str, Any]) -> None:
    """Note what an event of httpcore says about the progress of a request."""
    if event.endswith(".send_request_headers.started"):
        request = info["request"]
        if request.method != b"CONNECT":
            state.is_sent = True
            # Each further event would cost time.
            request.extensions.pop("trace", None)
    elif event.startswith("connection.connect_"):
        state.is_sent = False


def watch_connections(
    transport: Any, backend_class: Callable[[Any, Connecting], object], connecting: Connecting
) -> None:
    """Make a transport of httpx or httpx2 use connections as in `NetworkBackend`."""
    # httpcore has the parameter `network_backend`, but the transports do not have it. Without
    # these attributes, a refused upload would be a MaybeSent; a test guards them.
    with suppress(AttributeError):
        pool = transport._pool  # noqa: SLF001
        backend = backend_class(pool._network_backend, connecting)  # noqa: SLF001
        pool._network_backend = backend  # noqa: SLF001


class NetworkBackend:
    """A network backend of httpcore; see EarlyResponseStream."""

    def __init__(self, backend: Any, connecting: Connecting) -> None:
        """
        Wrap another backend.

        Args:
            backend: The backend of httpcore that opens the connections.
            connecting: The connections that are being opened.
        """
        self._backend = backend
        self._connecting = connecting

    async def connect_tcp(self, *arguments: Any, **options: Any) -> Any:
        """Open a connection."""
        async with self._connecting.interruptible():
            connection = await self._backend.connect_tcp(*arguments, **options)
        # Below TLS, which httpcore adds later.
        stream = EarlyResponseStream(
            connection._stream,  # noqa: SLF001 - has no public name; tested
            connection.get_extra_info("socket"),
        )
        connection._stream = stream  # noqa: SLF001
        return NetworkStream(connection, stream, self._connecting)


class NetworkStream:
    """
    A network stream of httpcore.

    It accepts no more bytes after a write has failed. With TLS, it ends only if the server says so.
    """

    def __init__(
        self,
        connection: Any,
        stream: EarlyResponseStream,
        connecting: Connecting,
        *,
        tls: bool = False,
    ) -> None:
        """
        Wrap another stream.

        Args:
            connection: The stream.
            stream: The bytes on the network, below TLS.
            connecting: The connections that are being opened.
            tls: Whether the stream is encrypted.
        """
        self.read = self._read_tls if tls else connection.read
        self.get_extra_info = connection.get_extra_info
        self.aclose = connection.aclose
        self._connection = connection
        self._connecting = connecting
        self._stream = stream
        self._write = connection.write
        self._tls: ssl.SSLObject | None = connection.get_extra_info("ssl_object") if tls else None
        self._httpcore = sys.modules[type(connection).__module__.partition(".")[0]]

    def has_pending_bytes(self) -> bool:
        """Whether bytes, or the end of the connection, have arrived that nobody has read."""
        # After a full read, the event loop may have more in its buffer.
        return self._stream.is_last_read_full or _has_decrypted_bytes(self._tls)

    def end_head(self) -> None:
        """Read the body from now on, which may be of any size."""
        self._stream.end_head()

    def write(self, buffer: bytes, timeout: float | None = None) -> Awaitable[None]:
        """Send bytes."""
        if self._stream.is_broken:
            # httpcore then reads the response.
            raise self._httpcore.WriteError
        written: Awaitable[None] = self._write(buffer, timeout)
        return written

    async def start_tls(self, *arguments: Any, **options: Any) -> NetworkStream:
        """Encrypt the connection."""
        try:
            async with self._connecting.interruptible():
                connection = await self._connection.start_tls(*arguments, **options)
        except BaseException:
            # httpcore does not close it if the call is cancelled.
            await self._stream.aclose()
            raise
        return NetworkStream(connection, self._stream, self._connecting, tls=True)

    async def _read_tls(self, max_bytes: int, timeout: float | None = None) -> bytes:
        content: bytes = await self._connection.read(max_bytes, timeout)
        if not content and self._stream.is_ended:
            # An attacker can end the connection, but not say so on behalf of the server.
            message = "the connection was cut off"
            raise self._httpcore.ReadError(message)
        return content


def end_head(response: Any) -> None:
    """Tell the connection of a response that its head has arrived."""
    end = getattr(response.extensions.get("network_stream"), "end_head", None)
    if end is not None:
        end()


async def close_if_surplus(response: Any) -> None:
    """
    Close the connection of a closed response if more than the response has arrived.

    Otherwise the surplus, such as a second response or the body of a 204, would count as the
    response to the next request.
    """
    connection = find_surplus(response, _has_pending_bytes)
    if connection is not None:
        await connection.aclose()


def find_surplus(response: Any, has_pending_bytes: Callable[[Any], bool]) -> Any:
    """
    Find the connection of a closed response if more than the response has arrived.

    Args:
        response: The response.
        has_pending_bytes: Whether a network stream has bytes that nobody has read.

    Returns:
        The connection; None if nothing more has arrived, or the transport is not httpcore's.
    """
    connection = _find_connection(response)
    if connection is None or not connection.is_idle():
        return None
    is_surplus = (
        connection._h11_state.trailing_data[0]  # noqa: SLF001
        or (response.status_code in STATUSES_WITHOUT_BODY and announces_body(response.headers))
        or has_pending_bytes(response.extensions["network_stream"])
    )
    return connection if is_surplus else None


def _find_connection(response: Any) -> Any:
    """Return the HTTP/1.1 connection of httpcore; None for any other transport."""
    # It has no public name. Tests guard these.
    try:
        connection = response.stream._httpcore_stream._stream._connection  # noqa: SLF001
        return connection if hasattr(connection, "_h11_state") else None
    except AttributeError:
        return None


def _has_pending_bytes(stream: Any) -> bool:
    if isinstance(stream, NetworkStream):
        return stream.has_pending_bytes()
    return _has_decrypted_bytes(stream.get_extra_info("ssl_object"))


def _has_decrypted_bytes(tls: ssl.SSLObject | None) -> bool:
    """Whether bytes, or the end of the connection, have arrived by TLS."""
    if tls is None:
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except (ssl.SSLError, ValueError):
        return True
    return True
