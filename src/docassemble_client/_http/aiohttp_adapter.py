"""
Sends requests with aiohttp, without objects of httpx in between.

httpx-aiohttp 0.2.0 is not used. It maps aiohttp's ServerDisconnectedError to a ConnectTimeout,
which means "not sent". A POST that the server may have processed would then be retried. It also
keeps cookies, so the session cookie of each docassemble response would be sent back.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD
from yarl import URL

from docassemble_client._core.messages import RawResponse
from docassemble_client._http.adapter import UploadStream, invalid_request, read_up_to
from docassemble_client._http.aiohttp_connector import Connector, Protocol, current_state
from docassemble_client._http.connecting import Connecting
from docassemble_client._http.connection_errors import ConnectionErrors
from docassemble_client.config import Timeouts

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable
    from types import TracebackType
    from typing import Self

    from docassemble_client._core.messages import Request, SendState
    from docassemble_client.errors import DocassembleError

CHUNK_BYTES = 32768  # fits the buffers of an idle connection, so that a write never blocks
MAX_LINE_BYTES = 65536
MAX_HEADERS = 10_000
_MIN_TIMEOUT = 1e-6  # seconds; for aiohttp, 0 means no limit
_LIBRARY_ERRORS = (aiohttp.ClientError, OSError)


class AiohttpAdapter:
    """Sends requests with a session of aiohttp."""

    def __init__(self, base_url: str, context: ssl.SSLContext, proxy: str | None) -> None:
        """
        Check the proxy; the session is opened with the first request.

        Args:
            base_url: URL of the server.
            context: Context for TLS.
            proxy: URL of a proxy.

        Raises:
            ValueError: The proxy cannot be used.
        """
        proxy_url = None if proxy is None else URL(proxy)
        if proxy_url is not None and proxy_url.scheme not in {"http", "https"}:
            message = "aiohttp supports only http:// and https:// proxies"
            raise ValueError(message)
        self._base_url = base_url
        self._errors = ConnectionErrors(base_url, proxy)
        self._encoded_base_url = ""

        def get_proxy() -> URL | None:
            return proxy_url

        # A function, because vars() would show the password in the URL.
        self._get_proxy = get_proxy
        self._context = context
        self._connecting = Connecting()
        self._session: aiohttp.ClientSession | None = None
        self._last_timeout: tuple[Timeouts | None, aiohttp.ClientTimeout] = (
            None,
            _to_client_timeout(Timeouts()),
        )

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
        current_state.set(state)
        try:
            # The target is already encoded.
            url = URL(self._get_base_url() + target, encoded=True)
        except ValueError as error:
            raise invalid_request(request, error) from None
        data: _WriteTimeoutStream | None = None
        try:
            stream = _as_stream(body)
            if stream is None:
                response = await self._send(request, url, headers, body, timeouts)
            else:
                chunks, length = stream
                if length is not None:
                    headers["content-length"] = str(length)
                async with _WriteTimeoutStream(chunks, timeouts) as data:
                    response = await self._send(request, url, headers, data, timeouts)
        except _LIBRARY_ERRORS as error:
            if data is not None and data.is_writing and type(error) is TimeoutError:
                raise self._errors.write_timeout(request, timeouts) from None
            raise self._map_send_error(request, error, timeouts, state) from None
        self._errors.has_response = True
        return AiohttpResponse(self, request, response, timeouts, state)

    def _map_send_error(
        self,
        request: Request,
        error: aiohttp.ClientError | OSError,
        timeouts: Timeouts,
        state: SendState,
    ) -> DocassembleError:
        """Convert an exception of the library that it raised instead of a response."""
        if state.is_sent:
            return self.map_error(request, error, timeouts)
        errors = self._errors
        if self._connecting.is_closed:
            return errors.client_closed(request)
        if isinstance(error, aiohttp.InvalidURL):
            # Such as 127.1, which aiohttp does not resolve.
            return invalid_request(request, error)
        if isinstance(error, TimeoutError):
            return errors.connect_timeout(request, timeouts)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            # The text of the error contains the proxy's password.
            return errors.proxy_refusal(request, error.status)
        reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        return errors.connect_error(request, reason, is_text_safe=reason is not error)

    def map_error(
        self, request: Request, error: aiohttp.ClientError | OSError, timeouts: Timeouts
    ) -> DocassembleError:
        """Convert an exception of the library that it raised after sending had begun."""
        if isinstance(error, TimeoutError):
            return self._errors.read_timeout(request, timeouts)
        return self._errors.connection_lost(request, error)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connecting.aclose()
        if self._session is not None:
            await self._session.close()

    def _get_session(self) -> aiohttp.ClientSession:
        # Not earlier: a session that is not closed warns.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connector(self._context, self._connecting),
                cookie_jar=_NoCookies(),
                # Without a body, aiohttp would send application/octet-stream.
                skip_auto_headers=("content-type",),
                auto_decompress=False,  # the transport refuses compressed bodies
                max_line_size=MAX_LINE_BYTES,
                max_field_size=MAX_LINE_BYTES,
                max_headers=MAX_HEADERS,
            )
            # On a broken connection aiohttp would repeat GET and DELETE, even if the server has
            # processed them. It has no public setting for that; a test guards this one.
            self._session._retry_connection = False  # noqa: SLF001
        return self._session

    def _send(
        self,
        request: Request,
        url: URL,
        headers: dict[str, str],
        data: object,
        timeouts: Timeouts,
    ) -> Awaitable[aiohttp.ClientResponse]:
        return self._get_session().request(
            request.method,
            url,
            headers=headers,
            data=data,
            allow_redirects=False,
            proxy=self._get_proxy(),
            timeout=self._get_client_timeout(timeouts),
        )

    def _get_base_url(self) -> str:
        if not self._encoded_base_url:
            self._encoded_base_url = _encode_base_url(self._base_url)
        return self._encoded_base_url

    def _get_client_timeout(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        # Most calls of a client have the same timeouts.
        if timeouts is not self._last_timeout[0]:
            self._last_timeout = (timeouts, _to_client_timeout(timeouts))
        return self._last_timeout[1]


class _NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookies; it returns the same empty collection for each request."""

    def __init__(self) -> None:
        super().__init__()
        self._no_cookies: SimpleCookie = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:  # noqa: ARG002 - has none
        """Return no cookies."""
        return self._no_cookies


class _Chunks:
    """Splits bytes into chunks."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._offset = 0

    async def __anext__(self) -> bytes:
        chunk = self._content[self._offset : self._offset + CHUNK_BYTES]
        if not chunk:
            raise StopAsyncIteration
        self._offset += len(chunk)
        return chunk


class _WriteTimeoutStream:
    """
    A body whose chunks the server must accept in time; aiohttp would wait forever.

    Attributes:
        is_writing: Whether it waits until the server accepts a chunk.
    """

    def __init__(self, body: UploadStream | _Chunks, timeouts: Timeouts) -> None:
        self._body = body
        self._write_seconds = timeouts.write
        # After the last chunk there is still the wait for the response.
        self._read_seconds = None if None in (timeouts.write, timeouts.read) else timeouts.read
        self._timeout = asyncio.timeout(None)
        self._is_active = False
        self.is_writing = False

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._is_active = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_active = False
        await self._timeout.__aexit__(exc_type, exc, traceback)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self._set_timeout(None)
        self.is_writing = False
        try:
            chunk = await anext(self._body)
        except StopAsyncIteration:
            self._set_timeout(
                None
                if self._read_seconds is None
                else self._read_seconds + (self._write_seconds or 0)
            )
            raise
        self._set_timeout(self._write_seconds)
        self.is_writing = True
        return chunk

    def _set_timeout(self, seconds: float | None) -> None:
        if self._is_active and not self._timeout.expired():
            now = asyncio.get_running_loop().time()
            self._timeout.reschedule(None if seconds is None else now + seconds)


def _as_stream(
    body: bytes | UploadStream | None,
) -> tuple[UploadStream | _Chunks, int | None] | None:
    """Return the chunks of a body and its length, or None if it is sent at once."""
    if isinstance(body, UploadStream):
        return body, body.length
    if body is not None and len(body) > CHUNK_BYTES:
        return _Chunks(body), len(body)
    return None


def _encode_base_url(base_url: str) -> str:
    url = URL(base_url)
    # Otherwise resolving the host would raise the error in the middle of a request.
    (url.raw_host or "").encode("idna")
    return str(url).rstrip("/")


def _to_client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    # The connect timeout covers everything before the request: resolving, TLS, the proxy.
    return aiohttp.ClientTimeout(
        total=None,
        connect=_clamp_timeout(timeouts.connect),
        sock_read=_clamp_timeout(timeouts.read),
    )


def _clamp_timeout(seconds: float | None) -> float | None:
    return None if seconds is None else max(seconds, _MIN_TIMEOUT)


def _merge_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in response.headers.items():
        name = raw_name.lower()
        value = raw_value if raw_value.isascii() else _decode_header(raw_value)
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ", ".join(values)
    return headers


def _decode_header(text: str) -> str:
    """Decode a header that is not UTF-8 as Latin-1; aiohttp returns lone surrogates for it."""
    content = text.encode(errors="surrogateescape")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _close_delimited(response: aiohttp.ClientResponse, state: SendState) -> Protocol | None:
    """Return the connection if the end of the connection is the end of the body."""
    has_length = "content-length" in response.headers or "transfer-encoding" in response.headers
    # Not `response.connection`, which aiohttp drops once the whole body has arrived.
    connection = state.connection
    has_end = has_length or response.content is EMPTY_PAYLOAD
    return connection if isinstance(connection, Protocol) and not has_end else None


class AiohttpResponse(RawResponse):
    """A response of aiohttp; its body is read from the connection."""

    __slots__ = ("_adapter", "_connection", "_native", "_request", "_timeouts")

    def __init__(
        self,
        adapter: AiohttpAdapter,
        request: Request,
        native: aiohttp.ClientResponse,
        timeouts: Timeouts,
        state: SendState,
    ) -> None:
        super().__init__(status=native.status, headers=_merge_headers(native))
        self._adapter = adapter
        self._request = request
        self._native = native
        self._timeouts = timeouts
        self._connection = _close_delimited(native, state)

    def read_nowait(self, limit: int) -> bytes | None:
        """Return the body, or its first bytes, if it has arrived; None if `read` must wait."""
        stream = self._native.content
        if self._connection is not None or not stream.is_eof() or stream.exception() is not None:
            return None
        return stream.read_nowait(limit)

    async def read(self, limit: int) -> bytes:
        """Read the body to its end, or its first bytes."""
        async with aclosing(self.iter_chunks()) as chunks:
            return await read_up_to(chunks, limit)

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the chunks of the body."""
        try:
            async for chunk in self._native.content.iter_any():
                yield chunk
            # Without a length, aiohttp takes any end of the connection for the end of the body.
            if self._connection is not None and self._connection.is_cut_off():
                raise aiohttp.ServerDisconnectedError
        except _LIBRARY_ERRORS as error:
            raise self._adapter.map_error(self._request, error, self._timeouts) from None

    async def aclose(self) -> None:
        """Release the connection if the body was read to its end, else close it."""
        self._native.close()
