"""
Sends through aiohttp, from our own requests and without objects of httpx between.

httpx-aiohttp 0.2.0, which would put aiohttp behind httpx, is not used. It makes of aiohttp's
ServerDisconnectedError a ConnectTimeout, that is "not sent", so that a POST which the server may
have processed would be sent again; and it keeps cookies, so that the login which each answer of
docassemble sets would be sent back.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from docassemble_client._http.adapter import (
    Body,
    broken,
    joined,
    not_connected,
    not_sent,
    silent,
)
from docassemble_client.config import Timeouts

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable
    from types import TracebackType
    from typing import Self

    from aiohttp.client_proto import ResponseHandler

    from docassemble_client._core.messages import Request
    from docassemble_client._http.adapter import Answer, Outgoing
    from docassemble_client.errors import DocassembleError

_PIECE = 32768  # fits the buffers of an idle connection, so that writing it never waits
_LONGEST_LINE = 65536
_MOST_HEADERS = 10_000
_KEPT = 5.0  # seconds an idle connection is kept, as httpx keeps it
_AT_ONCE = 1e-6  # to aiohttp 0 is no limit
_FAILURES = (aiohttp.ClientError, OSError)


class AiohttpBackend:
    """One session of aiohttp."""

    def __init__(self, base_url: str, context: ssl.SSLContext, proxy: str | None) -> None:
        """
        Check the proxy; the session is opened with the first request.

        Args:
            base_url: Address of the server.
            context: For TLS.
            proxy: Address of a proxy.

        Raises:
            ValueError: The proxy cannot be used.
        """
        address = None if proxy is None else URL(proxy)
        if address is not None and address.scheme not in {"http", "https"}:
            message = "aiohttp knows proxies of http:// and https:// only"
            raise ValueError(message)
        self._given = base_url
        self._base = ""
        self._proxy = address
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._latest: tuple[Timeouts | None, aiohttp.ClientTimeout] = (None, _limits(Timeouts()))

    def prepare(self, outgoing: Outgoing) -> URL:
        """Make the library's address; ValueError if it cannot."""
        self._base = self._base or _encoded(self._given)
        # What follows is encoded already, and must not be encoded again.
        return URL(self._base + outgoing.target, encoded=True)

    async def send(self, outgoing: Outgoing, prepared: URL) -> Answer:
        """Send it, and bring the head of the answer."""
        try:
            pieces = _in_pieces(outgoing.body)
            if pieces is None:
                response = await self._send(prepared, outgoing, outgoing.headers, outgoing.body)
            else:
                response = await self._watched(prepared, outgoing, *pieces)
        except _FAILURES as error:
            raise _explained(outgoing.request, error) from None
        return _Answer(outgoing.request, response)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # Not before there is something to send: one that nobody closes complains.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The turns limit what is under way.
                connector=aiohttp.TCPConnector(limit=0, ssl=self._context, keepalive_timeout=_KEPT),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Without a body it would say that there is one, of unknown type.
                skip_auto_headers=("content-type",),
                auto_decompress=False,  # _unpack does it in bounded pieces
                middlewares=(_once,),
                max_line_size=_LONGEST_LINE,
                max_field_size=_LONGEST_LINE,
                max_headers=_MOST_HEADERS,
            )
        return self._session

    async def _watched(
        self, url: URL, outgoing: Outgoing, pieces: Body | _Pieces, length: int | None
    ) -> aiohttp.ClientResponse:
        headers = outgoing.headers
        if length is not None:
            headers = {**headers, "content-length": str(length)}
        async with _Watched(pieces, outgoing.timeouts) as watched:
            return await self._send(url, outgoing, headers, watched)

    def _send(
        self, url: URL, outgoing: Outgoing, headers: dict[str, str], data: object
    ) -> Awaitable[aiohttp.ClientResponse]:
        return self._open().request(
            outgoing.request.method,
            url,
            headers=headers,
            data=data,
            allow_redirects=False,
            proxy=self._proxy,
            timeout=self._limits(outgoing.timeouts),
        )

    def _limits(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        # Most calls of a client have the same.
        if timeouts is not self._latest[0]:
            self._latest = (timeouts, _limits(timeouts))
        return self._latest[1]


class _Lost(aiohttp.ClientError):
    """A connection broke; unlike the original error this makes aiohttp not send again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """
    Hide from aiohttp what it would send a second request for.

    Over a connection that breaks it repeats GET and DELETE by itself, whether or not the server
    has processed them, and there is no setting against it (aiohttp 3.14.5, client.py, _request).
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost from error


class _Pieces:
    """Bytes, piece by piece."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._done = 0

    async def __anext__(self) -> bytes:
        piece = self._content[self._done : self._done + _PIECE]
        if not piece:
            raise StopAsyncIteration
        self._done += len(piece)
        return piece


class _Watched:
    """A body that the server must take piece by piece in time; aiohttp would wait forever."""

    def __init__(self, body: Body | _Pieces, timeouts: Timeouts) -> None:
        self._body = body
        self._write = timeouts.write
        # The last piece may still be taken, and then the answer be waited for.
        self._end = None if None in (timeouts.write, timeouts.read) else timeouts.read
        self._limit = asyncio.timeout(None)
        self._watching = False

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        self._watching = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watching = False
        await self._limit.__aexit__(kind, error, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._allow(None)
        try:
            piece = await anext(self._body)
        except StopAsyncIteration:
            self._allow(None if self._end is None else self._end + (self._write or 0))
            raise
        self._allow(self._write)
        return piece

    def _allow(self, seconds: float | None) -> None:
        if self._watching and not self._limit.expired():
            now = asyncio.get_running_loop().time()
            self._limit.reschedule(None if seconds is None else now + seconds)


def _in_pieces(body: bytes | Body | None) -> tuple[Body | _Pieces, int | None] | None:
    """Find out whether a body is sent piece by piece, and how long it is."""
    if isinstance(body, Body):
        return body, body.length
    if body is not None and len(body) > _PIECE:
        return _Pieces(body), len(body)
    return None


def _encoded(base_url: str) -> str:
    url = URL(base_url)
    # Resolving would raise this in the middle of a request.
    (url.raw_host or "").encode("idna")
    return str(url).rstrip("/")


def _limits(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    # The time to connect is for everything before the request: resolving, TLS, the proxy.
    return aiohttp.ClientTimeout(
        total=None, connect=_positive(timeouts.connect), sock_read=_positive(timeouts.read)
    )


def _positive(seconds: float | None) -> float | None:
    return None if seconds is None else max(seconds, _AT_ONCE)


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for given, text in response.headers.items():
        name = given.lower()
        value = text if text.isascii() else _readable(text)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _readable(text: str) -> str:
    """Read a header as Latin-1 that is no UTF-8; aiohttp leaves halves of surrogate pairs."""
    content = text.encode(errors="surrogateescape")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _endless(response: aiohttp.ClientResponse) -> ResponseHandler | None:
    """Find the connection whose end is the end of the body."""
    told = "content-length" in response.headers or "transfer-encoding" in response.headers
    return None if told or response.connection is None else response.connection.protocol


class _Answer:
    """An answer of aiohttp."""

    def __init__(self, request: Request, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = _headers(response)
        self._request = request
        self._response = response
        # Of a body that fits the buffers there is no connection any more.
        self._endless = _endless(response)

    async def read(self, limit: int) -> bytes:
        """Read the body to its end or to this many bytes."""
        stream = self._response.content
        try:
            content = await stream.readany()
        except _FAILURES as error:
            raise _explained(self._request, error) from None
        if len(content) >= limit or (stream.at_eof() and self._endless is None):
            return content[:limit]
        async with aclosing(self.chunks()) as rest:
            return content + await joined(rest, limit - len(content))

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Bring the body as it comes."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
            # To aiohttp a body without a length also ends where its connection is reset.
            reset = None if self._endless is None else self._endless.exception()
            if isinstance(reset, OSError):
                raise reset
        except _FAILURES as error:
            raise _explained(self._request, error) from None

    async def close(self) -> None:
        """Give the connection back, or close it."""
        self._response.close()


def _explained(request: Request, error: aiohttp.ClientError | OSError) -> DocassembleError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return not_connected(request)
    if isinstance(error, TimeoutError):
        return silent(request, error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return not_sent(request, error.os_error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        # Its text shows the proxy's password.
        return not_sent(request, f"the proxy answered {error.status}")
    cause = error.__cause__
    origin = cause if isinstance(error, _Lost) and isinstance(cause, Exception) else error
    return broken(request, origin)
