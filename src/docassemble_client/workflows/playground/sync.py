"""Makes a project of the Playground equal to a working tree on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from attrs import frozen

from docassemble_client._checks import CALLABLE, FLAG, PATH, SECONDS, check_arguments
from docassemble_client._concurrency import (
    Callback,
    make_task_group,
    time_limit,
    to_thread,
)
from docassemble_client._core.retry import retry_until_available
from docassemble_client._long_work import run_in_thread
from docassemble_client.errors import NotFound, TaskTimeout
from docassemble_client.transfer import Upload
from docassemble_client.workflows.playground.filenames import predict_lookup_name
from docassemble_client.workflows.playground.layout import (
    FOLDERS,
    MODULES,
    LocalFiles,
    RemotePath,
    compute_digests,
    find_local_files,
)
from docassemble_client.workflows.playground.remote_files import list_remote_files
from docassemble_client.workflows.server.restart import latest_start_time, wait_until_stable

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from docassemble_client._base_client import BaseClient
    from docassemble_client.tasks import TaskHandle
    from docassemble_client.workflows.playground.layout import Folder

    _Call: TypeAlias = Callable[[], Awaitable[TaskHandle | None]]

_MAX_CONCURRENT_DOWNLOADS = 4
_MAX_REQUEST_FILES = 900  # the server accepts up to 1,000 parts
_MAX_REQUEST_BYTES = 8 * 1024 * 1024  # the server accepts 16 MiB
_KIND_SYMBOLS = {"added": "+", "changed": "~", "deleted": "-"}


class _Location(TypedDict):
    folder: Folder
    project: str
    user_id: int | None


@frozen(kw_only=True)
class SyncChange:
    """
    A file of a project that a sync changed.

    Attributes:
        kind: `added`, `changed` or `deleted`.
        folder: Folder of the Playground.
        name: Name on the server.
        path: Path on disk; None if the file was deleted.
    """

    kind: Literal["added", "changed", "deleted"]
    folder: str
    name: str
    path: Path | None = None

    def __str__(self) -> str:
        return f"{_KIND_SYMBOLS[self.kind]} {self.folder}/{self.name}"


@frozen(kw_only=True)
class SyncReport:
    """
    The changes of a sync, or in a dry run the changes that it would make.

    Attributes:
        changes: The changes, in order.
        unchanged: Number of files that were equal.
        only_on_server: Remaining files that are not on disk, such as `questions/old.yml`.
        unreachable: The files of `only_on_server` that the API can neither read nor delete, as the
            server changes the name in the request. Delete them in the Playground.
        renamed: Names that the server changes, by path on disk.
        ignored: Paths on disk that do not belong in the Playground.
        restarted: Whether the server restarted for changed modules and is available again.
        dry_run: Whether this was a dry run.
    """

    changes: tuple[SyncChange, ...]
    unchanged: int
    only_on_server: tuple[str, ...]
    unreachable: tuple[str, ...]
    renamed: Mapping[str, str]
    ignored: tuple[str, ...]
    restarted: bool
    dry_run: bool

    def __str__(self) -> str:
        lines = [str(change) for change in self.changes]
        lines += [
            f"{path} is stored as {name} on the server" for path, name in self.renamed.items()
        ]
        return "\n".join(lines) or "nothing differs"


@frozen(kw_only=True)
class _Plan:
    """The changes to make, computed from the digests of both sides."""

    local: LocalFiles
    local_digests: Mapping[RemotePath, str]
    remote_digests: Mapping[RemotePath, str]
    delete: bool

    @property
    def only_on_server(self) -> list[RemotePath]:
        return sorted(self.remote_digests.keys() - self.local_digests.keys())

    @property
    def unreachable(self) -> list[RemotePath]:
        return [path for path in self.only_on_server if predict_lookup_name(path[1]) != path[1]]

    @property
    def to_delete(self) -> list[RemotePath]:
        if not self.delete:
            return []
        unreachable = set(self.unreachable)
        return [path for path in self.only_on_server if path not in unreachable]

    def list_batches(self) -> list[tuple[Folder, list[SyncChange]]]:
        """Return the changes of each request with their folder, in order; read sizes of files."""
        return list(self._make_batches())

    def _make_batches(self) -> Iterator[tuple[Folder, list[SyncChange]]]:
        for folder in FOLDERS:
            different = [
                path
                for path in sorted(self.local_digests)
                if path[0] == folder and self._is_different(path)
            ]
            for changes in _split_into_batches(map(self._make_change, different)):
                yield folder, changes
            for path in self.to_delete:
                if path[0] == folder:
                    yield folder, [SyncChange(kind="deleted", folder=folder, name=path[1])]

    def _is_different(self, path: RemotePath) -> bool:
        return self.remote_digests.get(path) != self.local_digests[path]

    def _make_change(self, path: RemotePath) -> SyncChange:
        folder, name = path
        kind: Literal["added", "changed"] = "changed" if path in self.remote_digests else "added"
        return SyncChange(kind=kind, folder=folder, name=name, path=self.local.files[path])

    def compute_expected_digests(self) -> dict[RemotePath, str]:
        """Return the digests of the server's files after all changes."""
        remaining = set(self.only_on_server) - set(self.to_delete)
        return {**self.local_digests, **dict.fromkeys(remaining, "")}

    def make_report(
        self, changes: Iterable[SyncChange], *, restarted: bool, dry_run: bool
    ) -> SyncReport:
        deleted = set(self.to_delete)
        return SyncReport(
            changes=tuple(changes),
            unchanged=sum(not self._is_different(path) for path in self.local_digests),
            only_on_server=tuple(
                "/".join(path) for path in self.only_on_server if path not in deleted
            ),
            unreachable=tuple("/".join(path) for path in self.unreachable),
            renamed=self.local.renamed,
            ignored=self.local.ignored,
            restarted=restarted,
            dry_run=dry_run,
        )


def _split_into_batches(changes: Iterable[SyncChange]) -> Iterator[list[SyncChange]]:
    """Split changes into batches that the server accepts in one request."""
    batch: list[SyncChange] = []
    size = 0
    for change in changes:
        file_size = change.path.stat().st_size if change.path else 0
        if batch and (len(batch) == _MAX_REQUEST_FILES or size + file_size > _MAX_REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += file_size
    if batch:
        yield batch


class Sync:
    """
    Syncs a folder on disk to a project, any number of times.

    Attributes:
        send: Makes a call that changes the project.
        remote_digests: Digests of the server's files after the last sync; None if they have to be
            fetched.
    """

    def __init__(
        self,
        client: BaseClient,
        folder: str | os.PathLike[str],
        *,
        project: str,
        user_id: int | None,
        delete: bool,
        restart: bool,
        on_change: Callable[[SyncChange], object] | None,
        send: Callable[[_Call], Awaitable[TaskHandle | None]],
    ) -> None:
        check_arguments(PATH, folder=folder)
        check_arguments(FLAG, delete=delete, restart=restart)
        check_arguments(CALLABLE, optional=True, on_change=on_change)
        self.client = client
        self.folder = Path(folder)
        self.project = project
        self.user_id = user_id
        self.delete = delete
        self.restart = restart
        self.on_change = Callback(on_change)
        self.send = send
        self.remote_digests: dict[RemotePath, str] | None = None

    async def run(self, *, dry_run: bool, timeout: float | None) -> SyncReport:
        """
        Compare both sides by content and apply the changes.

        Args:
            dry_run: Whether to compare only.
            timeout: Seconds for the whole sync.

        Returns:
            The changes.

        Raises:
            UsageError: The folder cannot be synced.
            TaskTimeout: The sync did not finish in time.
            OSError: A file cannot be read.
        """
        check_arguments(FLAG, dry_run=dry_run)
        check_arguments(SECONDS, optional=True, timeout=timeout)

        def make_error() -> TaskTimeout:
            message = f"the project was not synced within {timeout} s"
            hint = "Sync again: only remaining changes are sent"
            return TaskTimeout(message, operation="playground.upload_files", hint=hint)

        async with time_limit(timeout, make_error):
            plan = await self._make_plan()
            return await (self._preview(plan) if dry_run else self._apply(plan))

    async def _make_plan(self) -> _Plan:
        local = await to_thread(find_local_files, self.folder)
        digests = await run_in_thread(compute_digests(local.files.values()))
        local_digests = dict(zip(local.files, digests, strict=True))
        remote_digests = self.remote_digests
        if remote_digests is None:
            remote_digests = await self._fetch_remote_digests(local)
        return _Plan(
            local=local,
            local_digests=local_digests,
            remote_digests=remote_digests,
            delete=self.delete,
        )

    async def _apply(self, plan: _Plan) -> SyncReport:
        """Send the batches; the last one restarts the server if a module changes."""
        self.remote_digests = None
        batches = await to_thread(plan.list_batches)
        restart = self.restart and any(folder == MODULES for folder, _ in batches)
        since = await latest_start_time(self.client) if restart else 0.0
        applied: list[SyncChange] = []
        for number, (folder, changes) in enumerate(batches, start=1):
            # If the sync fails early, the last batch remains, so the next sync restarts the
            # server.
            call = self._make_call(folder, changes, restart=restart and number == len(batches))
            handle = await retry_until_available(partial(self.send, call))
            await self.client.wait_for_task(handle, timeout=None)
            applied += await self._notify(changes)
        if restart:
            await wait_until_stable(self.client, since)
        self.remote_digests = plan.compute_expected_digests()
        return plan.make_report(applied, restarted=restart, dry_run=False)

    async def _preview(self, plan: _Plan) -> SyncReport:
        changes: list[SyncChange] = []
        for _, batch in await to_thread(plan.list_batches):
            changes += await self._notify(batch)
        return plan.make_report(changes, restarted=False, dry_run=True)

    async def _notify(self, changes: list[SyncChange]) -> list[SyncChange]:
        for change in changes:
            await self.on_change(change)
        return changes

    async def _fetch_remote_digests(self, local: LocalFiles) -> dict[RemotePath, str]:
        """Return the digests of the server's files; empty for files that are not on disk."""
        paths = await list_remote_files(self.client, project=self.project, user_id=self.user_id)
        remote_digests = dict.fromkeys(paths, "")
        pending = iter(remote_digests.keys() & local.files.keys())

        async def compare() -> None:
            for path in pending:
                size = local.files[path].stat().st_size
                remote_digests[path] = await retry_until_available(
                    partial(self._download_digest, path, size)
                )

        try:
            async with make_task_group() as group:
                for _ in range(_MAX_CONCURRENT_DOWNLOADS):
                    group.create_task(compare())
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        return remote_digests

    async def _download_digest(self, path: RemotePath, size: int) -> str:
        folder, name = path
        digest = hashlib.sha256()
        try:
            async with self.client.playground.download_file(
                name, folder=folder, project=self.project, user_id=self.user_id
            ) as stream:
                if stream.size not in {None, size}:
                    return ""
                async for chunk in stream:
                    digest.update(chunk)
        except NotFound:  # deleted in the meantime
            return ""
        return digest.hexdigest()

    def _make_call(self, folder: Folder, changes: list[SyncChange], *, restart: bool) -> _Call:
        """Return a call that uploads files or deletes one file; it is safe to repeat."""
        location: _Location = {"folder": folder, "project": self.project, "user_id": self.user_id}
        files = [Upload(change.path, change.name) for change in changes if change.path is not None]
        if files:
            return lambda: self.client.playground.upload_files(files, restart=restart, **location)
        name = changes[0].name
        return lambda: self.client.playground.delete_file(name, restart=restart, **location)
