"""Packages of the real server: from ZIP files and repositories, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, Package, Upload
from tests.live.documents import package, package_files, zipped
from tests.live.people import limited, person
from tests.live.refusals import refusal
from tests.live.repositories import repository

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import TaskHandle
    from tests.live.conftest import Connect, Run
    from tests.live.refusals import Call


def test_package_from_a_zip_file_is_installed_and_removed(run: Run, unique: str) -> None:
    """A ZIP file under any name is installed and stored; its package cannot be updated."""
    name = f"docassemble.{unique}"
    file = package(unique, "0.3.1")

    async def job(da: AsyncDocassemble) -> None:
        await _wait(
            da, await da.packages.install(zip=Upload(file, "Größe 'neu'.zip"), restart=False)
        )
        listed = await _listed(da, name)
        new = await da.sessions.start(f"{name}:data/questions/hello.yml")
        question = await da.sessions.get_question(new.i, new.session, secret=new.secret)
        await da.sessions.delete(new.i, new.session)
        update = await refusal(da.packages.update(name))
        assert listed is not None
        assert listed.zip_file_number is not None
        stored = await da.files.download(listed.zip_file_number, extension="zip")
        await _wait(da, await da.packages.uninstall(name, restart=False))

        assert listed == Package(
            name=name,
            type="zip",
            can_update=False,
            can_uninstall=True,
            version="0.3.1",
            zip_file_number=listed.zip_file_number,
        )
        assert stored.content == file
        assert "Hello from the package" in str(question)
        assert update == "400 You are not allowed to update that package."
        assert await _listed(da, name) is None

    run(job)


def test_package_from_a_repository_is_updated(run: Run, unique: str, tmp_path: Path) -> None:
    """A package from Git tells its repository and branch, and an update brings the new version."""
    name = f"docassemble.{unique}"
    url = repository(tmp_path, unique, package_files(unique, "0.1.0")).as_uri()

    async def job(da: AsyncDocassemble) -> None:
        await _wait(da, await da.packages.install(github_url=url, branch="main", restart=False))
        installed = await _listed(da, name)
        repository(tmp_path, unique, package_files(unique, "0.2.0"))
        await _wait(da, await da.packages.update(name, restart=False))
        updated = await _listed(da, name)
        await _wait(da, await da.packages.uninstall(name, restart=False))

        assert installed == Package(
            name=name,
            type="git",
            can_update=True,
            can_uninstall=True,
            version="0.1.0",
            git_url=url,
            branch="main",
        )
        assert updated is not None
        assert updated.version == "0.2.0"
        assert await _listed(da, name) is None

    run(job)


def test_unknown_task_has_the_status_unknown(run: Run) -> None:
    """A task that the server never had is no error."""

    async def job(da: AsyncDocassemble) -> None:
        status = await da.packages.get_update_status("nosuchtask")

        assert status.status == "unknown"
        assert status.ok is None

    run(job)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda da: da.packages.update("nosuchpackage"), "400 Package not found."),
        (lambda da: da.packages.uninstall("nosuchpackage"), "400 Package not found."),
        (
            lambda da: da.packages.update("certifi"),
            "400 You are not allowed to update that package.",
        ),
        (
            lambda da: da.packages.uninstall("docassemble.webapp"),
            "400 You are not allowed to uninstall that package.",
        ),
        (
            lambda da: da.packages.install(zip=Upload(b"text", "package.zip")),
            "400 There was an error when installing that package. {}",
        ),
        (
            lambda da: da.packages.install(zip=Upload(zipped({"a.txt": ""}), "package.zip")),
            "400 There was an error when installing that package. {}",
        ),
    ],
)
def test_impossible_change_is_refused(run: Run, call: Call, expected: str) -> None:
    """What is unknown, protected or no package is refused with the documented text."""

    async def job(da: AsyncDocassemble) -> None:
        assert await refusal(call(da)) == expected

    run(job)


def test_package_of_the_server_is_refused_to_a_developer(run: Run, connect: Connect) -> None:
    """A developer may not install what belongs to the server; from Git this is a 404."""
    repository_url = "https://git.example.com/docassemble.webapp"

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect, "developer") as developer:
            packages = developer.da.packages
            by_name = await refusal(packages.install(pip="docassemble.webapp"))
            by_url = await refusal(packages.install(github_url=repository_url, branch="main"))
            listed = await packages.list()

        assert by_name == "403 You do not have permission to install that package."
        assert by_url == "404 File not found"
        assert [one.can_uninstall for one in listed if one.name == "docassemble.webapp"] == [False]

    run(job)


@pytest.mark.since("1.10")
def test_package_list_has_a_permission_of_its_own(run: Run, connect: Connect) -> None:
    """With read_packages a limited key may see the packages but not change them."""

    async def job(da: AsyncDocassemble) -> None:
        async with limited(da, connect, "read_packages") as reader:
            listed = await reader.packages.list()
            change = await refusal(reader.packages.uninstall("nosuchpackage"))

        assert "docassemble.webapp" in [one.name for one in listed]
        assert change == "403 Access denied."

    run(job)


async def _wait(da: AsyncDocassemble, handle: TaskHandle) -> None:
    await da.wait_for_task(handle, timeout=300)


async def _listed(da: AsyncDocassemble, name: str) -> Package | None:
    return next((one for one in await da.packages.list() if one.name == name), None)
