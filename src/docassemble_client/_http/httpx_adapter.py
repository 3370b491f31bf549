"""Sends through httpx or its successor httpx2, which look alike, or any transport of them."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any

from docassemble_client._http.adapter import (
    Body,
    broken,
    joined,
    not_connected,
    not_sent,
    packed,
    silent,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from docassemble_client._core.messages import Request
    from docassemble_client._http.adapter import Answer, AnyTransport, Outgoing
    from docassemble_client.config import Timeouts
    from docassemble_client.errors import DocassembleError

_KEPT = 5.0  # seconds an idle connection is kept, as httpx keeps it


class Single:
    """The one transport that a caller passed."""

    def __init__(self, transport: AnyTransport) -> None:
        self._transport = transport

    def take(self) -> Any:
        """Bring what sends a request."""
        return self._transport

    def give(self, transport: Any) -> None:
        """Take it back, once the answer was read."""

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


class Lanes:
    """
    Transports of one connection each.

    The pool inside a transport looks at all its connections for each request, so that with a
    hundred of them a request costs several times as much.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """
        Make the first transport, and with it sure that it can be made.

        Args:
            make: Makes a transport, which has connected to nothing yet.
        """
        self._make = make
        first = make()
        self._all = {first}
        # The one used last is taken first, so that those too many grow old.
        self._idle: deque[tuple[float, Any]] = deque([(0.0, first)])
        self._closing: set[asyncio.Task[None]] = set()

    def take(self) -> Any:
        """Bring a transport that nobody else uses."""
        if not self._idle:
            lane = self._make()
            self._all.add(lane)
            return lane
        _, lane = self._idle.pop()
        old = asyncio.get_running_loop().time() - _KEPT
        while self._idle and self._idle[0][0] < old:
            _, unused = self._idle.popleft()
            self._all.remove(unused)
            task = asyncio.create_task(unused.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return lane

    def give(self, lane: Any) -> None:
        """Take one back, once the answer was read."""
        self._idle.append((asyncio.get_running_loop().time(), lane))

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*self._closing, *(lane.aclose() for lane in self._all))


class HttpxBackend:
    """Transports of httpx or httpx2, called without the client around them."""

    def __init__(self, library: str, lanes: Single | Lanes, base_url: str) -> None:
        """
        Use transports.

        Args:
            library: Name of the library they belong to.
            lanes: What sends.
            base_url: Address of the server.
        """
        self._httpx: Any = import_module(library)
        self._lanes = lanes
        self._base = base_url

    def prepare(self, outgoing: Outgoing) -> Any:
        """Make the library's request; ValueError if it cannot."""
        body, headers = outgoing.body, outgoing.headers
        if isinstance(body, Body) and body.length is not None:
            headers = {**headers, "content-length": str(body.length)}
        try:
            return self._httpx.Request(
                outgoing.request.method,
                self._base + outgoing.target,
                headers=headers,
                content=body,
                extensions={"timeout": _limits(outgoing.timeouts)},
            )
        except self._httpx.InvalidURL as error:
            raise ValueError(type(error).__name__) from None

    async def send(self, outgoing: Outgoing, prepared: Any) -> Answer:
        """Send it, and bring the head of the answer."""
        lane = self._lanes.take()
        try:
            response = await lane.handle_async_request(prepared)
        except _failures(self._httpx) as error:
            self._lanes.give(lane)
            raise _explained(self._httpx, outgoing.request, error) from None
        except BaseException:
            self._lanes.give(lane)
            raise
        return _Answer(self._httpx, outgoing.request, response, lambda: self._lanes.give(lane))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._lanes.aclose()


class _Answer:
    """An answer of httpx or httpx2."""

    def __init__(
        self, library: Any, request: Request, response: Any, done: Callable[[], None]
    ) -> None:
        self.status: int = response.status_code
        self.headers: dict[str, str] = dict(response.headers.items())
        self._httpx = library
        self._request = request
        self._response = response
        self._done = done

    async def read(self, limit: int) -> bytes:
        """Read the body to its end or to this many bytes."""
        async with aclosing(self.chunks()) as chunks:
            return await joined(chunks, limit)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Bring the body as it comes."""
        try:
            # The stream itself: a library would unpack a bomb at once.
            async for chunk in self._response.stream:
                yield chunk
        except _failures(self._httpx) as error:
            raise _explained(self._httpx, self._request, error, self.status) from None

    async def close(self) -> None:
        """Give the connection back, or close it."""
        try:
            await self._response.aclose()
        finally:
            self._done()


def _failures(httpx: Any) -> tuple[type[Exception], ...]:
    return httpx.HTTPError, httpx.StreamError, OSError


def _explained(
    httpx: Any, request: Request, error: Exception, status: int = 200
) -> DocassembleError:
    if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        return not_connected(request)
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return silent(request, error)
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)):
        return not_sent(request, error)
    if isinstance(error, httpx.DecodingError):
        return packed(request, status)
    return broken(request, error)


def connect(
    library: str, base_url: str, context: ssl.SSLContext, proxy: str | None
) -> HttpxBackend:
    """
    Make the library's own transports.

    Args:
        library: httpx or httpx2.
        base_url: Address of the server.
        context: For TLS.
        proxy: Address of a proxy.

    Returns:
        The backend, which has connected to nothing yet.

    Raises:
        ValueError: The proxy cannot be used.
        ImportError: The proxy needs a package that is not installed.
    """
    httpx: Any = import_module(library)
    limits = httpx.Limits(keepalive_expiry=_KEPT)
    try:
        lanes = Lanes(lambda: httpx.AsyncHTTPTransport(verify=context, proxy=proxy, limits=limits))
    except httpx.InvalidURL as error:
        raise ValueError(type(error).__name__) from None
    return HttpxBackend(library, lanes, base_url)


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
