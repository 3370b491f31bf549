"""Compressed bodies: unpacked right, in small pieces, and refused if they are not what they say."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import tracemalloc
import zlib
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import pytest

from docassemble_client._http.unpack import DecompressionError, decompress

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PLAIN = bytes(range(256)) * 20 + b"\0" * 300_000
# Without the time, which would stand in the names of tests.
packed = partial(gzip.compress, mtime=0)


def raw(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


async def sent(content: bytes, size: int) -> AsyncGenerator[bytes]:
    yield b""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def unpack(content: bytes, encoding: str, size: int = 65536) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [piece async for piece in decompress(sent(content, size), encoding)]

    return asyncio.run(collect())


@pytest.mark.parametrize("size", [1, 100, 65536])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (packed(PLAIN), "gzip"),
        (packed(PLAIN), " X-GZIP "),
        (packed(PLAIN[:99]) + packed(PLAIN[99:]), "gzip"),
        (packed(PLAIN) + b"\0" * 1000, "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (zlib.compress(PLAIN) + b"\x1f rubbish", "deflate"),
        (raw(PLAIN), "deflate"),
        (zlib.compress(packed(PLAIN)), "gzip, deflate"),
        (PLAIN, ""),
        (PLAIN, "identity"),
    ],
)
def test_what_was_packed_comes_out(content: bytes, encoding: str, size: int) -> None:
    """Every coding the client accepts is unpacked, whatever pieces it comes in."""
    pieces = unpack(content, encoding, size)

    assert b"".join(pieces) == PLAIN


def test_an_end_that_hangs_back_comes_out() -> None:
    """What is left when a piece is full and nothing more comes is the last piece."""
    content = bytes(262_165)

    assert list(map(len, unpack(raw(content), "deflate"))) == [262_144, 21]


def test_a_coding_nobody_asked_for_is_left_alone() -> None:
    """A server that says bzip2 of a file means the file itself."""
    content = bz2.compress(PLAIN)

    assert b"".join(unpack(content, "bzip2")) == content


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, deflate"])
def test_nothing_unpacks_to_nothing(encoding: str) -> None:
    """An empty body is no broken one, whatever its headers say."""
    assert unpack(b"", encoding) == []


@pytest.mark.parametrize("size", [1, 100, 65536])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"no gzip", "gzip"),
        (b"xyz", "deflate"),
        (b"\x78no zlib", "deflate"),
        (packed(PLAIN)[:-1], "gzip"),
        (packed(PLAIN)[:5], "gzip"),
        (packed(PLAIN)[:-8] + b"checksum", "gzip"),
        (packed(PLAIN) + b"\x1f rubbish", "gzip"),
        (zlib.compress(PLAIN)[:-1], "deflate"),
        (raw(PLAIN)[:-1], "deflate"),
        (PLAIN, "gzip," * 5),
    ],
)
def test_what_is_not_packed_as_it_says_is_refused(content: bytes, encoding: str, size: int) -> None:
    """Rubbish, a wrong checksum, a missing end and absurd nesting are one error."""
    with pytest.raises(DecompressionError):
        unpack(content, encoding, size)


def test_a_bomb_goes_off_in_small_pieces() -> None:
    """What is a thousand times larger than what came never stands in memory."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(128)) + packer.flush()

    async def count() -> int:
        return sum([len(piece) async for piece in decompress(sent(bomb, 65536), "gzip")])

    tracemalloc.start()
    size = asyncio.run(count())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert size == 128 << 20
    assert peak < 4 << 20


def test_giving_up_closes_what_it_reads_from() -> None:
    """A body that is not read to its end closes the stream below."""
    source = sent(packed(PLAIN), 10)

    async def give_up() -> bytes:
        async with aclosing(decompress(source, "gzip")) as pieces:
            return await anext(pieces)

    async def use() -> tuple[bytes, list[bytes]]:
        return await give_up(), [piece async for piece in source]

    first, rest = asyncio.run(use())

    assert PLAIN.startswith(first)
    assert rest == []
