"""What a live run has shown: each request and its answer, by operation and test."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx
from attrs import frozen

from docassemble_client import RequestEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from docassemble_client import Event

LARGEST = 1_048_576  # bytes of a body that are kept; what is larger counts, but is not recorded
SITE = ("referer", "origin")
# The transport is not told what it sends; the hook is, just before and in the same task.
_operation: ContextVar[str] = ContextVar("operation", default="")


@frozen(kw_only=True)
class Exchange:
    """
    One request and its answer, as they went over the wire.

    Attributes:
        test: Which test made it.
        operation: Full name of the operation; `request` for a call that none describes.
        method: HTTP method.
        target: Path and query.
        key: The API key; empty without one.
        headers: What it says of the page it comes from: referer and origin.
        request_type: Content type of the body.
        request: The body; None if it is larger than LARGEST.
        status: HTTP status.
        response_type: Content type of the answer.
        response: The answer's body; None if it is larger than LARGEST or was not read to its end.
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


class Evidence:
    """
    Everything that was exchanged in this run, in order.

    Attributes:
        exchanges: The exchanges.
        test: The test that runs.
        failed: Tests that failed.
        unrecorded: Tests whose exchanges are not recorded.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.test = ""
        self.failed: set[str] = set()
        self.unrecorded: set[str] = set()

    def begin(self, test: str, *, recorded: bool) -> None:
        """Note for which test the next exchanges are."""
        self.test = test
        if not recorded:
            self.unrecorded.add(test)

    def passed(self) -> list[Exchange]:
        """The exchanges of the tests that passed."""
        return [one for one in self.exchanges if one.test not in self.failed]

    def hook(self, event: Event) -> None:
        """Note which operation the next request of this task belongs to."""
        if isinstance(event, RequestEvent):
            _operation.set(event.operation)

    def transport(self) -> httpx.AsyncBaseTransport:
        """Make a transport that notes what it carries."""
        return _Witness(self, httpx.AsyncHTTPTransport())


class _Witness(httpx.AsyncBaseTransport):
    def __init__(self, evidence: Evidence, inner: httpx.AsyncBaseTransport) -> None:
        self._evidence = evidence
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        operation, test = _operation.get(), self._evidence.test
        sent = _Noted(request.stream)
        request.stream = sent
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        came = _Noted(response.stream)
        response.stream = came

        def note() -> None:
            self._evidence.exchanges.append(
                Exchange(
                    test=test,
                    operation=operation,
                    method=request.method,
                    target=request.url.raw_path.decode(),
                    key=request.headers.get("x-api-key", ""),
                    headers={one: request.headers[one] for one in SITE if one in request.headers},
                    request_type=request.headers.get("content-type", ""),
                    request=sent.content(),
                    status=response.status_code,
                    response_type=response.headers.get("content-type", ""),
                    response=came.content(),
                )
            )

        came.at_end = note
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Noted(httpx.AsyncByteStream):
    """Passes a body on and keeps a copy, unless it is large."""

    def __init__(self, inner: httpx.SyncByteStream | httpx.AsyncByteStream) -> None:
        assert isinstance(inner, httpx.AsyncByteStream)
        self._inner = inner
        self._kept = bytearray()
        self._whole = False
        self.at_end: Callable[[], object] = bool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            if len(self._kept) <= LARGEST:
                self._kept += chunk
            yield chunk
        self._whole = True

    async def aclose(self) -> None:
        await self._inner.aclose()
        self.at_end()

    def content(self) -> bytes | None:
        """The whole body, if it was read to its end and is not too large."""
        return bytes(self._kept) if self._whole and len(self._kept) <= LARGEST else None
