"""Sends requests with blocking transports of httpx or httpx2."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from docassemble_client._blocking import limit_wait, run_blocking
from docassemble_client._concurrency import ThreadLock
from docassemble_client._http.blocking_connection import BlockingBackend, has_pending_bytes
from docassemble_client._http.connection_pool import OneConnectionPool
from docassemble_client._http.httpcore_connection import (
    find_surplus,
    observe_sending,
    watch_connections,
)
from docassemble_client._http.httpx_adapter import HTTPXAdapter, HTTPXResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from docassemble_client._core.messages import RawResponse, Request, SendState
    from docassemble_client._http.adapter import UploadStream
    from docassemble_client._http.connecting import Connecting
    from docassemble_client.config import Timeouts
    from docassemble_client.errors import DocassembleError


class AdaptedTransport:
    """A blocking transport with the methods of an asynchronous one, which never suspend."""

    def __init__(self, transport: Any) -> None:
        """
        Wrap a transport.

        Args:
            transport: A blocking transport of httpx or httpx2.
        """
        self._transport = transport

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request, and return the head of the response."""
        return self._transport.handle_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        self._transport.close()


class BlockingPool(OneConnectionPool):
    """A pool that threads share."""

    def __init__(self, make_transport: Callable[[], Any]) -> None:
        """
        Create the first transport, to check that it can be created.

        Args:
            make_transport: Creates a transport, without connecting.
        """
        super().__init__(make_transport)
        self._guard = ThreadLock()

    def acquire(self) -> Any:
        """Return a transport that is not in use; close idle ones that have expired."""
        with self._guard:
            return super().acquire()

    def release(self, transport: Any) -> None:
        """Return a transport to the pool after the response has been read."""
        with self._guard:
            super().release(transport)

    async def aclose(self) -> None:
        """Close all connections; the calls of other threads fail."""
        with self._guard:
            await super().aclose()


class BlockingAdapter(HTTPXAdapter):
    """Sends requests with blocking transports of httpx or httpx2."""

    _pool_class: ClassVar[type[OneConnectionPool]] = BlockingPool

    @staticmethod
    def _adapt_transport(transport: Any) -> Any:
        return AdaptedTransport(transport)

    @staticmethod
    def _make_transport(httpx: Any, connecting: Connecting, options: dict[str, Any]) -> Any:
        transport = httpx.HTTPTransport(**options)
        watch_connections(transport, BlockingBackend, connecting)
        return AdaptedTransport(transport)

    @staticmethod
    def _make_observer(state: SendState) -> object:
        return partial(observe_sending, state)

    @staticmethod
    def _adapt_upload(upload: UploadStream) -> object:
        return _iterate(upload)

    def _make_response(
        self, request: Request, native: Any, transport: Any, timeouts: Timeouts
    ) -> RawResponse:
        return BlockingResponse(self, request, native, transport, timeouts)

    def _convert_timeouts(self, timeouts: Timeouts) -> dict[str, float | None]:
        # A transport that the caller passed knows nothing of the deadlines.
        limits = {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.write}
        return {**{name: limit_wait(seconds) for name, seconds in limits.items()}, "pool": None}

    def _map_send_error(
        self, request: Request, error: Exception, timeouts: Timeouts, state: SendState
    ) -> DocassembleError:
        limit_wait()  # The deadline may be the reason of the error.
        return super()._map_send_error(request, error, timeouts, state)

    def map_error(self, request: Request, error: Exception, timeouts: Timeouts) -> DocassembleError:
        """Convert an exception of the library that it raised after sending had begun."""
        limit_wait()
        return super().map_error(request, error, timeouts)


class BlockingResponse(HTTPXResponse):
    """A response of a blocking transport."""

    __slots__ = ()

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the chunks of the body."""
        try:
            for chunk in self._native.stream:
                limit_wait()
                yield chunk
        except self._adapter.library_errors as error:
            raise self._adapter.map_error(self._request, error, self._timeouts) from None

    async def aclose(self) -> None:
        """Release the connection if nothing follows the body, else close it."""
        try:
            self._native.close()
            connection = find_surplus(self._native, has_pending_bytes)
            if connection is not None:
                connection.close()
        finally:
            self._adapter.pool.release(self._transport)


def _iterate(upload: UploadStream) -> Generator[bytes]:
    """Iterate over the chunks of an upload."""
    while True:
        try:
            chunk = run_blocking(upload.__anext__())
        except StopAsyncIteration:
            return
        yield chunk
