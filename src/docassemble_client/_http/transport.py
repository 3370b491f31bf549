"""Sends the requests of clients: the API key, headers, the concurrency limit, events, size caps."""

from __future__ import annotations

import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from docassemble_client._concurrency import (
    Limiter,
    Slot,
    is_within_call,
    perf_counter,
    timeout_after,
    unix_time,
)
from docassemble_client._core.error_mapping import decode_error, size_error, timeout_error
from docassemble_client._core.messages import check_headers
from docassemble_client._http.adapter import (
    FileChangedError,
    FileReadError,
    UploadStream,
    file_changed,
    file_unreadable,
    invalid_request,
)
from docassemble_client._version import __version__
from docassemble_client.errors import DocassembleError, MaybeSent, UsageError, format_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from docassemble_client._core.messages import RawResponse, Request, SendState
    from docassemble_client._http.connections import Connections
    from docassemble_client.config import Secret, Timeouts
    from docassemble_client.events import Event

logger = logging.getLogger("docassemble_client")

MAX_ERROR_BODY_BYTES = 65536
MAX_BODY_BYTES = 64 << 20  # in memory; a streamed file has no limit
MAX_URL_LENGTH = 65536
_HEADERS = {
    "user-agent": f"docassemble-client/{__version__}",
    "accept": "*/*",
    "accept-encoding": "identity",
}
_CODINGS = frozenset({"br", "compress", "deflate", "gzip", "x-gzip", "zstd"})
_STATUSES_WITHOUT_BODY = frozenset({204, 304})
_request_numbers = itertools.count(1)


class _Headers(dict[str, str]):
    """The headers of a request. Some tools show the local variables of a traceback."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


class Transport:
    """Sends the requests of one client or view: its key, its headers and its hook."""

    def __init__(
        self,
        connections: Connections,
        api_key: Secret,
        *,
        headers: tuple[Mapping[str, str] | Callable[[], Mapping[str, str]], ...] = (),
        on_event: Callable[[Event], object] | None = None,
    ) -> None:
        self.bind_to_loop = connections.bind_to_loop
        self._connections = connections
        self._limiter = connections.limiter
        self._api_key = api_key
        self._headers = headers
        self._on_event = on_event

    def emit(self, event: Event) -> None:
        """Call the hook; log its exceptions, because they must not break the call."""
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:
                logger.exception("on_event failed")

    async def send(self, request: Request, timeouts: Timeouts, state: SendState) -> RawResponse:
        """
        Send one request when a slot is free, and read its response.

        Args:
            request: The request.
            timeouts: Time limits.
            state: Progress of the call, updated in place.

        Returns:
            The response with its body; for a stream, with its head.

        Raises:
            TransportError: No response arrived.
            DecodeError: The response is too large, or compressed.
            UsageError: The request cannot be built.
        """
        if not self._limiter.acquire_nowait():
            if is_within_call():
                self._limiter.borrow()
            else:
                await self._wait_for_slot(request, timeouts.pool)
        number = next(_request_numbers)
        response: RawResponse | None = None
        upload: UploadStream | None = None
        try:
            adapter = self._connections.get_adapter()
            target, headers, body = self._build_request(request, state)
            if isinstance(body, UploadStream):
                upload = body
            state.was_processed = state.is_sent or state.was_processed
            state.is_sent = False
            state.request_number = number
            sending = adapter.send(request, target, headers, body, timeouts, state)
            if upload is None and self._on_event is None and not logger.isEnabledFor(logging.DEBUG):
                response = await sending
            else:
                response = await self._send_observed(number, request, upload, sending, state)
            self._receive_head(request, response, number)
            is_success = response.status // 100 == 2  # noqa: PLR2004 - as in 200
            if is_success and request.stream:
                slot = Slot(self._limiter)
                response.release = partial(self._release, response, upload, slot)
                response.release_slot = slot.release
                return response
            max_size = self._connections.max_response_size or MAX_BODY_BYTES
            limit = max_size + 1 if is_success else MAX_ERROR_BODY_BYTES
            content = response.read_nowait(limit)
            response.content = await _read_body(response, limit) if content is None else content
        except BaseException as error:
            if isinstance(error, DocassembleError):
                error.request_number = number
            await self._release(response, upload, self._limiter)
            raise
        # `_release`, inlined: it would cost nearly every call another coroutine.
        try:
            await response.aclose()
            if upload is not None:
                await upload.aclose()
        finally:
            self._limiter.release()
        if is_success and len(response.content) > max_size:
            raise size_error(request, response, max_size)
        return response

    def _receive_head(self, request: Request, response: RawResponse, number: int) -> None:
        response.request_number = number
        response.url = self._connections.base_url + request.path
        response.received_at = unix_time()
        response.headers.pop("set-cookie", None)  # it logs in as the owner of the API key
        if "content-encoding" in response.headers:
            _check_encoding(request, response)

    async def _wait_for_slot(self, request: Request, limit: float | None) -> None:
        try:
            async with timeout_after(limit):
                await self._limiter.acquire()
        except TimeoutError:
            message = (
                f"other calls used all slots: none was free within {format_seconds(limit or 0.0)}"
            )
            error = timeout_error(request, message, sent=False, limit="pool")
            advice = "Nothing was sent. Raise max_concurrency, or make fewer calls at once"
            error.hint = f"{advice}. {error.hint}"
            raise error from None

    def _build_request(
        self, request: Request, state: SendState
    ) -> tuple[str, dict[str, str], bytes | UploadStream | None]:
        """Return the target, the headers and the body of a request."""
        headers = _Headers(_HEADERS)
        for source in self._headers:
            headers.update(_call_source(source, request, state) if callable(source) else source)
        if request.headers:
            headers.update(request.headers)
        if request.auth:
            headers["x-api-key"] = self._api_key.reveal()
        target = request.path
        if request.query:
            target += "?" + urlencode(request.query, quote_via=quote)
        if len(target) > MAX_URL_LENGTH:
            message = f"the URL is longer than {MAX_URL_LENGTH} characters"
            raise UsageError(message, operation=request.operation)
        if request.json is not None:
            headers["content-type"] = "application/json"
            return target, headers, request.json
        if not request.files:
            if not request.form:
                return target, headers, None
            headers["content-type"] = "application/x-www-form-urlencoded"
            return target, headers, urlencode(request.form).encode()
        from docassemble_client._http.multipart import Multipart  # few calls upload files

        try:
            multipart = Multipart(request.form, request.files)
        except (OSError, ValueError) as error:
            raise invalid_request(request, error) from None
        headers["content-type"] = multipart.content_type
        return target, headers, UploadStream(multipart)

    async def _send_observed(
        self,
        number: int,
        request: Request,
        upload: UploadStream | None,
        sending: Awaitable[RawResponse],
        state: SendState,
    ) -> RawResponse:
        """Send a request; log it and emit its events."""
        from docassemble_client.events import RequestEvent, ResponseEvent

        started = perf_counter()
        fields = {"operation": request.operation, "method": request.method, "path": request.path}
        self.emit(RequestEvent(number=number, **fields))
        status, error = None, ""
        try:
            response = await sending
            status = response.status
        except BaseException as exc:
            is_error = isinstance(exc, Exception)
            failure = _upload_error(request, upload, state) if is_error else None
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
        return response

    async def _release(
        self,
        response: RawResponse | None,
        upload: UploadStream | None,
        slot: Limiter | Slot,
    ) -> None:
        """Close the response and the upload, and release the slot."""
        try:
            if response is not None:
                await response.aclose()
        finally:
            try:
                if upload is not None:
                    await upload.aclose()
            finally:
                slot.release()


def _call_source(
    source: Callable[[], Mapping[str, str]], request: Request, state: SendState
) -> Mapping[str, str]:
    """Call the caller's function for headers; its exceptions are the caller's own."""
    try:
        headers = source()
    except Exception as error:
        state.callers_error = error
        raise
    return check_headers(headers, request.operation)


async def _read_body(response: RawResponse, limit: int) -> bytes:
    """Read the body; for an error, return nothing if the connection breaks."""
    try:
        return await response.read(limit)
    except MaybeSent:
        # A server that refuses an upload may reset the connection before its page has arrived. The
        # status still says why.
        if response.status // 100 == 2:  # noqa: PLR2004 - as in 200
            raise
        return b""


def _upload_error(
    request: Request, upload: UploadStream | None, state: SendState
) -> Exception | None:
    """Return the error of reading the body, which a library would report as a network error."""
    failure = upload.failure if upload is not None else None
    if isinstance(failure, FileChangedError):
        return file_changed(request)
    if isinstance(failure, FileReadError):
        return file_unreadable(request, failure)
    # Exceptions of the caller's own iterables and callbacks are raised unchanged.
    state.callers_error = failure
    return failure


def _check_encoding(request: Request, response: RawResponse) -> None:
    """Refuse a compressed body: the request asks for none, and docassemble sends none."""
    header = response.headers["content-encoding"]
    codings = {coding.strip().lower() for coding in header.split(",")} - {"", "identity"}
    if codings and response.status not in _STATUSES_WITHOUT_BODY:
        # An unknown coding may be any text, which an error must not show.
        names = f" ({', '.join(sorted(codings))})" if codings <= _CODINGS else ""
        message = f"the response is compressed{names}, which the request did not accept"
        error = decode_error(request, response, message)
        error.hint = (
            "Switch off compression for requests with accept-encoding: identity in the proxy"
        )
        raise error
