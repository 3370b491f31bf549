"""The chunks of a download: limited one by one, and never silently incomplete."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from docassemble_client._core.messages import Request
from docassemble_client._core.total_limit import LimitedChunks, TotalLimit
from docassemble_client.errors import MaybeSent, RequestTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

REQUEST = Request(operation="files.download", method="GET", path="/api/file/1")


async def send_chunks(seconds: float) -> AsyncGenerator[bytes]:
    """Send two chunks; the second takes some time."""
    yield b"first"
    await asyncio.sleep(seconds)
    yield b"second"


async def test_all_chunks_arrive_within_the_limit() -> None:
    """The end of the body is the end of the iteration."""
    chunks = LimitedChunks(send_chunks(1), TotalLimit(REQUEST, 5))
    assert [chunk async for chunk in chunks] == [b"first", b"second"]


@pytest.mark.parametrize("total", [None, 5])
async def test_a_cancelled_download_does_not_end_quietly(total: float | None) -> None:
    """What was read so far must not be taken for the whole file."""
    async with aclosing(LimitedChunks(send_chunks(9), TotalLimit(REQUEST, total))) as chunks:
        assert await anext(chunks) == b"first"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(chunks)
        with pytest.raises(MaybeSent, match="the download was interrupted"):
            await anext(chunks)


async def test_an_expired_limit_ends_the_download() -> None:
    """The time that the caller spends on a chunk counts, but is not interrupted."""
    async with aclosing(LimitedChunks(send_chunks(1), TotalLimit(REQUEST, 5))) as chunks:
        assert await anext(chunks) == b"first"
        await asyncio.sleep(6)
        with pytest.raises(RequestTimeout, match="took longer than 5 s"):
            await anext(chunks)
        with pytest.raises(MaybeSent):
            await anext(chunks)
