"""Deploying packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BadRequest,
    InstallFailed,
    PayloadTooLarge,
    Question,
    TaskEvent,
    TaskTimeout,
    UsageError,
)
from tests.live.documents import make_package
from tests.mock import get_loop_time
from tests.workflows.package_files import (
    HELLO_INTERVIEW,
    PACKAGE_NAME,
    count_calls,
    deploy,
    write_broken_package,
    write_files,
    write_package,
)

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import JSONInput
    from docassemble_client.testing import FakeServer


async def deploy_error(fake: FakeServer, source: Any = None, **options: Any) -> InstallFailed:
    """Deploy a package that cannot be installed, and return the error."""
    with pytest.raises(InstallFailed) as caught:
        await deploy(fake, source, **options)
    return caught.value


async def test_folder_is_installed_through_the_restart(fake: FakeServer, tmp_path: Path) -> None:
    """The report has both versions and the log; the package's interviews can be started."""
    (write_package(tmp_path) / ".env").write_text("KEY=1", encoding="utf-8")
    events: list[TaskEvent] = []

    async with fake.client() as da:
        report = await da.deploy(tmp_path, on_progress=events.append)
        duration = get_loop_time()
        async with da.interview(HELLO_INTERVIEW).session() as s:
            question = await s.question()

    assert (report.name, report.version, report.previous_version) == (PACKAGE_NAME, "0.1.0", None)
    assert (report.restarted, report.cache_cleared, report.has_changed) == (True, False, True)
    assert report.ignored == (".env",)
    assert "Successfully installed docassemble.mine-0.1.0" in report.log
    assert str(report) == "docassemble.mine 0.1.0 is installed, for the first time."
    assert "Successfully" not in repr(report)
    assert isinstance(question, Question)
    assert duration > 50
    assert (events[0].state, events[-1].state) == ("sending", "completed")
    assert events[0].reason.startswith("docassemble.mine 0.1.0, ")
    assert "restarting" in {event.state for event in events}
    assert count_calls(fake, "interviews.clear_cache") == 0


async def test_folder_whose_name_the_server_could_not_read_is_installed(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The archive has a line from which the server can read the name."""
    setup = "from setuptools import setup\nsetup(name='docassemble.mine', version='1.5')\n"
    write_files(write_package(tmp_path), {"setup.py": setup})

    report = await deploy(fake, tmp_path)

    assert (report.name, report.version) == (PACKAGE_NAME, "1.5")


async def test_existing_archive_is_installed(fake: FakeServer, tmp_path: Path) -> None:
    """A ZIP file is checked and sent; its path may be a string."""
    file = tmp_path / "mine.zip"
    file.write_bytes(make_package("mine", "7.0"))

    report = await deploy(fake, str(file))

    assert (report.version, report.ignored) == ("7.0", ())


async def test_report_says_whether_the_version_changed(fake: FakeServer, tmp_path: Path) -> None:
    """The same version is installed again, and the report says so."""
    first = await deploy(fake, write_package(tmp_path, "1.0"))
    second = await deploy(fake, write_package(tmp_path, "1.1"))
    third = await deploy(fake, write_package(tmp_path, "1.1"))

    assert [report.previous_version for report in (first, second, third)] == [None, "1.0", "1.1"]
    assert [report.has_changed for report in (first, second, third)] == [True, True, False]
    assert str(second) == "docassemble.mine 1.1 is installed, previously 1.0."
    assert "the version did not change" in str(third)


async def test_cache_is_cleared_without_a_restart(fake: FakeServer, tmp_path: Path) -> None:
    """Otherwise the running processes would keep using the old interviews."""
    report = await deploy(fake, write_package(tmp_path), restart=False)

    assert (report.restarted, report.cache_cleared) == (False, True)
    assert count_calls(fake, "interviews.clear_cache") == 1


async def test_key_that_may_not_clear_the_cache_can_deploy(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The package is installed, and the report says that the cache was not cleared."""
    folder = write_package(tmp_path)

    async with fake.client() as da:
        key = await da.api_keys.create("deploy", permissions=["manage_packages"])
        report = await da.as_key(key).deploy(folder, restart=False)

    assert (report.version, report.cache_cleared) == ("0.1.0", False)


async def test_package_is_installed_from_pypi_or_a_repository(fake: FakeServer) -> None:
    """Its name is parsed as the server does; the requested version must be listed."""
    fake.add_package("docassemble.helloworld", "1.0")
    fake.add_package("docassemble.Other", "1.0")
    pinned = await deploy(fake, pip="docassemble.ALToolbox==0.13.0")
    newest = await deploy(fake, pip="pyjokes")
    url = "https://github.com/jhpyle/docassemble-helloworld.git/"
    git = await deploy(fake, github=url, branch="main")
    egg = await deploy(fake, github="https://git.example.com/x#egg=docassemble.Other&y=1")

    assert [report.name for report in (pinned, newest, git, egg)] == [
        "docassemble.ALToolbox", "pyjokes", "docassemble.helloworld", "docassemble.Other"
    ]  # fmt: skip
    assert (pinned.version, newest.version) == ("0.13.0", "0.8.3")
    error = await deploy_error(fake, pip="pyjokes==9.9")
    assert "does not list the requested version" in str(error)


@pytest.mark.parametrize("restart", [True, False])
async def test_package_that_cannot_be_built_is_install_failed(
    fake: FakeServer, tmp_path: Path, *, restart: bool
) -> None:
    """The error has pip's log and a hint, even if the server reports success."""
    error = await deploy_error(fake, write_broken_package(tmp_path), restart=restart)
    second_error = await deploy_error(fake, write_broken_package(tmp_path), restart=restart)

    assert (error.name, error.operation) == (PACKAGE_NAME, "packages.install")
    assert "Failed to build" in error.log
    assert "Failed to build" not in str(error)
    assert error.hint.startswith("The package cannot be built; try `pip install .`")
    assert error.handle is not None
    # With a restart the server removes it from its list.
    assert ("remove it with packages.uninstall" in error.hint) is not restart
    assert second_error.hint == error.hint


@pytest.mark.parametrize("version", ["2.0", "1.0"])
async def test_failed_update_is_detected_although_the_server_lists_the_old_version(
    fake: FakeServer, tmp_path: Path, version: str
) -> None:
    """Without a restart the server reports success and lists the removed version."""
    await deploy(fake, write_package(tmp_path, "1.0"))

    error = await deploy_error(fake, write_broken_package(tmp_path, version), restart=False)

    assert "pip installed nothing" in error.message
    assert "The previous version is gone" in error.hint


async def test_unknown_package_is_named_in_the_hint(fake: FakeServer) -> None:
    """The reason is in pip's log."""
    error = await deploy_error(fake, pip="docassemble.nosuchpackage")

    assert (
        error.hint == "pip finds no such package or version; check the package and its"
        " dependencies; see the error's log"
    )


async def test_other_packages_that_fail_do_not_stop_this_one(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The server installs all pending packages and does not restart; the client restarts it."""
    log = (
        "docassemble.mine: pip install command returned success code.  See log for details.\n"
        "docassemble.other: install failed\npip log:\nSuccessfully installed docassemble.mine-0.1.0"
    )
    # This package is installed, but the status reports the failure of the other package.
    status: dict[str, JSONInput] = {"status": "completed", "ok": False, "error_message": log}
    fake.fail("packages.get_update_status", status=200, body=status)
    fake._state.tasks.install_seconds = 0

    report = await deploy(fake, write_package(tmp_path))

    assert report.failed_packages == ("docassemble.other",)
    assert "Other packages could not be installed: docassemble.other." in str(report)
    assert str(report).endswith("remove them with packages.uninstall.")
    assert count_calls(fake, "server.restart") == 1


async def test_other_packages_that_fail_are_reported_with_the_error(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The server tries them again with each installation, until somebody removes them."""
    log = "docassemble.mine: install failed\ndocassemble.other: install failed\npip log:\n"
    status: dict[str, JSONInput] = {"status": "completed", "ok": False, "error_message": log}
    fake.fail("packages.get_update_status", status=200, body=status)
    fake._state.tasks.install_seconds = 0

    error = await deploy_error(fake, write_package(tmp_path))

    assert error.failed_packages == ("docassemble.other",)
    assert error.hint is not None
    assert "Other packages could not be installed: docassemble.other." in error.hint


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "takes one package"),
        ({"source": ".", "pip": "x"}, "takes one package"),
        ({"pip": "x", "branch": "main"}, "branch= needs github="),
        ({"pip": ">=1"}, "pip must be the name of a package"),
        ({"pip": "()"}, "pip must be the name of a package"),
        ({"source": "no/such/folder"}, "no folder or ZIP file"),
    ],
)
async def test_invalid_arguments_are_refused_before_anything_is_sent(
    fake: FakeServer, arguments: dict[str, Any], error: str
) -> None:
    """There must be exactly one package, and it must exist."""
    with pytest.raises(UsageError, match=error):
        await deploy(fake, **arguments)

    assert fake.received_requests == []


async def test_timeout_covers_the_whole_deployment(fake: FakeServer, tmp_path: Path) -> None:
    """An installation that does not end raises TaskTimeout with its handle."""
    fake._state.tasks.install_seconds = 10_000

    with pytest.raises(TaskTimeout, match="was not installed within 100 s") as caught:
        await deploy(fake, write_package(tmp_path), timeout=100)

    assert caught.value.handle is not None
    assert caught.value.handle.package == "docassemble-mine"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, "There was an error when installing that package. x", BadRequest),
        (403, "Access denied.", AccessDenied),
        (413, None, PayloadTooLarge),
    ],
)
async def test_refusal_is_raised_unchanged(
    fake: FakeServer, tmp_path: Path, status: int, body: Any, kind: type[Exception]
) -> None:
    """It is not retried."""
    fake.fail("packages.install", status=status, body=body)

    with pytest.raises(kind):
        await deploy(fake, write_package(tmp_path))


SKIPPED: dict[str, JSONInput] = {"status": "completed", "ok": True, "log": ""}
"""The server's status if the package was there already, as a dependency: pip did not run."""


async def test_package_that_came_as_a_dependency_is_requested_again(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The server only notes such a package; its second request installs it."""
    fake.fail("packages.get_update_status", status=200, body=SKIPPED)
    events: list[TaskEvent] = []

    report = await deploy(fake, write_package(tmp_path), restart=False, on_progress=events.append)

    assert report.version == "0.1.0"
    assert count_calls(fake, "packages.install") == 2
    assert [event.state for event in events].count("sending") == 2


async def test_package_is_requested_twice_at_most(fake: FakeServer, tmp_path: Path) -> None:
    """If the server skips it again, that is a failure."""
    fake.fail("packages.get_update_status", status=200, body=SKIPPED, times=2)

    error = await deploy_error(fake, write_package(tmp_path), restart=False)

    assert "not listed with a version" in error.message
    assert count_calls(fake, "packages.install") == 2


async def test_package_is_recognised_by_any_spelling_of_its_name(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Names are compared as pip does; the server may list another spelling."""
    async with fake.client() as da:
        await da.deploy(write_package(tmp_path))
        fake._state.packages.installed[PACKAGE_NAME].name = "Docassemble-Mine"
        await da.deploy(write_package(tmp_path, "0.2.0"))
        packages = await da.packages.list()

    assert [package.version for package in packages if package.name == PACKAGE_NAME] == ["0.2.0"]
