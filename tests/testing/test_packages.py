"""Installation of packages on the fake server, including packages that pip cannot install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import Package, TaskFailed, Upload
from tests.live.documents import make_package, make_package_files, make_zip
from tests.testing.conftest import get_error_text

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

NAME = "docassemble.mine"
HELLO = f"{NAME}:data/questions/hello.yml"


def make_broken_package(version: str) -> Upload:
    """Create a package whose setup.py is not valid Python."""
    files = make_package_files("mine", version)
    return Upload(make_zip({**files, "setup.py": f"{files['setup.py']}\n)"}), "mine.zip")


async def find_package(da: AsyncDocassemble) -> Package | None:
    return next((item for item in await da.packages.list() if item.name == NAME), None)


async def test_package_is_listed_at_once_and_installed_later(da: AsyncDocassemble) -> None:
    """Its file number is known at once, its version and interviews only after pip has run."""
    handle = await da.packages.install(zip=Upload(make_package("mine", "1.2"), "mine.zip"))
    package_before = await find_package(da)
    await da.wait_for_task(handle)
    package_after = await find_package(da)
    async with da.interview(HELLO).session() as s:
        question = await s.question()

    assert package_before is not None
    assert package_after is not None
    assert (package_before.version, package_after.version) == (None, "1.2")
    assert package_before.zip_file_number == package_after.zip_file_number
    assert "Hello from the package" in str(question)


@pytest.mark.parametrize("restart", [True, False])
async def test_package_that_cannot_be_built_fails_only_with_a_restart(
    da: AsyncDocassemble, *, restart: bool
) -> None:
    """With a restart the task fails; without it, the task succeeds but there is no version."""
    handle = await da.packages.install(zip=make_broken_package("1.0"), restart=restart)
    if restart:
        with pytest.raises(TaskFailed) as error:
            await da.wait_for_task(handle)
        assert "Failed to build" in error.value.log
        assert await find_package(da) is None
    else:
        await da.wait_for_task(handle)
        package = await find_package(da)
        assert package is not None
        assert package.version is None


async def test_failed_update_keeps_the_old_version_in_the_list(da: AsyncDocassemble) -> None:
    """The server uninstalls the old version first, so its interviews are missing."""
    first = await da.packages.install(zip=Upload(make_package("mine", "1.0"), "mine.zip"))
    await da.wait_for_task(first)
    second = await da.packages.install(zip=make_broken_package("2.0"), restart=False)
    result = await da.wait_for_task(second)
    package_after = await find_package(da)

    assert result is not None
    assert "success code" in result.log
    assert "Failed to build" in result.log
    assert package_after is not None
    assert package_after.version == "1.0"
    assert "not found" in await get_error_text(da.sessions.start(HELLO))
