"""Downloading projects and Playgrounds: the inverse of a sync, byte for byte."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AccessDenied,
    BackupReport,
    ProjectBackup,
    ProjectDownload,
    ProjectFile,
    ServerError,
    TaskTimeout,
    UsageError,
)
from docassemble_client.workflows.playground import download as download_module
from docassemble_client.workflows.playground.download import format_size, select_paths
from tests.workflows.package_files import count_calls, make_slow_server, write_files

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from docassemble_client import Project
    from docassemble_client.testing import FakeServer

BYTES = bytes(range(256)) + b"\r\n\r\x1a"
FILES = {
    "questions/main.yml": b"question: x\r\n",
    "questions/with space.yml": b"",
    "templates/letter.docx": BYTES,
    "static/-dash.css": b"x",
    "sources/words.json": b"{}",
    "modules/rules.py": "LIMIT = 'ö'\n".encode(),
}


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which restarts take time."""
    return make_slow_server()


def fill(fake: FakeServer, files: dict[str, bytes], project: str = "mine", user: int = 1) -> None:
    """Store files in a project."""
    for path, content in files.items():
        folder, _, name = path.partition("/")
        fake._state.playground.change_folder(user, project, folder)[name] = content


@asynccontextmanager
async def open_project(fake: FakeServer) -> AsyncGenerator[Project]:
    """Use a project."""
    async with fake.client() as da, da.project("mine", create=True) as project:
        yield project


async def download(fake: FakeServer, folder: Any, **options: Any) -> ProjectDownload:
    """Download the project."""
    async with open_project(fake) as project:
        return await project.download(folder, **options)


async def backup(fake: FakeServer, folder: Any, **options: Any) -> BackupReport:
    """Back up all Playgrounds."""
    async with fake.client() as da:
        return await da.backup_playgrounds(folder, **options)


def read_files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_files_are_downloaded_byte_for_byte(fake: FakeServer, tmp_path: Path) -> None:
    """The report lists them by folder; `str()` counts them."""
    fill(fake, FILES)
    reported: list[ProjectFile] = []

    report = await download(fake, tmp_path / "new/folder", on_file=reported.append)

    assert read_files(tmp_path / "new/folder") == FILES
    assert {str(file): file.size for file in report.files} == {
        path: len(content) for path, content in FILES.items()
    }
    assert report.files[-1].path == tmp_path / "new/folder/modules/rules.py"
    assert set(reported) == set(report.files)
    assert report.size == sum(map(len, FILES.values()))
    assert str(report) == (
        "modules 1, questions 2, templates 1, static 1, sources 1: 6 files, 289 bytes"
    )


async def test_sync_restores_what_was_downloaded(fake: FakeServer, tmp_path: Path) -> None:
    """Nothing differs afterwards; the server changes only spaces in names."""
    fill(fake, {path: content for path, content in FILES.items() if " " not in path})

    async with open_project(fake) as project:
        await project.download(tmp_path)
        same = await project.sync(tmp_path, delete=True)
        (tmp_path / "modules/rules.py").write_bytes(b"LIMIT = 2\n")
        await project.sync(tmp_path)
        await project.download(tmp_path / "again")

    assert (same.changes, same.unchanged) == ((), 5)
    assert (tmp_path / "again/modules/rules.py").read_bytes() == b"LIMIT = 2\n"


@pytest.mark.parametrize("name", ["main.yml", "with space.yml"])
async def test_existing_files_are_replaced_only_if_allowed(
    fake: FakeServer, tmp_path: Path, name: str
) -> None:
    """Otherwise nothing is downloaded; other files of the folder stay."""
    fill(fake, FILES)
    write_files(tmp_path, {f"questions/{name}": "mine", "questions/other.yml": "mine"})

    with pytest.raises(UsageError, match=f"already has questions/{name}") as caught:
        await download(fake, tmp_path)
    before = read_files(tmp_path)
    report = await download(fake, tmp_path, overwrite=True)

    assert "overwrite=True" in caught.value.hint
    assert set(before) == {f"questions/{name}", "questions/other.yml"}
    assert read_files(tmp_path) == {**FILES, "questions/other.yml": b"mine"}
    assert len(report.files) == 6


async def test_folder_in_the_place_of_a_file_is_never_replaced(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The error names a few of the files."""
    fill(fake, {f"static/{number}.css": b"x" for number in range(7)})
    for number in range(7):
        (tmp_path / f"static/{number}.css").mkdir(parents=True)

    with pytest.raises(UsageError, match=r"static/4\.css and 2 more"):
        await download(fake, tmp_path, overwrite=True)


async def test_hostile_names_are_skipped(fake: FakeServer, tmp_path: Path) -> None:
    """Nothing is written outside of the folder, and no control character is reported."""
    names = ["../../evil.yml", "/etc/passwd", "a/b.yml", "..", ".bashrc", "nul.yml", "größe.yml"]
    names += ["x" * 256, "a\\b.yml", "red\x1b[31m.yml", "x.yml\x00", "COM1"]
    fake.fail("playground.list_files", status=200, body=[*names, "good.yml"])
    fill(fake, {"sources/good.yml": b"x"})

    report = await download(fake, tmp_path / "folder")

    assert [str(file) for file in report.files] == ["sources/good.yml"]
    assert read_files(tmp_path) == {"folder/sources/good.yml": b"x"}
    assert len(report.skipped) == len(names)
    assert "sources/red\ufffd[31m.yml" in report.skipped
    assert str(report).endswith("1 files, 1 bytes; 12 skipped")


def test_names_that_differ_by_case_are_skipped_where_case_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the second file would replace the first."""
    listed: Any = [("static", "a.css"), ("static", "A.css"), ("sources", "a.css")]
    everything = select_paths(listed)
    monkeypatch.setattr(download_module, "_IGNORES_CASE", True)

    assert len(everything) == 3
    assert select_paths(listed) == [("sources", "a.css"), ("static", "A.css")]


async def test_file_that_was_deleted_in_the_meantime_is_left_out(
    fake: FakeServer, tmp_path: Path
) -> None:
    """It is not an error."""
    fill(fake, FILES)
    fake.fail("playground.download_file", status=404)

    report = await download(fake, tmp_path)

    assert len(report.files) == 5
    assert len(read_files(tmp_path)) == 5


async def test_outages_are_waited_for(fake: FakeServer, tmp_path: Path) -> None:
    """A file whose download breaks is requested again."""
    fill(fake, FILES)
    fake.fail("playground.download_file", status=503, times=9)
    fake.fail("playground.list_files", status=503, times=9)

    await download(fake, tmp_path)

    assert read_files(tmp_path) == FILES


async def test_failed_download_leaves_no_partial_file(fake: FakeServer, tmp_path: Path) -> None:
    """Files appear only when they are complete."""
    fill(fake, {"static/a.css": b"x"})
    fake.fail("playground.download_file", status=501)

    with pytest.raises(ServerError):
        await download(fake, tmp_path)

    assert read_files(tmp_path) == {}


async def test_download_that_takes_too_long_is_a_timeout(fake: FakeServer, tmp_path: Path) -> None:
    """The files on disk are complete."""
    fill(fake, FILES)
    fake.fail("playground.download_file", status=503, times=None)

    with pytest.raises(TaskTimeout, match="not downloaded within 5 s"):
        await download(fake, tmp_path, timeout=5)


async def test_project_has_to_be_open(fake: FakeServer, tmp_path: Path) -> None:
    """As for every method of a project."""
    async with fake.client() as da:
        with pytest.raises(UsageError, match="not open"):
            await da.project("mine").download(tmp_path)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (4_100_000, "4.1 MB"),
     (12_345_678_901, "12.3 GB")],
)  # fmt: skip
def test_size_is_formatted_for_people(size: int, text: str) -> None:
    """With decimal units."""
    assert format_size(size) == text


async def test_playgrounds_of_all_users_are_backed_up(fake: FakeServer, tmp_path: Path) -> None:
    """Also of inactive users; Playgrounds without files are left out."""
    ada = fake.add_user("ada@example.com", "developer")
    bob = fake.add_user("bob@example.com", "developer")
    fill(fake, FILES, "default")
    fill(fake, {"questions/a.yml": b"a"}, "first", ada.id)
    fill(fake, {"questions/b.yml": b"b"}, "default", bob.id)
    fill(fake, {}, "empty", bob.id)
    fake._state.playground.create_project(bob.id, "empty")
    reported: list[ProjectBackup] = []

    async with fake.client() as da:
        await da.users.deactivate(bob.id)
    report = await backup(fake, tmp_path, on_project=reported.append)

    assert read_files(tmp_path) == {
        **{f"1/default/{path}": content for path, content in FILES.items()},
        f"{ada.id}/first/questions/a.yml": b"a",
        f"{bob.id}/default/questions/b.yml": b"b",
    }
    assert [(project.user_id, project.project) for project in report.projects] == [
        *((1, "default"), (ada.id, "first"), (bob.id, "default"))
    ]
    assert list(report.projects) == reported
    assert report.projects[0].path == tmp_path / "1/default"
    assert (report.is_complete, report.failed) == (True, ())
    assert str(report) == f"3 projects of {report.users} users: 8 files, 291 bytes"
    assert str(report.projects[1]) == (
        f"user {ada.id}, first: modules 0, questions 1, templates 0, static 0, sources 0: "
        "1 files, 1 bytes"
    )


async def test_backup_of_a_project_is_restored_by_a_sync(fake: FakeServer, tmp_path: Path) -> None:
    """Its folder has the layout that `sync` accepts."""
    fill(fake, {"questions/a.yml": b"a"}, "default")
    await backup(fake, tmp_path)
    fake._state.playground.change_folder(1, "default", "questions").clear()

    async with fake.client() as da, da.project() as project:
        await project.sync(tmp_path / "1/default")

    assert fake._state.playground.change_folder(1, "default", "questions") == {"a.yml": b"a"}


async def test_project_that_fails_does_not_stop_the_backup(
    fake: FakeServer, tmp_path: Path
) -> None:
    """The report has its error, and the files that were skipped elsewhere."""
    fill(fake, {"questions/a.yml": b"a"}, "default")
    fill(fake, {"questions/ä.yml": b"a"}, "second")
    fake.fail("playground.list_files", status=501)

    report = await backup(fake, tmp_path, user_ids=[1])

    assert [project.project for project in report.failed] == ["default"]
    assert "failed: playground.list_files" in str(report.failed[0])
    assert not report.is_complete
    assert str(report) == "1 projects of 1 users: 0 files, 0 bytes; 1 skipped; 1 projects failed"


async def test_hostile_names_of_projects_are_ignored(fake: FakeServer, tmp_path: Path) -> None:
    """They would become folders on disk."""
    fake.fail("playground.list_projects", status=200, body=["../evil", "", "a b", "good1"])
    fake._state.playground.create_project(1, "good1")

    await backup(fake, tmp_path, user_ids=[1])

    requested = {request.request.query.get("project") for request in fake.received_requests}
    assert requested == {None, "default", "good1"}


async def test_folder_of_a_backup_must_be_empty(fake: FakeServer, tmp_path: Path) -> None:
    """Unless it may be overwritten; other files are kept."""
    fill(fake, {"questions/a.yml": b"a"}, "default")
    await backup(fake, tmp_path / "backup")
    requests = len(fake.received_requests)

    with pytest.raises(UsageError, match="not empty"):
        await backup(fake, tmp_path / "backup")
    assert len(fake.received_requests) == requests
    fake._state.playground.change_folder(1, "default", "questions")["a.yml"] = b"b"
    await backup(fake, tmp_path / "backup", overwrite=True)

    assert read_files(tmp_path) == {"backup/1/default/questions/a.yml": b"b"}


@pytest.mark.parametrize("user_ids", [[0], ["1"], [True], "1"])
async def test_invalid_user_ids_are_refused(
    fake: FakeServer, tmp_path: Path, user_ids: Any
) -> None:
    """No request is sent."""
    with pytest.raises(UsageError, match="user_ids must be"):
        await backup(fake, tmp_path, user_ids=user_ids)

    assert count_calls(fake, "playground.list_projects") == 0


async def test_backup_needs_the_list_of_users(fake: FakeServer, tmp_path: Path) -> None:
    """With `user_ids` it does not."""
    fill(fake, {"questions/a.yml": b"a"}, "default")

    async with fake.client() as da:
        limited = da.as_key(await da.api_keys.create("x", permissions=["playground_control"]))
        with pytest.raises(AccessDenied):
            await limited.backup_playgrounds(tmp_path)
        report = await limited.backup_playgrounds(tmp_path, user_ids=[1])

    assert report.is_complete


async def test_backup_that_takes_too_long_is_a_timeout(fake: FakeServer, tmp_path: Path) -> None:
    """The files on disk are complete."""
    fake.fail("playground.list_projects", status=503, times=None)

    with pytest.raises(TaskTimeout, match="not backed up within 5 s"):
        await backup(fake, tmp_path, timeout=5)
