"""Uninstalling packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    BadRequest,
    DocassembleError,
    MaybeSent,
    PackageNotFound,
    ServerError,
    TaskEvent,
    TaskFailed,
    TaskTimeout,
    UninstallFailed,
    UsageError,
)
from tests.mock import get_loop_time
from tests.workflows.package_files import PACKAGE_NAME, count_calls, deploy, write_package

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import JSONInput, UninstallReport
    from docassemble_client.testing import FakeServer

REMOVED = "pip uninstall command returned success code.  See log for details."


@pytest.fixture
async def installed(fake: FakeServer, tmp_path: Path) -> FakeServer:
    """Make a server with a package."""
    await deploy(fake, write_package(tmp_path), restart=False)
    return fake


async def uninstall(
    fake: FakeServer, package: Any = PACKAGE_NAME, **options: Any
) -> UninstallReport:
    """Uninstall a package."""
    async with fake.client() as da:
        return await da.uninstall(package, **options)


def set_status(fake: FakeServer, *, ok: bool, log: str) -> None:
    """Let the removal end at once with this log."""
    text = {"log": log} if ok else {"error_message": log}
    status: dict[str, JSONInput] = {"status": "completed", "ok": ok, **text}
    fake.fail("packages.get_update_status", status=200, body=status)
    fake._state.tasks.install_seconds = 0


async def test_package_is_uninstalled_through_the_restart(installed: FakeServer) -> None:
    """The name may be spelled as pip accepts it; the report has the server's spelling."""
    events: list[TaskEvent] = []
    begin = get_loop_time()

    report = await uninstall(installed, "Docassemble_Mine", on_progress=events.append)

    assert (report.name, report.version) == (PACKAGE_NAME, "0.1.0")
    assert (report.restarted, report.cache_cleared) == (True, False)
    assert str(report) == "docassemble.mine 0.1.0 is uninstalled."
    assert "Successfully uninstalled" in report.log
    assert "Successfully" not in repr(report)
    assert (events[0].state, events[0].reason, events[-1].state) == (
        *("sending", PACKAGE_NAME, "completed"),
    )
    assert get_loop_time() - begin > 50
    assert PACKAGE_NAME not in installed._state.packages.installed


async def test_cache_is_cleared_without_a_restart(installed: FakeServer) -> None:
    """Otherwise running processes would keep the interviews of the package."""
    report = await uninstall(installed, restart=False)

    assert (report.restarted, report.cache_cleared) == (False, True)
    assert count_calls(installed, "interviews.clear_cache") == 2  # and for the installation


async def test_unknown_package_is_an_error(fake: FakeServer) -> None:
    """Nothing is sent but the request for the list."""
    with pytest.raises(PackageNotFound, match="does not list this package") as caught:
        await uninstall(fake, "docassemble.nosuch")

    assert (caught.value.package, caught.value.operation) == (
        "docassemble.nosuch",
        "packages.uninstall",
    )
    assert count_calls(fake, "packages.uninstall") == 0


async def test_package_that_the_server_needs_is_refused(fake: FakeServer) -> None:
    """The server's own error is raised."""
    with pytest.raises(BadRequest, match="not allowed to uninstall"):
        await uninstall(fake, "docassemble.base")


@pytest.mark.parametrize("package", ["", " ", None, 7])
async def test_invalid_name_is_refused(fake: FakeServer, package: Any) -> None:
    """No request is sent."""
    with pytest.raises(UsageError, match="package must be"):
        await uninstall(fake, package)

    assert not fake.received_requests


async def test_package_that_pip_did_not_remove_is_uninstall_failed(installed: FakeServer) -> None:
    """The server reports success and takes it off its list, whatever pip did."""
    log = (
        f"{PACKAGE_NAME}: {REMOVED}\npip log:\nNot uninstalling {PACKAGE_NAME}, outside environment"
    )
    set_status(installed, ok=True, log=log)

    with pytest.raises(UninstallFailed, match="still installed") as caught:
        await uninstall(installed, restart=False)

    assert (caught.value.name, caught.value.log) == (PACKAGE_NAME, log)
    assert caught.value.handle is not None
    assert "outside environment" not in str(caught.value)


async def test_package_that_was_gone_already_is_uninstalled(installed: FakeServer) -> None:
    """The server's list was out of date."""
    set_status(
        installed,
        ok=True,
        log=f"{PACKAGE_NAME}: pip uninstall was not run because the package was not installed.",
    )

    assert (await uninstall(installed, restart=False)).name == PACKAGE_NAME


async def test_other_packages_that_fail_do_not_stop_this_one(installed: FakeServer) -> None:
    """The server does not restart if a pending package failed; the client restarts it."""
    log = (
        f"{PACKAGE_NAME}: {REMOVED}\nother: install failed\n"
        f"pip log:\nSuccessfully uninstalled {PACKAGE_NAME}-0.1.0\n"
    )
    set_status(installed, ok=False, log=log)

    report = await uninstall(installed)

    assert report.restarted
    assert count_calls(installed, "server.restart") == 1


async def test_failed_task_is_an_error(installed: FakeServer) -> None:
    """Its log does not show that pip removed the package."""
    set_status(installed, ok=False, log="something else")

    with pytest.raises(TaskFailed):
        await uninstall(installed)


async def test_error_of_the_callback_is_raised_as_it_is(installed: FakeServer) -> None:
    """Also if its class is one that the workflow handles."""
    error = TaskFailed("mine", log=f"Successfully uninstalled {PACKAGE_NAME}-0.1.0\n")

    def fail(event: TaskEvent) -> None:
        if event.state != "sending":
            raise error

    with pytest.raises(TaskFailed) as caught:
        await uninstall(installed, on_progress=fail)

    assert caught.value is error


async def test_request_that_did_not_arrive_is_repeated(installed: FakeServer) -> None:
    """The client waits while the server refuses connections."""
    installed.drop_connection("packages.uninstall", sent=False, times=12)

    await uninstall(installed)

    assert count_calls(installed, "packages.uninstall") == 1


async def test_request_with_a_lost_response_is_not_repeated(installed: FakeServer) -> None:
    """The list shows that it was processed, and the restart that pip has ended."""
    installed.drop_connection("packages.uninstall", processed=True)

    def break_list(event: TaskEvent) -> None:
        installed.fail("packages.list", status=503, times=5)

    report = await uninstall(installed, on_progress=break_list)

    assert (report.restarted, report.log) == (True, "")
    assert count_calls(installed, "packages.uninstall") == 0


async def test_lost_response_is_an_error_if_the_package_stays_listed(
    installed: FakeServer,
) -> None:
    """After a minute the original error is raised with a hint."""
    installed.drop_connection("packages.uninstall")
    begin = get_loop_time()

    with pytest.raises(MaybeSent, match="still lists the package"):
        await uninstall(installed)

    assert 55 < get_loop_time() - begin < 90


async def test_lost_response_is_followed_by_the_error_of_the_list(installed: FakeServer) -> None:
    """An error that is not transient ends the wait."""
    installed.drop_connection("packages.uninstall")

    def break_list(event: TaskEvent) -> None:
        installed.fail("packages.list", status=501)

    with pytest.raises(ServerError):
        await uninstall(installed, on_progress=break_list)


async def test_removal_that_takes_too_long_is_a_timeout(installed: FakeServer) -> None:
    """The error has the handle, to wait for the task again."""
    with pytest.raises(TaskTimeout, match="not uninstalled within 5 s") as caught:
        await uninstall(installed, timeout=5)

    assert caught.value.handle is not None


async def test_errors_have_names_and_can_be_raised_alone() -> None:
    """Their arguments are optional, as those of every error."""
    assert (UninstallFailed().name, PackageNotFound().package) == ("", "")
    assert isinstance(PackageNotFound(), DocassembleError)
