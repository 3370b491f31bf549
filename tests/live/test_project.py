"""A project of the Playground of the real server, made as a folder is."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from tests.live.documents import package_files
from tests.live.leftovers import census
from tests.live.repositories import repository, served

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from docassemble_client import AsyncDocassemble, Project, SyncReport
    from tests.live.conftest import Run

INTERVIEW = "modules:\n  - .rules\n---\nmandatory: True\nquestion: The limit is ${ LIMIT }\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write these texts by path."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


async def shows(project: Project, filename: str) -> str:
    """Start an interview of the project, and return what it asks."""
    async with project.interview(filename).session() as s:
        return str(await s.question())


def changes(report: SyncReport) -> list[str]:
    return [str(one) for one in report.changes]


def test_project_is_synced_and_leaves_nothing_behind(run: Run, unique: str, tmp_path: Path) -> None:
    """All is sent once, then what differs; modules are in use after the one restart."""
    inside = f"docassemble/{unique}"
    folder = write(tmp_path, package_files(unique, modules=True))
    write(folder, {f"{inside}/data/templates/Brief für Ada.md": "Dear Ada,\n"})

    async def job(da: AsyncDocassemble) -> None:
        before = await census(da)
        async with da.project(unique, create=True, delete=True) as project:
            first = await project.sync(folder)
            asked = await shows(project, "hello.yml")
            again = await project.sync(folder, delete=True)
            write(folder, {f"{inside}/rules.py": "LIMIT = 2600\n"})
            write(folder, {f"{inside}/data/questions/hello.yml": "question: New\nmandatory: True"})
            (folder / inside / "data/static/style.css").unlink()
            planned = await project.sync(folder, delete=True, dry_run=True)
            second = await project.sync(folder, delete=True)
            asked_again = await shows(project, "hello.yml")
            static = await da.playground.list_files(project=unique, folder="static")
            counted = await census(da)

            assert changes(first) == [
                *("+ sources/words.json", "+ static/style.css", "+ templates/Brief_fur_Ada.md"),
                *("+ templates/letter.md", "+ questions/hello.yml", "+ modules/rules.py"),
            ]
            assert (first.restarted, again.restarted, second.restarted) == (True, False, True)
            assert "Hello from the package" in asked
            assert (changes(again), again.unchanged) == ([], 6)
            assert list(first.renamed.values()) == ["Brief_fur_Ada.md"]
            assert planned.dry_run
            assert (
                changes(planned)
                == changes(second)
                == [
                    *("- static/style.css", "~ questions/hello.yml", "~ modules/rules.py"),
                ]
            )
            assert "New" in asked_again
            assert static == []
            assert counted["sessions"] == before["sessions"]
        assert await census(da) == before

    run(job)


def test_installed_package_is_what_sync_would_send(run: Run, unique: str, tmp_path: Path) -> None:
    """A package that was unpacked needs no sync; names that only unpacking keeps are told."""
    inside = f"docassemble/{unique}"
    folder = write(tmp_path / "mine", package_files(unique, modules=True))

    async def job(da: AsyncDocassemble) -> None:
        async with da.project(unique, create=True, delete=True) as project:
            restarted = await project.install(folder)
            report = await project.sync(folder, delete=True)
            write(folder, {f"{inside}/data/static/größe.css": "x", f"{inside}/rules.py": "A = 1\n"})
            await project.install(folder, restart=False)
            odd = await project.sync(folder, delete=True, restart=False)

        assert restarted
        assert (changes(report), report.unchanged) == ([], 5)
        assert changes(odd) == ["+ static/groe.css"]
        assert odd.unreachable == odd.only_on_server == ("static/größe.css",)

    run(job)


def test_modules_of_the_same_size_are_told_apart(run: Run, unique: str, tmp_path: Path) -> None:
    """The new one is in use after the restart; Python goes by date and size of what it compiled."""
    folder = write(tmp_path, package_files(unique, modules=True))
    write(folder, {f"docassemble/{unique}/data/questions/limit.yml": INTERVIEW})

    async def job(da: AsyncDocassemble) -> None:
        async with da.project(unique, create=True, delete=True) as project:
            await project.install(folder)
            first = await shows(project, "limit.yml")
            write(folder, {f"docassemble/{unique}/rules.py": "LIMIT = 2600\n"})
            await project.install(folder)
            second = await shows(project, "limit.yml")
            write(folder, {f"docassemble/{unique}/rules.py": "LIMIT = 3700\n"})
            report = await project.sync(folder)
            third = await shows(project, "limit.yml")

        assert "The limit is 1500" in first
        assert "The limit is 2600" in second
        assert changes(report) == ["~ modules/rules.py"]
        assert "The limit is 3700" in third

    run(job)


def test_package_is_pulled_into_a_project(run: Run, unique: str, tmp_path: Path) -> None:
    """The server clones the repository, and restarts only if a module changed."""
    repository(tmp_path, unique, package_files(unique))

    async def job(da: AsyncDocassemble) -> None:
        async with da.project(unique, create=True, delete=True) as project:
            with served(tmp_path) as url:
                restarted = await project.pull(
                    github=f"{url}/docassemble-{unique}.git", branch="main"
                )
            asked = await shows(project, "hello.yml")

        assert not restarted
        assert "Hello from the package" in asked

    run(job)


def test_folder_is_watched(run: Run, unique: str, tmp_path: Path) -> None:
    """Each change of the folder is on the server a moment later."""
    folder = write(tmp_path, {"questions/main.yml": "question: One\nmandatory: True\n"})

    async def job(da: AsyncDocassemble) -> None:
        seen: list[str] = []
        async with (
            da.project(unique, create=True, delete=True) as project,
            aclosing(project.watch(folder, interval=0.2, settle=0.1)) as events,
        ):
            async for event in events:
                seen.append(str(event))
                seen.append(await shows(project, "main.yml"))
                if len(seen) == 4:
                    break
                write(folder, {"questions/main.yml": "question: Second\nmandatory: True\n"})

        assert (seen[0], seen[2]) == ("+ questions/main.yml", "~ questions/main.yml")
        assert "One" in seen[1]
        assert "Second" in seen[3]

    run(job)
