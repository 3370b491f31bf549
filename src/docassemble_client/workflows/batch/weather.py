"""Which errors pass by themselves, as they do while a server restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from docassemble_client.errors import DecodeError, RedirectRefused, ServerError, TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.errors import DocassembleError

T = TypeVar("T")
PAUSE = 2.0  # seconds between two looks at a server that restarts
BAD_WEATHER = (TransportError, ServerError, DecodeError)
_TIMES = 30
_RESTARTING = frozenset({502, 503, 504})


def unsent(error: DocassembleError) -> bool:
    """Whether the request did not reach the server, but may the next time."""
    away = isinstance(error, RedirectRefused)
    return isinstance(error, TransportError) and not error.maybe_processed and not away


def lost(error: DocassembleError) -> bool:
    """Whether the server may have carried out the request, and its answer was lost."""
    if isinstance(error, ServerError):
        return error.status in _RESTARTING
    return isinstance(error, DecodeError) or (
        isinstance(error, TransportError) and error.maybe_processed
    )


async def persist(call: Callable[[], Awaitable[T]]) -> T:
    """
    Repeat a call that may be repeated, until an answer comes, for a minute at least.

    Args:
        call: Makes the call.

    Returns:
        What it brings.

    Raises:
        DocassembleError: It failed for another reason, or too often.
    """
    for _ in range(_TIMES):
        try:
            return await call()
        except BAD_WEATHER as error:
            if not lost(error) and not unsent(error):
                raise
        await asyncio.sleep(PAUSE)
    return await call()
