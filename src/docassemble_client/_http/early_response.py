"""Reads a response that arrives during an upload, although the server closes the connection."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

MAX_HEAD_BYTES = 262_144  # of all responses to one request; the end may be a body
HEAD_CHUNK_BYTES = 16384  # bounds the interim responses that httpcore parses without a pause
# asyncio closes a connection as soon as a write fails. Then it has lost what the server sent
# before, for example a 413 to the first bytes of an upload. The kernel still has these bytes:
# a reset connection can be read to its end (Linux: tcp_reset keeps the receive queue).
MAX_UNWATCHED_BYTES = 32768  # fits the buffers of a new connection, so that a write cannot fail
MAX_UNWATCHED_WRITES = 2  # the head of a request and its body
MAX_REMAINDER_BYTES = 1 << 20
_READ_BYTES = 65536


class EarlyResponseSocket(socket.socket):
    """A non-blocking socket for asyncio: a write fails only if there is nothing left to read."""

    @classmethod
    def from_address(cls, address: tuple[Any, ...]) -> Self:
        """Create a socket for an address of `getaddrinfo`."""
        family, kind, protocol, *_ = address
        return cls(family=family, type=kind, proto=protocol)

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send bytes; drop them if the connection is broken and there is something to read."""
        try:
            return super().send(data, flags)
        except ConnectionError:
            if not self._is_readable():
                raise
            return memoryview(data).nbytes

    def sendmsg(self, buffers: Iterable[Any], /, *arguments: Any) -> int:
        """Send buffers; drop them if the connection is broken and there is something to read."""
        chunks = list(buffers)
        try:
            return super().sendmsg(chunks, *arguments)
        except ConnectionError:
            if not self._is_readable():
                raise
            return sum(memoryview(chunk).nbytes for chunk in chunks)

    def _is_readable(self) -> bool:
        with suppress(OSError):
            return bool(self.recv(1, socket.MSG_PEEK))
        return False


class EarlyResponseStream:
    """
    A byte stream of anyio that can be read after a write has failed.

    A large body is sent while a second descriptor of the socket is open. asyncio does not know it,
    so it stays open when a write fails.

    Attributes:
        is_broken: Whether a write has failed, and there was something to read.
        is_ended: Whether the connection has ended.
        is_last_read_full: Whether the last read returned as much as it could.
    """

    def __init__(self, stream: Any, connection: Any) -> None:
        """
        Wrap the stream of a connection.

        Args:
            stream: The stream.
            connection: Its socket.
        """
        self.is_broken = False
        self.is_ended = False
        self.is_last_read_full = False
        self._head_bytes: int | None = 0
        self._stream = stream
        self._connection = connection
        self._duplicate: socket.socket | None = None
        self._writes = 0
        self._remainder = b""

    async def send(self, item: bytes) -> None:
        """Send bytes; drop them if the connection is broken and there is something to read."""
        self._writes += 1
        self._head_bytes = 0
        if self._duplicate is None and (
            self._writes > MAX_UNWATCHED_WRITES or len(item) > MAX_UNWATCHED_BYTES
        ):
            self._duplicate = _duplicate(self._connection)
        try:
            await self._stream.send(item)
        except Exception:
            self._remainder = _read_remainder(self._duplicate)
            if not self._remainder:
                raise
            # Not raised: TLS cannot be read after a write has failed.
            self.is_broken = True

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        """Return the next bytes; they may have arrived before a write failed."""
        self._writes = 0
        self._close_duplicate()
        if self._head_bytes is not None:
            max_bytes = min(max_bytes, HEAD_CHUNK_BYTES)
        try:
            received: bytes = await self._stream.receive(max_bytes)
        except Exception:
            received, self._remainder = self._remainder[:max_bytes], self._remainder[max_bytes:]
            if not received:
                self.is_ended = True
                raise
        self.is_last_read_full = len(received) >= max_bytes
        if self._head_bytes is not None:
            self._head_bytes += len(received)
            if self._head_bytes > MAX_HEAD_BYTES:
                # httpcore limits one head, but not the number of interim responses.
                message = "the headers are too large"
                raise ConnectionAbortedError(message)
        return received

    def end_head(self) -> None:
        """Read the body from now on, which may be of any size."""
        self._head_bytes = None

    async def aclose(self) -> None:
        """Close the connection."""
        self._close_duplicate()
        await self._stream.aclose()

    def _close_duplicate(self) -> None:
        if self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _duplicate(connection: Any) -> socket.socket | None:
    """Open a second descriptor of a socket; None if there are too many open files."""
    try:
        duplicate = socket.fromfd(connection.fileno(), connection.family, connection.type)
    except OSError:
        return None
    duplicate.settimeout(0)
    return duplicate


def _read_remainder(connection: socket.socket | None) -> bytes:
    """Read what has arrived, without waiting."""
    remainder = bytearray()
    while connection is not None and len(remainder) < MAX_REMAINDER_BYTES:
        try:
            chunk = connection.recv(_READ_BYTES)
        except OSError:
            break
        if not chunk:
            break
        remainder += chunk
    return bytes(remainder)
