"""Decompresses bodies in bounded chunks: a few bytes may expand to a gigabyte."""

from __future__ import annotations

import zlib
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

ACCEPTED = "gzip, deflate"
"""What a server may send, for the header Accept-Encoding."""

_PIECE = 262144
_MOST_CODINGS = 4
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS + 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
_FORMATS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_MEMBER = 0x1F  # first byte of what gzip packed
_DEFLATED = 8  # the end of the first byte of what zlib packed


class DecompressionError(Exception):
    """The body is not packed the way it says, or it ends too early."""


async def decompress(chunks: AsyncGenerator[bytes], encoding: str) -> AsyncGenerator[bytes]:
    """
    Unpack a body as it comes, in pieces of bounded size.

    Args:
        chunks: The body as it was sent; closed at the end.
        encoding: The Content-Encoding header. What it names that nobody asked for stays as it
            is: a server says bzip2 of a file that just happens to be one.

    Yields:
        The content.

    Raises:
        NotPacked: The body is not what the header says.
    """
    codings = [item.strip().lower() for item in encoding.split(",")]
    if len(codings) > _MOST_CODINGS:
        raise DecompressionError
    for coding in reversed(codings):
        if coding in _FORMATS:
            chunks = _inflated(chunks, _FORMATS[coding])
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


async def _inflated(chunks: AsyncGenerator[bytes], form: int) -> AsyncGenerator[bytes]:
    inflater = _Inflater(form)
    async with aclosing(chunks):
        async for chunk in chunks:
            inflater.feed(chunk)
            while piece := inflater.piece():
                yield piece
    if rest := inflater.end():
        yield rest


class _Inflater:
    """Unpacks one body."""

    def __init__(self, form: int) -> None:
        self._form = form
        self._zlib = zlib.decompressobj(form)
        self._begun = False
        self._packed = b""

    def feed(self, chunk: bytes) -> None:
        """Take what came; all pieces of what came before must be out."""
        if chunk and not self._begun:
            self._begun = True
            if self._form == _ZLIB and chunk[0] & 15 != _DEFLATED:
                # Some servers leave out the header that deflate must have.
                self._zlib = zlib.decompressobj(_RAW)
        self._packed = chunk

    def piece(self) -> bytes:
        """Bring the next piece, or nothing if there is none before the next chunk."""
        piece = b""
        while self._packed and not piece:
            if self._zlib.eof and not self._next_member():
                break
            with _checked():
                piece = self._zlib.decompress(self._packed, _PIECE)
            ended = self._zlib.eof
            self._packed = self._zlib.unused_data if ended else self._zlib.unconsumed_tail
        return piece

    def end(self) -> bytes:
        """Bring what is left, and make sure that it is the end."""
        with _checked():
            rest = self._zlib.flush()
        if self._begun and not self._zlib.eof:
            raise DecompressionError
        return rest

    def _next_member(self) -> bool:
        """Go on to another member of a gzip file; what else may follow is rubbish."""
        again = self._form == _GZIP and self._packed[0] == _MEMBER
        if again:
            self._zlib = zlib.decompressobj(_GZIP)
        return again


@contextmanager
def _checked() -> Generator[None]:
    try:
        yield
    except zlib.error:
        raise DecompressionError from None
