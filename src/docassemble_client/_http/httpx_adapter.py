"""Sends requests with httpx or its successor httpx2, or with any of their transports."""

from __future__ import annotations

from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from docassemble_client._http.adapter import (
    UploadStream,
    connect_error,
    connect_timeout,
    connection_lost,
    decompression_error,
    read_timeout,
    read_up_to,
)
from docassemble_client._http.connection_pool import (
    KEEPALIVE_SECONDS,
    GivenTransport,
    OneConnectionPool,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from docassemble_client._core.messages import Request
    from docassemble_client._http.adapter import OpenResponse, Outgoing
    from docassemble_client.config import Timeouts
    from docassemble_client.errors import DocassembleError


class HTTPXAdapter:
    """Sends requests with transports of httpx or httpx2, without the library's client."""

    def __init__(
        self, library: str, pool: GivenTransport | OneConnectionPool, base_url: str
    ) -> None:
        """
        Use a pool of transports.

        Args:
            library: Name of the transports' library.
            pool: The pool.
            base_url: URL of the server.
        """
        self._httpx: Any = import_module(library)
        self._pool = pool
        self._base_url = base_url

    def prepare(self, outgoing: Outgoing) -> Any:
        """Build the library's own request; raise ValueError if it is not valid."""
        body, headers = outgoing.body, outgoing.headers
        if isinstance(body, UploadStream) and body.length is not None:
            headers = {**headers, "content-length": str(body.length)}
        try:
            return self._httpx.Request(
                outgoing.request.method,
                self._base_url + outgoing.target,
                headers=headers,
                content=body,
                extensions={"timeout": _timeout_extension(outgoing.timeouts)},
            )
        except self._httpx.InvalidURL as error:
            raise ValueError(type(error).__name__) from None

    async def send(self, outgoing: Outgoing, native_request: Any) -> OpenResponse:
        """Send a request, and return the head of the response."""
        transport = self._pool.acquire()
        try:
            response = await transport.handle_async_request(native_request)
        except _library_errors(self._httpx) as error:
            self._pool.release(transport)
            raise _map_error(self._httpx, outgoing.request, error) from None
        except BaseException:
            self._pool.release(transport)
            raise
        return _OpenResponse(
            self._httpx, outgoing.request, response, lambda: self._pool.release(transport)
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _OpenResponse:
    """A response of httpx or httpx2."""

    def __init__(
        self, library: Any, request: Request, response: Any, on_close: Callable[[], None]
    ) -> None:
        self.status: int = response.status_code
        self.headers: dict[str, str] = dict(response.headers.items())
        self._httpx = library
        self._request = request
        self._response = response
        self._on_close = on_close

    async def read(self, limit: int) -> bytes:
        """Read the body to its end or up to this number of bytes."""
        async with aclosing(self.iter_chunks()) as chunks:
            return await read_up_to(chunks, limit)

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the body."""
        try:
            # The raw stream, because the library would decompress a bomb at once.
            async for chunk in self._response.stream:
                yield chunk
        except _library_errors(self._httpx) as error:
            raise _map_error(self._httpx, self._request, error, self.status) from None

    async def close(self) -> None:
        """Release the connection, or close it."""
        try:
            await self._response.aclose()
        finally:
            self._on_close()


def _library_errors(httpx: Any) -> tuple[type[Exception], ...]:
    return httpx.HTTPError, httpx.StreamError, OSError


def _map_error(
    httpx: Any, request: Request, error: Exception, status: int = 200
) -> DocassembleError:
    if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        return connect_timeout(request)
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return read_timeout(request, error)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return connect_error(request, error)
    if isinstance(error, httpx.DecodingError):
        return decompression_error(request, status)
    return connection_lost(request, error)


def make_adapter(
    library: str, base_url: str, context: ssl.SSLContext, proxy: str | None
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
    limits = httpx.Limits(keepalive_expiry=KEEPALIVE_SECONDS)
    try:
        pool = OneConnectionPool(
            lambda: httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits)
        )
    except httpx.InvalidURL as error:
        raise ValueError(type(error).__name__) from None
    return HTTPXAdapter(library, pool, base_url)


def find_library(transport: object) -> str:
    """
    Return the name of a transport's library, without importing it.

    Args:
        transport: The transport that the caller passed.

    Returns:
        httpx2 for its transports, httpx for all others.
    """
    packages = {base.__module__.partition(".")[0] for base in type(transport).__mro__}
    return "httpx2" if "httpx2" in packages else "httpx"


def _timeout_extension(timeouts: Timeouts) -> dict[str, float | None]:
    # No timeout for the pool: the limiter controls concurrency.
    return {
        "connect": timeouts.connect,
        "read": timeouts.read,
        "write": timeouts.write,
        "pool": None,
    }
