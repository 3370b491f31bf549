"""Files, projects and packages in the Playground of the real server."""

from __future__ import annotations

import asyncio
import io
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, TaskHandle, Upload
from tests.live.documents import package, package_files, zipped
from tests.live.people import person
from tests.live.refusals import refusal
from tests.live.repositories import repository, served

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import PlaygroundFolder
    from tests.live.conftest import Connect, Run
    from tests.live.refusals import Call

FOLDERS: dict[PlaygroundFolder, str] = {
    "questions": "hello.yml",
    "sources": "words.json",
    "static": "style.css",
    "templates": "letter.md",
    "modules": "rules.py",
}
TEXT = Upload(b"text", "note.txt")
INTERVIEW = b"""\
modules:
  - .rules
---
mandatory: True
question: The limit is ${ LIMIT }
"""


def test_file_of_each_folder_is_saved_listed_read_and_deleted(run: Run, unique: str) -> None:
    """Every folder but packages takes files; without a restart there is nothing to wait for."""

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project(unique)
        for folder, name in FOLDERS.items():
            content = f"# {folder}: Größe\n".encode()

            saved = await da.playground.upload_files(
                [Upload(b"old", name), Upload(content, name)],
                folder=folder,
                project=unique,
                restart=False,
            )
            names = await da.playground.list_files(folder=folder, project=unique)
            file = await da.playground.download_file(name, folder=folder, project=unique)
            deleted = await da.playground.delete_file(
                name, folder=folder, project=unique, restart=False
            )
            left = await da.playground.list_files(folder=folder, project=unique)

            assert (saved, names, deleted, left) == (None, [name], None, [])
            assert (file.content, file.filename) == (content, name)
        await da.playground.delete_project(unique)

    run(job)


def test_project_lives_from_creation_to_deletion(run: Run, connect: Connect, unique: str) -> None:
    """Projects are listed without the default one, also those of another user."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "developer") as developer:
            await da.playground.create_project(unique, user_id=developer.id)
            theirs = await developer.da.playground.list_projects()
            seen = await da.playground.list_projects(user_id=developer.id)
            await da.playground.delete_project(unique, user_id=developer.id)
            left = await developer.da.playground.list_projects()

            assert theirs == seen == [unique]
            assert left == []

    run(job)


@pytest.mark.parametrize(
    ("name", "stored", "found"),
    [
        ("two  blanks.txt", "two_blanks.txt", False),
        ("Brief für 'Ada'.txt", "Brief_fur_Ada.txt", False),
        ('quo"te.txt', "quote.txt", True),
        ("日本.txt", "txt", True),
        ("../up.txt", "up.txt", True),
    ],
)
def test_name_of_an_upload_is_changed(
    run: Run, unique: str, name: str, stored: str, *, found: bool
) -> None:
    """Accents and quotes go and blanks become _; only then the old name leads to the file."""

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project(unique)
        await da.playground.upload_files([Upload(b"text", name)], project=unique)

        names = await da.playground.list_files(project=unique)
        file = await da.playground.download_file(stored, project=unique)
        by_old_name = da.playground.download_file(name, project=unique)
        if found:
            content = (await by_old_name).content
        else:
            content = file.content
            assert await refusal(by_old_name.read()) == "404 File not found"
        await da.playground.delete_project(unique)

        assert names == [stored]
        assert content == b"text"

    run(job)


def test_module_is_usable_after_the_restart(run: Run, unique: str) -> None:
    """A module restarts the server when it is saved, unpacked or deleted, and is usable then."""

    async def job(da: AsyncDocassemble) -> None:
        playground = f"docassemble.playground1{unique}"
        await da.playground.create_project(unique)
        await da.playground.upload_files(
            [Upload(INTERVIEW, "limit.yml")], folder="questions", project=unique
        )

        saved = await da.playground.upload_files(
            [Upload(b"LIMIT = 1500\n", "rules.py")], folder="modules", project=unique
        )
        result = await da.wait_for_task(saved, timeout=180)
        new = await da.sessions.start(f"{playground}:limit.yml")
        question = await da.sessions.get_question(new.i, new.session, secret=new.secret)
        await da.sessions.delete(new.i, new.session)
        deleted = await da.playground.delete_file("rules.py", folder="modules", project=unique)
        unpacked = await da.playground.install_packages(
            [Upload(package(unique, modules=True), "package.zip")], project=unique
        )
        await asyncio.gather(*(da.wait_for_task(one, timeout=180) for one in (deleted, unpacked)))
        modules = await da.playground.list_files(folder="modules", project=unique)
        await da.playground.delete_project(unique)

        assert result is not None
        assert "The limit is 1500" in str(question)
        assert {type(one) for one in (saved, deleted, unpacked)} == {TaskHandle}
        assert modules == ["rules.py"]

    run(job)


def test_package_is_unpacked_and_made_again(run: Run, unique: str) -> None:
    """A package's files go to their folders, and come back as a package with the same files."""
    files = package_files(unique, modules=True)

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project(unique)
        nothing = await da.playground.install_packages(
            [Upload(package(unique, modules=True), "package.zip")], project=unique, restart=False
        )
        listed = {
            folder: await da.playground.list_files(folder=folder, project=unique)
            for folder in FOLDERS
        }
        packages = await da.playground.list_files(folder="packages", project=unique)
        short = await da.playground.download_file(unique, folder="packages", project=unique)
        made = await da.playground.download_file(packages[0], folder="packages", project=unique)
        await da.playground.delete_project(unique)

        assert nothing is None
        assert listed == {folder: [name] for folder, name in FOLDERS.items()}
        assert packages == [f"docassemble.{unique}"]
        assert made.filename == short.filename == f"docassemble-{unique}.zip"
        with zipfile.ZipFile(io.BytesIO(made.content)) as archive:
            root = f"docassemble-{unique}"
            for path in files.keys() - {"setup.py", f"docassemble/{unique}/__init__.py"}:
                assert archive.read(f"{root}/{path}").decode() == files[path]

    run(job)


def test_package_is_pulled_from_a_repository(run: Run, unique: str, tmp_path: Path) -> None:
    """A Git repository is cloned into a project; without a restart there is no task."""
    repository(tmp_path, unique, package_files(unique, modules=True))

    async def job(da: AsyncDocassemble) -> None:
        await da.playground.create_project(unique)
        with served(tmp_path) as url:
            nothing = await da.playground.pull_package(
                github_url=f"{url}/docassemble-{unique}.git",
                branch="main",
                project=unique,
                restart=False,
            )
        names = await da.playground.list_files(folder="questions", project=unique)
        packages = await da.playground.list_files(folder="packages", project=unique)
        await da.playground.delete_project(unique)

        assert nothing is None
        assert names == ["hello.yml"]
        assert packages == [f"docassemble.{unique}"]

    run(job)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda da: da.playground.create_project("1two"), "400 Invalid project name."),
        (lambda da: da.playground.create_project("größe"), "400 Invalid project name."),
        (lambda da: da.playground.create_project("default"), "400 Invalid project."),
        (lambda da: da.playground.delete_project("default"), "400 Invalid project."),
        (lambda da: da.playground.download_file("none.txt").read(), "404 File not found"),
        (
            lambda da: da.playground.download_file("none", folder="packages").read(),
            "404 File not found",
        ),
        (
            lambda da: da.playground.upload_files([TEXT], folder="packages"),
            "404 File not found",
        ),
        (
            lambda da: da.playground.delete_file("note.txt", folder="packages"),
            "404 File not found",
        ),
        (
            lambda da: da.playground.upload_files([Upload(b"text", "n" * 300)]),
            "400 Error saving file(s).",
        ),
        (lambda da: da.playground.install_packages([TEXT]), "400 Error installing packages."),
        (
            lambda da: da.playground.install_packages(
                [Upload(zipped({"note.txt": "no package"}), "package.zip")]
            ),
            "400 Not a docassemble package.",
        ),
        (
            lambda da: da.playground.pull_package(
                github_url="http://127.0.0.1:9/docassemble-none", branch="main"
            ),
            "400 Pull process encountered an error: {}",
        ),
        (
            lambda da: da.playground.pull_package(pip="docassemble.nosuchpackage"),
            "400 Pull process encountered an error: {}",
        ),
    ],
)
def test_unusable_name_or_file_is_refused(run: Run, call: Call, expected: str) -> None:
    """What has a bad name, is missing or cannot be read is refused with the documented text."""

    async def job(da: AsyncDocassemble) -> None:
        assert await refusal(call(da)) == expected

    run(job)


def test_place_that_is_none_is_refused(run: Run, connect: Connect) -> None:
    """Unknown projects and folders, and another's Playground, are refused by every call."""
    zipped_package = Upload(package("none"), "package.zip")

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "developer") as developer:
            calls = developer.da.playground
            in_place: list[Callable[..., Awaitable[object]]] = [
                calls.list_files,
                lambda **place: calls.download_file("note.txt", **place).read(),
                partial(calls.upload_files, [TEXT]),
                partial(calls.delete_file, "note.txt"),
            ]
            packages: list[Callable[..., Awaitable[object]]] = [
                partial(calls.install_packages, [zipped_package]),
                partial(calls.pull_package, pip="docassemble.nosuchpackage"),
            ]
            projects: list[Callable[..., Awaitable[object]]] = [
                calls.list_projects,
                partial(calls.create_project, "benefits"),
                partial(calls.delete_project, "benefits"),
            ]

            folder = {await refusal(call(folder="none")) for call in in_place}
            project = {await refusal(call(project="none")) for call in in_place + packages}
            owner = {await refusal(call(user_id=1)) for call in in_place + packages + projects}

            assert folder == {"400 Invalid folder."}
            assert project == {"400 Invalid project."}
            assert owner == {"400 Invalid user_id."}

    run(job)
