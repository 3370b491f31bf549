"""Logs the requests and responses of a live run, with operation and test."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from docassemble_client import RequestEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from docassemble_client import Event

MAX_BODY_BYTES = 1_048_576  # larger bodies are not recorded
PAGE_HEADERS = ("referer", "origin")
# The transport does not know the operation. The hook is called just before, in the same task.
_operation: ContextVar[str] = ContextVar("operation", default="")


@frozen(kw_only=True)
class Exchange:
    """
    A request and its response.

    Attributes:
        test: ID of the test.
        operation: Full name of the operation; `request` for calls of `da.request`.
        method: HTTP method.
        target: Path and query.
        key: API key; empty if none was sent.
        headers: Referer and origin of the request.
        request_type: Content type of the request.
        request: Body of the request; None if it is larger than MAX_BODY_BYTES.
        status: HTTP status.
        response_type: Content type of the response.
        response: Body of the response; None if it is too large or was not read completely.
    """

    test: str
    operation: str
    method: str
    target: str
    key: str
    headers: dict[str, str]
    request_type: str
    request: bytes | None
    status: int
    response_type: str
    response: bytes | None


class ExchangeLog:
    """
    The exchanges of a run.

    Attributes:
        exchanges: The exchanges, in order.
        test: ID of the running test.
        failed_tests: IDs of the tests that failed.
        unrecorded_tests: IDs of the tests whose exchanges are not written to files.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.test = ""
        self.failed_tests: set[str] = set()
        self.unrecorded_tests: set[str] = set()

    def start_test(self, test: str, *, recorded: bool) -> None:
        """Set the test of the next exchanges."""
        self.test = test
        if not recorded:
            self.unrecorded_tests.add(test)

    def get_passed_exchanges(self) -> list[Exchange]:
        """Return the exchanges of the tests that passed."""
        return [exchange for exchange in self.exchanges if exchange.test not in self.failed_tests]

    def on_event(self, event: Event) -> None:
        """Note the operation of the next request of this task."""
        if isinstance(event, RequestEvent):
            _operation.set(event.operation)

    def make_transport(self) -> httpx.AsyncBaseTransport:
        """Make a transport that logs its exchanges."""
        return _LoggingTransport(self, httpx.AsyncHTTPTransport())


class _LoggingTransport(httpx.AsyncBaseTransport):
    def __init__(self, log: ExchangeLog, inner: httpx.AsyncBaseTransport) -> None:
        self._log = log
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        operation, test = _operation.get(), self._log.test
        request_stream = _CopiedStream(request.stream)
        request.stream = request_stream
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response_stream = _CopiedStream(response.stream)
        response.stream = response_stream

        def log() -> None:
            self._log.exchanges.append(
                Exchange(
                    test=test,
                    operation=operation,
                    method=request.method,
                    target=request.url.raw_path.decode(),
                    key=request.headers.get("x-api-key", ""),
                    headers={
                        name: request.headers[name]
                        for name in PAGE_HEADERS
                        if name in request.headers
                    },
                    request_type=request.headers.get("content-type", ""),
                    request=request_stream.get_content(),
                    status=response.status_code,
                    response_type=response.headers.get("content-type", ""),
                    response=response_stream.get_content(),
                )
            )

        response_stream.on_close = log
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _CopiedStream(httpx.AsyncByteStream):
    """Copies the chunks of a body, unless it is too large."""

    def __init__(self, inner: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        assert isinstance(inner, httpx.AsyncByteStream)
        self._inner = inner
        self._copy = bytearray()
        self._is_complete = False
        self.on_close: Callable[[], object] = bool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            if len(self._copy) <= MAX_BODY_BYTES:
                self._copy += chunk
            yield chunk
        self._is_complete = True

    async def aclose(self) -> None:
        await self._inner.aclose()
        self.on_close()

    def get_content(self) -> bytes | None:
        """Return the body if it was read completely and is not too large."""
        return (
            bytes(self._copy) if self._is_complete and len(self._copy) <= MAX_BODY_BYTES else None
        )
