"""Servers with scripted outcomes, and calls of a client to them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.mock import MockServer, run
from tests.raw_server import USER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import AsyncDocassemble
    from tests.mock import MockResponse

GOOD_USER: MockResponse = (200, json.loads(USER))


def make_server(*outcomes: MockResponse) -> MockServer:
    """Create a server with these outcomes; the last one remains."""
    remaining = list(outcomes)
    return MockServer(lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0])


def run_call(
    server: MockServer, call: Callable[[AsyncDocassemble], Awaitable[Any]], **options: Any
) -> Any:
    """Run a function with a client of this server."""

    async def scenario() -> Any:
        async with server.make_client(**options) as da:
            return await call(da)

    return run(scenario())
