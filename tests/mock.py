"""Servers inside the process, which answer what a test says, and a clock without waiting."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx

from tests.clock import Jumping

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from typing import TypeAlias

    from docassemble_client._core.messages import Reply, Request
    from docassemble_client.config import Timeouts
    from docassemble_client.events import Event

    Answer: TypeAlias = httpx.Response | Exception | tuple[int, Any]

T = TypeVar("T")


class Mock:
    """
    A server without a network.

    Attributes:
        url: Its address.
        http: The transport that leads to it.
        requests: What it was asked.
        busy: How many requests it works on at the moment.
        gate: While it is closed (cleared), answers wait.
    """

    url = "https://da.example.com"

    def __init__(self, answer: Callable[[httpx.Request], Answer]) -> None:
        self._answer = answer
        self.requests: list[httpx.Request] = []
        self.busy = 0
        self.gate: asyncio.Event | None = None
        self.http = httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        self.busy += 1
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.busy -= 1
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return as_response(*answer) if isinstance(answer, tuple) else answer


def as_response(
    status: int, value: object = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Answer with JSON, as the server writes it."""
    return httpx.Response(
        status,
        content=json.dumps(value).encode() + b"\n",
        headers={"content-type": "application/json", **(headers or {})},
    )


async def settle(turns: int = 20) -> None:
    """Let everything happen that waits for nothing but its turn."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Line:
    """
    Stands in for the transport: answers requests of flows without any HTTP.

    Attributes:
        sent: Every request.
        told: Every event for the hook.
        busy: How many requests are under way.
        gate: While it is closed (cleared), answers wait.
        seconds: How long the answer to a request takes.
    """

    def __init__(self, answer: Callable[[Request], Reply | Exception]) -> None:
        self._answer = answer
        self.sent: list[Request] = []
        self.told: list[Event] = []
        self.busy = 0
        self.gate: asyncio.Event | None = None
        self.seconds: Callable[[Request], float] = lambda _: 0.0

    def claim(self) -> None:
        """Belong to the running event loop."""

    def tell(self, event: Event) -> None:
        """Keep an event."""
        self.told.append(event)

    async def send(self, request: Request, _: Timeouts) -> Reply:
        """Answer a request."""
        self.sent.append(request)
        self.busy += 1
        try:
            await asyncio.sleep(self.seconds(request))
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.busy -= 1
        answer = self._answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, as asyncio.run does, on a clock of its own; nothing may go wrong unseen."""
    unseen: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
        return await coroutine

    with asyncio.Runner(loop_factory=Jumping) as runner:
        result = runner.run(watched())
    assert unseen == []
    return result


def now() -> float:
    """What the clock of the running event loop says."""
    return asyncio.get_running_loop().time()


def others() -> set[asyncio.Task[Any]]:
    """Every task but the running one."""
    return asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
