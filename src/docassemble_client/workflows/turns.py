"""Work with files that lets the rest of the program go on."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")
_PIECE = 262_144  # bytes


async def in_turns(work: Generator[None, None, T]) -> T:
    """
    Do work piece by piece; between two pieces the other tasks have their turn.

    Args:
        work: Yields after each piece.

    Returns:
        What the work returns.
    """
    with closing(work):
        while True:
            try:
                next(work)
            except StopIteration as end:
                result: T = end.value
                return result
            await asyncio.sleep(0)


def pieces(file: IO[bytes]) -> Generator[bytes]:
    """Read a file to its end."""
    while piece := file.read(_PIECE):
        yield piece
