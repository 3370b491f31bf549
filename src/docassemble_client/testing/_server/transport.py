"""httpx transports: one to a fake server, one that records a real server."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx

from docassemble_client._blocking import run_blocking
from docassemble_client._types import is_mapping
from docassemble_client.operations import OPERATIONS
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


class FakeTransport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Sends requests to a fake server without a network, also for blocking clients."""

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
        await request.aread()
        return await self._respond(request)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """
        Send a request of a blocking client.

        Args:
            request: The request.

        Returns:
            The response.

        Raises:
            httpx.TransportError: A fault breaks the connection, or the read timeout expires.
        """
        request.read()
        return run_blocking(self._respond(request))

    async def _respond(self, request: httpx.Request) -> httpx.Response:
        timeout = request.extensions.get("timeout", {}).get("read")
        try:
            response = await self._fake.respond(_to_fake_request(request), timeout=timeout)
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
        await request.aread()
        fake_request = _to_fake_request(request)
        is_start = request.url.path == OPERATIONS["sessions.start"].path
        email = await self._find_email(request) if is_start else ""
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - the transport is async
        raw = b"".join([chunk async for chunk in stream])
        address = _find_address(response)
        await response.aclose()
        decoded = httpx.Response(response.status_code, headers=response.headers, content=raw)
        self._recorder.record(
            fake_request,
            decoded.status_code,
            decoded.headers.get("content-type", ""),
            decoded.content,
            url=f"{request.url.scheme}://{request.url.netloc.decode()}",
            address=address,
            email=email,
        )
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_BufferedStream(raw)
        )

    async def _find_email(self, request: httpx.Request) -> str:
        """Find the e-mail address of the API key's owner; empty if the server does not say it."""
        extensions = {
            name: value for name, value in request.extensions.items() if name == "timeout"
        }
        user_request = httpx.Request(
            "GET",
            request.url.copy_with(path=OPERATIONS["users.get_current"].path, query=None),
            headers={"x-api-key": request.headers.get("x-api-key", "")},
            extensions=extensions,
        )
        try:
            async with aclosing(await self._inner.handle_async_request(user_request)) as response:
                user = json.loads(await response.aread())
        except (httpx.HTTPError, OSError, ValueError, RecursionError):
            return ""
        email = user.get("email") if is_mapping(user) else ""
        return email if isinstance(email, str) and "@" in email else ""

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()


class _BufferedStream(httpx.AsyncByteStream):
    """A body that was already read, before content decoding."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._raw


def _find_address(response: httpx.Response) -> str:
    """Find the IP address of the server, or of the proxy; empty if the transport hides it."""
    stream = response.extensions.get("network_stream")
    address: tuple[object, ...] | None = stream and stream.get_extra_info("server_addr")
    return str(address[0]) if address else ""


def _to_fake_request(request: httpx.Request) -> FakeRequest:
    return FakeRequest(
        method=request.method,
        path=request.url.path,
        query=parse_query(request.url.query),
        headers=dict(request.headers),
        content=request.content,
    )
