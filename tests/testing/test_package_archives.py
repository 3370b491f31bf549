"""Packages in the Playground and on the fake server: archives, names, what pip cannot build."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from docassemble_client.testing import FakeServer, ManualClock
from tests.testing.raw_requests import get_error, send_raw

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def fake() -> FakeServer:
    """Make a server whose clock stands still."""
    return FakeServer(clock=ManualClock(1_780_000_000))


def make_archive(files: Mapping[str, str]) -> dict[str, tuple[str, bytes]]:
    """Make an upload of a ZIP file."""
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return {"zip": ("x.zip", content.getvalue())}


async def test_a_read_creates_no_project(fake: FakeServer) -> None:
    """An interview or a folder of a project that does not exist is not found."""
    new = "/api/session/new?i=docassemble.playground1Ghost:m.yml"

    error = await get_error(fake, "GET", new)
    projects = await send_raw(fake, "GET", "/api/playground/project")
    created = await send_raw(fake, "POST", "/api/playground/project", {"project": "Ghost"})
    unnamed = await send_raw(fake, "POST", "/api/playground/project", {"project": ""})
    after = await send_raw(fake, "GET", "/api/playground/project")

    assert error == "400 DANotFoundError: Reference to invalid playground path."
    assert projects.content == b"[]\n"
    assert (created.status, unnamed.status, after.content) == (204, 204, b'["Ghost"]\n')


async def test_an_empty_project_or_folder_is_refused(fake: FakeServer) -> None:
    """It is not the default one; nothing is saved or deleted."""
    file = {"file": ("a.txt", b"x")}
    await send_raw(fake, "POST", "/api/playground", {"folder": "static"}, files=file)

    listed = await get_error(fake, "GET", "/api/playground?project=")
    deleted = await get_error(fake, "DELETE", "/api/playground?project=&filename=a.txt")
    uploaded = await get_error(fake, "POST", "/api/playground", {"project": ""}, files=file)
    installed = await get_error(
        fake, "POST", "/api/playground_install", {"project": ""}, files=file
    )
    folder = await get_error(fake, "GET", "/api/playground?folder=")

    assert {listed, deleted, uploaded, installed} == {"400 Invalid project."}
    assert folder == "400 Invalid folder."
    assert (await send_raw(fake, "GET", "/api/playground?filename=a.txt")).content == b"x"


SETUP = "from setuptools import setup\nsetup(name='docassemble.fz',\n      version='0.0.1')\n"


async def test_the_name_of_a_package_may_begin_on_the_line_of_setup(fake: FakeServer) -> None:
    """Packages that docassemble makes look like this."""
    archive = make_archive({"docassemble-fz/setup.py": SETUP, "docassemble-fz/README.md": ""})

    await send_raw(fake, "POST", "/api/playground_install", {"restart": "0"}, files=archive)
    listed = await send_raw(fake, "GET", "/api/playground?folder=packages")
    short = await send_raw(fake, "GET", "/api/playground?folder=packages&filename=fz")
    named = await send_raw(fake, "GET", "/api/playground?folder=packages&package=docassemble.fz")
    installed = await send_raw(fake, "POST", "/api/package", {"restart": "0"}, files=archive)

    assert listed.content == b'["docassemble.fz"]\n'
    assert (short.status, named.status) == (200, 200)
    assert short.headers["content-type"] == "application/zip"
    assert installed.status == 200


PYPROJECT = "[project]\nname = 'docassemble.fz'\nversion = '2'\n"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": PYPROJECT}, "docassemble.fz"),
        ({"x/docassemble/": ""}, "docassemble.unknown"),
        ({"docassemble/": "", "setup.cfg": ""}, "docassemble.unknown"),
        ({"setup.py": SETUP, "a/.git/b/c.py": "", "a/b/c.py~": ""}, "docassemble.fz"),
    ],
)
async def test_the_playground_finds_a_package(
    fake: FakeServer, files: dict[str, str], name: str
) -> None:
    """By a setup file or a folder docassemble; backups and Git's own files are left out."""
    response = await send_raw(
        fake, "POST", "/api/playground_install", {}, files=make_archive(files)
    )

    assert response.status == 204
    packages = await send_raw(fake, "GET", "/api/playground?folder=packages")
    assert json.loads(packages.content) == [name]


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"a/b/setup.py": SETUP, "c": ""}, "does not appear to be a Python project"),
        ({"setup.py": SETUP.partition("\n")[2]}, "NameError: name 'setup' is not defined"),
        ({"setup.py": f"import nosuch\n{SETUP}"}, "No module named 'nosuch'"),
        ({"setup.py": f"from nosuch.x import y\n{SETUP}"}, "No module named 'nosuch'"),
        ({"setup.py": f"{SETUP}raise SystemExit"}, "raises an exception"),
        ({"setup.py": SETUP, "pyproject.toml": "["}, "TOMLDecodeError"),
        ({"setup.py": SETUP}, ""),
        ({"pyproject.toml": PYPROJECT}, ""),
        ({"setup.py": f"from .x import y\nprint(1)\n{SETUP}"}, ""),
        ({"setup.py": SETUP.replace("import setup", "import *")}, ""),
        ({"setup.py": "import setuptools as s\nsetup = s.setup\n" + SETUP.partition("\n")[2]}, ""),
        ({"setup.py": "def setup(**_): ...\n" + SETUP.partition("\n")[2]}, ""),
    ],
)
async def test_pip_fails_to_build_a_broken_package(
    fake: FakeServer, files: dict[str, str], error: str
) -> None:
    """Without running its code."""
    response = await send_raw(fake, "POST", "/api/package", {}, files=make_archive(files))
    task = json.loads(response.content)["task_id"]
    target = f"/api/package_update_status?task_id={task}"
    await send_raw(fake, "GET", target)  # the first request after the restart
    status = json.loads((await send_raw(fake, "GET", target)).content)

    assert status["ok"] is (error == "")
    assert error in status.get("error_message", "")


async def test_a_package_without_a_name_is_refused(fake: FakeServer) -> None:
    """The message says whether a setup file is missing, or its name."""
    unnamed = await get_error(
        fake, "POST", "/api/package", {}, files=make_archive({"pyproject.toml": "[project]"})
    )
    no_setup = await get_error(fake, "POST", "/api/package", {}, files=make_archive({"a": ""}))

    prefix = "400 There was an error when installing that package. DAException: "
    assert unnamed == f"{prefix}Could not find name of Python package"
    assert no_setup == f"{prefix}Not a Python package zip file"


async def test_a_repository_that_is_not_available_fails(fake: FakeServer) -> None:
    """Its package stays in the list of no version, and is removed with the restart."""
    call = {"github_url": "http://127.0.0.1:9/x/docassemble-yy"}
    task = json.loads((await send_raw(fake, "POST", "/api/package", call)).content)["task_id"]
    target = f"/api/package_update_status?task_id={task}"
    status = json.loads((await send_raw(fake, "GET", target)).content)

    assert (status["status"], status["ok"]) == ("completed", False)
    assert "docassemble.yy: install failed" in status["error_message"]
    assert await get_error(fake, "POST", "/api/playground_pull", {"github_url": 5}) == (
        "501 AttributeError: 'int' object has no attribute 'rstrip'"
    )


async def test_a_package_is_pulled_by_name(fake: FakeServer) -> None:
    """Only one that is available."""
    pulled = await send_raw(
        fake, "POST", "/api/playground_pull", {"pip": "docassemble.ALToolbox", "restart": False}
    )
    error = await get_error(fake, "POST", "/api/playground_pull", {"pip": "nosuch==1"})

    assert pulled.status == 204
    assert error.startswith("400 Pull process encountered an error: ")
