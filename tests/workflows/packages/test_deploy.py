"""Packages that are on the server afterwards, in good and in bad weather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BadRequest,
    DeployReport,
    InstallFailed,
    MaybeSent,
    Package,
    PayloadTooLarge,
    Question,
    ServerError,
    TaskEvent,
    TaskTimeout,
    UsageError,
)
from tests.live.documents import package as archive
from tests.mock import now
from tests.workflows.package_files import HELLO, NAME, asked, broken, on, package, slow

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, JSONInput
    from docassemble_client.testing import FakeServer


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which installations and restarts take time."""
    return slow()


def deployed(fake: FakeServer, source: Any = None, **options: Any) -> DeployReport:
    """Deploy a package."""
    return on(fake, lambda da: da.deploy(source, **options))


def fails(fake: FakeServer, source: Any = None, **options: Any) -> InstallFailed:
    """Deploy a package that cannot be installed, and return the error."""
    with pytest.raises(InstallFailed) as caught:
        deployed(fake, source, **options)
    return caught.value


def test_folder_is_installed_through_the_restart(fake: FakeServer, tmp_path: Path) -> None:
    """The report has both versions and the log; the interviews of the package can be started."""
    (package(tmp_path) / ".env").write_text("KEY=1", encoding="utf-8")
    seen: list[TaskEvent] = []

    async def job(da: AsyncDocassemble) -> tuple[DeployReport, object, float]:
        report = await da.deploy(tmp_path, on_progress=seen.append)
        took = now()
        async with da.interview(HELLO).session() as s:
            return report, await s.question(), took

    report, question, took = on(fake, job)

    assert (report.name, report.version, report.before) == (NAME, "0.1.0", None)
    assert (report.restarted, report.cache_cleared, report.changed) == (True, False, True)
    assert report.left_out == (".env",)
    assert "Successfully installed docassemble.mine-0.1.0" in report.log
    assert str(report) == "docassemble.mine 0.1.0 is installed, for the first time."
    assert "Successfully" not in repr(report)
    assert isinstance(question, Question)
    assert took > 50
    assert (seen[0].state, seen[-1].state) == ("sending", "completed")
    assert seen[0].detail.startswith("docassemble.mine 0.1.0, ")
    assert "restarting" in {one.state for one in seen}
    assert asked(fake, "interviews.clear_cache") == 0


def test_archive_is_installed_as_it_is(fake: FakeServer, tmp_path: Path) -> None:
    """A ZIP file is checked and sent; its path may be a text."""
    file = tmp_path / "mine.zip"
    file.write_bytes(archive("mine", "7.0"))

    report = deployed(fake, str(file))

    assert (report.version, report.left_out) == ("7.0", ())


def test_new_version_is_told_and_the_same_too(fake: FakeServer, tmp_path: Path) -> None:
    """A version that did not change is installed all the same, and said to be the same."""
    first = deployed(fake, package(tmp_path, "1.0"))
    second = deployed(fake, package(tmp_path, "1.1"))
    third = deployed(fake, package(tmp_path, "1.1"))

    assert [one.before for one in (first, second, third)] == [None, "1.0", "1.1"]
    assert [one.changed for one in (first, second, third)] == [True, True, False]
    assert str(second) == "docassemble.mine 1.1 is installed, before 1.0."
    assert "the version is the same as before" in str(third)


def test_cache_is_cleared_without_a_restart(fake: FakeServer, tmp_path: Path) -> None:
    """Processes that run would go on to show the interviews of before."""
    report = deployed(fake, package(tmp_path), restart=False)

    assert (report.restarted, report.cache_cleared) == (False, True)
    assert asked(fake, "interviews.clear_cache") == 1


def test_key_that_may_not_clear_the_cache_deploys_all_the_same(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The package is installed, and the report says that the cache is not cleared."""
    folder = package(tmp_path)

    async def job(da: AsyncDocassemble) -> DeployReport:
        key = await da.api_keys.create("deploy", permissions=["manage_packages"])
        async with fake.client() as other:
            other._api_key = key
            return await other.deploy(folder, restart=False)

    report = on(fake, job)

    assert (report.version, report.cache_cleared) == ("0.1.0", False)


def test_package_comes_from_pypi_or_a_repository(fake: FakeServer) -> None:
    """Its name is found as the server finds it; a version that was asked for must be listed."""
    pinned = deployed(fake, pip="docassemble.ALToolbox==0.13.0")
    newest = deployed(fake, pip="pyjokes")
    url = "https://github.com/jhpyle/docassemble-helloworld.git/"
    git = deployed(fake, github=url, branch="main")
    egg = deployed(fake, github="https://git.example.com/x#egg=docassemble.Other&y=1")

    assert [one.name for one in (pinned, newest, git, egg)] == [
        "docassemble.ALToolbox", "pyjokes", "docassemble.helloworld", "docassemble.Other"
    ]  # fmt: skip
    assert (pinned.version, newest.version) == ("0.13.0", "0.8.3")
    error = fails(fake, pip="pyjokes==9.9")
    assert "another version than the one that was sent" in str(error)


@pytest.mark.parametrize("restart", [True, False])
def test_package_that_cannot_be_built_is_install_failed(
    fake: FakeServer, tmp_path: Path, *, restart: bool
) -> None:
    """The error has pip's log and says what to do, whatever the server's ok says."""
    error = fails(fake, broken(tmp_path), restart=restart)
    again = fails(fake, broken(tmp_path), restart=restart)

    assert (error.name, error.operation) == (NAME, "packages.install")
    assert "Failed to build" in error.log
    assert "Failed to build" not in str(error)
    assert error.hint.startswith("The package cannot be built; try `pip install .`")
    assert error.handle is not None
    # With a restart the server takes it off its list by itself.
    assert ("take it off with packages.uninstall" in error.hint) is not restart
    assert again.hint == error.hint


@pytest.mark.parametrize("version", ["2.0", "1.0"])
def test_failed_update_is_found_out_though_the_server_lists_the_old_version(
    fake: FakeServer, tmp_path: Path, version: str
) -> None:
    """Without a restart the server says ok and lists what it has removed; pip's log knows."""
    deployed(fake, package(tmp_path, "1.0"))

    error = fails(fake, broken(tmp_path, version), restart=False)

    assert "pip installed nothing" in error.message
    assert "The version that was there before is gone" in error.hint


def test_package_that_does_not_exist_says_so(fake: FakeServer) -> None:
    """The hint names the reason that pip's log has."""
    error = fails(fake, pip="docassemble.nosuchpackage")

    assert (
        error.hint == "pip finds no such package or version, of it or of something it needs;"
        " check both; see the error's log"
    )


def test_other_packages_that_fail_do_not_stop_this_one(fake: FakeServer, tmp_path: Path) -> None:
    """The server tries all that are pending and then does not restart; the client makes it."""
    log = (
        "docassemble.mine: pip install command returned success code.  See log for details.\n"
        "docassemble.other: install failed\npip log:\nSuccessfully installed docassemble.mine-0.1.0"
    )
    # It is installed, and its status is the failure of another one.
    done: dict[str, JSONInput] = {"status": "completed", "ok": False, "error_message": log}
    fake.fail("packages.get_update_status", status=200, body=done)
    fake._world.tasks.install_seconds = 0

    report = deployed(fake, package(tmp_path))

    assert report.failed == ("docassemble.other",)
    assert str(report).endswith("Not installed: docassemble.other.")
    assert asked(fake, "server.restart") == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({}, "takes one package"),
        ({"source": ".", "pip": "x"}, "takes one package"),
        ({"pip": "x", "branch": "main"}, "only a repository has a branch"),
        ({"pip": ">=1"}, "pip must be the name of a package"),
        ({"pip": "()"}, "pip must be the name of a package"),
        ({"source": "no/such/folder"}, "no folder and no ZIP file"),
    ],
)
def test_what_is_no_package_is_refused_before_anything_is_sent(
    fake: FakeServer, arguments: dict[str, Any], what: str
) -> None:
    """Exactly one package is deployed, and it must be there."""
    with pytest.raises(UsageError, match=what):
        deployed(fake, **arguments)

    assert fake.received == []


def test_request_that_did_not_arrive_is_sent_again(fake: FakeServer, tmp_path: Path) -> None:
    """A server that refuses connections for a while is waited for."""
    fake.reset("packages.install", sent=False, times=12)

    report = deployed(fake, package(tmp_path))

    assert report.version == "0.1.0"
    assert asked(fake, "packages.install") == 1


def test_lost_answer_is_not_asked_for_again(fake: FakeServer, tmp_path: Path) -> None:
    """The list of packages shows that it was installed; pip's log is lost."""
    fake.reset("packages.install", done=True)

    report = deployed(fake, package(tmp_path))

    assert (report.version, report.before, report.log) == ("0.1.0", None, "")
    assert asked(fake, "packages.install") == 0
    assert fake._world.packages.installed[NAME].version == "0.1.0"


def test_lost_answer_of_the_same_version_is_proved_by_the_restart(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The list says nothing new but the archive's number; the restart comes when pip is through."""
    deployed(fake, package(tmp_path))
    fake.reset("packages.install", done=True)

    report = deployed(fake, package(tmp_path))

    assert (report.changed, report.restarted) == (False, True)


@pytest.mark.parametrize("kind", ["reset", "page", "garbage"])
def test_lost_request_is_an_error_if_nothing_shows_that_it_arrived(
    fake: FakeServer, tmp_path: Path, kind: str
) -> None:
    """After a minute without the package on the list the first error is raised, with a hint."""
    if kind == "reset":
        fake.reset("packages.install")
    elif kind == "page":
        fake.fail("packages.install", status=504)
    else:
        fake.garbage("packages.install")

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(Exception, match="does not show that it was installed"):
            await da.deploy(package(tmp_path))
        assert 55 < now() < 90

    on(fake, job)


def test_lost_answer_that_cannot_be_proved_is_an_error(fake: FakeServer, tmp_path: Path) -> None:
    """Without a restart nothing tells the same version from the one of before."""
    deployed(fake, package(tmp_path))
    fake.reset("packages.install", done=True)

    with pytest.raises(MaybeSent, match="then deploy again"):
        deployed(fake, package(tmp_path), restart=False)


@pytest.mark.parametrize("outage", ["unavailable", "refused", "lost"])
def test_another_restart_in_the_middle_is_survived(
    fake: FakeServer, tmp_path: Path, outage: Any
) -> None:
    """Pages, refused and broken connections while the server restarts are no failure."""
    fake.outage = outage

    async def job(da: AsyncDocassemble) -> DeployReport:
        def again(event: TaskEvent) -> None:
            if event.polls == 2:
                fake._world.tasks.restart()

        return await da.deploy(package(tmp_path), on_progress=again)

    report = on(fake, job)

    assert (report.version, report.restarted) == ("0.1.0", True)
    assert asked(fake, "packages.install") == 1


def test_list_that_cannot_be_had_for_a_while_is_waited_for(
    fake: FakeServer, tmp_path: Path
) -> None:
    """While a lost answer is looked for, the server restarts, longer than a call is repeated."""
    fake.outage = "lost"
    fake.reset("packages.install", done=True)
    fake._world.tasks.restart_seconds = 200

    assert deployed(fake, package(tmp_path)).version == "0.1.0"


@pytest.mark.parametrize(("status", "kind"), [(403, AccessDenied), (500, ServerError)])
def test_list_that_cannot_be_had_at_all_is_an_error(
    fake: FakeServer, tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    """What does not pass is not waited for, though the package may be installed."""
    fake.reset("packages.install", done=True)
    fake.fail("packages.list", status=200, body=[])
    fake.fail("packages.list", status=status, body="Access denied.")

    with pytest.raises(kind):
        deployed(fake, package(tmp_path))


def test_limit_of_time_is_one_for_all(fake: FakeServer, tmp_path: Path) -> None:
    """An installation that does not end is TaskTimeout with its handle."""
    fake._world.tasks.install_seconds = 10_000

    with pytest.raises(TaskTimeout, match="was not installed within 100 s") as caught:
        deployed(fake, package(tmp_path), timeout=100)

    assert caught.value.handle is not None
    assert caught.value.handle.target == "docassemble-mine"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, "There was an error when installing that package. x", BadRequest),
        (403, "Access denied.", AccessDenied),
        (413, None, PayloadTooLarge),
    ],
)
def test_refusal_is_raised_as_it_is(
    fake: FakeServer, tmp_path: Path, status: int, body: Any, kind: type[Exception]
) -> None:
    """What the server refuses is not waited for."""
    fake.fail("packages.install", status=status, body=body)

    with pytest.raises(kind):
        deployed(fake, package(tmp_path))


def test_failure_of_the_server_is_raised_as_it_is(fake: FakeServer, tmp_path: Path) -> None:
    """A page with status 500 is no sign of a restart."""
    fake.fail("packages.install", status=500)

    with pytest.raises(Exception, match="500"):
        deployed(fake, package(tmp_path))


def test_installed_package_is_not_mistaken_for_another(fake: FakeServer, tmp_path: Path) -> None:
    """Names are compared as pip does; the server lists them as it likes."""

    async def job(da: AsyncDocassemble) -> list[Package]:
        await da.deploy(package(tmp_path))
        fake._world.packages.installed[NAME].name = "Docassemble-Mine"
        await da.deploy(package(tmp_path, "0.2.0"))
        return await da.packages.list()

    listed = on(fake, job)

    assert [one.version for one in listed if one.name == NAME] == ["0.2.0"]
