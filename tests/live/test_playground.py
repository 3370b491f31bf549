"""Files, projects and packages in the Playground of the real server."""

from __future__ import annotations

import asyncio
import io
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, TaskHandle, Upload
from tests.live.accounts import temporary_account
from tests.live.documents import make_package, make_package_files, make_zip
from tests.live.known_errors import get_error
from tests.live.repositories import commit_package, serve_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import PlaygroundFolder
    from tests.live.conftest import Connect
    from tests.live.known_errors import ApiCall

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


async def test_file_of_each_folder_is_saved_listed_read_and_deleted(
    da: AsyncDocassemble, unique: str
) -> None:
    """Every folder except packages accepts files; without a restart there is no task."""
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
        remaining = await da.playground.list_files(folder=folder, project=unique)

        assert (saved, names, deleted, remaining) == (None, [name], None, [])
        assert (file.content, file.filename) == (content, name)
    await da.playground.delete_project(unique)


async def test_project_is_created_listed_and_deleted(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Projects of any user are listed, without the default project."""
    async with temporary_account(da, connect, "developer") as developer:
        await da.playground.create_project(unique, user_id=developer.id)
        by_owner = await developer.da.playground.list_projects()
        by_admin = await da.playground.list_projects(user_id=developer.id)
        await da.playground.delete_project(unique, user_id=developer.id)
        remaining = await developer.da.playground.list_projects()

        assert by_owner == by_admin == [unique]
        assert remaining == []


@pytest.mark.parametrize(
    ("name", "stored_name", "is_found"),
    [
        ("two  blanks.txt", "two_blanks.txt", False),
        ("Brief für 'Ada'.txt", "Brief_fur_Ada.txt", False),
        ('quo"te.txt', "quote.txt", True),
        ("日本.txt", "txt", True),
        ("../up.txt", "up.txt", True),
    ],
)
async def test_file_name_of_an_upload_is_normalised(
    da: AsyncDocassemble, unique: str, name: str, stored_name: str, *, is_found: bool
) -> None:
    """Accents and quotes are removed and spaces become _; some original names find the file."""
    await da.playground.create_project(unique)
    await da.playground.upload_files([Upload(b"text", name)], project=unique)

    names = await da.playground.list_files(project=unique)
    file = await da.playground.download_file(stored_name, project=unique)
    by_original_name = da.playground.download_file(name, project=unique)
    if is_found:
        content = (await by_original_name).content
    else:
        content = file.content
        assert await get_error(by_original_name.read()) == "404 File not found"
    await da.playground.delete_project(unique)

    assert names == [stored_name]
    assert content == b"text"


async def test_module_is_usable_after_the_restart(da: AsyncDocassemble, unique: str) -> None:
    """Saving, unpacking and deleting a module restarts the server; then it can be used."""
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
        [Upload(make_package(unique, modules=True), "package.zip")], project=unique
    )
    await asyncio.gather(*(da.wait_for_task(task, timeout=180) for task in (deleted, unpacked)))
    modules = await da.playground.list_files(folder="modules", project=unique)
    await da.playground.delete_project(unique)

    assert result is not None
    assert "The limit is 1500" in str(question)
    assert {type(task) for task in (saved, deleted, unpacked)} == {TaskHandle}
    assert modules == ["rules.py"]


async def test_package_is_unpacked_and_downloaded(da: AsyncDocassemble, unique: str) -> None:
    """The files of a package are unpacked to their folders, and downloaded as a package."""
    files = make_package_files(unique, modules=True)

    await da.playground.create_project(unique)
    task = await da.playground.install_packages(
        [Upload(make_package(unique, modules=True), "package.zip")],
        project=unique,
        restart=False,
    )
    names_by_folder = {
        folder: await da.playground.list_files(folder=folder, project=unique) for folder in FOLDERS
    }
    packages = await da.playground.list_files(folder="packages", project=unique)
    by_short_name = await da.playground.download_file(unique, folder="packages", project=unique)
    archive_file = await da.playground.download_file(packages[0], folder="packages", project=unique)
    await da.playground.delete_project(unique)

    assert task is None
    assert names_by_folder == {folder: [name] for folder, name in FOLDERS.items()}
    assert packages == [f"docassemble.{unique}"]
    assert archive_file.filename == by_short_name.filename == f"docassemble-{unique}.zip"
    with zipfile.ZipFile(io.BytesIO(archive_file.content)) as archive:
        root = f"docassemble-{unique}"
        for path in files.keys() - {"setup.py", f"docassemble/{unique}/__init__.py"}:
            assert archive.read(f"{root}/{path}").decode() == files[path]


async def test_package_is_pulled_from_a_repository(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """A Git repository is cloned into a project; without a restart there is no task."""
    commit_package(tmp_path, unique, make_package_files(unique, modules=True))

    await da.playground.create_project(unique)
    with serve_folder(tmp_path) as url:
        task = await da.playground.pull_package(
            github_url=f"{url}/docassemble-{unique}.git",
            branch="main",
            project=unique,
            restart=False,
        )
    names = await da.playground.list_files(folder="questions", project=unique)
    packages = await da.playground.list_files(folder="packages", project=unique)
    await da.playground.delete_project(unique)

    assert task is None
    assert names == ["hello.yml"]
    assert packages == [f"docassemble.{unique}"]


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
                [Upload(make_zip({"note.txt": "no package"}), "package.zip")]
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
async def test_invalid_name_or_file_is_refused(
    da: AsyncDocassemble, call: ApiCall, expected: str
) -> None:
    """Invalid names, missing files and invalid files are refused with the documented errors."""
    assert await get_error(call(da)) == expected


async def test_unknown_folder_project_or_owner_is_refused(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """Every call refuses unknown projects and folders, and Playgrounds of other users."""
    zipped_package = Upload(make_package("none"), "package.zip")

    async with temporary_account(da, connect, "developer") as developer:
        playground = developer.da.playground
        file_calls: list[Callable[..., Awaitable[object]]] = [
            playground.list_files,
            lambda **location: playground.download_file("note.txt", **location).read(),
            partial(playground.upload_files, [TEXT]),
            partial(playground.delete_file, "note.txt"),
        ]
        package_calls: list[Callable[..., Awaitable[object]]] = [
            partial(playground.install_packages, [zipped_package]),
            partial(playground.pull_package, pip="docassemble.nosuchpackage"),
        ]
        project_calls: list[Callable[..., Awaitable[object]]] = [
            playground.list_projects,
            partial(playground.create_project, "benefits"),
            partial(playground.delete_project, "benefits"),
        ]

        folder_errors = {await get_error(call(folder="none")) for call in file_calls}
        project_errors = {
            await get_error(call(project="none")) for call in file_calls + package_calls
        }
        owner_errors = {
            await get_error(call(user_id=1)) for call in file_calls + package_calls + project_calls
        }

        assert folder_errors == {"400 Invalid folder."}
        assert project_errors == {"400 Invalid project."}
        assert owner_errors == {"400 Invalid user_id."}
