"""Runs flows by hand: no event loop, no clock, no network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from docassemble_client._core.deserialize import deserialize
from docassemble_client._core.flow import Deliver, Send, Sleep, Tell, execute
from docassemble_client._core.messages import RawResponse, Request
from docassemble_client._core.serialize import serialize
from docassemble_client.config import RetryPolicy
from docassemble_client.errors import DocassembleError
from docassemble_client.operation import Operation, Paging, Param, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import TypeAlias

    from docassemble_client._core.flow import Flow
    from docassemble_client.events import Event
    from docassemble_client.pagination import Page

    Answer: TypeAlias = RawResponse | DocassembleError

T = TypeVar("T")

THINGS: Operation[Any] = Operation(
    tag="things",
    name="list",
    method="GET",
    path="/api/things",
    summary="List numbers.",
    retry="safe",
    params=(Param("page_token", "query", "str", alias="next_id"),),
    results={"200": Result(type=lambda: int)},
    paging=Paging(page_param="page_token", items="items", next="next_id"),
)


def in_json(value: object, status: int = 200) -> RawResponse:
    """Answer with JSON."""
    return RawResponse(
        status=status,
        headers={"content-type": "application/json"},
        content=json.dumps(value).encode(),
    )


def in_html(status: int = 200) -> RawResponse:
    """Answer with a page for people."""
    return RawResponse(
        status=status, headers={"content-type": "text/html"}, content=b"<h1>Wait</h1>"
    )


def fetch(token: str | None) -> Flow[Page[int]]:
    """Ask for a page of numbers, once."""
    request = serialize(THINGS, {"page_token": token})
    reply = yield from execute(request, RetryPolicy(attempts=1))
    return deserialize(THINGS, request, reply)


def token_of(request: Request) -> str | None:
    """The token a page was asked for with."""
    return dict(request.query).get("next_id")


class Shelf:
    """A server's list of the numbers below count; a token is the number after the page before."""

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size

    def __call__(self, request: Request) -> RawResponse:
        """Answer with the page asked for."""
        start = int(token_of(request) or 0)
        end = min(start + self.size, self.count)
        following = str(end) if end < self.count else None
        return in_json({"items": list(range(start, end)), "next_id": following})


class Hand:
    """
    The hand that drives.

    Attributes:
        sent: Every request.
        slept: Every pause, in seconds.
        told: Every event for the hook.
    """

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._answer = answer
        self.sent: list[Request] = []
        self.slept: list[float] = []
        self.told: list[Event] = []

    def walk(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """Go on to each delivery in turn; closing this closes the flow."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Send):
                    self.sent.append(step.request)
                    answer = self._answer(step.request)
                    if isinstance(answer, DocassembleError):
                        step = flow.throw(answer)
                    else:
                        step = flow.send(answer)
                    continue
                if isinstance(step, Sleep):
                    self.slept.append(step.seconds)
                elif isinstance(step, Tell):
                    self.told.append(step.event)
                else:
                    assert isinstance(step, Deliver)
                    yield step.value
                step = next(flow)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            flow.close()

    def play(self, flow: Flow[T]) -> tuple[list[Any], T]:
        """Go to the end; brings all deliveries and the result."""
        delivered: list[Any] = []
        walk = self.walk(flow)
        try:
            while True:
                delivered.append(next(walk))
        except StopIteration as stop:
            return delivered, stop.value
