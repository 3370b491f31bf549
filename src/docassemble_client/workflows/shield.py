"""Work that is done to its end, even when whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """
    Wait for work that must not stop half-way.

    Args:
        work: The work.

    Returns:
        What it brings.

    Raises:
        CancelledError: The caller was cancelled; the work is over.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError as cancelled:
        await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) is not None:
            cancelled.add_note(f"What was under way failed: {failure}")
        raise
