"""Syncs, installs and pulls projects of the Playground of the real server."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from tests.live.documents import make_package_files
from tests.live.inventory import take_inventory
from tests.live.repositories import commit_package, serve_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, Project, SyncReport

INTERVIEW = "modules:\n  - .rules\n---\nmandatory: True\nquestion: The limit is ${ LIMIT }\n"


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write texts by path."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


async def read_first_screen(project: Project, filename: str) -> str:
    """Start an interview of the project, and return its first screen as text."""
    async with project.interview(filename).session() as s:
        return str(await s.question())


def list_changes(report: SyncReport) -> list[str]:
    return [str(change) for change in report.changes]


async def test_project_is_synced_and_deleted(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """All files are sent once, then only changes; modules are usable after the restart."""
    root = f"docassemble/{unique}"
    folder = write_files(tmp_path, make_package_files(unique, modules=True))
    write_files(folder, {f"{root}/data/templates/Brief für Ada.md": "Dear Ada,\n"})

    before = await take_inventory(da)
    async with da.project(unique, create=True, delete=True) as project:
        first = await project.sync(folder)
        first_screen = await read_first_screen(project, "hello.yml")
        repeated = await project.sync(folder, delete=True)
        write_files(folder, {f"{root}/rules.py": "LIMIT = 2600\n"})
        write_files(folder, {f"{root}/data/questions/hello.yml": "question: New\nmandatory: True"})
        (folder / root / "data/static/style.css").unlink()
        planned = await project.sync(folder, delete=True, dry_run=True)
        second = await project.sync(folder, delete=True)
        second_screen = await read_first_screen(project, "hello.yml")
        static = await da.playground.list_files(project=unique, folder="static")
        inventory = await take_inventory(da)

        assert list_changes(first) == [
            *("+ sources/words.json", "+ static/style.css", "+ templates/Brief_fur_Ada.md"),
            *("+ templates/letter.md", "+ questions/hello.yml", "+ modules/rules.py"),
        ]
        assert (first.restarted, repeated.restarted, second.restarted) == (True, False, True)
        assert "Hello from the package" in first_screen
        assert (list_changes(repeated), repeated.unchanged) == ([], 6)
        assert list(first.renamed.values()) == ["Brief_fur_Ada.md"]
        assert planned.dry_run
        assert (
            list_changes(planned)
            == list_changes(second)
            == [
                *("- static/style.css", "~ questions/hello.yml", "~ modules/rules.py"),
            ]
        )
        assert "New" in second_screen
        assert static == []
        assert inventory["sessions"] == before["sessions"]
    assert await take_inventory(da) == before


async def test_installed_package_needs_no_sync(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """An unpacked package needs no sync; the report lists names that sync cannot keep."""
    root = f"docassemble/{unique}"
    folder = write_files(tmp_path / "mine", make_package_files(unique, modules=True))

    async with da.project(unique, create=True, delete=True) as project:
        restarted = await project.install(folder)
        report = await project.sync(folder, delete=True)
        write_files(folder, {f"{root}/data/static/größe.css": "x", f"{root}/rules.py": "A = 1\n"})
        await project.install(folder, restart=False)
        second_report = await project.sync(folder, delete=True, restart=False)

    assert restarted
    assert (list_changes(report), report.unchanged) == ([], 5)
    assert list_changes(second_report) == ["+ static/groe.css"]
    assert second_report.unreachable == second_report.only_on_server == ("static/größe.css",)


async def test_changed_modules_of_the_same_size_are_detected(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """The new module is used after the restart, although Python compares only time and size."""
    folder = write_files(tmp_path, make_package_files(unique, modules=True))
    write_files(folder, {f"docassemble/{unique}/data/questions/limit.yml": INTERVIEW})

    async with da.project(unique, create=True, delete=True) as project:
        await project.install(folder)
        first = await read_first_screen(project, "limit.yml")
        write_files(folder, {f"docassemble/{unique}/rules.py": "LIMIT = 2600\n"})
        await project.install(folder)
        second = await read_first_screen(project, "limit.yml")
        write_files(folder, {f"docassemble/{unique}/rules.py": "LIMIT = 3700\n"})
        report = await project.sync(folder)
        third = await read_first_screen(project, "limit.yml")

    assert "The limit is 1500" in first
    assert "The limit is 2600" in second
    assert list_changes(report) == ["~ modules/rules.py"]
    assert "The limit is 3700" in third


async def test_package_is_pulled_into_a_project(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """The server clones the repository; it restarts only if a module changed."""
    commit_package(tmp_path, unique, make_package_files(unique))

    async with da.project(unique, create=True, delete=True) as project:
        with serve_folder(tmp_path) as url:
            restarted = await project.pull(github=f"{url}/docassemble-{unique}.git", branch="main")
        screen = await read_first_screen(project, "hello.yml")

    assert not restarted
    assert "Hello from the package" in screen


async def test_folder_is_watched(da: AsyncDocassemble, unique: str, tmp_path: Path) -> None:
    """Each change of the folder is sent to the server."""
    folder = write_files(tmp_path, {"questions/main.yml": "question: One\nmandatory: True\n"})

    texts: list[str] = []
    async with (
        da.project(unique, create=True, delete=True) as project,
        aclosing(project.watch(folder, interval=0.2, debounce=0.1)) as events,
    ):
        async for event in events:
            texts.append(str(event))
            texts.append(await read_first_screen(project, "main.yml"))
            if len(texts) == 4:
                break
            write_files(folder, {"questions/main.yml": "question: Second\nmandatory: True\n"})

    assert (texts[0], texts[2]) == ("+ questions/main.yml", "~ questions/main.yml")
    assert "One" in texts[1]
    assert "Second" in texts[3]


async def test_project_is_downloaded_byte_for_byte(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """A sync of the download changes nothing; a backup of the Playground has the same files."""
    me = await da.users.get_current()
    files = {
        "questions/empty.yml": b"",
        "questions/lines.yml": b"question: x\r\nmandatory: True\r\n",
        "sources/words.json": b"{}",
        "static/-dash.bin": bytes(range(256)) * 300,
        "templates/letter.docx": b"PK\x03\x04\r\n\x1a\x00",
    }
    for path, content in files.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)

    before = await take_inventory(da)
    async with da.project(unique, create=True, delete=True) as project:
        await project.sync(tmp_path / "in")
        report = await project.download(tmp_path / "out")
        again = await project.sync(tmp_path / "out", delete=True)
        backup = await da.backup_playgrounds(tmp_path / "backup", user_ids=[me.id])

    for folder in (tmp_path / "out", tmp_path / f"backup/{me.id}/{unique}"):
        assert {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        } == files
    assert sorted(map(str, report.files)) == sorted(files)
    assert {str(file): file.size for file in report.files}["static/-dash.bin"] == 76_800
    assert (again.changes, report.skipped) == ((), ())
    assert unique in {item.project for item in backup.projects}
    assert await take_inventory(da) == before
