"""A folder that is watched, and synced after each change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.workflows.packages.source_tree import scan
from docassemble_client.workflows.playground.sync import SyncReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path
    from typing import TypeAlias

    from docassemble_client.workflows.playground.sync import Sync

    _Look: TypeAlias = dict[str, tuple[int, int]]

_LONGEST = 30.0  # seconds before a sync that failed is tried again
_TIMEOUT = 600.0  # seconds for one sync


@frozen(kw_only=True)
class WatchEvent:
    """
    How one sync of a folder that is watched went.

    Attributes:
        report: What was done; None if it failed.
        error: How it failed; None if it did not.
    """

    report: SyncReport | None = None
    error: DocassembleError | OSError | None = None

    def __str__(self) -> str:
        return str(self.report) if self.error is None else f"not synced: {self.error}"


async def watch(
    work: Sync,
    *,
    interval: float,
    settle: float,
    wait: Callable[[float], Awaitable[object]] | None,
) -> AsyncGenerator[WatchEvent]:
    """
    Sync now and after each change.

    Args:
        work: What to sync.
        interval: Seconds between two looks.
        settle: Seconds for which nothing must change before it is sent.
        wait: Waits so many seconds; None for `asyncio.sleep`.

    Yields:
        How each sync went.
    """
    wait = wait or asyncio.sleep
    synced: _Look | None = None
    news, pause = True, interval
    while True:
        look = _look(work.folder)
        if look != synced:
            look = await _settled(work.folder, look, settle, wait)
            event = await _synced(work)
            if isinstance(event.error, DocassembleError) and not isinstance(
                event.error, UsageError
            ):
                synced, pause = None, min(_LONGEST, 2 * pause)
            else:
                # Where the folder itself is wrong, only another change can help.
                synced, pause = look, interval
            if news or event.report is None or event.report.changes:
                yield event
            news = event.report is None
        await wait(pause)


async def _synced(work: Sync) -> WatchEvent:
    try:
        return WatchEvent(report=await work.run(dry_run=False, timeout=_TIMEOUT))
    except (DocassembleError, OSError) as error:
        return WatchEvent(error=error)


async def _settled(
    folder: Path, look: _Look, settle: float, wait: Callable[[float], Awaitable[object]]
) -> _Look:
    """Wait until two looks see the same: editors write in several steps."""
    while True:
        await wait(settle)
        later = _look(folder)
        if later == look:
            return look
        look = later


def _look(folder: Path) -> _Look:
    """Note date and size of every file that counts; nothing where the folder is gone."""
    found: _Look = {}
    try:
        for path in scan(folder).files:
            state = (folder / path).stat()
            found[path] = (state.st_mtime_ns, state.st_size)
    except OSError:
        # Something was deleted meanwhile; the next look sees what there is.
        return found
    return found
