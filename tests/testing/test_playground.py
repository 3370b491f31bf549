"""The Playground of the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Upload
from tests.testing.conftest import get_error_text
from tests.testing.test_server import make_package, make_raw_call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client.testing import FakeServer

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

PLAYGROUND = "/api/playground"


async def test_files_of_a_project_are_uploaded_listed_and_deleted(fake: FakeServer) -> None:
    """A change of a module restarts the server, unless `restart=False`."""
    ada = fake.add_user("ada@example.com", "developer")

    async with fake.client(ada) as da:
        await da.playground.create_project("work")
        folder: dict[str, Any] = {"folder": "questions", "project": "work"}
        no_restart = await da.playground.upload_files([Upload(b"a", "b c ü.yml")], **folder)
        names = await da.playground.list_files(**folder)
        file = await da.playground.download_file("b_c_u.yml", **folder)
        await da.playground.delete_file("b_c_u.yml", **folder)
        await da.playground.delete_file("b_c_u.yml", **folder)
        no_names = await da.playground.list_files(**folder)
        restart = await da.playground.upload_files([Upload(b"", "m.py")], folder="modules")
        await da.wait_for_task(restart)
        no_second_restart = await da.playground.delete_file("m.py", folder="modules", restart=False)
        projects = await da.playground.list_projects()
        await da.playground.delete_project("work")
        no_projects = await da.playground.list_projects()

        assert (no_restart, names, file.content, no_names) == (None, ["b_c_u.yml"], b"a", [])
        assert restart is not None
        assert (no_second_restart, projects, no_projects) == (None, ["work"], [])


async def test_packages_are_installed_pulled_and_downloaded(da: AsyncDocassemble) -> None:
    """An uploaded archive is unpacked; packages that pip can install can be pulled."""
    files = {
        "p__docassemble__mine__data__questions__a.yml": "question: A",
        "p__docassemble__mine__data__static__README.md": "",
        "p__docassemble__mine__tools.py": "",
        "p__docassemble__mine__": "",
    }

    archive = Upload(make_package(**files), "mine.zip")
    handle = await da.playground.install_packages([archive])
    await da.wait_for_task(handle)
    empty_package = Upload(make_package("docassemble.plain"), "plain.zip")
    no_restart = await da.playground.install_packages([empty_package])
    no_second_restart = await da.playground.pull_package(pip="pyjokes>=0.1", restart=False)
    packages = await da.playground.list_files(folder="packages")
    questions = await da.playground.list_files(folder="questions")
    download = await da.playground.download_file("docassemble.mine", folder="packages")

    assert handle is not None
    assert (no_restart, no_second_restart, questions) == (None, None, ["a.yml"])
    assert packages == ["docassemble.mine", "docassemble.plain", "docassemble.pyjokes"]
    assert (download.filename, download.content[:2]) == ("docassemble-mine.zip", b"PK")


async def test_playgrounds_of_other_users_are_refused(fake: FakeServer) -> None:
    """A developer may use only their own Playground."""
    ada = fake.add_user("ada@example.com", "developer")

    async with fake.client(ada) as da:
        error = await get_error_text(da.playground.list_files(user_id=1))

    assert error == "400 Invalid user_id."


def upload_file(path: str, filename: str, content: bytes = b"", **fields: Any) -> Call:
    """Upload a file."""
    files = {"file": Upload(content, filename)}
    return lambda da: da.request("POST", path, data=fields, files=files)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda da: da.playground.list_files(folder="x"), "400 Invalid folder."),
        (lambda da: da.playground.list_files(project="x"), "400 Invalid project."),
        (
            lambda da: da.request("GET", PLAYGROUND, params={"user_id": "x"}),
            "400 Invalid user_id.",
        ),
        (lambda da: da.playground.download_file("no.txt").read(), "404 File not found"),
        (
            lambda da: da.playground.download_file("docassemble.no", folder="packages").read(),
            "404 File not found",
        ),
        (make_raw_call("POST", PLAYGROUND), "400 No file found."),
        (upload_file(PLAYGROUND, "??"), "400 Error saving file(s)."),
        (upload_file(PLAYGROUND, "a" * 256), "400 Error saving file(s)."),
        (upload_file(PLAYGROUND, "a", folder="packages"), "404 File not found"),
        (make_raw_call("DELETE", PLAYGROUND), "400 Missing filename."),
        (lambda da: da.playground.delete_file("a", folder="packages"), "404 File not found"),
        (make_raw_call("POST", PLAYGROUND + "/project"), "400 Project not provided."),
        (make_raw_call("DELETE", PLAYGROUND + "/project"), "400 Project not provided."),
        (lambda da: da.playground.create_project("1a"), "400 Invalid project name."),
        (lambda da: da.playground.create_project("default"), "400 Invalid project."),
        (lambda da: da.playground.delete_project("x"), "400 Invalid project."),
        (make_raw_call("POST", PLAYGROUND + "_install"), "400 No package found."),
        (upload_file(PLAYGROUND + "_install", "a.zip"), "400 Error installing packages."),
        (
            upload_file(PLAYGROUND + "_install", "a", make_package("")),
            "400 Not a docassemble package.",
        ),
        (make_raw_call("POST", PLAYGROUND + "_pull"), "400 Either github_url or pip is required."),
        (lambda da: da.playground.pull_package(pip="no"), "400 Pull process encountered an error"),
        (lambda da: da.playground.pull_package(github_url="x"), "400 Pull process encountered"),
    ],
)
async def test_invalid_calls_on_the_playground_are_refused(
    da: AsyncDocassemble, call: Call, expected: str
) -> None:
    """Each error has the same text as on a real server."""
    error = await get_error_text(call(da))

    assert error.startswith(expected)
