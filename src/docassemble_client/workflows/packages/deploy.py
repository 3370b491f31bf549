"""Packages that are on the server afterwards, or an error that says why not."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from docassemble_client.errors import (
    AccessDenied,
    DocassembleError,
    TaskFailed,
    TaskTimeout,
    UsageError,
)
from docassemble_client.tasks import TaskEvent
from docassemble_client.workflows.batch.weather import BAD_WEATHER, PAUSE, lost, unsent
from docassemble_client.workflows.errors import InstallFailed
from docassemble_client.workflows.packages.archive import archive, temporary
from docassemble_client.workflows.packages.metadata import normalised, same_version
from docassemble_client.workflows.packages.pip_log import PipLog
from docassemble_client.workflows.server.restart import latest_start, steady
from docassemble_client.workflows.server.restart import restart as restart_server
from docassemble_client.workflows.turns import in_turns

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.models import Package
    from docassemble_client.tasks import TaskHandle
    from docassemble_client.workflows.packages.archive import Archive

_LOOKS = 30  # at a list without the package before a lost request counts as not processed
_REQUIREMENT = re.compile(r"([^>=<]+)((?:[>=<].*)?)")  # as the server reads it
_EXACTLY = re.compile(r"==\s*([^,*\s]+)\s*")


@frozen(kw_only=True)
class DeployReport:
    """
    A package that is installed now, as the server lists it.

    Attributes:
        name: Its name.
        version: Its version.
        before: The version that was listed before; None if there was none.
        restarted: Whether the server restarted, and answers steadily.
        cache_cleared: Without a restart, whether the server reads all interviews anew; the key may
            lack the permission for that (playground_control).
        failed: Other packages that could not be installed at the same time: the server tries all
            that are pending.
        left_out: What of the folder was not sent: caches, secrets, what is ignored.
        log: What pip printed; empty if the server's answers were lost.
    """

    name: str
    version: str
    before: str | None
    restarted: bool
    cache_cleared: bool
    failed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    log: str = field(default="", repr=lambda value: f"<{len(value)} characters>")

    @property
    def changed(self) -> bool:
        """Whether the server lists another version than before."""
        return self.before is None or not same_version(self.before, self.version)

    def __str__(self) -> str:
        text = f"{self.name} {self.version} is installed"
        if self.before is None:
            text += ", for the first time."
        elif self.changed:
            text += f", before {self.before}."
        else:
            text += "; the version is the same as before: give each state one of its own."
        if self.failed:
            text += f" Not installed: {', '.join(self.failed)}."
        return text


@frozen(kw_only=True)
class _Goal:
    """What is to be installed: its name on the list, its version if known, and what to send."""

    name: str
    version: str | None
    arguments: dict[str, Any]
    detail: str
    fresh: bool  # whether the server removes what was there before
    left_out: tuple[str, ...] = ()


async def deploy(
    da: AsyncDocassemble,
    source: str | os.PathLike[str] | None,
    *,
    github: str | None,
    pip: str | None,
    branch: str | None,
    restart: bool,
    timeout: float | None,
    on_progress: Callable[[TaskEvent], object] | None,
) -> DeployReport:
    """
    Install a package, and see that it is there.

    Args:
        da: Client.
        source: Its folder or archive.
        github: URL of its repository.
        pip: Its name on PyPI.
        branch: Branch of the repository.
        restart: Whether the server restarts.
        timeout: Seconds for all that the server does.
        on_progress: Is told how far it is.

    Returns:
        What is installed now.

    Raises:
        UsageError: There is not one package to install.
        InstallFailed: It is not there afterwards.
        TaskTimeout: It was not there in time.
    """
    if sum(one is not None for one in (source, github, pip)) != 1:
        message = "deploy takes one package: a folder or ZIP file, or github=, or pip="
        raise UsageError(message)
    if branch is not None and github is None:
        message = "only a repository has a branch"
        raise UsageError(message, hint="Pass github= with branch=")
    with temporary() as file:
        if source is not None:
            # It takes a while, and none of the time for the server.
            goal = _of_archive(await in_turns(archive(source, file)))
        elif github is not None:
            goal = _of_repository(github, branch)
        else:
            goal = _of_requirement(str(pip))
        work = _Deployment(da, goal, restart=restart, on_progress=on_progress)
        try:
            async with asyncio.timeout(timeout):
                return await work.run()
        except TimeoutError:
            message = f"the package was not installed within {timeout} s"
            hint = "The server may still be at it; look at packages.list, then deploy again"
            raise TaskTimeout(
                message, operation="packages.install", hint=hint, handle=work.handle
            ) from None


def _of_archive(made: Archive) -> _Goal:
    name, version = made.metadata.name, made.metadata.version
    return _Goal(
        name=name,
        version=version,
        arguments={"zip": made.upload},
        detail=f"{name} {version or ''}".strip() + f", {made.size} bytes",
        fresh=True,
        left_out=made.left_out,
    )


def _of_repository(url: str, branch: str | None) -> _Goal:
    address, _, egg = url.rstrip("/").partition("#egg=")
    last = address.partition("#")[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
    name = egg.partition("&")[0] or re.sub(r"^docassemble-", "docassemble.", last)
    arguments = {"github_url": url, "branch": branch}
    return _Goal(name=name, version=None, arguments=arguments, detail=name, fresh=True)


def _of_requirement(pip: str) -> _Goal:
    match = _REQUIREMENT.fullmatch(pip.strip())
    name = re.sub(r"[^A-Za-z0-9_.-]", "", match[1]) if match else ""
    if match is None or not name:
        message = "pip must be the name of a package, with or without a version"
        raise UsageError(message, hint="Pass such as docassemble.demo or docassemble.demo==1.2")
    exact = _EXACTLY.fullmatch(match[2])
    version = exact[1] if exact else None
    return _Goal(name=name, version=version, arguments={"pip": pip}, detail=pip, fresh=False)


class _Deployment:
    """One installation."""

    def __init__(
        self,
        da: AsyncDocassemble,
        goal: _Goal,
        *,
        restart: bool,
        on_progress: Callable[[TaskEvent], object] | None,
    ) -> None:
        self.da = da
        self.goal = goal
        self.restart = restart
        self.on_progress = on_progress
        self.handle: TaskHandle | None = None
        self.before: Package | None = None
        self.since = 0.0

    async def run(self) -> DeployReport:
        self.before = await self._listed()
        if self.restart:
            self.since = await latest_start(self.da)
        if self.on_progress is not None:
            self.on_progress(TaskEvent(state="sending", polls=0, detail=self.goal.detail))
        await self._sent()
        log = PipLog(await self._over())
        failed = log.failed
        if self.restart and failed:
            # The server does not restart where anything failed; this package needs it.
            await restart_server(self.da, wait=True, timeout=None)
        elif self.restart:
            await steady(self.da, self.since)
        version = self._verified(await self._listed(), log)
        return DeployReport(
            name=self.goal.name,
            version=version,
            before=self.before.version if self.before else None,
            restarted=self.restart,
            cache_cleared=not self.restart and await self._cleared(),
            failed=failed,
            left_out=self.goal.left_out,
            log=log.text,
        )

    async def _sent(self) -> None:
        """Ask for the installation: again if that did not arrive, never if it may have arrived."""
        while True:
            try:
                handle = await self.da.packages.install(**self.goal.arguments, restart=self.restart)
            except BAD_WEATHER as error:
                if unsent(error):
                    await asyncio.sleep(PAUSE)
                    continue
                if not lost(error):
                    raise
                await self._appeared(error)
            else:
                target = normalised(self.goal.name)
                self.handle = evolve(handle, target=target, expects="listed")
            return

    async def _over(self) -> str:
        """Wait until the server is through with it, and return pip's log."""
        if self.handle is None:
            return ""
        try:
            result = await self.da.wait_for_task(
                self.handle, timeout=None, on_progress=self.on_progress
            )
        except TaskFailed as error:
            # It fails for each package that is pending; this one may be well.
            log = PipLog(error.log)
            if log.succeeded(self.goal.name) and (
                log.installed(self.goal.name) or not self.goal.fresh
            ):
                return error.log
            raise self._failed(error.message, log) from None
        return result.log if result else ""

    async def _appeared(self, error: DocassembleError) -> None:
        """
        Wait until the list shows what became of a request whose answer was lost.

        Raises:
            DocassembleError: The error, as the list shows nothing.
        """
        looks = 0
        while looks < _LOOKS:
            await asyncio.sleep(PAUSE)
            try:
                listed = await self._listed()
                if await self._shown(listed):
                    return
            except BAD_WEATHER as failure:
                if not lost(failure) and not unsent(failure):
                    raise
                continue
            if not (self.restart and self._arrived(listed)):
                looks += 1
        error.hint = (
            "The answer was lost, and the list of packages does not show that it was installed;"
            " look at packages.list, then deploy again"
        )
        raise error

    def _arrived(self, listed: Package | None) -> bool:
        """Whether the server has taken the request: something else is listed than before."""
        return listed is not None and listed != self.before

    async def _shown(self, listed: Package | None) -> bool:
        """Whether the package is installed: the list says so, and it cannot be an old word."""
        if listed is None or not self._fits(listed.version):
            return False
        if self.before is None or listed.version != self.before.version:
            return True
        # An archive has a new number at once; only the restart shows that pip is through.
        health = await self.da.server.get_health() if self.restart else None
        restarted = health is not None and health.server_start_time > self.since
        return restarted and self._arrived(listed)

    def _fits(self, version: str | None) -> bool:
        wanted = self.goal.version
        return version is not None and (wanted is None or same_version(version, wanted))

    def _verified(self, listed: Package | None, log: PipLog) -> str:
        """Compare the list with what was sent, and both with pip's log."""
        version = listed.version if listed else None
        if version is None or not self._fits(version):
            message = "the server lists another version than the one that was sent, or none"
            raise self._failed(message, log)
        if self.goal.fresh and log.tried(self.goal.name) and not log.installed(self.goal.name):
            # Without a restart the server says that all is well, and lists what was there before.
            message = "the server reports success, but pip installed nothing"
            raise self._failed(message, log)
        return version

    def _failed(self, message: str, log: PipLog) -> InstallFailed:
        hint = log.advice or "See the error's log"
        if self.before is None or self.before.version is None:
            if not self.restart:
                hint += (
                    ". It stays on the server's list and is tried again with each installation;"
                    " take it off with packages.uninstall"
                )
        elif self.goal.fresh:
            hint += ". The version that was there before is gone: the server removes it first"
        return InstallFailed(
            message,
            operation="packages.install",
            hint=hint,
            handle=self.handle,
            log=log.text,
            name=self.goal.name,
        )

    async def _cleared(self) -> bool:
        try:
            await self.da.interviews.clear_cache()
        except AccessDenied:
            return False
        return True

    async def _listed(self) -> Package | None:
        name = normalised(self.goal.name)
        listed = await self.da.packages.list()
        return next((one for one in listed if normalised(one.name or "") == name), None)
