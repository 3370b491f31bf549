"""A project that is made as a folder is: only what differs is sent, and one restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    InterviewSession,
    Question,
    ServerError,
    SyncReport,
    TaskTimeout,
    UsageError,
)
from docassemble_client.workflows.playground import sync as sync_module
from tests.mock import now
from tests.workflows.package_files import asked, on, package, slow, write

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, Project
    from docassemble_client.testing import FakeServer

UPLOADS = "playground.upload_files"


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return slow()


def within(fake: FakeServer, job: Callable[[Project, AsyncDocassemble], Awaitable[Any]]) -> Any:
    """Run a job in a project that is there for it alone."""

    async def with_project(da: AsyncDocassemble) -> Any:
        async with da.project("mine", create=True, delete=True) as project:
            return await job(project, da)

    return on(fake, with_project)


def synced(fake: FakeServer, folder: Path, *changes: dict[str, str], **options: Any) -> SyncReport:
    """Sync a folder, and again after each change; return the last report."""

    async def job(project: Project, _: AsyncDocassemble) -> SyncReport:
        report = await project.sync(folder, **options)
        for change in changes:
            write(folder, change)
            fake.received.clear()
            report = await project.sync(folder, **options)
        return report

    result: SyncReport = within(fake, job)
    return result


def shown(report: SyncReport) -> list[str]:
    return [str(one) for one in report.changes]


def test_package_is_sent_with_one_request_for_each_folder(fake: FakeServer, tmp_path: Path) -> None:
    """Modules come last, with the restart; then the interviews run."""
    folder = write(
        package(tmp_path, modules=True),
        {"docassemble/mine/data/questions/more.yml": "question: More\nmandatory: True\n"},
    )
    told: list[str] = []

    async def job(project: Project, _: AsyncDocassemble) -> tuple[SyncReport, object, float]:
        before = now()
        report = await project.sync(folder, on_change=lambda change: told.append(str(change)))
        took = now() - before
        session: InterviewSession
        async with project.interview("more.yml").session() as session:
            return report, await session.question(), took

    report, question, took = within(fake, job)

    assert told == [
        *("+ sources/words.json", "+ static/style.css", "+ templates/letter.md"),
        *("+ questions/hello.yml", "+ questions/more.yml", "+ modules/rules.py"),
    ]
    assert shown(report) == told == str(report).splitlines()
    assert report.changes[-1].path == folder.resolve() / "docassemble/mine/rules.py"
    assert (report.restarted, report.unchanged, report.dry_run) == (True, 0, False)
    assert took > 20
    assert asked(fake, UPLOADS) == 5
    assert isinstance(question, Question)


def test_only_what_differs_is_sent(fake: FakeServer, tmp_path: Path) -> None:
    """Also a change that leaves the size; without modules the server does not restart."""
    folder = package(tmp_path, modules=True)

    report = synced(
        fake, folder, {"docassemble/mine/data/static/style.css": "body { color: BLACK; }\n"}
    )

    assert shown(report) == ["~ static/style.css"]
    assert (report.unchanged, report.restarted) == (4, False)
    assert asked(fake, UPLOADS) == 1


def test_what_is_the_same_is_not_sent(fake: FakeServer, tmp_path: Path) -> None:
    """Nothing is written, and the server does not restart."""
    report = synced(fake, package(tmp_path, modules=True), {})

    assert (shown(report), report.unchanged, str(report)) == ([], 5, "nothing differs")
    assert (asked(fake, UPLOADS), asked(fake, "server.get_health")) == (0, 0)


def test_size_says_enough_where_it_differs(fake: FakeServer, tmp_path: Path) -> None:
    """The content is not read then."""
    folder = package(tmp_path)

    report = synced(fake, folder, {"docassemble/mine/data/static/style.css": "body"})

    assert shown(report) == ["~ static/style.css"]


def test_server_keeps_what_is_not_on_disk_unless_it_is_to_be_deleted(
    fake: FakeServer, tmp_path: Path
) -> None:
    """What the server could not delete under its name is told, not tried."""
    folder = package(tmp_path, modules=True)

    async def job(project: Project, da: AsyncDocassemble) -> tuple[SyncReport, SyncReport]:
        await project.sync(folder)
        fake._world.playground.folder(1, "mine", "static")["größe.css"] = b"x"
        (folder / "docassemble/mine/rules.py").unlink()
        (folder / "docassemble/mine/data/questions/hello.yml").unlink()
        kept = await project.sync(folder)
        deleted = await project.sync(folder, delete=True)
        assert await da.playground.list_files(project="mine", folder="modules") == []
        return kept, deleted

    kept, deleted = within(fake, job)

    gone = ("modules/rules.py", "questions/hello.yml", "static/größe.css")
    assert (shown(kept), kept.only_on_server, kept.restarted) == ([], gone, False)
    assert shown(deleted) == ["- questions/hello.yml", "- modules/rules.py"]
    assert deleted.changes[0].path is None
    assert deleted.only_on_server == deleted.unreachable == ("static/größe.css",)
    assert deleted.restarted
    assert asked(fake, "playground.delete_file") == 2


def test_restart_comes_once_and_last(fake: FakeServer, tmp_path: Path) -> None:
    """Modules that are sent and deleted in one sync restart the server together."""
    folder = write(tmp_path, {"modules/a.py": "A = 1", "modules/b.py": "B = 1"})

    async def job(project: Project, _: AsyncDocassemble) -> SyncReport:
        await project.sync(folder, delete=True)
        write(folder, {"modules/a.py": "A = 2", "modules/c.py": "C = 1"})
        (folder / "modules/b.py").unlink()
        fake.received.clear()
        return await project.sync(folder, delete=True)

    report = within(fake, job)

    assert shown(report) == ["~ modules/a.py", "+ modules/c.py", "- modules/b.py"]
    assert report.restarted
    tasks = [one for one in fake.received if one.operation == "server.get_restart_status"]
    writes = [one.operation for one in fake.received if one.request.method in {"POST", "DELETE"}]
    assert tasks
    assert writes == [
        "playground.upload_files",
        "playground.delete_file",
        "playground.delete_project",
    ]


def test_restart_can_be_left_to_later(fake: FakeServer, tmp_path: Path) -> None:
    """The modules are there, and not in use."""
    report = synced(fake, package(tmp_path, modules=True), restart=False)

    assert not report.restarted
    assert asked(fake, "server.get_restart_status") == 0


def test_dry_run_changes_nothing(fake: FakeServer, tmp_path: Path) -> None:
    """It tells what would be done, as the sync itself does."""
    folder = package(tmp_path, modules=True)
    told: list[str] = []

    async def job(project: Project, da: AsyncDocassemble) -> SyncReport:
        await da.playground.upload_files([b"x"], project="mine", folder="static")
        report = await project.sync(
            folder, dry_run=True, delete=True, on_change=lambda change: told.append(str(change))
        )
        assert await da.playground.list_files(project="mine", folder="questions") == []
        return report

    report = within(fake, job)

    assert (report.dry_run, report.restarted) == (True, False)
    assert "+ modules/rules.py" in told
    assert "- static/upload" in told
    assert shown(report) == told
    assert asked(fake, UPLOADS) == 1


def test_names_that_the_server_changes_stay_the_same_file(fake: FakeServer, tmp_path: Path) -> None:
    """They are compared and deleted under the server's name."""
    folder = write(tmp_path, {"templates/My letter.docx": "x"})

    async def job(project: Project, da: AsyncDocassemble) -> list[SyncReport]:
        first = await project.sync(folder)
        second = await project.sync(folder, delete=True)
        (folder / "templates/My letter.docx").unlink()
        write(folder, {"static/a.css": "x"})
        third = await project.sync(folder, delete=True)
        assert await da.playground.list_files(project="mine", folder="templates") == []
        return [first, second, third]

    first, second, third = within(fake, job)

    assert str(first) == (
        "+ templates/My_letter.docx\n"
        "templates/My letter.docx is called My_letter.docx on the server"
    )
    assert shown(second) == []
    assert shown(third) == ["+ static/a.css", "- templates/My_letter.docx"]


def test_files_that_would_overwrite_each_other_are_found_before_anything_is_sent(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Not even a list is asked for."""
    folder = write(tmp_path, {"static/a b.css": "x", "static/a_b.css": "y"})

    async def job(project: Project, _: AsyncDocassemble) -> None:
        fake.received.clear()
        with pytest.raises(UsageError, match="several files under one name"):
            await project.sync(folder)
        assert fake.received == []

    within(fake, job)


def test_large_folders_are_sent_in_parts(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses a request of more than 16 MiB, or of more than 1,000 parts."""
    monkeypatch.setattr(sync_module, "_MOST_FILES", 4)
    monkeypatch.setattr(sync_module, "_MOST_BYTES", 100)
    sizes = {"a": 10, "b": 10, "c": 10, "d": 10, "e": 90, "f": 20, "g": 500, "h": 1}
    folder = write(tmp_path, {f"static/{name}": "x" * size for name, size in sizes.items()})

    report = synced(fake, folder)

    assert len(report.changes) == 8
    assert asked(fake, UPLOADS) == 5


@pytest.mark.parametrize("outage", ["unavailable", "refused", "lost"])
def test_sync_survives_restarts_of_others(fake: FakeServer, tmp_path: Path, outage: Any) -> None:
    """While the server is away, whatever is under way is repeated until it is back."""
    folder = package(tmp_path, modules=True)
    fake.outage = outage

    async def job(project: Project, da: AsyncDocassemble) -> list[str]:
        await project.sync(folder)
        write(folder, {"docassemble/mine/rules.py": "LIMIT = 7\n", "docassemble/mine/a.py": "x"})
        fake._world.tasks.restart()
        report = await project.sync(
            folder, on_change=lambda _: fake._world.tasks.restart() and None
        )
        file = await da.playground.download_file("rules.py", project="mine", folder="modules")
        assert file.content == b"LIMIT = 7\n"
        return shown(report)

    assert within(fake, job) == ["+ modules/a.py", "~ modules/rules.py"]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("operation", [UPLOADS, "playground.delete_file"])
def test_lost_answer_is_asked_for_again(
    fake: FakeServer, tmp_path: Path, operation: str, *, done: bool
) -> None:
    """To write the same file twice, or to delete what is gone, does no harm."""
    folder = write(tmp_path, {"modules/a.py": "A = 1", "modules/b.py": "B = 1"})

    async def job(project: Project, da: AsyncDocassemble) -> list[str]:
        await project.sync(folder)
        (folder / "modules/a.py").unlink()
        write(folder, {"modules/b.py": "B = 2"})
        fake.reset(operation, done=done)
        report = await project.sync(folder, delete=True)
        assert report.restarted
        return await da.playground.list_files(project="mine", folder="modules")

    assert within(fake, job) == ["b.py"]


def test_file_that_is_deleted_meanwhile_is_sent_anew(fake: FakeServer, tmp_path: Path) -> None:
    """Somebody works in the Playground at the same time."""
    folder = package(tmp_path)

    async def job(project: Project, _: AsyncDocassemble) -> list[str]:
        await project.sync(folder)
        fake.fail("playground.download_file", status=404, body="File not found")
        return shown(await project.sync(folder))

    assert len(within(fake, job)) == 1


def test_failure_while_comparing_is_one_error(fake: FakeServer, tmp_path: Path) -> None:
    """Several files are compared at a time; the first failure ends them all."""
    folder = package(tmp_path, modules=True)

    async def job(project: Project, _: AsyncDocassemble) -> None:
        await project.sync(folder)
        fake.fail("playground.download_file", status=403, body="Access denied.", times=3)
        with pytest.raises(AccessDenied):
            await project.sync(folder)

    within(fake, job)


def test_sync_that_broke_off_is_completed_by_the_next(fake: FakeServer, tmp_path: Path) -> None:
    """What was not restarted for is still to be sent."""
    folder = package(tmp_path, modules=True)

    async def job(project: Project, _: AsyncDocassemble) -> SyncReport:
        fake.delay(UPLOADS, seconds=0)
        fake.fail(UPLOADS, status=403, body="Access denied.")
        with pytest.raises(AccessDenied):
            await project.sync(folder)
        return await project.sync(folder)

    report = within(fake, job)

    assert shown(report)[0] == "+ static/style.css"
    assert report.unchanged == 1
    assert report.restarted


def test_server_that_does_not_come_back_is_an_error(fake: FakeServer, tmp_path: Path) -> None:
    """A call is repeated for a minute, and not for ever."""
    fake.fail(UPLOADS, times=None)

    async def job(project: Project, _: AsyncDocassemble) -> float:
        before = now()
        with pytest.raises(ServerError):
            await project.sync(package(tmp_path))
        return now() - before

    assert 60 <= within(fake, job) < 70


def test_limit_of_time_is_one_for_all(fake: FakeServer, tmp_path: Path) -> None:
    """A restart that does not end is TaskTimeout."""
    folder = package(tmp_path, modules=True)
    fake._world.tasks.restart_seconds = 10_000

    async def job(da: AsyncDocassemble) -> None:
        async with da.project("mine", create=True) as project:
            with pytest.raises(TaskTimeout, match="not as the folder is after 50 s"):
                await project.sync(folder, timeout=50)

    on(fake, job)
