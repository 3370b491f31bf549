"""The fixtures in the tests of other projects, which run in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# An old starlette uses a name that anyio has deprecated.
STARLETTE = ("-W", "ignore:The anyio.abc.BlockingPortal alias:DeprecationWarning")
SYNCHRONOUS = """
    import asyncio

    def test_a_program(fake_docassemble, docassemble):
        user = asyncio.run(docassemble.users.get_current())
        assert user.email == fake_docassemble.admin_email
"""
BLOCKING = """
    def test_a_program(fake_docassemble, blocking_docassemble):
        fake_docassemble.fail("users.list", times=2)
        blocking_docassemble.wait_for_task(blocking_docassemble.server.restart())
        emails = [user.email for user in blocking_docassemble.users.list()]
        assert emails == [fake_docassemble.admin_email]
"""
FASTAPI = """
    from fastapi import Depends, FastAPI
    from fastapi.testclient import TestClient

    app = FastAPI()


    def get_docassemble():
        raise NotImplementedError


    @app.get("/email")
    async def get_email(docassemble=Depends(get_docassemble)):
        return (await docassemble.users.get_current()).email


    def test_an_application(fake_docassemble, docassemble):
        app.dependency_overrides[get_docassemble] = lambda: docassemble
        with TestClient(app) as http:
            for _ in range(2):
                assert http.get("/email").json() == fake_docassemble.admin_email
"""
ANYIO_BACKEND = """
    import pytest


    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""
ASYNC = """
    import pytest
    import pytest_asyncio


    {fixture_decorator}
    async def user_id(docassemble):
        return (await docassemble.users.create("ada@example.com")).user_id


    {test_decorator}
    async def test_a_coroutine(fake_docassemble, docassemble, user_id):
        fake_docassemble.fail("users.list", times=2)
        task = await docassemble.packages.install(pip="cowsay")
        await docassemble.wait_for_task(task)
        assert user_id in [user.id async for user in docassemble.users.list()]
"""
FILES = {
    "program": SYNCHRONOUS,
    "blocking": BLOCKING,
    "application": FASTAPI,
    "broken_application": FASTAPI.replace(
        "with TestClient(app) as http:", "for http in [TestClient(app)]:"
    ),
    "auto": ASYNC.format(fixture_decorator="@pytest.fixture", test_decorator=""),
    "strict": ASYNC.format(
        fixture_decorator="@pytest_asyncio.fixture", test_decorator="@pytest.mark.asyncio"
    ),
    "anyio": ANYIO_BACKEND
    + ASYNC.format(fixture_decorator="@pytest.fixture", test_decorator="@pytest.mark.anyio"),
}


def run_pytest(folder: Path, names: tuple[str, ...], *options: str) -> str:
    """Run these files in a process of their own, with warnings as errors; return its output."""
    for name in names:
        (folder / f"test_{name}.py").write_text(dedent(FILES[name]), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-W",
        "error",
        *STARLETTE,
        "-c",
        os.devnull,
        *options,
    ]
    settings = ["-o", "asyncio_default_fixture_loop_scope=function", "-p", "no:cacheprovider"]
    result = subprocess.run(  # noqa: S603 - our own command
        [*command, *settings, "--rootdir", folder, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("program", "blocking", "application", "auto"), ("--asyncio-mode=auto", "-n1")),
        (("strict", "anyio", "blocking"), ("--asyncio-mode=strict",)),
    ],
    ids=["auto", "strict"],
)
def test_the_fixtures_work_in_other_projects(
    names: tuple[str, ...], options: tuple[str, ...], tmp_path: Path
) -> None:
    """They need no import: in synchronous and async tests, web applications and workers."""
    output = run_pytest(tmp_path, names, *options)

    assert f"{len(names)} passed" in output, output


def test_an_application_that_changes_its_event_loop_learns_how_to_keep_it(tmp_path: Path) -> None:
    """FastAPI's TestClient has one loop per request unless it is opened."""
    output = run_pytest(tmp_path, ("broken_application",))

    assert "`with TestClient(app) as http:`" in output, output
    assert "1 failed" in output
