"""Sends requests under the concurrency limit. Only this module and the driver read the clock."""

from __future__ import annotations

import itertools
import logging
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from docassemble_client._concurrency import (
    ConcurrencyLimiter,
    perf_counter,
    running_loop,
    unix_time,
)
from docassemble_client._core.error_mapping import decode_error
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._core.redaction import mask_wire_logs
from docassemble_client._http.adapter import (
    Outgoing,
    UploadStream,
    decompression_error,
    file_changed,
    file_unreadable,
    read_up_to,
)
from docassemble_client._http.connection_pool import GivenTransport
from docassemble_client._http.multipart import FileChangedError, Multipart
from docassemble_client._http.network import check_proxy, find_environment_proxy, load_ssl_context
from docassemble_client._http.unpack import ACCEPTED, DecompressionError, decompress
from docassemble_client._version import __version__
from docassemble_client.errors import UsageError
from docassemble_client.events import RequestEvent, ResponseEvent

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Callable

    from docassemble_client._http.adapter import HTTPAdapter, HTTPXTransport, OpenResponse
    from docassemble_client.config import Secret, Timeouts
    from docassemble_client.events import Event

logger = logging.getLogger("docassemble_client")

MAX_ERROR_BODY_BYTES = 65536
# Decompressed, in memory; a streamed file has no limit.
MAX_BODY_BYTES = 64 << 20
MAX_URL_LENGTH = 65536
_request_ids = itertools.count(1)


class Transport:
    """Sends requests to one server and reads its responses; connects on first use."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        *,
        transport: str | HTTPXTransport,
        verify: bool | str | ssl.SSLContext,
        cert: str | tuple[str, str] | None,
        proxy: str | None,
        max_concurrency: int,
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self._on_event = on_event
        self.base_url = base_url
        self._api_key = api_key
        self._headers = {
            "user-agent": f"docassemble-client/{__version__}",
            "accept": "*/*",
            "accept-encoding": ACCEPTED,
        }
        self._verify = verify
        self._cert = cert
        self._proxy = proxy
        self._library = transport
        self._adapter: HTTPAdapter | None = None
        self._limiter = ConcurrencyLimiter(max_concurrency)
        self._loop: object = None
        self._closed = False

    async def aclose(self) -> None:
        """Close all connections; the transport cannot be used afterwards."""
        if self._closed:
            return
        self.bind_to_loop()
        self._closed = True
        if self._adapter is None and not isinstance(self._library, str):
            self._adapter = self._make_adapter()
        if self._adapter is not None:
            await self._adapter.aclose()

    def emit(self, event: Event) -> None:
        """Call the hook; log its exceptions, because they must not break the call."""
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:
                logger.exception("on_event failed")

    async def send(self, request: Request, timeouts: Timeouts) -> RawResponse:
        """Send one request when a slot is free, and read its response."""
        if not self._limiter.acquire_nowait():
            await self._limiter.acquire()
        body: bytes | UploadStream | None = None
        open_response: OpenResponse | None = None
        try:
            adapter = self._get_adapter()
            outgoing, native_request = self._build_request(adapter, request, timeouts)
            body = outgoing.body
            is_unobserved = self._on_event is None and not logger.isEnabledFor(logging.DEBUG)
            if is_unobserved and not isinstance(body, UploadStream):
                open_response = await adapter.send(outgoing, native_request)
            else:
                open_response = await self._send_observed(adapter, outgoing, native_request)
            open_response.headers.pop("set-cookie", None)  # it logs in as the owner of the API key
            is_success = open_response.status // 100 == 2  # noqa: PLR2004 - as in 200
            if request.stream and is_success:
                return self._make_stream(request, open_response, body)
            content = await _read_body(
                request, open_response, MAX_BODY_BYTES + 1 if is_success else MAX_ERROR_BODY_BYTES
            )
            response = self._make_response(request, open_response, content)
        except BaseException:
            await self._release(open_response, body)
            raise
        if isinstance(body, UploadStream):
            await self._release(open_response, body)
        else:
            # Same as `_release`, without the cost of another coroutine.
            try:
                await open_response.close()
            finally:
                self._limiter.release()
        if len(content) > MAX_BODY_BYTES:
            message = f"the response is larger than {MAX_BODY_BYTES >> 20} MiB"
            raise decode_error(request, response, message)
        return response

    def _make_response(
        self, request: Request, open_response: OpenResponse, content: bytes = b""
    ) -> RawResponse:
        return RawResponse(
            status=open_response.status,
            headers=open_response.headers,
            content=content,
            url=self.base_url + request.path,
            received=unix_time(),
        )

    def _make_stream(
        self, request: Request, open_response: OpenResponse, body: bytes | UploadStream | None
    ) -> RawResponse:
        """Make a response with an open stream; closing it releases the slot."""
        stack = AsyncExitStack()
        stack.push_async_callback(self._release, open_response, body)
        chunks = _decompress(request, open_response)
        stack.push_async_callback(chunks.aclose)
        response = self._make_response(request, open_response)
        response.chunks, response.close = chunks, stack.aclose
        return response

    async def _release(
        self, open_response: OpenResponse | None, body: bytes | UploadStream | None
    ) -> None:
        """Close the response and the body, and release the slot."""
        try:
            if open_response is not None:
                await open_response.close()
        finally:
            try:
                if isinstance(body, UploadStream):
                    await body.aclose()
            finally:
                self._limiter.release()

    async def _send_observed(
        self, adapter: HTTPAdapter, outgoing: Outgoing, native_request: Any
    ) -> OpenResponse:
        """Send a request; log it and emit its events."""
        request = outgoing.request
        number = next(_request_ids)
        started = perf_counter()
        fields = {"operation": request.operation, "method": request.method, "path": request.path}
        self.emit(RequestEvent(number=number, **fields))
        status, error = None, ""
        try:
            open_response = await adapter.send(outgoing, native_request)
            status = open_response.status
        except BaseException as exc:
            is_error = isinstance(exc, Exception)
            failure = _upload_error(request, outgoing.body) if is_error else None
            error = type(failure or exc).__name__
            if failure is None:
                raise
            raise failure from None
        finally:
            seconds = perf_counter() - started
            logger.debug("%s: %s %s: %s in %.3f s", *fields.values(), error or status, seconds)
            self.emit(
                ResponseEvent(number=number, status=status, error=error, seconds=seconds, **fields)
            )
        return open_response

    def bind_to_loop(self) -> None:
        """Bind to the running event loop; raise UsageError if closed or bound to another."""
        loop = running_loop()
        if self._closed:
            message = "the client is closed; create a new one"
            raise UsageError(message)
        if self._loop not in (None, loop):
            message = "the client belongs to another event loop; create one client per event loop"
            raise UsageError(message)
        self._loop = loop

    def _get_adapter(self) -> HTTPAdapter:
        if self._closed:  # while this request waited for a slot
            self.bind_to_loop()
        if self._adapter is None:
            self._adapter = self._make_adapter()
            mask_wire_logs()
        return self._adapter

    def _make_adapter(self) -> HTTPAdapter:
        """Create the adapter; an HTTP library is imported only here."""
        if not isinstance(self._library, str):
            from docassemble_client._http.httpx_adapter import HTTPXAdapter, find_library

            return HTTPXAdapter(
                find_library(self._library), GivenTransport(self._library), self.base_url
            )
        context = load_ssl_context(self._verify, self._cert, self._library)
        proxy = self._proxy or find_environment_proxy(self.base_url)
        try:
            if proxy is not None:
                check_proxy(proxy)
            if self._library == "aiohttp":
                from docassemble_client._http.aiohttp_adapter import AiohttpAdapter

                return AiohttpAdapter(self.base_url, context, proxy)
            from docassemble_client._http.httpx_adapter import make_adapter

            return make_adapter(self._library, self.base_url, context, proxy)
        except (ImportError, ValueError) as error:
            # The original errors contain the URL, which may contain a password.
            message = f"the proxy cannot be used ({type(error).__name__})"
            hint = "Check its URL; socks5:// needs the package socksio, and not aiohttp"
            raise UsageError(message, hint=hint) from None

    def _build_request(
        self, adapter: HTTPAdapter, request: Request, timeouts: Timeouts
    ) -> tuple[Outgoing, Any]:
        headers = self._headers.copy()
        for name, value in request.headers.items():
            # Outer whitespace has no meaning, but HTTP libraries refuse it.
            headers[name] = value.strip()
        if request.auth:
            headers["x-api-key"] = self._api_key.reveal()
        target = request.path
        if request.query:
            target += "?" + urlencode(request.query, quote_via=quote)
        body: bytes | UploadStream | None = request.json
        try:
            if len(target) > MAX_URL_LENGTH:
                raise ValueError
            if request.json is not None:
                headers["content-type"] = "application/json"
            elif request.files:
                multipart = Multipart(request.form, request.files)
                headers["content-type"] = multipart.content_type
                body = UploadStream(multipart)
            outgoing = Outgoing(
                request=request, target=target, headers=headers, body=body, timeouts=timeouts
            )
            return outgoing, adapter.prepare(outgoing)
        except (OSError, ValueError) as error:
            message = f"the request cannot be built ({type(error).__name__})"
            raise UsageError(message, operation=request.operation) from None


def _upload_error(request: Request, body: bytes | UploadStream | None) -> Exception | None:
    """Return the error of reading the body, which a library would report as a network error."""
    failure = body.failure if isinstance(body, UploadStream) else None
    if isinstance(failure, FileChangedError):
        return file_changed(request)
    if isinstance(failure, OSError):
        return file_unreadable(request, failure)
    # Exceptions of the caller's own iterable are raised unchanged.
    return failure


async def _read_body(request: Request, open_response: OpenResponse, limit: int) -> bytes:
    """Read a body, or only its beginning."""
    if "content-encoding" not in open_response.headers:
        return await open_response.read(limit)
    async with aclosing(_decompress(request, open_response)) as chunks:
        return await read_up_to(chunks, limit)


async def _decompress(request: Request, open_response: OpenResponse) -> AsyncGenerator[bytes]:
    encoding = open_response.headers.get("content-encoding", "")
    try:
        async with aclosing(decompress(open_response.iter_chunks(), encoding)) as chunks:
            async for chunk in chunks:
                yield chunk
    except DecompressionError:
        raise decompression_error(request, open_response.status) from None
