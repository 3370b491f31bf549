"""The total limit of a call: from the wait for its lock to the last chunk of a download."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from docassemble_client._concurrency import monotonic, timeout_at
from docassemble_client._core.error_mapping import timeout_error
from docassemble_client._core.messages import SendState
from docassemble_client.errors import DocassembleError, MaybeSent, format_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager
    from typing import Self

    from docassemble_client._concurrency import TimeoutScope
    from docassemble_client._core.messages import Request

NULL_CONTEXT = nullcontext()


class TotalLimit:
    """
    The total limit of one call.

    Attributes:
        request: The request of the call.
        state: How far the call has come.
    """

    __slots__ = ("_deadline", "_timeout", "_total", "request", "state")

    def __init__(self, request: Request, total: float | None) -> None:
        self.request = request
        self.state = SendState()
        self._total = total
        self._deadline = None if total is None else monotonic() + total
        self._timeout: TimeoutScope | None = None

    def start(self) -> AbstractAsyncContextManager[object]:
        """Return the context that raises TimeoutError at the deadline."""
        if self._deadline is None:
            return NULL_CONTEXT
        self._timeout = timeout_at(self._deadline)
        return self._timeout

    def convert(self, error: TimeoutError) -> Exception:
        """Return the error of an expired limit; another TimeoutError is the caller's own."""
        # Not by the clock: an event loop may run a timer shortly before its time.
        if self._timeout is None or not self._timeout.expired():
            return error
        message = f"the call took longer than {format_seconds(self._total or 0.0)}"
        sent = self.state.maybe_processed
        timeout = timeout_error(self.request, message, sent=sent, limit="total")
        timeout.request_number = self.state.request_number
        return timeout


class LimitedChunks:
    """
    Iterates over the chunks of a body; no limit is held while the caller works on one.

    After an error or a cancellation it raises: the rest is lost, and must not look like the end.
    """

    def __init__(self, chunks: AsyncGenerator[bytes], limit: TotalLimit) -> None:
        self._chunks = chunks
        self._limit = limit
        self._is_broken = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._is_broken:
            message = "the download was interrupted"
            hint = "Start it again"
            raise MaybeSent(message, hint=hint, **self._limit.request.error_context)
        self._is_broken = True
        try:
            async with self._limit.start():
                chunk = await anext(self._chunks, None)
        except TimeoutError as error:
            raise self._limit.convert(error) from None
        except DocassembleError as error:
            error.request_number = self._limit.state.request_number
            raise
        self._is_broken = False
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Stop reading the body."""
        await self._chunks.aclose()
