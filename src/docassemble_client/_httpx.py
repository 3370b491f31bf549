"""Sends through httpx or its successor httpx2, which look alike, or any transport of them."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from docassemble_client._backend import (
    Answer,
    Body,
    broken,
    not_connected,
    not_sent,
    packed,
    silent,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Generator

    from docassemble_client._backend import AnyTransport, Outgoing, Sending
    from docassemble_client._wire import Request
    from docassemble_client.config import Timeouts


class HttpxBackend:
    """One transport of httpx or httpx2, called without the client around it."""

    def __init__(self, library: str, transport: AnyTransport, base_url: str) -> None:
        """
        Use a transport.

        Args:
            library: Name of the library it belongs to.
            transport: What sends.
            base_url: Address of the server.
        """
        self._httpx: Any = import_module(library)
        self._transport: Any = transport
        self._base = base_url

    def prepare(self, outgoing: Outgoing) -> Sending:
        """Make what sends it; ValueError if the library cannot."""
        request, body, headers = outgoing.request, outgoing.body, outgoing.headers
        if isinstance(body, Body) and body.length is not None:
            headers = {**headers, "content-length": str(body.length)}
        try:
            message = self._httpx.Request(
                request.method,
                self._base + outgoing.target,
                headers=headers,
                content=body,
                extensions={"timeout": _limits(outgoing.timeouts)},
            )
        except self._httpx.InvalidURL as error:
            raise ValueError(type(error).__name__) from None

        async def send() -> Answer:
            with self._explained(request):
                response = await self._transport.handle_async_request(message)
            return Answer(
                status=response.status_code,
                headers=dict(response.headers.items()),
                chunks=self._chunks(request, response),
                close=response.aclose,
            )

        return send

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _chunks(self, request: Request, response: Any) -> AsyncGenerator[bytes]:
        with self._explained(request, response.status_code):
            # As it comes: a library would unpack a bomb at once.
            async for chunk in response.stream:
                yield chunk

    @contextmanager
    def _explained(self, request: Request, status: int = 200) -> Generator[None]:
        """Turn what the library raises into errors of this package."""
        httpx = self._httpx
        try:
            yield
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            raise not_connected(request) from None
        except (httpx.TimeoutException, TimeoutError) as error:
            raise silent(request, error) from None
        except (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol) as error:
            raise not_sent(request, error) from None
        except httpx.DecodingError:
            raise packed(request, status) from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise broken(request, error) from None


def connect(
    library: str, base_url: str, context: ssl.SSLContext, proxy: str | None, limit: int
) -> HttpxBackend:
    """
    Make the library's own transport.

    Args:
        library: httpx or httpx2.
        base_url: Address of the server.
        context: For TLS.
        proxy: Address of a proxy.
        limit: How many idle connections are kept.

    Returns:
        The backend, which has connected to nothing yet.

    Raises:
        ValueError: The proxy cannot be used.
        ImportError: The proxy needs a package that is not installed.
    """
    httpx: Any = import_module(library)
    try:
        transport = httpx.AsyncHTTPTransport(
            verify=context, proxy=proxy, limits=httpx.Limits(max_keepalive_connections=limit)
        )
    except httpx.InvalidURL as error:
        raise ValueError(type(error).__name__) from None
    return HttpxBackend(library, transport, base_url)


def library_of(transport: object) -> str:
    """
    Find the library whose transport this is, without importing one that nobody uses.

    Args:
        transport: What the caller passed.

    Returns:
        httpx2 for its transports, httpx for all others.
    """
    bases = {one.__module__.partition(".")[0] for one in type(transport).__mro__}
    return "httpx2" if "httpx2" in bases else "httpx"


def _limits(timeouts: Timeouts) -> dict[str, float | None]:
    # No limit for the pool: waiting for a turn is the semaphore's business.
    return {
        "connect": timeouts.connect,
        "read": timeouts.read,
        "write": timeouts.write,
        "pool": None,
    }
