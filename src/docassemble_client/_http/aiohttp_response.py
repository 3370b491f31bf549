"""Responses of aiohttp: their headers, and how their bodies are read."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

from docassemble_client._core.messages import RawResponse
from docassemble_client._http.adapter import read_up_to
from docassemble_client._http.aiohttp_connector import LIBRARY_ERRORS, LibraryError, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from docassemble_client._core.messages import SendState


def _merge_headers(native: Mapping[str, str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in native.items():
        name = raw_name.lower()
        value = raw_value if raw_value.isascii() else _decode_header(raw_value)
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    for name, values in repeated.items():
        headers[name] = ", ".join(values)
    return headers


def _decode_header(text: str) -> str:
    """Decode a header that is not UTF-8 as Latin-1; aiohttp returns lone surrogates for it."""
    content = text.encode(errors="surrogateescape")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


class AiohttpResponse(RawResponse):
    """A response of aiohttp; its body is read from the connection."""

    __slots__ = ("_close", "_connection", "_map_error", "_stream")

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        stream: aiohttp.StreamReader,
        close: Callable[[], None],
        *,
        state: SendState,
        map_error: Callable[[LibraryError], Exception],
    ) -> None:
        """
        Take a response whose head has arrived.

        Args:
            status: Its status.
            headers: Its headers, as aiohttp read them.
            stream: Its body.
            close: Releases the connection if the body was read to its end, else closes it.
            state: Progress of its call.
            map_error: Converts an exception of the library.
        """
        super().__init__(status=status, headers=_merge_headers(headers))
        self._stream = stream
        self._close = close
        self._map_error = map_error
        # The connection, if its end is the end of the body.
        self._connection: Protocol | None = None
        has_length = "content-length" in headers or "transfer-encoding" in headers
        if not has_length and stream is not EMPTY_PAYLOAD:
            # Not from `stream`: aiohttp forgets the connection once the whole body has arrived.
            self._connection = state.connection if isinstance(state.connection, Protocol) else None

    def read_nowait(self, limit: int) -> bytes | None:
        """Return the body, or its first bytes, if it has arrived; None if `read` must wait."""
        stream = self._stream
        if self._connection is not None or not stream.is_eof() or stream.exception() is not None:
            return None
        return stream.read_nowait(limit)

    async def read(self, limit: int) -> bytes:
        """Read the body to its end, or its first bytes."""
        async with aclosing(self.iter_chunks()) as chunks:
            return await read_up_to(chunks, limit)

    async def iter_chunks(self) -> AsyncGenerator[bytes]:
        """Iterate over the chunks of the body."""
        try:
            async for chunk in self._stream.iter_any():
                yield chunk
            # Without a length, aiohttp takes any end of the connection for the end of the body.
            if self._connection is not None and self._connection.is_cut_off():
                raise aiohttp.ServerDisconnectedError
        except LIBRARY_ERRORS as error:
            raise self._map_error(error) from None

    async def aclose(self) -> None:
        """Release the connection if the body was read to its end, else close it."""
        if not self._stream.is_eof():
            self._stream.set_exception(aiohttp.ClientConnectionError("the response was closed"))
        self._close()
