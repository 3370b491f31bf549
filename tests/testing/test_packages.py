"""Installing packages on the fake server, also those that pip cannot install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import Package, TaskFailed, Upload
from tests.live.documents import package, package_files, zipped
from tests.testing.conftest import said

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.testing.conftest import Run

NAME = "docassemble.mine"
HELLO = f"{NAME}:data/questions/hello.yml"


def broken(version: str) -> Upload:
    """Make a package whose setup.py is no Python."""
    files = package_files("mine", version)
    return Upload(zipped({**files, "setup.py": f"{files['setup.py']}\n)"}), "mine.zip")


async def listed(da: AsyncDocassemble) -> Package | None:
    return next((one for one in await da.packages.list() if one.name == NAME), None)


def test_package_is_listed_at_once_and_installed_later(run: Run) -> None:
    """Its archive has a number before pip has run; its version and interviews come with pip."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.packages.install(zip=Upload(package("mine", "1.2"), "mine.zip"))
        at_once = await listed(da)
        await da.wait_for_task(handle)
        later = await listed(da)
        async with da.interview(HELLO).session() as s:
            question = await s.question()

        assert at_once is not None
        assert later is not None
        assert (at_once.version, later.version) == (None, "1.2")
        assert at_once.zip_file_number == later.zip_file_number
        assert "Hello from the package" in str(question)

    run(job)


@pytest.mark.parametrize("restart", [True, False])
def test_package_that_cannot_be_built_is_a_failure(run: Run, *, restart: bool) -> None:
    """With a restart it fails and is not listed; without one all seems well, with no version."""

    async def job(da: AsyncDocassemble) -> None:
        handle = await da.packages.install(zip=broken("1.0"), restart=restart)
        if restart:
            with pytest.raises(TaskFailed) as error:
                await da.wait_for_task(handle)
            assert "Failed to build" in error.value.log
            assert await listed(da) is None
        else:
            await da.wait_for_task(handle)
            package = await listed(da)
            assert package is not None
            assert package.version is None

    run(job)


def test_failed_update_removes_what_was_there_but_not_from_the_list(run: Run) -> None:
    """The server uninstalls first: the old version is listed, and its interviews are gone."""

    async def job(da: AsyncDocassemble) -> None:
        first = await da.packages.install(zip=Upload(package("mine", "1.0"), "mine.zip"))
        await da.wait_for_task(first)
        second = await da.packages.install(zip=broken("2.0"), restart=False)
        result = await da.wait_for_task(second)
        package_now = await listed(da)

        assert result is not None
        assert "success code" in result.log
        assert "Failed to build" in result.log
        assert package_now is not None
        assert package_now.version == "1.0"
        assert "not found" in await said(da.sessions.start(HELLO))

    run(job)
