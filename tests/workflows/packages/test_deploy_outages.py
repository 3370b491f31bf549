"""Deploying packages through lost responses, outages and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, MaybeSent, ServerError, TaskEvent, TaskFailed
from tests.mock import get_loop_time
from tests.workflows.package_files import (
    PACKAGE_NAME,
    count_calls,
    deploy,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client.testing import FakeServer


async def test_request_that_did_not_arrive_is_repeated(fake: FakeServer, tmp_path: Path) -> None:
    """The client waits while the server refuses connections."""
    fake.drop_connection("packages.install", sent=False, times=12)

    report = await deploy(fake, write_package(tmp_path))

    assert report.version == "0.1.0"
    assert count_calls(fake, "packages.install") == 1


async def test_request_with_a_lost_response_is_not_repeated(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The list of packages shows that it was installed; pip's log is lost."""
    fake.drop_connection("packages.install", processed=True)

    report = await deploy(fake, write_package(tmp_path))

    assert (report.version, report.previous_version, report.log) == ("0.1.0", None, "")
    assert count_calls(fake, "packages.install") == 0
    assert fake._state.packages.installed[PACKAGE_NAME].version == "0.1.0"


async def test_restart_shows_that_the_same_version_was_installed_after_a_lost_response(
    fake: FakeServer, tmp_path: Path
) -> None:
    """In the list only the archive's file number changes; the restart follows pip."""
    await deploy(fake, write_package(tmp_path))
    fake.drop_connection("packages.install", processed=True)

    report = await deploy(fake, write_package(tmp_path))

    assert (report.has_changed, report.restarted) == (False, True)


@pytest.mark.parametrize("kind", ["reset", "page", "garbage"])
async def test_lost_response_is_an_error_if_the_package_is_never_listed(
    fake: FakeServer, tmp_path: Path, kind: str
) -> None:
    """After a minute the original error is raised with a hint."""
    if kind == "reset":
        fake.drop_connection("packages.install")
    elif kind == "page":
        fake.fail("packages.install", status=504)
    else:
        fake.corrupt_response("packages.install")

    async with fake.client() as da:
        with pytest.raises(Exception, match="does not show that it was installed"):
            await da.deploy(write_package(tmp_path))
        assert 55 < get_loop_time() < 90


async def test_lost_response_is_an_error_if_the_installation_cannot_be_verified(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Without a restart, a reinstalled version cannot be distinguished from the old one."""
    await deploy(fake, write_package(tmp_path))
    fake.drop_connection("packages.install", processed=True)

    with pytest.raises(MaybeSent, match="then deploy again"):
        await deploy(fake, write_package(tmp_path), restart=False)


@pytest.mark.parametrize("outage", ["unavailable", "refused", "lost"])
async def test_deployment_survives_an_additional_restart(
    fake: FakeServer, tmp_path: Path, outage: Any
) -> None:
    """HTML pages, refused and lost connections during a restart are not failures."""
    fake.outage = outage

    async with fake.client() as da:

        def restart_again(event: TaskEvent) -> None:
            if event.polls == 2:
                fake._state.tasks.restart()

        report = await da.deploy(write_package(tmp_path), on_progress=restart_again)

    assert (report.version, report.restarted) == ("0.1.0", True)
    assert count_calls(fake, "packages.install") == 1


async def test_long_restart_after_a_lost_response_is_survived(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The list of packages is unavailable for longer than a call is retried."""
    fake.outage = "lost"
    fake.drop_connection("packages.install", processed=True)
    fake._state.tasks.restart_seconds = 200

    assert (await deploy(fake, write_package(tmp_path))).version == "0.1.0"


@pytest.mark.parametrize(("status", "kind"), [(403, AccessDenied), (500, ServerError)])
async def test_permanent_error_of_the_list_is_raised(
    fake: FakeServer, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    """It is not retried, although the package may be installed."""
    fake.drop_connection("packages.install", processed=True)
    fake.fail("packages.list", status=200, body=[])
    fake.fail("packages.list", status=status, body="Access denied.")

    with pytest.raises(kind):
        await deploy(fake, write_package(tmp_path))


async def test_server_error_is_raised_unchanged(fake: FakeServer, tmp_path: Path) -> None:
    """A page with status 500 is not a sign of a restart."""
    fake.fail("packages.install", status=500)

    with pytest.raises(Exception, match="500"):
        await deploy(fake, write_package(tmp_path))


async def test_an_error_of_a_callback_during_the_installation_is_raised_unchanged(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Also if its class is that of a failed task."""
    mine = TaskFailed("mine")

    def fail(event: TaskEvent) -> None:
        if event.state != "sending":
            raise mine

    with pytest.raises(TaskFailed) as caught:
        await deploy(fake, write_package(tmp_path), on_progress=fail)

    assert caught.value is mine
