"""Backs up the Playgrounds of all users to a folder on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._checks import CALLABLE, FLAG, LIST, PATH, SECONDS, check_arguments
from docassemble_client._concurrency import Callback, time_limit
from docassemble_client._core.retry import retry_until_available
from docassemble_client.errors import DocassembleError, TaskTimeout, UsageError
from docassemble_client.workflows.playground.download import (
    ProjectDownload,
    download_project,
    format_size,
)
from docassemble_client.workflows.playground.remote_project import (
    DEFAULT_PROJECT,
    is_project_name,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from docassemble_client._base_client import BaseClient


@frozen(kw_only=True)
class ProjectBackup:
    """
    The backup of a project.

    Attributes:
        user_id: ID of the user who owns the Playground.
        project: Name of the project.
        path: Its folder on disk; it does not exist if the project has no files.
        download: The files; None if they could not be downloaded.
        error: Why they could not be downloaded; None if they were.
    """

    user_id: int
    project: str
    path: Path
    download: ProjectDownload | None = None
    error: DocassembleError | None = None

    def __str__(self) -> str:
        outcome = f"failed: {self.error}" if self.download is None else str(self.download)
        return f"user {self.user_id}, {self.project}: {outcome}"


@frozen(kw_only=True)
class BackupReport:
    """
    The backup of several Playgrounds.

    Attributes:
        projects: The projects that have files or that failed, by user and name.
        users: Number of users whose Playground was read.
    """

    projects: tuple[ProjectBackup, ...]
    users: int

    @property
    def failed(self) -> tuple[ProjectBackup, ...]:
        """Projects that could not be downloaded."""
        return tuple(project for project in self.projects if project.error is not None)

    @property
    def is_complete(self) -> bool:
        """Whether every file of every project was downloaded."""
        return all(
            project.download is not None and not project.download.skipped
            for project in self.projects
        )

    def __str__(self) -> str:
        downloads = [project.download for project in self.projects if project.download is not None]
        files = sum(len(download.files) for download in downloads)
        size = format_size(sum(download.size for download in downloads))
        text = f"{len(downloads)} projects of {self.users} users: {files} files, {size}"
        if skipped := sum(len(download.skipped) for download in downloads):
            text += f"; {skipped} skipped"
        if self.failed:
            text += f"; {len(self.failed)} projects failed"
        return text


async def backup_playgrounds(
    client: BaseClient,
    folder: str | os.PathLike[str],
    *,
    user_ids: Sequence[int] | None,
    overwrite: bool,
    timeout: float | None,
    on_project: Callable[[ProjectBackup], object] | None,
) -> BackupReport:
    """Back up the Playgrounds of users to a folder."""
    check_arguments(PATH, folder=folder)
    check_arguments(LIST, optional=True, user_ids=user_ids)
    check_arguments(FLAG, overwrite=overwrite)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_project=on_project)
    if any(type(user_id) is not int or user_id < 1 for user_id in user_ids or ()):
        message = "user_ids must be whole numbers from 1"
        raise UsageError(message, hint="IDs of users are in users.list")

    root = Path(folder)
    if not overwrite and root.is_dir() and any(root.iterdir()):
        message = "the folder is not empty"
        raise UsageError(message, hint="Pass another folder, or overwrite=True")

    def make_error() -> TaskTimeout:
        message = f"the Playgrounds were not backed up within {timeout} s"
        hint = "Back them up again with overwrite=True: the files on disk are complete"
        return TaskTimeout(message, operation="playground.download_file", hint=hint)

    async with time_limit(timeout, make_error):
        if user_ids is None:
            user_ids = [user.id async for user in client.users.list(include_inactive=True)]
        backup = _Backup(client, root, overwrite=overwrite, on_project=on_project)
        for user_id in user_ids:
            await backup.add_user(user_id)
    return BackupReport(projects=tuple(backup.projects), users=len(user_ids))


class _Backup:
    """Backs up one project after the other; the files of a project are downloaded together."""

    def __init__(
        self,
        client: BaseClient,
        root: Path,
        *,
        overwrite: bool,
        on_project: Callable[[ProjectBackup], object] | None,
    ) -> None:
        self.client = client
        self.root = root
        self.overwrite = overwrite
        self.on_project = Callback(on_project)
        self.projects: list[ProjectBackup] = []

    async def add_user(self, user_id: int) -> None:
        """Back up the projects of a user."""
        listed = await retry_until_available(
            lambda: self.client.playground.list_projects(user_id=user_id)
        )
        names = sorted({name for name in listed if is_project_name(name)} | {DEFAULT_PROJECT})
        for name in names:
            backup = await self._download(user_id, name)
            if backup.download is None or backup.download.files or backup.download.skipped:
                self.projects.append(backup)
                await self.on_project(backup)

    async def _download(self, user_id: int, name: str) -> ProjectBackup:
        path = self.root / str(user_id) / name
        try:
            download = await download_project(
                self.client,
                path,
                project=name,
                user_id=user_id,
                overwrite=self.overwrite,
                timeout=None,
                on_file=None,
            )
        except DocassembleError as error:
            return ProjectBackup(user_id=user_id, project=name, path=path, error=error)
        return ProjectBackup(user_id=user_id, project=name, path=path, download=download)
