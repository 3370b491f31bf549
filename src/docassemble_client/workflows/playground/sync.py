"""A project of the Playground that is made as a working tree on disk is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from attrs import frozen

from docassemble_client.errors import NotFound, TaskTimeout
from docassemble_client.transfer import Upload
from docassemble_client.workflows.batch.weather import persist
from docassemble_client.workflows.playground.filenames import found_name
from docassemble_client.workflows.playground.layout import (
    FOLDERS,
    MODULES,
    Local,
    Place,
    digests,
    find_local,
)
from docassemble_client.workflows.server.restart import latest_start, steady
from docassemble_client.workflows.turns import in_turns

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.tasks import TaskHandle
    from docassemble_client.workflows.playground.layout import Folder

_AT_A_TIME = 4  # downloads, to compare
_MOST_FILES = 200  # in one request; the server takes up to 1,000 parts
_MOST_BYTES = 8 * 1024 * 1024  # in one request; the server takes 16 MiB
_SIGNS = {"added": "+", "changed": "~", "deleted": "-"}


class _Where(TypedDict):
    folder: Folder
    project: str
    user_id: int | None


@frozen(kw_only=True)
class SyncChange:
    """
    A file of a project that a sync has changed.

    Attributes:
        kind: added, changed or deleted.
        folder: Folder of the Playground.
        name: Name on the server.
        path: The file on disk; None if it was deleted.
    """

    kind: Literal["added", "changed", "deleted"]
    folder: str
    name: str
    path: Path | None = None

    def __str__(self) -> str:
        return f"{_SIGNS[self.kind]} {self.folder}/{self.name}"


@frozen(kw_only=True)
class SyncReport:
    """
    What a sync has done, or in a dry run would do.

    Attributes:
        changes: What was changed, in this order.
        unchanged: How many files were the same.
        only_on_server: Files that are on the server only, and stay, such as questions/old.yml.
        unreachable: Of these, those the server lists but can neither read nor delete under their
            name, as it changes it; only people can, in the Playground.
        renamed: Names on the server of those whose name it changes, by their path on disk.
        left_out: What is on disk but does not belong in the Playground.
        restarted: Whether the server restarted for changed modules, and answers steadily.
        dry_run: Whether nothing was changed.
    """

    changes: tuple[SyncChange, ...]
    unchanged: int
    only_on_server: tuple[str, ...]
    unreachable: tuple[str, ...]
    renamed: Mapping[str, str]
    left_out: tuple[str, ...]
    restarted: bool
    dry_run: bool

    def __str__(self) -> str:
        lines = [str(one) for one in self.changes]
        lines += [f"{path} is called {name} on the server" for path, name in self.renamed.items()]
        return "\n".join(lines) or "nothing differs"


@frozen(kw_only=True)
class _Plan:
    """What is to be done, from what tells the contents on both sides apart."""

    local: Local
    wanted: Mapping[Place, str]
    there: Mapping[Place, str]
    delete: bool

    @property
    def gone(self) -> list[Place]:
        """What is on the server only."""
        return sorted(self.there.keys() - self.wanted.keys())

    @property
    def unreachable(self) -> list[Place]:
        return [place for place in self.gone if found_name(place[1]) != place[1]]

    @property
    def deleted(self) -> list[Place]:
        bad = set(self.unreachable)
        return [place for place in self.gone if place not in bad] if self.delete else []

    def steps(self) -> Iterator[tuple[Folder, list[SyncChange]]]:
        """What goes into one request each, in order."""
        for folder in FOLDERS:
            new = [one for one in sorted(self.wanted) if one[0] == folder and self._new(one)]
            for changes in _batches(map(self._change, new)):
                yield folder, changes
            for place in self.deleted:
                if place[0] == folder:
                    yield folder, [SyncChange(kind="deleted", folder=folder, name=place[1])]

    def _new(self, place: Place) -> bool:
        return self.there.get(place) != self.wanted[place]

    def _change(self, place: Place) -> SyncChange:
        folder, name = place
        kind: Literal["added", "changed"] = "changed" if place in self.there else "added"
        return SyncChange(kind=kind, folder=folder, name=name, path=self.local.files[place])

    def after(self) -> dict[Place, str]:
        """What tells the contents on the server apart when all is done."""
        stays = set(self.gone) - set(self.deleted)
        return {**self.wanted, **dict.fromkeys(stays, "")}

    def report(
        self, changes: Iterable[SyncChange], *, restarted: bool, dry_run: bool
    ) -> SyncReport:
        deleted = set(self.deleted)
        return SyncReport(
            changes=tuple(changes),
            unchanged=sum(not self._new(place) for place in self.wanted),
            only_on_server=tuple("/".join(one) for one in self.gone if one not in deleted),
            unreachable=tuple("/".join(place) for place in self.unreachable),
            renamed=self.local.renamed,
            left_out=self.local.left_out,
            restarted=restarted,
            dry_run=dry_run,
        )


def _batches(changes: Iterable[SyncChange]) -> Iterator[list[SyncChange]]:
    """Put as many files into one request as the server takes."""
    batch: list[SyncChange] = []
    size = 0
    for change in changes:
        one = change.path.stat().st_size if change.path else 0
        if batch and (len(batch) == _MOST_FILES or size + one > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += one
    if batch:
        yield batch


class Sync:
    """
    One project and one folder on disk, as often as it is asked for.

    Attributes:
        known: What tells the contents on the server apart, by place, from the sync before; None
            where the server is to be asked again.
    """

    def __init__(
        self,
        da: AsyncDocassemble,
        folder: str | os.PathLike[str],
        *,
        project: str,
        user_id: int | None,
        delete: bool,
        restart: bool,
        on_change: Callable[[SyncChange], object] | None,
    ) -> None:
        self.da = da
        self.folder = Path(folder)
        self.project = project
        self.user_id = user_id
        self.delete = delete
        self.restart = restart
        self.on_change = on_change
        self.known: dict[Place, str] | None = None

    async def run(self, *, dry_run: bool, timeout: float | None) -> SyncReport:
        """
        Compare both sides by content, and change what differs.

        Args:
            dry_run: Whether only to compare.
            timeout: Seconds for all of it.

        Returns:
            What was done, or would be.

        Raises:
            UsageError: The folder cannot be synced.
            TaskTimeout: It was not over in time.
            OSError: A file cannot be read.
        """
        try:
            async with asyncio.timeout(timeout):
                plan = await self._plan()
                return self._preview(plan) if dry_run else await self._apply(plan)
        except TimeoutError:
            message = f"the project was not as the folder is after {timeout} s"
            hint = "Sync again: only what still differs is sent"
            raise TaskTimeout(message, operation="playground.upload_files", hint=hint) from None

    async def _plan(self) -> _Plan:
        local = find_local(self.folder)
        texts = await in_turns(digests(local.files.values()))
        wanted = dict(zip(local.files, texts, strict=True))
        there = self.known if self.known is not None else await self._remote(local)
        return _Plan(local=local, wanted=wanted, there=there, delete=self.delete)

    async def _apply(self, plan: _Plan) -> SyncReport:
        """Do what is planned: one request for each folder, and the restart with the last."""
        self.known = None
        steps = list(plan.steps())
        restart = self.restart and any(folder == MODULES for folder, _ in steps)
        since = await latest_start(self.da) if restart else 0.0
        done: list[SyncChange] = []
        for number, (folder, changes) in enumerate(steps, start=1):
            # The last one carries the restart: if it breaks off, it is still to be done, and the
            # next sync restarts too.
            last = restart and number == len(steps)
            handle = await persist(self._sending(folder, changes, restart=last))
            await self.da.wait_for_task(handle, timeout=None)
            done += self._told(changes)
        if restart:
            await steady(self.da, since)
        self.known = plan.after()
        return plan.report(done, restarted=restart, dry_run=False)

    def _preview(self, plan: _Plan) -> SyncReport:
        """Tell what would be done."""
        changes = [one for _, changes in plan.steps() for one in self._told(changes)]
        return plan.report(changes, restarted=False, dry_run=True)

    def _told(self, changes: list[SyncChange]) -> list[SyncChange]:
        if self.on_change is not None:
            for change in changes:
                self.on_change(change)
        return changes

    async def _remote(self, local: Local) -> dict[Place, str]:
        """What tells the contents on the server apart; empty where it need not be known."""
        there: dict[Place, str] = {}
        for folder in FOLDERS:
            names = await persist(
                partial(
                    self.da.playground.list_files,
                    folder=folder,
                    project=self.project,
                    user_id=self.user_id,
                )
            )
            there |= {(folder, name): "" for name in names}
        waiting = iter(there.keys() & local.files.keys())

        async def compare() -> None:
            for place in waiting:
                size = local.files[place].stat().st_size
                there[place] = await persist(partial(self._downloaded, place, size))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_A_TIME):
                    group.create_task(compare())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return there

    async def _downloaded(self, place: Place, size: int) -> str:
        folder, name = place
        digest = hashlib.sha256()
        try:
            async with self.da.playground.download_file(
                name, folder=folder, project=self.project, user_id=self.user_id
            ) as stream:
                if stream.size not in {None, size}:
                    return ""
                async for chunk in stream:
                    digest.update(chunk)
        except NotFound:  # deleted meanwhile
            return ""
        return digest.hexdigest()

    def _sending(
        self, folder: Folder, changes: list[SyncChange], *, restart: bool
    ) -> Callable[[], Awaitable[TaskHandle | None]]:
        """Send files or delete one; doing it twice does no harm."""
        place: _Where = {"folder": folder, "project": self.project, "user_id": self.user_id}
        files = [Upload(one.path, one.name) for one in changes if one.path is not None]
        if files:
            return lambda: self.da.playground.upload_files(files, restart=restart, **place)
        name = changes[0].name
        return lambda: self.da.playground.delete_file(name, restart=restart, **place)
