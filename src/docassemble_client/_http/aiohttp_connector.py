"""Connections of aiohttp: which can be used again, how much they read, and how they end."""

from __future__ import annotations

import select
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage

from docassemble_client._http.connection_pool import (
    KEEPALIVE_SECONDS,
    STATUSES_WITHOUT_BODY,
    announces_body,
)
from docassemble_client._http.early_response import MAX_HEAD_BYTES, EarlyResponseSocket

if TYPE_CHECKING:
    import asyncio
    import socket
    import ssl
    from collections.abc import Callable

    from docassemble_client._core.messages import SendState
    from docassemble_client._http.connecting import Connecting

MAX_LINE_BYTES = 65536
MAX_HEADERS = 10_000
LIBRARY_ERRORS = (aiohttp.ClientError, HttpProcessingError, OSError)
LibraryError: TypeAlias = aiohttp.ClientError | HttpProcessingError | OSError
current_state: ContextVar[SendState] = ContextVar("current_state")
"""Progress of the call that the running task sends."""


class HeadTooLargeError(aiohttp.ClientPayloadError):
    """The headers of a response, with those of interim responses, are too large."""


class Connector(aiohttp.TCPConnector):
    """
    Opens connections, and uses one again only if nothing has arrived on it since its response.

    A connection on which something arrives unasked is closed: what arrived would count as the
    response to the next request. If the server has closed it, a request could not be sent.
    """

    def __init__(self, context: ssl.SSLContext, connecting: Connecting) -> None:
        """
        Prepare a pool without a limit; the transport limits the number of requests.

        Args:
            context: Context for TLS.
            connecting: The connections that are being opened.
        """
        self._connecting = connecting
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  # untyped there
            limit=0,
            ssl=context,
            keepalive_timeout=KEEPALIVE_SECONDS,
            socket_factory=EarlyResponseSocket.from_address,
        )
        # aiohttp has no public setting for its protocol; tests guard this one.
        self._factory = cast("partial[ResponseHandler]", partial(Protocol, loop=self._loop))

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """Return a connection, through the tunnel of a proxy if there is one."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if isinstance(protocol, Protocol) and protocol.start_request():
                break
            connection.close()
        state = current_state.get()
        state.is_sent = True
        state.connection = protocol
        return connection

    async def _create_connection(self, *arguments: Any, **options: Any) -> ResponseHandler:
        async with self._connecting.interruptible():
            return await super()._create_connection(*arguments, **options)


class Protocol(ResponseHandler):
    """A connection of aiohttp, with a limit for the size of headers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """
        Prepare a connection.

        Args:
            loop: The event loop.
        """
        super().__init__(loop)
        self._response_count = 0
        self._head_bytes: int | None = 0
        self._is_closed_by_server = False
        self._is_readable: Callable[[], object] = bool
        self._read_deadline: float | None = None
        self._read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to use a connection."""
        super().connection_made(transport)
        self._is_readable = _watch(transport.get_extra_info("socket"))

    def start_request(self) -> bool:
        """
        Prepare for a request.

        Returns:
            Whether nothing has arrived since the last response, and the server has not closed.
        """
        self._head_bytes = 0
        count, self._response_count = self._response_count, 0
        return count == 0 or (count == 1 and not self._is_readable())

    async def exchange(
        self, content: bytes, *, has_body: bool, read_timeout: float | None
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """
        Send a request in one piece, and wait for its response.

        Args:
            content: The request. It fits the buffers of an idle connection.
            has_body: Whether the response may have a body.
            read_timeout: Maximum time between two pieces of the response, in seconds.

        Returns:
            The head of the response, and its body, which may not have arrived yet.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ServerDisconnectedError
        self.set_response_params(
            skip_payload=not has_body,
            read_until_eof=True,
            auto_decompress=False,  # the transport refuses compressed bodies
            read_timeout=read_timeout,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        transport.write(content)
        self.start_timeout()
        while True:
            message, stream = await self.read()
            if message.code >= 200 or message.code == 101:  # noqa: PLR2004 - not interim
                return message, stream

    def is_cut_off(self) -> bool:
        """Whether the connection ended without an end that the server announced."""
        return not self._is_closed_by_server

    def data_received(self, data: bytes) -> None:
        """Read a part of the response; stop at headers that are too large, and after its end."""
        if data and self._response_count and (self._payload is None or self._payload.is_eof()):
            # Otherwise a server could fill the memory while nobody uses the connection.
            self.force_close()
            cast("asyncio.Transport", self.transport).abort()
            return
        ResponseHandler.data_received(self, data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.set_exception(HeadTooLargeError("the headers are too large"))
                # Not `self.abort`, which drops the exception.
                cast("asyncio.Transport", self.transport).abort()

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Receive a head from the parser."""
        status = data[0].code
        if status >= 200:  # noqa: PLR2004 - not an interim response
            self._head_bytes = None
            self._response_count += 1
            if status in STATUSES_WITHOUT_BODY and announces_body(data[0].headers):
                self.force_close()
        ResponseHandler.feed_data(self, data, size)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Drop the timer."""
        super().connection_lost(exc)
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    # aiohttp would start and cancel a timer for each piece of a response. Here one timer stays
    # until it fires, and then waits for the rest of the time. Tests guard these private names.

    def _reschedule_timeout(self) -> None:
        if not self._read_timeout:
            self._read_deadline = None
            return
        deadline = self._read_deadline = self._loop.time() + self._read_timeout
        if self._read_timer is None or self._read_timer.when() > deadline:
            self._start_timer(deadline)

    def _drop_timeout(self) -> None:
        self._read_deadline = None

    def _start_timer(self, deadline: float) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
        self._read_timer = self._loop.call_at(deadline, self._check_timeout)

    def _check_timeout(self) -> None:
        self._read_timer = None
        if self._read_deadline is None:
            return
        if self._loop.time() < self._read_deadline:
            self._start_timer(self._read_deadline)
        else:
            self._on_read_timeout()

    def eof_received(self) -> None:
        """Record that the server ended the connection; with TLS, that it said so."""
        # At the end of a TLS connection, asyncio calls this in any case.
        tls: Any = getattr(self.transport, "_ssl_protocol", None)
        self._is_closed_by_server = tls is None or not getattr(tls, "_eof_received", False)
        super().eof_received()


def _watch(connection: socket.socket) -> Callable[[], object]:
    """Return a function that checks whether bytes or the end of the connection can be read."""
    if not hasattr(select, "poll"):  # Windows
        return lambda: select.select([connection], [], [], 0)[0]
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return partial(poll.poll, 0)
