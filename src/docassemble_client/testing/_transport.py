"""The fake server as a transport of httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from docassemble_client.testing._engine import TooSlow
from docassemble_client.testing._http import Incoming, first_of
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused

if TYPE_CHECKING:
    from docassemble_client.testing.server import FakeServer

_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    ConnectionRefused: httpx.ConnectError,
    ConnectionLost: httpx.RemoteProtocolError,
    TooSlow: httpx.ReadTimeout,
}


class FakeTransport(httpx.AsyncBaseTransport):
    """Carries requests to a fake server without a network."""

    def __init__(self, fake: FakeServer) -> None:
        """
        Lead to a server.

        Args:
            fake: The server.
        """
        self._fake = fake

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Carry one request.

        Args:
            request: The request.

        Returns:
            The answer.

        Raises:
            httpx.TransportError: A fault breaks the connection, or the answer comes too late.
        """
        limits = request.extensions.get("timeout", {})
        incoming = Incoming(
            method=request.method,
            path=request.url.path,
            query=first_of(request.url.query),
            headers=dict(request.headers),
            content=await request.aread(),
        )
        try:
            answer = await self._fake.answer(incoming, patience=limits.get("read"))
        except tuple(_ERRORS) as error:
            raise _ERRORS[type(error)](type(error).__name__, request=request) from None
        return httpx.Response(
            answer.status, headers=dict(answer.headers), content=answer.content, request=request
        )
