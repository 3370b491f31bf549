"""Watches a folder and syncs it after each change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._checks import CALLABLE, SECONDS, check_arguments
from docassemble_client._concurrency import sleep as default_sleep
from docassemble_client._concurrency import to_thread
from docassemble_client.errors import DocassembleError, UsageError
from docassemble_client.workflows.packages.source_tree import scan_sources
from docassemble_client.workflows.playground.sync import SyncReport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path
    from typing import TypeAlias

    from docassemble_client.workflows.playground.sync import Sync

    _Snapshot: TypeAlias = dict[str, tuple[int, int]]

_MAX_RETRY_SECONDS = 30.0  # between two attempts of a failed sync
_SYNC_TIMEOUT_SECONDS = 600.0


@frozen(kw_only=True)
class WatchEvent:
    """
    The outcome of one sync of a watched folder.

    Attributes:
        report: Report of the sync; None if it failed.
        error: The error; None if the sync succeeded.
    """

    report: SyncReport | None = None
    error: DocassembleError | OSError | None = None

    def __str__(self) -> str:
        return str(self.report) if self.error is None else f"not synced: {self.error}"


async def watch(
    sync: Sync,
    *,
    interval: float,
    debounce: float,
    sleep: Callable[[float], Awaitable[object]] | None,
) -> AsyncGenerator[WatchEvent]:
    """Sync now and after each change; yield the outcomes."""
    check_arguments(SECONDS, interval=interval, debounce=debounce)
    check_arguments(CALLABLE, optional=True, sleep=sleep)
    sleep = sleep or default_sleep
    synced_files: _Snapshot | None = None
    should_report, delay = True, interval
    while True:
        files = await to_thread(_take_snapshot, sync.folder)
        if files != synced_files:
            files = await _wait_until_unchanged(sync.folder, files, debounce, sleep)
            event = await _run_sync(sync)
            if isinstance(event.error, DocassembleError) and not isinstance(
                event.error, UsageError
            ):
                synced_files, delay = None, min(_MAX_RETRY_SECONDS, 2 * delay)
            else:
                # If the folder is invalid, only another change of it can help.
                synced_files, delay = files, interval
            if should_report or event.report is None or event.report.changes:
                yield event
            should_report = event.report is None
        await sleep(delay)


async def _run_sync(sync: Sync) -> WatchEvent:
    try:
        return WatchEvent(report=await sync.run(dry_run=False, timeout=_SYNC_TIMEOUT_SECONDS))
    except (DocassembleError, OSError) as error:
        if error is sync.on_change.error:
            raise
        return WatchEvent(error=error)


async def _wait_until_unchanged(
    folder: Path, files: _Snapshot, debounce: float, sleep: Callable[[float], Awaitable[object]]
) -> _Snapshot:
    """Wait until two snapshots are equal: editors write in several steps."""
    while True:
        await sleep(debounce)
        later_files = await to_thread(_take_snapshot, folder)
        if later_files == files:
            return files
        files = later_files


def _take_snapshot(folder: Path) -> _Snapshot:
    """Return date and size of every source file; empty if the folder does not exist."""
    files: _Snapshot = {}
    try:
        for path in scan_sources(folder).files:
            stat = (folder / path).stat()
            files[path] = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        # A file was deleted in the meantime; the next snapshot is complete.
        return files
    return files
