"""The fake server as a transport of httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from docassemble_client.testing._server.messages import Incoming, first_of
from docassemble_client.testing._server.request_handler import TooSlow
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docassemble_client.testing.recorder import Recorder
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
        try:
            answer = await self._fake.answer(await _incoming(request), patience=limits.get("read"))
        except tuple(_ERRORS) as error:
            raise _ERRORS[type(error)](type(error).__name__, request=request) from None
        return httpx.Response(
            answer.status, headers=dict(answer.headers), content=answer.content, request=request
        )


class RecordingTransport(httpx.AsyncBaseTransport):
    """Carries requests to a real server, and lets a recorder note those of interviews."""

    def __init__(self, recorder: Recorder, inner: httpx.AsyncBaseTransport | None) -> None:
        """
        Let a recorder note what is carried.

        Args:
            recorder: The recorder.
            inner: What carries it; httpx itself by default.
        """
        self._recorder = recorder
        self._inner = inner or httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Carry one request.

        Args:
            request: The request.

        Returns:
            The answer, as it came.
        """
        if not self._recorder.wants(request.url.path):
            return await self._inner.handle_async_request(request)
        incoming = await _incoming(request)
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - that of an asynchronous transport
        raw = b"".join([chunk async for chunk in stream])
        await response.aclose()
        noted = httpx.Response(response.status_code, headers=response.headers, content=raw)
        self._recorder.note(
            incoming,
            noted.status_code,
            noted.headers.get("content-type", ""),
            noted.content,
            url=str(request.url).partition(request.url.path)[0],
        )
        return httpx.Response(response.status_code, headers=response.headers, stream=_Body(raw))

    async def aclose(self) -> None:
        """Close what carries the requests."""
        await self._inner.aclose()


class _Body(httpx.AsyncByteStream):
    """A body that was read already, still encoded as it came."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._raw


async def _incoming(request: httpx.Request) -> Incoming:
    return Incoming(
        method=request.method,
        path=request.url.path,
        query=first_of(request.url.query),
        headers=dict(request.headers),
        content=await request.aread(),
    )
