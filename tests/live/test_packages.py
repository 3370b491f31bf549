"""Packages of the real server: from ZIP files and repositories, and their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, Package, Upload
from tests.live.accounts import limited_client, temporary_account
from tests.live.documents import make_package, make_package_files, make_zip
from tests.live.known_errors import get_error
from tests.live.repositories import commit_package

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import TaskHandle
    from tests.live.conftest import Connect
    from tests.live.known_errors import ApiCall


async def test_package_from_a_zip_file_is_installed_and_uninstalled(
    da: AsyncDocassemble, unique: str
) -> None:
    """A ZIP file with any name is installed and stored; its package cannot be updated."""
    name = f"docassemble.{unique}"
    file = make_package(unique, "0.3.1")

    await _wait_for_task(
        da, await da.packages.install(zip=Upload(file, "Größe 'neu'.zip"), restart=False)
    )
    installed = await _find_package(da, name)
    new = await da.sessions.start(f"{name}:data/questions/hello.yml")
    question = await da.sessions.get_question(new.i, new.session, secret=new.secret)
    await da.sessions.delete(new.i, new.session)
    error = await get_error(da.packages.update(name))
    assert installed is not None
    assert installed.zip_file_number is not None
    stored = await da.files.download(installed.zip_file_number, extension="zip")
    await _wait_for_task(da, await da.packages.uninstall(name, restart=False))

    assert installed == Package(
        name=name,
        type="zip",
        can_update=False,
        can_uninstall=True,
        version="0.3.1",
        zip_file_number=installed.zip_file_number,
    )
    assert stored.content == file
    assert "Hello from the package" in str(question)
    assert error == "400 You are not allowed to update that package."
    assert await _find_package(da, name) is None


async def test_package_from_a_repository_is_updated(
    da: AsyncDocassemble, unique: str, tmp_path: Path
) -> None:
    """A package from Git shows its repository and branch; an update installs the new version."""
    name = f"docassemble.{unique}"
    url = commit_package(tmp_path, unique, make_package_files(unique, "0.1.0")).as_uri()

    await _wait_for_task(
        da, await da.packages.install(github_url=url, branch="main", restart=False)
    )
    installed = await _find_package(da, name)
    commit_package(tmp_path, unique, make_package_files(unique, "0.2.0"))
    await _wait_for_task(da, await da.packages.update(name, restart=False))
    updated = await _find_package(da, name)
    await _wait_for_task(da, await da.packages.uninstall(name, restart=False))

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
    assert await _find_package(da, name) is None


async def test_unknown_task_has_the_status_unknown(da: AsyncDocassemble) -> None:
    """An unknown task is not an error."""
    status = await da.packages.get_update_status("nosuchtask")

    assert status.status == "unknown"
    assert status.ok is None


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
            lambda da: da.packages.install(zip=Upload(make_zip({"a.txt": ""}), "package.zip")),
            "400 There was an error when installing that package. {}",
        ),
    ],
)
async def test_invalid_change_is_refused(
    da: AsyncDocassemble, call: ApiCall, expected: str
) -> None:
    """Unknown, protected and invalid packages are refused with the documented errors."""
    assert await get_error(call(da)) == expected


async def test_developer_cannot_install_server_packages(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """A developer may not install packages of the server; from Git the error is 404."""
    repository_url = "https://git.example.com/docassemble.webapp"

    async with temporary_account(da, connect, "developer") as developer:
        packages = developer.da.packages
        by_name = await get_error(packages.install(pip="docassemble.webapp"))
        by_url = await get_error(packages.install(github_url=repository_url, branch="main"))
        all_packages = await packages.list()

    assert by_name == "403 You do not have permission to install that package."
    assert by_url == "404 File not found"
    assert [
        package.can_uninstall for package in all_packages if package.name == "docassemble.webapp"
    ] == [False]


@pytest.mark.since("1.10")
async def test_read_packages_permits_only_the_list(da: AsyncDocassemble, connect: Connect) -> None:
    """With read_packages, a limited key may list packages but not change them."""
    async with limited_client(da, connect, "read_packages") as reader:
        all_packages = await reader.packages.list()
        error = await get_error(reader.packages.uninstall("nosuchpackage"))

    assert "docassemble.webapp" in [package.name for package in all_packages]
    assert error == "403 Access denied."


async def _wait_for_task(da: AsyncDocassemble, handle: TaskHandle) -> None:
    await da.wait_for_task(handle, timeout=300)


async def _find_package(da: AsyncDocassemble, name: str) -> Package | None:
    return next((package for package in await da.packages.list() if package.name == name), None)
