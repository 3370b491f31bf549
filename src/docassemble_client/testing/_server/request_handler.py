"""How requests are answered from what the fake server remembers."""

from __future__ import annotations

import logging
from http import HTTPStatus
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from docassemble_client.testing._handlers import HANDLERS
from docassemble_client.testing._server.call import Call, crash
from docassemble_client.testing._server.messages import (
    Answer,
    Crash,
    Incoming,
    Refusal,
    json_answer,
    nothing,
    page,
)
from docassemble_client.testing._server.pages import visit
from docassemble_client.testing._server.routes import Route, authenticate, choose, find_route
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused, Fault, Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._types import JSONInput
    from docassemble_client.operation import Operation
    from docassemble_client.testing._state.world import World

_log = logging.getLogger(__name__)
_LARGEST = 16 * 1024 * 1024
_WRONG_METHOD = (
    "MethodNotAllowed: 405 Method Not Allowed: The method is not allowed for the requested URL."
)
Outage = Literal["unavailable", "refused", "lost", "waiting"]
_OUTAGES: Mapping[Outage, Exception | None] = {
    "unavailable": None,
    "waiting": None,  # where an answer comes too late all the same
    "refused": ConnectionRefused(),
    "lost": ConnectionLost(),
}


class TooSlow(Exception):  # noqa: N818 - what the caller sees of it
    """The answer would come later than the caller waits."""


@frozen
class Received:
    """
    A request the fake server has answered.

    Attributes:
        operation: Full name of the operation; empty where the path means none.
        request: The request.
        status: HTTP status of the answer.
    """

    operation: str
    request: Incoming = field(repr=False)
    status: int


class Engine:
    """
    Answers requests.

    Attributes:
        latency: How many seconds every answer takes.
        outage: What happens to requests during a restart: a page with status 503, a refused or a
            lost connection, or waiting until the server is up again.
        received: Requests that were answered, in order.
    """

    def __init__(self, world: World, *, latency: float, outage: Outage) -> None:
        """
        Answer from a world.

        Args:
            world: What the server remembers.
            latency: How many seconds every answer takes.
            outage: What happens to requests during a restart.
        """
        self.clock = world.clock
        self.latency = latency
        self.outage: Outage = outage
        self.received: list[Received] = []
        self._world = world
        self._faults = Faults()

    @property
    def version(self) -> str:
        """Version of docassemble it behaves like."""
        return self._world.version

    async def answer(self, request: Incoming, *, patience: float | None = None) -> Answer:
        """
        Answer a request.

        Args:
            request: The request.
            patience: Seconds the caller waits for the answer; None for ever.

        Returns:
            The answer.

        Raises:
            ConnectionLost: The connection breaks.
            ConnectionRefused: No connection is accepted.
            TooSlow: The answer would come too late.
        """
        found = find_route(request.path, self.version)
        operation, place = _meant(found, request)
        fault = self._faults.next("" if operation is None else operation.id)
        late = self.latency + (fault.seconds if fault else 0.0)
        await self._pause(late, patience)
        while self.outage == "waiting" and self._world.tasks.restarting:
            left = self._world.tasks.left
            await self._pause(left, None if patience is None else patience - late)
            late += left
        if fault is not None and fault.done and not self._world.tasks.restarting:
            self._work(request, operation, place, known=found is not None)
        answer = self._broken(fault)
        if answer is None:
            answer = self._work(request, operation, place, known=found is not None)
        self.received.append(
            Received("" if operation is None else operation.id, request, answer.status)
        )
        return answer

    async def _pause(self, seconds: float, patience: float | None) -> None:
        if patience is not None and seconds > patience:
            await self.clock.sleep(patience)
            raise TooSlow
        # Also for no time at all: whoever calls in a loop must let the others have their turn.
        await self.clock.sleep(seconds)

    def _broken(self, fault: Fault | None) -> Answer | None:
        """What happens instead of work: by a fault, or because the server restarts."""
        if fault is not None and fault.error is not None:
            raise fault.error
        if fault is not None and fault.answer is not None:
            return fault.answer.finished(self.clock.now())
        if not self._world.tasks.restarting:
            return None
        error = _OUTAGES[self.outage]
        if error is not None:
            raise error
        unavailable = HTTPStatus.SERVICE_UNAVAILABLE
        return page(unavailable, unavailable.phrase).finished(self.clock.now(), cors=False)

    def _work(
        self,
        request: Incoming,
        operation: Operation[Any] | None,
        place: Mapping[str, int],
        *,
        known: bool,
    ) -> Answer:
        now = self.clock.now()
        if not known:
            shown = visit(self._world, request) or page(HTTPStatus.NOT_FOUND)
            return shown.finished(now, cors=False)
        if request.method == "OPTIONS":
            return Answer(HTTPStatus.OK, b"", {"allow": "OPTIONS"}).finished(now)
        caller = authenticate(self._world, request)
        cookie = token_hex(16) if caller else ""
        if operation is None:
            wrong = page(HTTPStatus.METHOD_NOT_ALLOWED, _WRONG_METHOD)
            return wrong.finished(now, cookie=cookie, cors=False)
        if len(request.content) > _LARGEST:
            return page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE).finished(now, cors=False)
        call = Call(self._world, operation, request, place, caller)
        return _done(call).finished(now, cookie=cookie)

    def fail(
        self,
        operation: str = "*",
        *,
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        times: int | None = 1,
        body: JSONInput = None,
        headers: Mapping[str, str] | None = None,
        done: bool = False,
    ) -> None:
        """
        Answer calls with an error instead of working on them.

        Args:
            operation: Full name of the operation, such as users.get; * for every one.
            status: HTTP status.
            times: How often; None for ever.
            body: JSON to answer with; a page by default.
            headers: Further headers, such as Retry-After.
            done: Whether the server does what was asked for all the same.
        """
        answer = (
            page(status, HTTPStatus(status).phrase) if body is None else json_answer(body, status)
        )
        more = {name.lower(): value for name, value in (headers or {}).items()}
        answer = Answer(status, answer.content, {**answer.headers, **more})
        self._faults.add(Fault(operation, times, answer, done=done))

    def reset(
        self,
        operation: str = "*",
        *,
        times: int | None = 1,
        sent: bool = True,
        done: bool = False,
    ) -> None:
        """
        Break the connection instead of answering.

        Args:
            operation: Full name of the operation; * for every one.
            times: How often; None for ever.
            sent: Whether it breaks after the request was taken; otherwise it is refused.
            done: Whether the server does what was asked for, so that only its answer is lost.
        """
        error = ConnectionLost() if sent or done else ConnectionRefused()
        self._faults.add(Fault(operation, times, error=error, done=done))

    def delay(self, operation: str = "*", *, seconds: float, times: int | None = 1) -> None:
        """
        Answer later; a client that does not wait so long times out.

        Args:
            operation: Full name of the operation; * for every one.
            seconds: How much later.
            times: How often; None for ever.
        """
        self._faults.add(Fault(operation, times, seconds=seconds))

    def garbage(
        self,
        operation: str = "*",
        *,
        content: bytes = b'{"half of an answer',
        content_type: str = "application/json",
        times: int | None = 1,
        done: bool = False,
    ) -> None:
        """
        Answer with a success nobody can read.

        Args:
            operation: Full name of the operation; * for every one.
            content: What to send.
            content_type: What to call it.
            times: How often; None for ever.
            done: Whether the server does what was asked for all the same.
        """
        answer = Answer(HTTPStatus.OK, content, {"content-type": content_type})
        self._faults.add(Fault(operation, times, answer, done=done))

    def heal(self) -> None:
        """Forget all faults that are yet to happen."""
        self._faults.clear()


def _meant(
    found: tuple[Route, dict[str, int]] | None, request: Incoming
) -> tuple[Operation[Any] | None, dict[str, int]]:
    """Find the operation that is meant, and the numbers in its path."""
    if found is None:
        return None, {}
    route, place = found
    candidates = route.candidates(request.method)
    return (choose(candidates, request) if candidates else None), place


def _done(call: Call) -> Answer:
    """Let the handler of an operation work."""
    try:
        if call.operation.auth and call.known is None:
            call.deny()
        result = HANDLERS[call.operation.id](call)
    except Refusal as refusal:
        return refusal.answer
    except Exception as error:
        # As on the server: what a handler does not expect is a page with status 501.
        if not isinstance(error, Crash):
            _log.debug("%s: %s", call.operation.id, type(error).__name__, exc_info=True)
        return page(HTTPStatus.NOT_IMPLEMENTED, crash(error))
    if isinstance(result, Answer):
        return result
    return nothing() if result is None else json_answer(result)
