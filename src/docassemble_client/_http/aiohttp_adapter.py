"""
Sends requests with aiohttp, without objects of httpx in between.

httpx-aiohttp 0.2.0 is not used. It maps aiohttp's ServerDisconnectedError to a ConnectTimeout,
which means "not sent". A POST that the server may have processed would then be retried. It also
keeps cookies, so the session cookie of each docassemble response would be sent back.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

import aiohttp
from yarl import URL

from docassemble_client._http.adapter import UploadStream, invalid_request
from docassemble_client._http.aiohttp_connector import (
    LIBRARY_ERRORS,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    Connector,
    LibraryError,
    Protocol,
    current_state,
)
from docassemble_client._http.aiohttp_response import AiohttpResponse
from docassemble_client._http.connecting import Connecting
from docassemble_client._http.connection_errors import ConnectionErrors
from docassemble_client.config import Timeouts

if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from typing import Self

    from docassemble_client._core.messages import RawResponse, Request, SendState
    from docassemble_client.errors import DocassembleError

CHUNK_BYTES = 32768  # fits the buffers of an idle connection, so that a write never blocks
_MIN_TIMEOUT = 1e-6  # seconds; for aiohttp, 0 means no limit
_WITHOUT_LENGTH = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # if there is no body


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

        def get_proxy() -> URL | None:
            return proxy_url

        # A function, because vars() would show the password in the URL.
        self._get_proxy = get_proxy
        self._context = context
        self._connecting = Connecting()
        self._opened: _Opened | None = None
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
        data: _WriteTimeoutStream | None = None
        try:
            if isinstance(body, UploadStream):
                data = _WriteTimeoutStream(body, timeouts)
                length = body.length
            elif body is not None and len(body) > CHUNK_BYTES:
                data = _WriteTimeoutStream(_Chunks(body), timeouts)
                length = len(body)
            elif self._get_proxy() is None:
                return await self._send_at_once(request, target, headers, body, timeouts, state)
            else:
                return await self._send_by_session(request, target, headers, body, timeouts, state)
            if length is not None:
                headers["content-length"] = str(length)
            async with data:
                return await self._send_by_session(request, target, headers, data, timeouts, state)
        except LIBRARY_ERRORS as error:
            if data is not None and data.is_writing and type(error) is TimeoutError:
                raise self._errors.write_timeout(request, timeouts) from None
            raise self._map_send_error(request, error, timeouts, state) from None

    async def _send_at_once(
        self,
        request: Request,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        timeouts: Timeouts,
        state: SendState,
    ) -> RawResponse:
        """
        Send a request whose body fits the buffers, without a proxy, as nearly every call does.

        The session of aiohttp would cost more than everything else that the client does.
        """
        opened = self._open(request)
        client_timeout = self._get_client_timeout(timeouts)
        content = _encode(request.method, opened, target, headers, body)
        connection = await opened.connector.connect(opened.origin, [], client_timeout)
        try:
            protocol = cast("Protocol", connection.protocol)
            message, stream = await protocol.exchange(
                content, has_body=request.method != "HEAD", read_timeout=client_timeout.sock_read
            )
        except BaseException:
            connection.close()
            raise
        stream.on_eof(connection.release)
        self._errors.has_response = True
        return AiohttpResponse(
            message.code,
            message.headers,
            stream,
            connection.close,
            state=state,
            map_error=partial(self._map_error, request, timeouts),
        )

    async def _send_by_session(
        self,
        request: Request,
        target: str,
        headers: dict[str, str],
        data: _WriteTimeoutStream | bytes | None,
        timeouts: Timeouts,
        state: SendState,
    ) -> RawResponse:
        """Send a request that is written in chunks, or through a proxy."""
        opened = self._open(request)
        native = await opened.session.request(
            request.method,
            URL(opened.base_url + target, encoded=True),
            headers=headers,
            data=data,
            allow_redirects=False,
            proxy=self._get_proxy(),
            timeout=self._get_client_timeout(timeouts),
        )
        self._errors.has_response = True
        return AiohttpResponse(
            native.status,
            native.headers,
            native.content,
            native.close,
            state=state,
            map_error=partial(self._map_error, request, timeouts),
        )

    def _map_send_error(
        self,
        request: Request,
        error: LibraryError,
        timeouts: Timeouts,
        state: SendState,
    ) -> DocassembleError:
        """Convert an exception of the library that it raised instead of a response."""
        if state.is_sent:
            return self._map_error(request, timeouts, error)
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

    def _map_error(
        self, request: Request, timeouts: Timeouts, error: LibraryError
    ) -> DocassembleError:
        """Convert an exception of the library that it raised after sending had begun."""
        if isinstance(error, TimeoutError):
            return self._errors.read_timeout(request, timeouts)
        return self._errors.connection_lost(request, error)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connecting.aclose()
        if self._opened is not None:
            await self._opened.session.close()

    def _open(self, request: Request) -> _Opened:
        # Not earlier: a session that is not closed warns.
        if self._opened is None:
            try:
                base_url = _encode_base_url(self._base_url)
                url = URL(base_url, encoded=True)
                origin = aiohttp.ClientRequest("GET", url, loop=asyncio.get_running_loop())
            except ValueError as error:
                raise invalid_request(request, error) from None
            connector = Connector(self._context, self._connecting)
            session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                # Without a body, aiohttp would send application/octet-stream.
                skip_auto_headers=("content-type",),
                auto_decompress=False,  # the transport refuses compressed bodies
                max_line_size=MAX_LINE_BYTES,
                max_field_size=MAX_LINE_BYTES,
                max_headers=MAX_HEADERS,
            )
            # On a broken connection aiohttp would repeat GET and DELETE, even if the server has
            # processed them. It has no public setting for that; a test guards this one.
            session._retry_connection = False  # noqa: SLF001
            self._opened = _Opened(connector, session, origin, base_url)
        return self._opened

    def _get_client_timeout(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        # Most calls of a client have the same timeouts.
        if timeouts is not self._last_timeout[0]:
            self._last_timeout = (timeouts, _to_client_timeout(timeouts))
        return self._last_timeout[1]


class _Opened(NamedTuple):
    """
    What is opened with the first request.

    Attributes:
        connector: Opens the connections.
        session: Sends uploads, and requests through a proxy.
        origin: The server, as the connector expects it.
        base_url: URL of the server, encoded.
    """

    connector: Connector
    session: aiohttp.ClientSession
    origin: aiohttp.ClientRequest
    base_url: str


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


def _encode(
    method: str, opened: _Opened, target: str, headers: dict[str, str], body: bytes | None
) -> bytes:
    """Encode a request; its headers were checked, and its target is quoted."""
    origin = opened.origin
    path = origin.url.raw_path.rstrip("/") + target
    lines = [f"{method} {path} HTTP/1.1", f"host: {origin.headers['host']}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method not in _WITHOUT_LENGTH:
        lines.append(f"content-length: {len(body or b'')}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


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
