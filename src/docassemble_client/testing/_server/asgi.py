"""The fake server as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from docassemble_client.testing._server.messages import Incoming, first_of
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused

if TYPE_CHECKING:
    from docassemble_client.testing.server import FakeServer

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def application(fake: FakeServer) -> Application:
    """
    Make an application of a server.

    Args:
        fake: The server.

    Returns:
        What any ASGI server can serve.
    """

    async def serve(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        request = Incoming(
            method=scope["method"],
            path=scope["path"],
            query=first_of(scope["query_string"]),
            headers={
                name.decode("latin-1"): one.decode("latin-1") for name, one in scope["headers"]
            },
            content=await _body(receive),
            address=(scope.get("client") or ("127.0.0.1", 0))[0],
        )
        try:
            answer = await fake.answer(request)
        except (ConnectionLost, ConnectionRefused):
            # A body shorter than announced: the server that serves this drops the connection.
            await send(_start(200, {"content-length": "1"}))
            return
        await send(_start(answer.status, dict(answer.headers)))
        await send({"type": "http.response.body", "body": answer.content})

    return serve


def _start(status: int, headers: dict[str, str]) -> Message:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


async def _body(receive: Receive) -> bytes:
    content = bytearray()
    more = True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(content)


async def _live(receive: Receive, send: Send) -> None:
    """Start and stop with the server; there is nothing to do."""
    while True:
        message = await receive()
        phase = message["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{phase}.complete"})
        if phase == "shutdown":
            return
