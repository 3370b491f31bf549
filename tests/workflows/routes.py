"""A server of a few routes, for the jobs that call many operations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from docassemble_client import AsyncDocassemble, RetryPolicy
from tests.mock import Mock

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.mock import Answer

    Route: TypeAlias = Answer | list[Answer] | Callable[[dict[str, Any]], Answer]

REFUSED = (403, "Access denied.")


class Routes(Mock):
    """
    Answers by method and path; a list answers once each, its last one for ever.

    Attributes:
        routes: What is answered, by a text such as "GET /api/user"; anything else is refused.
        calls: What was asked, in this form.
        sent: The query or JSON body of each; of a multipart body its bytes.
    """

    def __init__(self, routes: dict[str, Route]) -> None:
        super().__init__(self._reply)
        self.routes = routes
        self.calls: list[str] = []
        self.sent: list[dict[str, Any]] = []

    def _reply(self, request: httpx.Request) -> Answer:
        call = f"{request.method} {request.url.path}"
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/"):
            sent: dict[str, Any] = {"multipart": request.content}
        else:
            query = request.url.query.decode()
            sent = json.loads(request.content) if request.content else dict(parse_qsl(query))
        self.calls.append(call)
        self.sent.append(sent)
        route = self.routes.get(call, REFUSED)
        if isinstance(route, list):
            return route.pop(0) if len(route) > 1 else route[0]
        return route(sent) if callable(route) else route

    def client(self, **options: Any) -> AsyncDocassemble:
        """Make a client, which sends nothing twice."""
        once: dict[str, Any] = {"retry": RetryPolicy(attempts=1)}
        return AsyncDocassemble(self.url, "key", transport=self.http, **once | options)

    def those(self, *methods: str) -> list[tuple[str, dict[str, Any]]]:
        """What was asked with these methods."""
        asked = zip(self.calls, self.sent, strict=True)
        return [(call, sent) for call, sent in asked if call.partition(" ")[0] in methods]
