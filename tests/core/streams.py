"""A server whose responses are streams, and counts those that are open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.mock import MockResponse


class _Stream(httpx.AsyncByteStream):
    """The body of a response; the connection is in use until it is closed."""

    def __init__(self, server: StreamServer, content: list[bytes]) -> None:
        self._server = server
        self._content = content
        server.open_streams.add(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._content:
            await asyncio.sleep(self._server.chunk_delay)
            yield chunk
        if self._server.failure is not None:
            raise self._server.failure

    async def aclose(self) -> None:
        """Close the connection at once, then let other tasks run."""
        self._server.open_streams.discard(self)
        await asyncio.sleep(0)


class StreamServer(MockServer):
    """
    A server that sends each body in chunks.

    Attributes:
        open_streams: Responses that have not been closed.
        chunk_delay: Seconds before each chunk.
        failure: Exception that breaks the connection after the last chunk.
    """

    def __init__(
        self, respond: Callable[[httpx.Request], MockResponse], chunk_size: int = 1 << 20
    ) -> None:
        super().__init__(respond)
        self.open_streams: set[object] = set()
        self.chunk_delay = 0.0
        self.failure: Exception | None = None
        self._chunk_size = chunk_size

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        response = await super()._handle(request)
        content = response.content
        chunks = [
            content[start : start + self._chunk_size]
            for start in range(0, len(content), self._chunk_size)
        ]
        return httpx.Response(
            response.status_code, headers=response.headers, stream=_Stream(self, chunks)
        )
