"""Uninstalls a package and verifies that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client._checks import CALLABLE, FLAG, SECONDS, TEXT, check_arguments
from docassemble_client._concurrency import Callback, sleep, time_limit
from docassemble_client._core.retry import RESTART_POLL_SECONDS
from docassemble_client.errors import DocassembleError, TaskFailed, TaskTimeout, UsageError
from docassemble_client.tasks import TaskEvent
from docassemble_client.workflows.errors import PackageNotFound, UninstallFailed
from docassemble_client.workflows.packages.package_list import (
    clear_interview_cache,
    find_package,
    send_until_sent,
)
from docassemble_client.workflows.packages.pip_log import PipLog
from docassemble_client.workflows.server.restart import latest_start_time, wait_until_stable
from docassemble_client.workflows.server.restart import restart as restart_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client._base_client import BaseClient
    from docassemble_client.tasks import TaskHandle

_MAX_LIST_CHECKS = 30  # with the package, before a lost request counts as not processed


@frozen(kw_only=True)
class UninstallReport:
    """
    A package that was uninstalled.

    Attributes:
        name: Name of the package, as the server listed it.
        version: Version that was installed; None if the server listed none.
        restarted: Whether the server restarted and is available again.
        cache_cleared: Without a restart, whether the interview cache was cleared. The key may lack
            the permission for it (`playground_control`).
        log: Pip's log; empty if the response was lost.
    """

    name: str
    version: str | None
    restarted: bool
    cache_cleared: bool
    log: str = field(default="", repr=lambda value: f"<{len(value)} characters>")

    def __str__(self) -> str:
        return f"{self.name} {self.version or ''}".rstrip() + " is uninstalled."


async def uninstall(
    client: BaseClient,
    package: str,
    *,
    restart: bool,
    timeout: float | None,
    on_progress: Callable[[TaskEvent], object] | None,
) -> UninstallReport:
    """Uninstall a package and verify that it is gone."""
    check_arguments(TEXT, package=package)
    check_arguments(FLAG, restart=restart)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_progress=on_progress)
    if not package.strip():
        message = "package must be the name of a package"
        raise UsageError(message, hint="For example docassemble.MyForm")
    removal = _Uninstallation(client, package, restart=restart, on_progress=on_progress)

    def make_error() -> TaskTimeout:
        message = f"the package was not uninstalled within {timeout} s"
        hint = "The server may still be uninstalling it; check packages.list"
        return TaskTimeout(
            message, operation="packages.uninstall", hint=hint, handle=removal.handle
        )

    async with time_limit(timeout, make_error):
        return await removal.run()


class _Uninstallation:
    """Uninstalls one package; `since` is the latest start time of the server before the request."""

    def __init__(
        self,
        client: BaseClient,
        package: str,
        *,
        restart: bool,
        on_progress: Callable[[TaskEvent], object] | None,
    ) -> None:
        self.client = client
        self.package = package
        self.restart = restart
        self.on_progress = Callback(on_progress)
        self.handle: TaskHandle | None = None

    async def run(self) -> UninstallReport:
        listed = await find_package(self.client, self.package)
        if listed is None:
            message = "the server does not list this package"
            hint = "Names of packages are in packages.list"
            raise PackageNotFound(
                message, operation="packages.uninstall", hint=hint, package=self.package
            )
        since = await latest_start_time(self.client) if self.restart else 0.0
        await self.on_progress(TaskEvent(state="sending", polls=0, reason=listed.name))
        await self._request_uninstall(listed.name)
        log = await self._wait_for_task()
        if log.was_uninstalled(listed.name) is False or await find_package(
            self.client, self.package
        ):
            raise self._uninstall_error(listed.name, log)
        if self.restart and log.failed_packages:
            # The server does not restart if any other package failed.
            await restart_server(self.client, wait=True, timeout=None)
        elif self.restart:
            await wait_until_stable(self.client, since)
        return UninstallReport(
            name=listed.name,
            version=listed.version,
            restarted=self.restart,
            cache_cleared=not self.restart and await clear_interview_cache(self.client),
            log=log.text,
        )

    async def _request_uninstall(self, name: str) -> None:
        async def send() -> None:
            self.handle = await self.client.packages.uninstall(name, restart=self.restart)

        if error := await send_until_sent(send):
            await self._wait_until_unlisted(error)

    async def _wait_until_unlisted(self, error: DocassembleError) -> None:
        """
        Wait until the list shows that a request was processed although its response was lost.

        The server takes the package off its list before pip runs; the restart shows that pip has
        ended.

        Raises:
            DocassembleError: The list does not show it; this is the original error.
        """
        for _ in range(_MAX_LIST_CHECKS):
            await sleep(RESTART_POLL_SECONDS)
            try:
                listed = await find_package(self.client, self.package)
            except DocassembleError as failure:
                if not failure.is_transient:
                    raise
                continue
            if listed is None:
                return
        error.hint = (
            "The response was lost, and the server still lists the package; uninstall it again"
        )
        raise error

    async def _wait_for_task(self) -> PipLog:
        try:
            result = await self.client.wait_for_task(
                self.handle, timeout=None, on_progress=self.on_progress
            )
        except TaskFailed as error:
            log = PipLog(error.log)
            if error is self.on_progress.error or not log.was_uninstalled(self.package):
                raise
            # The task fails if any pending package fails; this one was uninstalled.
            return log
        return PipLog(result.log if result else "")

    def _uninstall_error(self, name: str, log: PipLog) -> UninstallFailed:
        message = "the package is still installed"
        return UninstallFailed(
            message,
            operation="packages.uninstall",
            hint="Read the reason in the error's log",
            handle=self.handle,
            log=log.text,
            name=name,
        )
