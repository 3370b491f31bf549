"""Syncing a folder to a project: only differences are sent, with one restart."""

from __future__ import annotations

from contextlib import asynccontextmanager
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
from tests.mock import get_loop_time
from tests.workflows.package_files import (
    count_calls,
    make_slow_server,
    write_files,
    write_package,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, Project
    from docassemble_client.testing import FakeServer

UPLOADS = "playground.upload_files"


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return make_slow_server()


@asynccontextmanager
async def open_project(fake: FakeServer) -> AsyncGenerator[tuple[Project, AsyncDocassemble]]:
    """Use a new project, and delete it afterwards."""
    async with fake.client() as da, da.project("mine", create=True, delete=True) as project:
        yield project, da


async def sync(
    fake: FakeServer, folder: Path, *changes: dict[str, str], **options: Any
) -> SyncReport:
    """Sync a folder, then sync again after each change; return the last report."""
    async with open_project(fake) as (project, _):
        report = await project.sync(folder, **options)
        for change in changes:
            write_files(folder, change)
            fake.received_requests.clear()
            report = await project.sync(folder, **options)
        return report


def list_changes(report: SyncReport) -> list[str]:
    return [str(change) for change in report.changes]


async def test_package_is_sent_with_one_request_for_each_folder(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Modules come last, with the restart; then the interviews run."""
    folder = write_files(
        write_package(tmp_path, modules=True),
        {"docassemble/mine/data/questions/more.yml": "question: More\nmandatory: True\n"},
    )
    reported: list[str] = []

    async with open_project(fake) as (project, _):
        before = get_loop_time()
        report = await project.sync(folder, on_change=lambda change: reported.append(str(change)))
        duration = get_loop_time() - before
        session: InterviewSession
        async with project.interview("more.yml").session() as session:
            question = await session.question()

    assert reported == [
        *("+ sources/words.json", "+ static/style.css", "+ templates/letter.md"),
        *("+ questions/hello.yml", "+ questions/more.yml", "+ modules/rules.py"),
    ]
    assert list_changes(report) == reported == str(report).splitlines()
    assert report.changes[-1].path == folder.resolve() / "docassemble/mine/rules.py"
    assert (report.restarted, report.unchanged, report.dry_run) == (True, 0, False)
    assert duration > 20
    assert count_calls(fake, UPLOADS) == 5
    assert isinstance(question, Question)


async def test_only_what_differs_is_sent(fake: FakeServer, tmp_path: Path) -> None:
    """A change of the same size is detected; without modules the server does not restart."""
    folder = write_package(tmp_path, modules=True)

    report = await sync(
        fake, folder, {"docassemble/mine/data/static/style.css": "body { color: BLACK; }\n"}
    )

    assert list_changes(report) == ["~ static/style.css"]
    assert (report.unchanged, report.restarted) == (4, False)
    assert count_calls(fake, UPLOADS) == 1


async def test_unchanged_folder_sends_nothing(fake: FakeServer, tmp_path: Path) -> None:
    """The server does not restart."""
    report = await sync(fake, write_package(tmp_path, modules=True), {})

    assert (list_changes(report), report.unchanged, str(report)) == ([], 5, "nothing differs")
    assert (count_calls(fake, UPLOADS), count_calls(fake, "server.get_health")) == (0, 0)


async def test_different_size_is_detected(fake: FakeServer, tmp_path: Path) -> None:
    """The content need not be read."""
    folder = write_package(tmp_path)

    report = await sync(fake, folder, {"docassemble/mine/data/static/style.css": "body"})

    assert list_changes(report) == ["~ static/style.css"]


async def test_files_that_are_only_on_the_server_stay_without_delete(
    fake: FakeServer, tmp_path: Path
) -> None:
    """A file that the server cannot delete under its name is reported as unreachable."""
    folder = write_package(tmp_path, modules=True)

    async with open_project(fake) as (project, da):
        await project.sync(folder)
        fake._state.playground.change_folder(1, "mine", "static")["größe.css"] = b"x"
        (folder / "docassemble/mine/rules.py").unlink()
        (folder / "docassemble/mine/data/questions/hello.yml").unlink()
        without_delete = await project.sync(folder)
        with_delete = await project.sync(folder, delete=True)
        assert await da.playground.list_files(project="mine", folder="modules") == []

    assert list_changes(without_delete) == []
    assert without_delete.only_on_server == (
        *("modules/rules.py", "questions/hello.yml", "static/größe.css"),
    )
    assert not without_delete.restarted
    assert list_changes(with_delete) == ["- questions/hello.yml", "- modules/rules.py"]
    assert with_delete.changes[0].path is None
    assert with_delete.only_on_server == with_delete.unreachable == ("static/größe.css",)
    assert with_delete.restarted
    assert count_calls(fake, "playground.delete_file") == 2


async def test_server_restarts_once_at_the_end(fake: FakeServer, tmp_path: Path) -> None:
    """Uploaded and deleted modules of one sync share the restart."""
    folder = write_files(tmp_path, {"modules/a.py": "A = 1", "modules/b.py": "B = 1"})

    async with open_project(fake) as (project, _):
        await project.sync(folder, delete=True)
        write_files(folder, {"modules/a.py": "A = 2", "modules/c.py": "C = 1"})
        (folder / "modules/b.py").unlink()
        fake.received_requests.clear()
        report = await project.sync(folder, delete=True)

    assert list_changes(report) == ["~ modules/a.py", "+ modules/c.py", "- modules/b.py"]
    assert report.restarted
    writes = [
        call.operation
        for call in fake.received_requests
        if call.request.method in {"POST", "DELETE"}
    ]
    assert count_calls(fake, "server.get_restart_status")
    assert writes == [
        "playground.upload_files",
        "playground.delete_file",
        "playground.delete_project",
    ]


async def test_restart_can_be_skipped(fake: FakeServer, tmp_path: Path) -> None:
    """The modules are uploaded, but not in use yet."""
    report = await sync(fake, write_package(tmp_path, modules=True), restart=False)

    assert not report.restarted
    assert count_calls(fake, "server.get_restart_status") == 0


async def test_dry_run_changes_nothing(fake: FakeServer, tmp_path: Path) -> None:
    """It reports the same changes as the sync itself."""
    folder = write_package(tmp_path, modules=True)
    reported: list[str] = []

    async with open_project(fake) as (project, da):
        await da.playground.upload_files([b"x"], project="mine", folder="static")
        report = await project.sync(
            folder, dry_run=True, delete=True, on_change=lambda change: reported.append(str(change))
        )
        assert await da.playground.list_files(project="mine", folder="questions") == []

    assert (report.dry_run, report.restarted) == (True, False)
    assert "+ modules/rules.py" in reported
    assert "- static/upload" in reported
    assert list_changes(report) == reported
    assert count_calls(fake, UPLOADS) == 1


async def test_renamed_file_stays_the_same_file(fake: FakeServer, tmp_path: Path) -> None:
    """They are compared and deleted under the server's name."""
    folder = write_files(tmp_path, {"templates/My letter.docx": "x"})

    async with open_project(fake) as (project, da):
        first = await project.sync(folder)
        second = await project.sync(folder, delete=True)
        (folder / "templates/My letter.docx").unlink()
        write_files(folder, {"static/a.css": "x"})
        third = await project.sync(folder, delete=True)
        assert await da.playground.list_files(project="mine", folder="templates") == []
        first, second, third = [first, second, third]

    assert str(first) == (
        "+ templates/My_letter.docx\n"
        "templates/My letter.docx is stored as My_letter.docx on the server"
    )
    assert list_changes(second) == []
    assert list_changes(third) == ["+ static/a.css", "- templates/My_letter.docx"]


async def test_files_that_would_overwrite_each_other_are_refused_before_any_request(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Not even the list of files is requested."""
    folder = write_files(tmp_path, {"static/a b.css": "x", "static/a_b.css": "y"})

    async with open_project(fake) as (project, _):
        fake.received_requests.clear()
        with pytest.raises(UsageError, match="several files under one name"):
            await project.sync(folder)
        assert fake.received_requests == []


async def test_large_folders_are_sent_in_parts(
    fake: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses requests of more than 16 MiB or 1,000 parts."""
    monkeypatch.setattr(sync_module, "_MAX_REQUEST_FILES", 4)
    monkeypatch.setattr(sync_module, "_MAX_REQUEST_BYTES", 100)
    sizes = {"a": 10, "b": 10, "c": 10, "d": 10, "e": 90, "f": 20, "g": 500, "h": 1}
    folder = write_files(tmp_path, {f"static/{name}": "x" * size for name, size in sizes.items()})

    report = await sync(fake, folder)

    assert len(report.changes) == 8
    assert count_calls(fake, UPLOADS) == 5


@pytest.mark.parametrize("outage", ["unavailable", "refused", "lost"])
async def test_sync_survives_other_restarts(fake: FakeServer, tmp_path: Path, outage: Any) -> None:
    """Calls are repeated until the server is available again."""
    folder = write_package(tmp_path, modules=True)
    fake.outage = outage

    async with open_project(fake) as (project, da):
        await project.sync(folder)
        write_files(
            folder, {"docassemble/mine/rules.py": "LIMIT = 7\n", "docassemble/mine/a.py": "x"}
        )
        fake._state.tasks.restart()
        report = await project.sync(
            folder, on_change=lambda _: fake._state.tasks.restart() and None
        )
        file = await da.playground.download_file("rules.py", project="mine", folder="modules")
        assert file.content == b"LIMIT = 7\n"
        assert list_changes(report) == ["+ modules/a.py", "~ modules/rules.py"]


@pytest.mark.parametrize("processed", [True, False])
@pytest.mark.parametrize("operation", [UPLOADS, "playground.delete_file"])
async def test_request_with_a_lost_response_is_repeated(
    fake: FakeServer, tmp_path: Path, operation: str, *, processed: bool
) -> None:
    """Writing or deleting the same file twice does no harm."""
    folder = write_files(tmp_path, {"modules/a.py": "A = 1", "modules/b.py": "B = 1"})

    async with open_project(fake) as (project, da):
        await project.sync(folder)
        (folder / "modules/a.py").unlink()
        write_files(folder, {"modules/b.py": "B = 2"})
        fake.drop_connection(operation, processed=processed)
        report = await project.sync(folder, delete=True)
        assert report.restarted
        assert await da.playground.list_files(project="mine", folder="modules") == ["b.py"]


async def test_file_that_was_deleted_on_the_server_is_sent_again(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Somebody works in the Playground at the same time."""
    folder = write_package(tmp_path)

    async with open_project(fake) as (project, _):
        await project.sync(folder)
        fake.fail("playground.download_file", status=404, body="File not found")
        assert len(list_changes(await project.sync(folder))) == 1


async def test_only_the_first_error_of_concurrent_downloads_is_raised(
    fake: FakeServer, tmp_path: Path
) -> None:
    """It cancels the other downloads."""
    folder = write_package(tmp_path, modules=True)

    async with open_project(fake) as (project, _):
        await project.sync(folder)
        fake.fail("playground.download_file", status=403, body="Access denied.", times=3)
        with pytest.raises(AccessDenied):
            await project.sync(folder)


async def test_failed_sync_is_completed_by_the_next(fake: FakeServer, tmp_path: Path) -> None:
    """The modules are still to be sent, with the restart."""
    folder = write_package(tmp_path, modules=True)

    async with open_project(fake) as (project, _):
        fake.delay(UPLOADS, seconds=0)
        fake.fail(UPLOADS, status=403, body="Access denied.")
        with pytest.raises(AccessDenied):
            await project.sync(folder)
        report = await project.sync(folder)

    assert list_changes(report)[0] == "+ static/style.css"
    assert report.unchanged == 1
    assert report.restarted


async def test_long_outage_is_an_error(fake: FakeServer, tmp_path: Path) -> None:
    """A call is repeated for a minute only."""
    fake.fail(UPLOADS, times=None)

    async with open_project(fake) as (project, _):
        before = get_loop_time()
        with pytest.raises(ServerError):
            await project.sync(write_package(tmp_path))
        assert 60 <= get_loop_time() - before < 70


async def test_timeout_covers_the_whole_sync(fake: FakeServer, tmp_path: Path) -> None:
    """A restart that does not end raises TaskTimeout."""
    folder = write_package(tmp_path, modules=True)
    fake._state.tasks.restart_seconds = 10_000

    async with fake.client() as da, da.project("mine", create=True) as project:
        with pytest.raises(TaskTimeout, match="not synced within 50 s"):
            await project.sync(folder, timeout=50)
