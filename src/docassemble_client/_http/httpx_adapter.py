"""Sends requests with httpx or its successor httpx2, or with any of their transports."""

from __future__ import annotations

from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from docassemble_client._core.messages import RawResponse
from docassemble_client._http.adapter import (
    UploadStream,
    invalid_request,
    read_up_to,
)
from docassemble_client._http.connecting import Connecting
from docassemble_client._http.connection_errors import ConnectionErrors, parse_proxy_status
from docassemble_client._http.connection_pool import (
    KEEPALIVE_SECONDS,
    GivenTransport,
    OneConnectionPool,
)
from docassemble_client._http.httpcore_connection import (
    NetworkBackend,
    SendObserver,
    close_if_surplus,
    end_head,
    watch_connections,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from docassemble_client._core.messages import Request, SendState
    from docassemble_client._http.adapter import HTTPXTransport
    from docassemble_client.config import Timeouts
    from docassemble_client.errors import DocassembleError


class HTTPXAdapter:
    """
    Sends requests with transports of httpx or httpx2, without the library's client.

    `BlockingAdapter` replaces the parts that have another form in a blocking client.
    """

    _pool_class: ClassVar[type[OneConnectionPool]] = OneConnectionPool

    def __init__(
        self,
        library: str,
        pool: GivenTransport | OneConnectionPool,
        base_url: str,
        proxy: str | None = None,
        connecting: Connecting | None = None,
    ) -> None:
        """
        Use a pool of transports.

        Args:
            library: Name of the transports' library.
            pool: The pool.
            base_url: URL of the server.
            proxy: URL of the pool's proxy.
            connecting: The connections that the pool is opening.
        """
        self._connecting = connecting or Connecting()
        self.httpx: Any = import_module(library)
        self.pool = pool
        self._base_url = base_url
        self._errors = ConnectionErrors(base_url, proxy)
        self._timeouts: tuple[Timeouts | None, dict[str, float | None]] = (None, {})
        self._reports_progress = isinstance(pool, OneConnectionPool)
        self.library_errors = (self.httpx.HTTPError, self.httpx.StreamError, OSError)

    @classmethod
    def from_transport(cls, transport: HTTPXTransport, base_url: str) -> HTTPXAdapter:
        """Create an adapter for the transport that the caller passed."""
        packages = {base.__module__.partition(".")[0] for base in type(transport).__mro__}
        # Its library is not imported for any other transport.
        library = "httpx2" if "httpx2" in packages else "httpx"
        return cls(library, GivenTransport(cls._adapt_transport(transport)), base_url)

    @classmethod
    def from_library(
        cls, library: str, base_url: str, context: ssl.SSLContext, proxy: str | None
    ) -> HTTPXAdapter:
        """
        Create an adapter with the library's own transports.

        Args:
            library: httpx or httpx2.
            base_url: URL of the server.
            context: Context for TLS.
            proxy: URL of a proxy.

        Returns:
            The adapter, without a connection.

        Raises:
            ValueError: The proxy cannot be used.
            ImportError: The proxy needs a package that is not installed.
        """
        httpx: Any = import_module(library)
        connecting = Connecting()
        limits = httpx.Limits(keepalive_expiry=KEEPALIVE_SECONDS)

        def make_transport() -> Any:
            options = {"verify": context, "proxy": proxy, "limits": limits}
            return cls._make_transport(httpx, connecting, options)

        try:
            pool = cls._pool_class(make_transport)
        except httpx.InvalidURL as error:
            raise ValueError(type(error).__name__) from None
        return cls(library, pool, base_url, proxy, connecting)

    @staticmethod
    def _adapt_transport(transport: Any) -> Any:
        """Return a transport with the methods of an asynchronous one."""
        return transport

    @staticmethod
    def _make_transport(httpx: Any, connecting: Connecting, options: dict[str, Any]) -> Any:
        """Create a transport whose connections are watched."""
        transport = httpx.AsyncHTTPTransport(**options)
        watch_connections(transport, NetworkBackend, connecting)
        return transport

    @staticmethod
    def _make_observer(state: SendState) -> object:
        """Return the `trace` extension for a request."""
        return SendObserver(state)

    @staticmethod
    def _adapt_upload(upload: UploadStream) -> object:
        """Return an upload as a body for the library."""
        return upload

    async def send(
        self,
        request: Request,
        target: str,
        headers: dict[str, str],
        body: bytes | UploadStream | None,
        timeouts: Timeouts,
        state: SendState,
    ) -> RawResponse:
        """Send a request, and return the head of the response."""
        # A caller's transport may report nothing about its connections.
        state.is_sent = not self._reports_progress
        content: object = body
        if isinstance(body, UploadStream):
            content = self._adapt_upload(body)
            if body.length is not None:
                headers["content-length"] = str(body.length)
        try:
            native_request = self.httpx.Request(
                request.method,
                self._base_url + target,
                headers=headers,
                content=content,
                extensions={
                    "timeout": self._convert_timeouts(timeouts),
                    "trace": self._make_observer(state),
                },
            )
        except (self.httpx.InvalidURL, ValueError) as error:
            state.is_sent = False
            raise invalid_request(request, error) from None
        transport = self.pool.acquire()
        try:
            native_response = await transport.handle_async_request(native_request)
        except self.library_errors as error:
            self.pool.release(transport)
            raise self._map_send_error(request, error, timeouts, state) from None
        except BaseException:
            self.pool.release(transport)
            raise
        state.is_sent = True
        end_head(native_response)
        self._errors.has_response = True
        return self._make_response(request, native_response, transport, timeouts)

    def _make_response(
        self, request: Request, native: Any, transport: Any, timeouts: Timeouts
    ) -> RawResponse:
        return HTTPXResponse(self, request, native, transport, timeouts)

    def _map_send_error(
        self, request: Request, error: Exception, timeouts: Timeouts, state: SendState
    ) -> DocassembleError:
        """Convert an exception of the library that it raised instead of a response."""
        httpx, errors = self.httpx, self._errors
        if self._connecting.is_closed and not state.is_sent:
            return errors.client_closed(request)
        never_sent = isinstance(
            error,
            (
                *(httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ConnectError),
                *(httpx.ProxyError, httpx.UnsupportedProtocol),
            ),
        )
        if state.is_sent and not never_sent:
            return self.map_error(request, error, timeouts)
        state.is_sent = False
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            return errors.connect_timeout(request, timeouts)
        if isinstance(error, httpx.ProxyError) and (status := parse_proxy_status(str(error))):
            return errors.proxy_refusal(request, status)
        return errors.connect_error(request, error, is_text_safe=never_sent)

    def map_error(self, request: Request, error: Exception, timeouts: Timeouts) -> DocassembleError:
        """Convert an exception of the library that it raised after sending had begun."""
        if isinstance(error, self.httpx.WriteTimeout):
            return self._errors.write_timeout(request, timeouts)
        if isinstance(error, (self.httpx.TimeoutException, TimeoutError)):
            return self._errors.read_timeout(request, timeouts)
        return self._errors.connection_lost(request, error)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connecting.aclose()
        await self.pool.aclose()

    def _convert_timeouts(self, timeouts: Timeouts) -> dict[str, float | None]:
        # Most calls of a client have the same.
        if timeouts is not self._timeouts[0]:
            extension = {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": None,  # the transport's limiter controls concurrency
            }
            self._timeouts = (timeouts, extension)
        return self._timeouts[1]


class HTTPXResponse(RawResponse):
    """A response of httpx or httpx2; its body is read from the connection."""

    __slots__ = ("_adapter", "_native", "_request", "_timeouts", "_transport")

    def __init__(
        self,
        adapter: HTTPXAdapter,
        request: Request,
        native: Any,
        transport: Any,
        timeouts: Timeouts,
    ) -> None:
        super().__init__(status=native.status_code, headers=dict(native.headers.items()))
        self._adapter = adapter
        self._request = request
        self._native = native
        self._transport = transport
        self._timeouts = timeouts

    def read_nowait(self, limit: int) -> bytes | None:  # noqa: ARG002 - always on its way
        """Return None: the body has not been read from the connection."""
        return None

    async def read(self, limit: int) -> bytes:
        """Read the body to its end, or its first bytes."""
        async with aclosing(self.iter_chunks()) as chunks:
            return await read_up_to(chunks, limit)

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the chunks of the body."""
        try:
            # The raw stream, which the library does not decompress.
            async for chunk in self._native.stream:
                yield chunk
        except self._adapter.library_errors as error:
            raise self._adapter.map_error(self._request, error, self._timeouts) from None

    async def aclose(self) -> None:
        """Release the connection if nothing follows the body, else close it."""
        try:
            await self._native.aclose()
            await close_if_surplus(self._native)
        finally:
            self._adapter.pool.release(self._transport)
