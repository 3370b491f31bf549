"""Creates, fills, syncs and deletes projects of a Playground."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from docassemble_client._base_client import BaseClient
from docassemble_client._checks import FLAG, PATH, TEXT, check_arguments
from docassemble_client._cleanup import CallGroup
from docassemble_client._client_lifetime import get_cleanup_tasks
from docassemble_client._long_work import run_in_thread
from docassemble_client.errors import AccessDenied, UsageError
from docassemble_client.tasks import TaskEvent, TaskHandle
from docassemble_client.workflows.errors import ProjectNotFound
from docassemble_client.workflows.interviews.interview import Interview
from docassemble_client.workflows.packages.archive import Archive, make_archive
from docassemble_client.workflows.playground.download import (
    ProjectDownload,
    ProjectFile,
    download_project,
)
from docassemble_client.workflows.playground.project_call import call_and_wait, check_options
from docassemble_client.workflows.playground.remote_project import (
    DEFAULT_PROJECT,
    RemoteProject,
    is_project_name,
)
from docassemble_client.workflows.playground.sync import Sync, SyncChange, SyncReport
from docassemble_client.workflows.playground.watch import WatchEvent, watch


class Project:
    """
    A project of a Playground, from `AsyncDocassemble.project`; use it with `async with`.

    Attributes:
        name: Name of the project; the project `default` always exists.
    """

    def __init__(
        self,
        client: BaseClient,
        name: str,
        *,
        create: bool,
        delete: bool,
        user_id: int | None,
    ) -> None:
        check_arguments(TEXT, name=name)
        check_arguments(FLAG, create=create, delete=delete)
        if name != DEFAULT_PROJECT and not is_project_name(name):
            message = "a project name has only ASCII letters and digits and begins with a letter"
            raise UsageError(message, hint="The server allows no _ or - in it")
        if delete and name == DEFAULT_PROJECT:
            message = "the project default cannot be deleted"
            raise UsageError(message, hint="Pass the name of another project")
        self._client = client
        self._create = create
        self._delete = delete
        self._requested_user_id = user_id
        self._user_id = user_id
        self._entered = False
        self._remote = RemoteProject(client, name, user_id)
        self._calls = CallGroup(get_cleanup_tasks(client))
        self.name = name

    @property
    def user_id(self) -> int:
        """ID of the user who owns the Playground."""
        self._check_entered()
        if self._user_id is None:
            message = "the key may not read its own account, so the user ID is unknown"
            raise UsageError(message, hint="Pass user_id to project()")
        return self._user_id

    def interview(self, filename: str) -> Interview:
        """
        Return an interview of the project.

        Args:
            filename: Name of its file, such as `main.yml`.

        Returns:
            The interview, with a name such as `docassemble.playground7review42:main.yml`.

        Raises:
            UsageError: The key may not read its own account, and `user_id` is not set.
        """
        check_arguments(TEXT, filename=filename)
        project = "" if self.name == DEFAULT_PROJECT else self.name
        return Interview(self._client, f"docassemble.playground{self.user_id}{project}:{filename}")

    async def install(
        self,
        source: str | os.PathLike[str],
        *,
        restart: bool = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
    ) -> bool:
        """
        Unpack a package into the project and wait for the restart.

        Files with the same name are overwritten; no file is deleted. The package is packed and
        checked as by `deploy`. Unlike with `sync`, the server does not change file names.

        Args:
            source: Folder of the package, or its ZIP file.
            restart: Whether the server restarts if the package has modules.
            timeout: Seconds for the upload and the restart; None for no limit.
            on_progress: Function or coroutine function, called with an event after each poll of the
                restart.

        Returns:
            Whether the server restarted.

        Raises:
            UsageError: The source is not a docassemble package; no request was sent.
            TaskTimeout: The restart did not finish in time.
            BadRequest: The server could not unpack the package.
            OSError: A file cannot be read.
        """
        self._check_entered()
        check_arguments(PATH, source=source)
        check_options(restart=restart, timeout=timeout, on_progress=on_progress)
        with await run_in_thread(make_archive(source), undo=Archive.close) as archive:
            return await self._fill(
                lambda: self._client.playground.install_packages(
                    [archive.upload],
                    project=self.name,
                    user_id=self._requested_user_id,
                    restart=restart,
                ),
                timeout=timeout,
                on_progress=on_progress,
            )

    async def pull(
        self,
        *,
        github: str | None = None,
        pip: str | None = None,
        branch: str | None = None,
        restart: bool = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
    ) -> bool:
        """
        Let the server fetch a package into the project and wait for the restart.

        Args:
            github: URL of a Git repository.
            pip: Name of a package on PyPI, instead of `github`.
            branch: Branch of the repository. The default is GitHub's default branch, or `main`.
            restart: Whether the server restarts if a module changed.
            timeout: Seconds for the download and the restart; None for no limit.
            on_progress: Function or coroutine function, called with an event after each poll of the
                restart.

        Returns:
            Whether the server restarted.

        Raises:
            UsageError: The arguments do not name exactly one package; no request was sent.
            BadRequest: The server could not fetch the package; `body` has the output of Git or pip.
            TaskTimeout: The restart did not finish in time.
        """
        self._check_entered()
        check_arguments(TEXT, optional=True, github=github, pip=pip, branch=branch)
        check_options(restart=restart, timeout=timeout, on_progress=on_progress)
        if (github is None) is (pip is None) or (branch is not None and github is None):
            message = "pull takes one package: github=, with or without branch=, or pip="
            raise UsageError(message)
        return await self._fill(
            lambda: self._client.playground.pull_package(
                github_url=github,
                pip=pip,
                branch=branch,
                project=self.name,
                user_id=self._requested_user_id,
                restart=restart,
            ),
            timeout=timeout,
            on_progress=on_progress,
        )

    async def sync(
        self,
        folder: str | os.PathLike[str],
        *,
        delete: bool = False,
        restart: bool = True,
        dry_run: bool = False,
        timeout: float | None = 600.0,
        on_change: Callable[[SyncChange], object] | None = None,
    ) -> SyncReport:
        """
        Make the project equal to a folder on disk; only differences are sent.

        Files are compared by content. Files on both sides are downloaded, unless their sizes
        differ. Each folder of the Playground takes one request, or several if one would be too
        large for the server. If modules changed, the server restarts once, at the end. If a sync
        fails, the next one completes it.

        The folder is a package (docassemble/Name/data/questions, templates, static, sources, and
        the modules docassemble/Name/*.py), or has the folders of the Playground (questions,
        templates, static, sources, modules). Files in subfolders of these are ignored, as the
        Playground has no subfolders. So are the files that `deploy` ignores.

        Args:
            folder: Path of the folder.
            delete: Whether to delete files that are only on the server, even if their whole folder
                is missing on disk.
            restart: Whether the server restarts if modules changed. Changed modules take effect
                only after a restart.
            dry_run: Whether to compare only.
            timeout: Seconds for the whole sync; None for no limit.
            on_change: Function or coroutine function, called with each change, also in a dry run;
                `str(change)` is one line.

        Returns:
            The changes.

        Raises:
            UsageError: The folder has neither layout, the server would store several files under
                one name, or it cannot store a name; no file was sent.
            TaskTimeout: The sync did not finish in time.
            OSError: A file cannot be read.
        """
        self._check_entered()
        sync = self._make_sync(folder, delete=delete, restart=restart, on_change=on_change)
        return await sync.run(dry_run=dry_run, timeout=timeout)

    def watch(
        self,
        folder: str | os.PathLike[str],
        *,
        delete: bool = False,
        restart: bool = True,
        interval: float = 1.0,
        debounce: float = 0.3,
        on_change: Callable[[SyncChange], object] | None = None,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> AsyncGenerator[WatchEvent]:
        """
        Sync now and after each change of the folder, until you leave the loop.

        The server's files are compared only once; later changes on the server are not noticed. If
        a sync fails, the event has the error. The sync is repeated after the next change, and
        automatically if the error came from the server or the network.

        Args:
            folder: As for `sync`.
            delete: As for `sync`.
            restart: As for `sync`.
            interval: Seconds between two checks of the files' dates and sizes.
            debounce: Seconds without a change before a sync starts.
            on_change: As for `sync`.
            sleep: Async function that waits for a number of seconds; the default is a plain sleep.
                A file watcher may return earlier, as soon as a file changes.

        Returns:
            An event for each sync. A sync without changes is omitted, except for the first one and
            the first one after a failure.

        Example:
            ```python
            async with da.project("review42", create=True) as project:
                async for event in project.watch("./docassemble-MyForm"):
                    print(event)
            ```
        """
        self._check_entered()
        sync = self._make_sync(folder, delete=delete, restart=restart, on_change=on_change)
        return watch(sync, interval=interval, debounce=debounce, sleep=sleep)

    async def download(
        self,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        timeout: float | None = 600.0,
        on_file: Callable[[ProjectFile], object] | None = None,
    ) -> ProjectDownload:
        """
        Download all files of the project: the inverse of `sync`, byte for byte.

        They are written to the folders questions, templates, static, sources and modules, which
        `sync` accepts. Each file appears only when it is complete.

        Args:
            folder: Path of the folder, which is created; its other files are kept.
            overwrite: Whether existing files are replaced.
            timeout: Seconds for the whole download; None for no limit.
            on_file: Function or coroutine function, called with each file.

        Returns:
            The files, and those that were skipped because of their names.

        Raises:
            UsageError: A file exists already, and `overwrite` is not set; nothing was downloaded.
            TaskTimeout: The download did not finish in time.
            OSError: A file cannot be written.
        """
        self._check_entered()
        return await download_project(
            self._client,
            folder,
            project=self.name,
            user_id=self._requested_user_id,
            overwrite=overwrite,
            timeout=timeout,
            on_file=on_file,
        )

    async def __aenter__(self) -> Self:
        await self._ensure_exists()
        self._entered = True
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        await self._clean_up(error)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _check_entered(self) -> None:
        if not self._entered:
            message = "this project is not open"
            raise UsageError(message, hint="Use it inside its `with` block")

    def _make_sync(
        self,
        folder: str | os.PathLike[str],
        *,
        delete: bool,
        restart: bool,
        on_change: Callable[[SyncChange], object] | None,
    ) -> Sync:
        return Sync(
            self._client,
            folder,
            project=self.name,
            user_id=self._requested_user_id,
            delete=delete,
            restart=restart,
            on_change=on_change,
            send=partial(self._calls.run, leftover=self._remote.description),
        )

    async def _fill(
        self,
        call: Callable[[], Awaitable[TaskHandle | None]],
        *,
        timeout: float | None,
        on_progress: Callable[[TaskEvent], object] | None,
    ) -> bool:
        send = partial(self._calls.run, call, self._remote.description)
        return await call_and_wait(self._client, send, timeout=timeout, on_progress=on_progress)

    async def _ensure_exists(self) -> None:
        if self._user_id is None:
            # A limited key may use the Playground without reading its own account.
            with suppress(AccessDenied):
                self._user_id = (await self._client.users.get_current()).id
        if self.name == DEFAULT_PROJECT or await self._remote.exists():
            return
        if not self._create:
            message = f"the Playground has no project {self.name}"
            hint = "Pass create=True, or the name of a project"
            raise ProjectNotFound(message, hint=hint, project=self.name)
        undo = RemoteProject.delete if self._delete else None
        await get_cleanup_tasks(self._client).run(
            self._remote.create, self._remote.description, undo=undo
        )

    async def _clean_up(self, error: BaseException | None) -> None:
        """Delete the project if requested; a failure does not hide an earlier error."""
        if self._delete:
            await get_cleanup_tasks(self._client).finish(
                self._delete_project,
                self._remote.description,
                error,
                note="The project was not deleted",
            )

    async def _delete_project(self) -> None:
        await self._calls.wait()
        await self._remote.delete()
