"""Mock servers, and what the event loop of a test has left to do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import httpx

from docassemble_client import AsyncDocassemble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    MockResponse: TypeAlias = httpx.Response | Exception | tuple[int, Any]


class MockServer:
    """
    A server without a network.

    Attributes:
        url: Base URL.
        transport: The httpx transport to it.
        requests: Received requests.
        active_requests: Number of requests in progress.
        gate: While it is cleared, responses wait.
        delay: Returns the seconds until the response to a request.
    """

    url = "https://da.example.com"

    def __init__(self, respond: Callable[[httpx.Request], MockResponse]) -> None:
        self._respond = respond
        self.requests: list[httpx.Request] = []
        self.active_requests = 0
        self.gate: asyncio.Event | None = None
        self.delay: Callable[[httpx.Request], float] = lambda _: 0.0
        self.transport = httpx.MockTransport(self._handle)

    def make_client(self, **options: Any) -> AsyncDocassemble:
        """Create a client of this server."""
        return AsyncDocassemble(self.url, "key", transport=self.transport, **options)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        self.active_requests += 1
        try:
            await asyncio.sleep(self.delay(request))
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.active_requests -= 1
        response = self._respond(request)
        if isinstance(response, Exception):
            raise response
        return build_response(*response) if isinstance(response, tuple) else response


def build_response(
    status: int, value: object = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Build a JSON response as the server formats it."""
    return httpx.Response(
        status,
        content=json.dumps(value).encode() + b"\n",
        headers={"content-type": "application/json", **(headers or {})},
    )


async def settle(rounds: int = 20) -> None:
    """Yield to the event loop until all tasks that are ready have run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


def get_loop_time() -> float:
    """Return the time of the running event loop, rounded: times of the day are not as exact."""
    return round(asyncio.get_running_loop().time(), 6)


def get_other_tasks() -> set[asyncio.Task[Any]]:
    """Return all tasks except the running one."""
    return asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
