"""httpx transports: one to a fake server, one that records a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from docassemble_client.testing._server.messages import FakeRequest, parse_query
from docassemble_client.testing._server.request_handler import ResponseTimeout
from docassemble_client.testing.faults import ConnectionLost, ConnectionRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docassemble_client.testing.recorder import Recorder
    from docassemble_client.testing.server import FakeServer

_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    ConnectionRefused: httpx.ConnectError,
    ConnectionLost: httpx.RemoteProtocolError,
    ResponseTimeout: httpx.ReadTimeout,
}


class FakeTransport(httpx.AsyncBaseTransport):
    """Sends requests to a fake server without a network."""

    def __init__(self, fake: FakeServer) -> None:
        """
        Create a transport.

        Args:
            fake: The fake server.
        """
        self._fake = fake

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send a request.

        Args:
            request: The request.

        Returns:
            The response.

        Raises:
            httpx.TransportError: A fault breaks the connection, or the read timeout expires.
        """
        timeout = request.extensions.get("timeout", {}).get("read")
        try:
            response = await self._fake.respond(await _to_fake_request(request), timeout=timeout)
        except tuple(_ERRORS) as error:
            raise _ERRORS[type(error)](type(error).__name__, request=request) from None
        return httpx.Response(
            response.status,
            headers=dict(response.headers),
            content=response.content,
            request=request,
        )


class RecordingTransport(httpx.AsyncBaseTransport):
    """Sends requests to a real server and records those of interviews."""

    def __init__(self, recorder: Recorder, inner: httpx.AsyncBaseTransport | None) -> None:
        """
        Create a transport.

        Args:
            recorder: The recorder.
            inner: Transport that sends the requests; by default one without idle connections.
        """
        self._recorder = recorder
        # The client does not close it, so no connection may stay open.
        self._inner = inner or httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send a request and record it.

        Args:
            request: The request.

        Returns:
            The unchanged response.
        """
        if not self._recorder.should_record(request.url.path):
            return await self._inner.handle_async_request(request)
        fake_request = await _to_fake_request(request)
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - the transport is async
        raw = b"".join([chunk async for chunk in stream])
        await response.aclose()
        decoded = httpx.Response(response.status_code, headers=response.headers, content=raw)
        self._recorder.record(
            fake_request,
            decoded.status_code,
            decoded.headers.get("content-type", ""),
            decoded.content,
            url=str(request.url).partition(request.url.path)[0],
        )
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_BufferedStream(raw)
        )

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _BufferedStream(httpx.AsyncByteStream):
    """A body that was already read, before content decoding."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._raw


async def _to_fake_request(request: httpx.Request) -> FakeRequest:
    return FakeRequest(
        method=request.method,
        path=request.url.path,
        query=parse_query(request.url.query),
        headers=dict(request.headers),
        content=await request.aread(),
    )
