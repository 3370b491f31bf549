"""Installs a package and verifies that the server lists it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from docassemble_client._checks import CALLABLE, PATH, SECONDS, TEXT, Kind, check_arguments
from docassemble_client._concurrency import Callback, sleep, time_limit
from docassemble_client._core.retry import RESTART_POLL_SECONDS
from docassemble_client._long_work import run_in_thread
from docassemble_client._names import normalize_package_name
from docassemble_client.errors import DocassembleError, TaskFailed, TaskTimeout, UsageError
from docassemble_client.tasks import TaskEvent
from docassemble_client.workflows.errors import InstallFailed
from docassemble_client.workflows.packages.archive import Archive, make_archive
from docassemble_client.workflows.packages.deploy_report import DeployReport, describe_failures
from docassemble_client.workflows.packages.metadata import is_same_version
from docassemble_client.workflows.packages.package_list import (
    clear_interview_cache,
    find_package,
    send_until_sent,
)
from docassemble_client.workflows.packages.pip_log import PipLog
from docassemble_client.workflows.packages.restart_choice import (
    AUTO,
    find_reason_after,
    find_reason_before,
)
from docassemble_client.workflows.packages.size_limit import check_size
from docassemble_client.workflows.server.restart import latest_start_time, wait_until_stable
from docassemble_client.workflows.server.restart import restart as restart_server

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import Package
    from docassemble_client.tasks import TaskHandle

_MAX_LIST_CHECKS = 30  # without the package, before a lost request counts as not processed
_REQUIREMENT = re.compile(r"([^>=<]+)((?:[>=<].*)?)")  # as the server parses it
_RESTART = Kind('True, False or "auto"', lambda value: isinstance(value, bool) or value == AUTO)
_EXACT_VERSION = re.compile(r"==\s*([^,*\s]+)\s*")


@frozen(kw_only=True)
class _Target:
    """
    The package to install.

    Attributes:
        name: Name under which the server will list it.
        version: Version that the server must list; None if unknown.
        arguments: Arguments of `packages.install`.
        description: Text for the progress event.
        removes_previous: Whether the server first removes the installed version.
        has_modules: Whether the package has modules; None if the server fetches it.
        ignored: Paths of the folder that are not sent.
    """

    name: str
    version: str | None
    arguments: dict[str, Any]
    description: str
    removes_previous: bool
    has_modules: bool | None = None
    ignored: tuple[str, ...] = ()


async def deploy(
    client: BaseClient,
    source: str | os.PathLike[str] | None,
    *,
    github: str | None,
    pip: str | None,
    branch: str | None,
    restart: bool | Literal["auto"],
    timeout: float | None,
    on_progress: Callable[[TaskEvent], object] | None,
) -> DeployReport:
    """Install a package and verify that the server lists it."""
    check_arguments(PATH, optional=True, source=source)
    check_arguments(TEXT, optional=True, github=github, pip=pip, branch=branch)
    check_arguments(_RESTART, restart=restart)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_progress=on_progress)
    if sum(argument is not None for argument in (source, github, pip)) != 1:
        message = "deploy takes one package: a folder or ZIP file, or github=, or pip="
        raise UsageError(message)
    if branch is not None and github is None:
        message = "branch= needs github="
        raise UsageError(message, hint="Pass the URL of the repository as github=")
    with ExitStack() as stack:
        if source is not None:
            # Packing is not part of the timeout, which is for the server.
            archive = await run_in_thread(make_archive(source), undo=Archive.close)
            stack.enter_context(archive)
            await check_size(client, archive.size)
            target = _archive_target(archive)
        elif github is not None:
            target = _repository_target(github, branch)
        else:
            target = _requirement_target(str(pip))
        deployment = _Deployment(client, target, restart=restart, on_progress=on_progress)

        def make_error() -> TaskTimeout:
            message = f"the package was not installed within {timeout} s"
            hint = "The server may still be installing it; check packages.list, then deploy again"
            return TaskTimeout(
                message, operation="packages.install", hint=hint, handle=deployment.handle
            )

        async with time_limit(timeout, make_error):
            return await deployment.run()


def _archive_target(package_archive: Archive) -> _Target:
    name, version = package_archive.metadata.name, package_archive.metadata.version
    return _Target(
        name=name,
        version=version,
        arguments={"zip": package_archive.upload},
        description=f"{name} {version or ''}".strip() + f", {package_archive.size} bytes",
        removes_previous=True,
        has_modules=package_archive.metadata.has_modules,
        ignored=package_archive.ignored,
    )


def _repository_target(url: str, branch: str | None) -> _Target:
    address, _, egg = url.rstrip("/").partition("#egg=")
    repository = address.partition("#")[0].rstrip("/").rpartition("/")[2].removesuffix(".git")
    name = egg.partition("&")[0] or re.sub(r"^docassemble-", "docassemble.", repository)
    return _Target(
        name=name,
        version=None,
        arguments={"github_url": url, "branch": branch},
        description=name,
        removes_previous=True,
    )


def _requirement_target(pip: str) -> _Target:
    match = _REQUIREMENT.fullmatch(pip.strip())
    name = re.sub(r"[^A-Za-z0-9_.-]", "", match[1]) if match else ""
    if match is None or not name:
        message = "pip must be the name of a package, with or without a version"
        raise UsageError(message, hint="For example docassemble.demo or docassemble.demo==1.2")
    exact = _EXACT_VERSION.fullmatch(match[2])
    return _Target(
        name=name,
        version=exact[1] if exact else None,
        arguments={"pip": pip},
        description=pip,
        removes_previous=False,
    )


class _Deployment:
    """Installs one target; `since` is the latest start time of the server before the request."""

    def __init__(
        self,
        client: BaseClient,
        target: _Target,
        *,
        restart: bool | Literal["auto"],
        on_progress: Callable[[TaskEvent], object] | None,
    ) -> None:
        self.client = client
        self.target = target
        self.is_auto = restart == AUTO
        self.restart = restart is True
        self.restart_reason = ""
        self.on_progress = Callback(on_progress)
        self.handle: TaskHandle | None = None
        self.failure: TaskFailed | None = None
        self.previous: Package | None = None
        self.since = 0.0

    async def run(self) -> DeployReport:
        if self.is_auto:
            await self._decide_restart()
        self.previous = await self._get_listed_package()
        log = await self._install()
        if await self._was_skipped(log):
            # The package was there already, as a dependency of another one: the server has only
            # noted that. Its second request installs the package (update.py:288).
            log = await self._install()
        if self.failure is not None and not self._was_installed(log):
            raise self._install_error(self.failure.message, log)
        failed = log.failed_packages
        if self.restart and failed:
            # The server does not restart if any package failed, but this package needs it.
            await restart_server(self.client, wait=True, timeout=None)
        elif self.restart:
            await wait_until_stable(self.client, self.since)
        version = self._check_version(await self._get_listed_package(), log)
        cache_cleared = not self.restart and await clear_interview_cache(self.client)
        if self.is_auto and not self.restart:
            self.restart_reason = find_reason_after(log, self.target.name)
            if self.restart_reason:
                await restart_server(self.client, wait=True, timeout=None)
        return DeployReport(
            name=self.target.name,
            version=version,
            previous_version=self.previous.version if self.previous else None,
            restarted=self.restart or bool(self.restart_reason),
            cache_cleared=cache_cleared,
            restart_reason=self.restart_reason,
            failed_packages=failed,
            ignored=self.target.ignored,
            log=log.text,
        )

    async def _decide_restart(self) -> None:
        """Decide whether the installation restarts the server; pip's log may show it later."""
        has_modules = self.target.has_modules
        self.restart_reason = find_reason_before(
            has_modules=has_modules,
            may_clear_cache=has_modules is not False or await clear_interview_cache(self.client),
        )
        self.restart = bool(self.restart_reason)

    async def _install(self) -> PipLog:
        """Request the installation and wait until the server has finished it; return pip's log."""
        if self.restart:
            self.since = await latest_start_time(self.client)
        event = TaskEvent(state="sending", polls=0, reason=self.target.description)
        await self.on_progress(event)
        self.failure = None
        await self._request_install()
        if self.handle is None:
            return PipLog("")
        try:
            result = await self.client.wait_for_task(
                self.handle, timeout=None, on_progress=self.on_progress
            )
        except TaskFailed as error:
            if error is self.on_progress.error:
                raise
            # The task fails if any pending package fails; this one may have succeeded.
            self.failure = error
            return PipLog(error.log)
        return PipLog(result.log if result else "")

    async def _request_install(self) -> None:
        async def send() -> None:
            handle = await self.client.packages.install(
                **self.target.arguments, restart=self.restart
            )
            target = normalize_package_name(self.target.name)
            self.handle = handle._replace(package=target, expected_state="listed")

        if error := await send_until_sent(send):
            await self._wait_until_listed(error)

    async def _was_skipped(self, log: PipLog) -> bool:
        """Whether the server did not run pip for a package that it did not list before."""
        is_known = self.previous is not None and self.previous.version is not None
        if self.handle is None or is_known or not log.was_skipped(self.target.name):
            return False
        listed = await self._get_listed_package()
        return listed is not None and not self._version_matches(listed.version)

    def _was_installed(self, log: PipLog) -> bool:
        name = self.target.name
        return log.was_successful(name) and (
            log.was_installed(name) or not self.target.removes_previous
        )

    async def _wait_until_listed(self, error: DocassembleError) -> None:
        """
        Wait until the list shows that a request was processed although its response was lost.

        Raises:
            DocassembleError: The list does not show it; this is the original error.
        """
        checks = 0
        while checks < _MAX_LIST_CHECKS:
            await sleep(RESTART_POLL_SECONDS)
            try:
                listed = await self._get_listed_package()
                if await self._is_installed(listed):
                    return
            except DocassembleError as failure:
                if not failure.is_transient:
                    raise
                continue
            if not (self.restart and self._list_changed(listed)):
                checks += 1
        error.hint = (
            "The response was lost, and the list of packages does not show that it was installed;"
            " check packages.list, then deploy again"
        )
        raise error

    def _list_changed(self, listed: Package | None) -> bool:
        """Whether the package is listed differently than before: the server got the request."""
        return listed is not None and listed != self.previous

    async def _is_installed(self, listed: Package | None) -> bool:
        """Whether the package is listed as installed, and the entry cannot be an old one."""
        if listed is None or not self._version_matches(listed.version):
            return False
        if self.previous is None or listed.version != self.previous.version:
            return True
        # The file number of an archive changes at once; only the restart shows that pip is done.
        health = await self.client.server.get_health() if self.restart else None
        restarted = health is not None and health.server_start_time > self.since
        return restarted and self._list_changed(listed)

    def _version_matches(self, version: str | None) -> bool:
        expected = self.target.version
        return version is not None and (expected is None or is_same_version(version, expected))

    def _check_version(self, listed: Package | None, log: PipLog) -> str:
        """Compare the listed package with the target and with pip's log; return its version."""
        name, version = self.target.name, listed.version if listed else None
        if version is None or not self._version_matches(version):
            message = "the server does not list the requested version"
            raise self._install_error(message, log)
        attempted = self.target.removes_previous and log.was_attempted(name)
        if attempted and not log.was_installed(name):
            # Without a restart the server reports success and still lists the removed version.
            message = "the server reports success, but pip installed nothing"
            raise self._install_error(message, log)
        return version

    def _install_error(self, message: str, log: PipLog) -> InstallFailed:
        is_repository = "github_url" in self.target.arguments
        hint = log.find_hint(is_repository=is_repository) or "Read the reason in the error's log"
        if self.previous is None or self.previous.version is None:
            if not self.restart:
                hint += (
                    ". It stays on the server's list and is retried with each installation;"
                    " remove it with packages.uninstall"
                )
        elif self.target.removes_previous:
            hint += ". The previous version is gone: the server removes it first"
        name = normalize_package_name(self.target.name)
        others = tuple(
            other for other in log.failed_packages if normalize_package_name(other) != name
        )
        if others:
            hint += f". {describe_failures(others)}"
        return InstallFailed(
            message,
            operation="packages.install",
            hint=hint,
            handle=self.handle,
            log=log.text,
            name=self.target.name,
            failed_packages=others,
        )

    async def _get_listed_package(self) -> Package | None:
        return await find_package(self.client, self.target.name)
