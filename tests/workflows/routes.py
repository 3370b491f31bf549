"""A mock server with a response for each method and path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from docassemble_client import AsyncDocassemble, RetryPolicy
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.mock import MockResponse

    Route: TypeAlias = MockResponse | list[MockResponse] | Callable[[dict[str, Any]], MockResponse]

ACCESS_DENIED = (403, "Access denied.")


class RouteServer(MockServer):
    """
    Responds by method and path; from a list it takes the next response, and repeats the last.

    Attributes:
        routes: Responses by method and path, such as "GET /api/user"; other requests are refused.
        calls: Method and path of every request.
        payloads: Query or JSON body of every request; the bytes of a multipart body.
    """

    def __init__(self, routes: dict[str, Route]) -> None:
        super().__init__(self._reply)
        self.routes = routes
        self.calls: list[str] = []
        self.payloads: list[dict[str, Any]] = []

    def _reply(self, request: httpx.Request) -> MockResponse:
        call = f"{request.method} {request.url.path}"
        if request.headers.get("content-type", "").startswith("multipart/"):
            payload: dict[str, Any] = {"multipart": request.content}
        else:
            query = request.url.query.decode()
            payload = json.loads(request.content) if request.content else dict(parse_qsl(query))
        self.calls.append(call)
        self.payloads.append(payload)
        route = self.routes.get(call, ACCESS_DENIED)
        if isinstance(route, list):
            return route.pop(0) if len(route) > 1 else route[0]
        return route(payload) if callable(route) else route

    def client(self, **options: Any) -> AsyncDocassemble:
        """Make a client that does not retry."""
        no_retry: dict[str, Any] = {"retry": RetryPolicy(attempts=1)}
        return AsyncDocassemble(self.url, "key", transport=self.transport, **no_retry | options)

    def find_calls(self, *methods: str) -> list[tuple[str, dict[str, Any]]]:
        """Find the calls with these methods, with their payloads."""
        calls = zip(self.calls, self.payloads, strict=True)
        return [(call, payload) for call, payload in calls if call.partition(" ")[0] in methods]
