"""Projects of a Playground: made, filled from disk, kept as a folder is, and deleted."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Self

from docassemble_client.errors import (
    AccessDenied,
    BadRequest,
    DocassembleError,
    TaskTimeout,
    UsageError,
)
from docassemble_client.workflows.batch.weather import BAD_WEATHER, persist
from docassemble_client.workflows.interviews.interview import Interview
from docassemble_client.workflows.packages.archive import archive, temporary
from docassemble_client.workflows.playground.sync import Sync
from docassemble_client.workflows.playground.watch import watch
from docassemble_client.workflows.server.restart import latest_start, steady
from docassemble_client.workflows.shield import to_its_end
from docassemble_client.workflows.turns import in_turns

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from types import TracebackType

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.tasks import TaskEvent, TaskHandle
    from docassemble_client.workflows.playground.sync import SyncChange, SyncReport
    from docassemble_client.workflows.playground.watch import WatchEvent

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")  # as the server has it (develop/api.py:320)
_PARTING = 300.0  # seconds for deleting the project, in whatever weather


class Project:
    """
    A project of a Playground; made by `AsyncDocassemble.project`, and used with `async with`.

    Attributes:
        name: Its name; the one that always exists is called default.
    """

    def __init__(
        self,
        da: AsyncDocassemble,
        name: str,
        *,
        create: bool,
        delete: bool,
        user_id: int | None,
    ) -> None:
        if name != DEFAULT and not _NAME.fullmatch(name):
            message = "a project is called by ASCII letters and digits, and begins with a letter"
            raise UsageError(message, hint="The server takes no _ or - in it")
        if delete and name == DEFAULT:
            message = "the project default cannot be deleted"
            raise UsageError(message, hint="Work in a project of its own")
        self._da = da
        self._create = create
        self._delete = delete
        self._given_id = user_id
        self._user_id = user_id
        self._entered = False
        self.name = name

    @property
    def user_id(self) -> int:
        """Number of the user whose Playground it is in."""
        self._check()
        if self._user_id is None:
            message = "the key may not read its own account, so its number is not known"
            raise UsageError(message, hint="Pass it to project() as user_id")
        return self._user_id

    def interview(self, filename: str) -> Interview:
        """
        Work with an interview of the project.

        Args:
            filename: Its file, such as main.yml.

        Returns:
            The interview, called such as docassemble.playground7review42:main.yml.

        Raises:
            UsageError: The key may not read its own account, and no user_id was given.
        """
        project = "" if self.name == DEFAULT else self.name
        return Interview(self._da, f"docassemble.playground{self.user_id}{project}:{filename}")

    async def install(
        self,
        source: str | os.PathLike[str],
        *,
        restart: bool = True,
        timeout: float | None = 600.0,
        on_progress: Callable[[TaskEvent], object] | None = None,
    ) -> bool:
        """
        Unpack a package into the project, and wait through the restart.

        Its files are written over those of the same names; nothing is deleted. The package is made
        and checked as by `deploy`. Files keep their names, also those that `sync` would change.

        Args:
            source: Folder of the package, or its ZIP file.
            restart: Whether the server restarts, if the package has modules.
            timeout: Seconds for the whole of it; None for no limit.
            on_progress: Called with an event after each look at the restart.

        Returns:
            Whether the server restarted.

        Raises:
            UsageError: There is no docassemble package; nothing was sent.
            TaskTimeout: The restart was not over in time.
            BadRequest: The server could not unpack it.
            OSError: A file cannot be read.
        """
        self._check()
        with temporary() as file:
            made = await in_turns(archive(source, file))
            return await self._restarting(
                lambda: self._da.playground.install_packages(
                    [made.upload], project=self.name, user_id=self._given_id, restart=restart
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
        Let the server fetch a package into the project, and wait through the restart.

        Args:
            github: URL of a Git repository.
            pip: Instead, name of a package on PyPI.
            branch: With github, branch of the repository; by default that of GitHub, or main.
            restart: Whether the server restarts, if a module changed.
            timeout: Seconds for the whole of it; None for no limit.
            on_progress: Called with an event after each look at the restart.

        Returns:
            Whether the server restarted.

        Raises:
            UsageError: There is not one package to fetch; nothing was sent.
            BadRequest: The server could not fetch it; `body` has what Git or pip said.
            TaskTimeout: The restart was not over in time.
        """
        self._check()
        if (github is None) is (pip is None) or (branch is not None and github is None):
            message = "pull takes one package: github=, with or without branch=, or pip="
            raise UsageError(message)
        return await self._restarting(
            lambda: self._da.playground.pull_package(
                github_url=github,
                pip=pip,
                branch=branch,
                project=self.name,
                user_id=self._given_id,
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
        Make the project as a folder on disk is; only what differs is sent.

        Files are compared by content: those on both sides are read from the server, unless their
        size says enough. There is one request for each folder of the Playground, more where one
        would be too large for the server, and one restart at the end, if modules changed. A sync
        that broke off is completed by the next.

        The folder is a package (docassemble/Name/data/questions, templates, static, sources, and
        the modules docassemble/Name/*.py), or as the Playground has it (questions, templates,
        static, sources, modules). The Playground has no folders in folders: what lies deeper is
        left out, as is what `deploy` leaves out.

        Args:
            folder: The folder.
            delete: Whether to delete what is on the server only; also in folders that are not on
                disk.
            restart: Whether the server restarts if modules changed, which are not used before.
            dry_run: Whether only to compare.
            timeout: Seconds for the whole of it; None for no limit.
            on_change: Called with each file that was changed, or would be; `str()` of it is a line.

        Returns:
            What was done.

        Raises:
            UsageError: The folder is none of these, or the server would store two of its files
                under one name, or one under none; nothing was sent.
            TaskTimeout: It was not over in time.
            OSError: A file cannot be read.
        """
        self._check()
        work = self._syncing(folder, delete=delete, restart=restart, on_change=on_change)
        return await work.run(dry_run=dry_run, timeout=timeout)

    def watch(
        self,
        folder: str | os.PathLike[str],
        *,
        delete: bool = False,
        restart: bool = True,
        interval: float = 1.0,
        settle: float = 0.3,
        on_change: Callable[[SyncChange], object] | None = None,
        wait: Callable[[float], Awaitable[object]] | None = None,
    ) -> AsyncGenerator[WatchEvent]:
        """
        Sync now and after each change of the folder, until the loop over it ends.

        What is on the server is compared once; after that it counts as what was sent last. A sync
        that fails is told, and tried again: after the next change, and by itself if the failure was
        one of the server or network.

        Args:
            folder: As for `sync`.
            delete: As for `sync`.
            restart: As for `sync`.
            interval: Seconds between two looks at the dates and sizes of the files.
            settle: Seconds for which nothing must change before it is sent.
            on_change: As for `sync`.
            wait: Waits so many seconds, `asyncio.sleep` by default; another one may return earlier,
                when it knows that something changed.

        Returns:
            What each sync did, or how it failed; those that found nothing to do are left out, but
            for the first and the first after a failure.

        Example:
            ```python
            async with da.project("review42", create=True) as project:
                async for event in project.watch("./docassemble-MyForm"):
                    print(event)
            ```
        """
        self._check()
        work = self._syncing(folder, delete=delete, restart=restart, on_change=on_change)
        return watch(work, interval=interval, settle=settle, wait=wait)

    async def __aenter__(self) -> Self:
        try:
            await to_its_end(self._ensured())
        except asyncio.CancelledError as cancelled:
            await self._end(cancelled)
            raise
        self._entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        await self._end(error)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _check(self) -> None:
        if not self._entered:
            message = "this project has not been entered, or is over"
            raise UsageError(message, hint="Use it inside `async with`")

    def _syncing(
        self,
        folder: str | os.PathLike[str],
        *,
        delete: bool,
        restart: bool,
        on_change: Callable[[SyncChange], object] | None,
    ) -> Sync:
        return Sync(
            self._da,
            folder,
            project=self.name,
            user_id=self._given_id,
            delete=delete,
            restart=restart,
            on_change=on_change,
        )

    async def _restarting(
        self,
        call: Callable[[], Awaitable[TaskHandle | None]],
        *,
        timeout: float | None,
        on_progress: Callable[[TaskEvent], object] | None,
    ) -> bool:
        """Make a call that may be repeated, and wait for the restart that it may bring."""
        handle: TaskHandle | None = None
        try:
            async with asyncio.timeout(timeout):
                since = await latest_start(self._da)
                handle = await persist(call)
                await self._da.wait_for_task(handle, timeout=None, on_progress=on_progress)
                # Where the first answer was lost, the restart may belong to that.
                restarted = handle is not None or await latest_start(self._da) > since
                if restarted:
                    await steady(self._da, since)
        except TimeoutError:
            message = f"the project was not ready within {timeout} s"
            hint = "The server may still be at it; do it again, which does no harm"
            raise TaskTimeout(message, hint=hint, handle=handle) from None
        return restarted

    async def _ensured(self) -> None:
        if self._user_id is None:
            try:
                self._user_id = (await self._da.users.get_current()).id
            except AccessDenied:
                # A limited key may work in the Playground and not read its own account.
                self._user_id = None
        if await self._is_there():
            return
        if not self._create:
            message = f"the Playground has no project {self.name}"
            raise DocassembleError(message, hint="Pass create=True, or the name of one it has")
        try:
            await self._da.playground.create_project(self.name, user_id=self._given_id)
        except (BadRequest, *BAD_WEATHER):
            # Somebody was faster, or the answer was lost; the server says the same of a project
            # that is there as of one that is not.
            if not await self._is_there():
                raise

    async def _is_there(self) -> bool:
        if self.name == DEFAULT:
            return True
        projects = await persist(lambda: self._da.playground.list_projects(user_id=self._given_id))
        return self.name in projects

    async def _end(self, error: BaseException | None) -> None:
        """Delete the project; what already went wrong is not hidden by a failure to do so."""
        if not self._delete:
            return
        try:
            await to_its_end(self._deleted())
        except DocassembleError as failure:
            if error is None:
                raise
            error.add_note(f"The project was not deleted: {failure}")

    async def _deleted(self) -> None:
        try:
            async with asyncio.timeout(_PARTING):
                await persist(self._delete_once)
        except TimeoutError:
            message = f"the project {self.name} was not deleted within {_PARTING:g} s"
            hint = "Delete it with playground.delete_project"
            raise TaskTimeout(message, operation="playground.delete_project", hint=hint) from None

    async def _delete_once(self) -> None:
        try:
            await self._da.playground.delete_project(self.name, user_id=self._given_id)
        except BadRequest:
            if await self._is_there():
                raise
