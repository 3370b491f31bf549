"""Serve a fake server as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from docassemble_client.testing._server.messages import FakeRequest, parse_query
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused

if TYPE_CHECKING:
    from docassemble_client.testing.server import FakeServer

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def make_application(fake: FakeServer) -> Application:
    """
    Make an ASGI application.

    Args:
        fake: The fake server.

    Returns:
        The application.
    """

    async def serve(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _handle_lifespan(receive, send)
            return
        request = FakeRequest(
            method=scope["method"],
            path=scope["path"],
            query=parse_query(scope["query_string"]),
            headers=_join_headers(scope["headers"]),
            content=await _read_body(receive),
            address=(scope.get("client") or ("127.0.0.1", 0))[0],
        )
        try:
            response = await fake.respond(request)
        except (ConnectionLost, ConnectionRefused):
            # The ASGI server drops the connection if the body is shorter than content-length.
            await send(_make_start_message(200, {"content-length": "1"}))
            return
        await send(_make_start_message(response.status, dict(response.headers)))
        await send({"type": "http.response.body", "body": response.content})

    return serve


def _join_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Join the values of equal names by commas, as the real server does."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        text = value.decode("latin-1")
        key = name.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _make_start_message(status: int, headers: dict[str, str]) -> Message:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


async def _read_body(receive: Receive) -> bytes:
    content = bytearray()
    has_more = True
    while has_more:
        message = await receive()
        content += message.get("body", b"")
        has_more = message.get("more_body", False)
    return bytes(content)


async def _handle_lifespan(receive: Receive, send: Send) -> None:
    """Acknowledge startup and shutdown."""
    while True:
        message = await receive()
        phase = message["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{phase}.complete"})
        if phase == "shutdown":
            return
