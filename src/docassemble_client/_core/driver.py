"""Runs flows: sends their requests, sleeps and emits events."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from docassemble_client._concurrency import Lock, monotonic, sleep, timeout_at
from docassemble_client._core.error_mapping import timeout_error
from docassemble_client._core.flow import Deliver, Send, Sleep, Tell
from docassemble_client.errors import DecodeError, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
    from contextlib import AbstractAsyncContextManager

    from docassemble_client._core.flow import Flow, Step
    from docassemble_client._core.messages import RawResponse, Request
    from docassemble_client._http.transport import Transport
    from docassemble_client.config import Timeouts
    from docassemble_client.errors import RequestTimeout
    from docassemble_client.events import Event

T = TypeVar("T")


class Line(Protocol):
    """What a driver needs of the transport."""

    def bind_to_loop(self) -> None:
        """Belong to the running event loop."""
        ...

    async def send(self, request: Request, timeouts: Timeouts, /) -> RawResponse:
        """Send one request, and bring its reply."""
        ...

    def emit(self, event: Event, /) -> None:
        """Tell the hook."""
        ...


class Begun:
    """A transport that has sent the first request of a flow already, and brings what came of it."""

    def __init__(
        self, transport: Transport, outcome: RawResponse | TransportError | DecodeError
    ) -> None:
        self._outcome: RawResponse | TransportError | DecodeError | None = outcome
        self.emit = transport.emit
        self._send = transport.send

    def bind_to_loop(self) -> None:
        """Nothing: it was claimed before the first request, and may have been closed since."""

    async def send(self, request: Request, timeouts: Timeouts) -> RawResponse:
        """Bring what came of the first request; send any other."""
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return await self._send(request, timeouts)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class Run(Generic[T]):
    """One flow on its way."""

    __slots__ = (
        "_begun",
        "_flow",
        "_per_delivery",
        "_request",
        "_result",
        "_sent",
        "_timeouts",
        "_transport",
    )

    def __init__(
        self,
        transport: Line,
        flow: Flow[T],
        request: Request,
        timeouts: Timeouts,
        *,
        per_delivery: bool = False,
    ) -> None:
        """
        Prepare to drive a flow.

        Args:
            transport: What sends.
            flow: What to do.
            request: What it is about.
            timeouts: Limits.
            per_delivery: Whether the total limit is for each delivery; otherwise for everything.
        """
        self._transport = transport
        self._flow = flow
        self._request = request
        self._timeouts = timeouts
        self._per_delivery = per_delivery
        self._sent = False
        self._begun: float | None = None
        self._result: list[T] = []

    @property
    def elapsed(self) -> float:
        """Seconds since the first step."""
        now = monotonic()
        return 0.0 if self._begun is None else now - self._begun

    def result(self, lock: Lock | None = None) -> Coroutine[Any, Any, T]:
        """
        Go to the end.

        Args:
            lock: Held all the time.

        Returns:
            What the flow returns, to be awaited.

        Raises:
            RequestTimeout: The whole took longer than `timeouts.total`.
        """
        # Before the lock: one that another event loop holds would never be released here.
        self._transport.bind_to_loop()
        # Most calls need neither, which cost as much as the rest of this.
        if lock is None and self._timeouts.total is None:
            return self._advance(to_the_end=True)
        return self._limited(lock)

    async def _limited(self, lock: Lock | None) -> T:
        try:
            async with self._limit(), lock or nullcontext():
                result: T = await self._advance(to_the_end=True)
        except TimeoutError:
            raise self._too_long() from None
        return result

    async def step(self) -> Any | None:
        """
        Go on to the next delivery.

        Returns:
            What the flow delivers, or None at its end.

        Raises:
            RequestTimeout: It took longer than `timeouts.total`.
        """
        self._transport.bind_to_loop()
        try:
            async with self._limit():
                delivered = await self._advance()
        except TimeoutError:
            raise self._too_long() from None
        return None if self._result else delivered

    async def within(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """
        Bring the body of the result, as long as the whole call may take.

        Yields:
            Its pieces.

        Raises:
            RequestTimeout: The whole took longer than `timeouts.total`.
        """
        while True:
            try:
                async with self._limit():
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise self._too_long() from None
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        """Give up."""
        self._flow.close()

    def _limit(self) -> AbstractAsyncContextManager[object]:
        if self._begun is None or self._per_delivery:
            self._begun = monotonic()
        total = self._timeouts.total
        return nullcontext() if total is None else timeout_at(self._begun + total)

    async def _advance(self, *, to_the_end: bool = False) -> Any:
        """Go on to the next delivery or to the end, and bring what is delivered or the result."""
        if self._result:
            return self._result[0]
        # A flow ends by StopIteration, which must not leave a coroutine.
        try:
            step = next(self._flow)
            while to_the_end or not isinstance(step, Deliver):
                if isinstance(step, Send):
                    before, self._sent, self._request = self._sent, True, step.request
                    try:
                        reply = await self._transport.send(step.request, self._timeouts)
                    except (TransportError, DecodeError) as error:
                        if isinstance(error, TransportError):
                            self._sent = before or error.maybe_processed
                        step = self._flow.throw(error)
                    else:
                        step = self._flow.send(reply)
                    continue
                await self._aside(step)
                step = next(self._flow)
        except StopIteration as stop:
            self._result.append(stop.value)
            return stop.value
        finally:
            if to_the_end:
                self._flow.close()
        return step.value

    async def _aside(self, step: Step) -> None:
        """Do what brings no answer."""
        if isinstance(step, Sleep):
            await sleep(step.seconds)
        elif isinstance(step, Tell):
            self._transport.emit(step.event)

    def _too_long(self) -> RequestTimeout:
        message = f"the call took longer than {self._timeouts.total} s"
        return timeout_error(self._request, message, sent=self._sent)
