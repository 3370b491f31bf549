"""Archives of packages: their content, and that they are reproducible."""

from __future__ import annotations

import os
from io import BytesIO, IOBase
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from docassemble_client import UsageError
from docassemble_client._long_work import run_in_thread
from docassemble_client.workflows.packages.archive import make_archive
from tests.live.documents import make_package, make_package_files
from tests.workflows.package_files import PACKAGE_NAME, write_files, write_package

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from docassemble_client.workflows.packages.archive import Archive


async def read_archive(source: Path | str) -> tuple[Archive, bytes]:
    """Make an archive; also return its bytes."""
    with await run_in_thread(make_archive(source)) as result:
        content = result.upload.content
        assert isinstance(content, IOBase)
        return result, content.read()


async def test_archive_has_one_folder_with_the_top_level_files_first(tmp_path: Path) -> None:
    """Git hosts use the same layout; the server uses the first setup.py it finds."""
    folder = write_files(write_package(tmp_path), {"aaa/setup.py": "x", "venv/pyvenv.cfg": "x"})

    result, content = await read_archive(folder)

    with ZipFile(BytesIO(content)) as zip_file:
        names = zip_file.namelist()
        for path, text in make_package_files("mine").items():
            assert zip_file.read(f"docassemble-mine/{path}").decode() == text
    assert names[:2] == ["docassemble-mine/README.md", "docassemble-mine/setup.py"]
    assert result.size == len(content)
    assert result.ignored == ("venv/",)
    assert result.upload.filename == "docassemble-mine.zip"
    assert (result.metadata.name, result.metadata.version) == (PACKAGE_NAME, "0.1.0")


async def test_server_can_read_the_name_of_a_folder_s_archive(tmp_path: Path) -> None:
    """A line is added to setup.py in the archive; an archive that exists is sent unchanged."""
    setup = "from setuptools import setup\nsetup(name='docassemble.mine', version='1')"
    folder = write_files(write_package(tmp_path / "mine"), {"setup.py": setup})

    result, content = await read_archive(folder)

    with ZipFile(BytesIO(content)) as zip_file:
        sent = zip_file.read("docassemble-mine/setup.py").decode()
    assert sent == f"{setup}\nNAME = 'docassemble.mine'\n"
    assert (folder / "setup.py").read_text(encoding="utf-8") == setup
    assert (result.metadata.name, result.metadata.version) == (PACKAGE_NAME, "1")


async def test_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Dates, modes and the folder's name do not matter, only names and contents."""
    folder, copy = write_package(tmp_path / "folder"), write_package(tmp_path / "copy")
    for path in copy.rglob("*"):
        os.utime(path, (10**9, 10**9))
    (copy / "setup.py").chmod(0o755)

    first, second = (await read_archive(folder))[1], (await read_archive(copy))[1]
    write_package(copy, "0.1.1")

    assert first == second
    assert (await read_archive(copy))[1] != first


async def test_different_contents_of_the_same_size_have_different_dates(tmp_path: Path) -> None:
    """Python reuses a compiled module if date and size of the source are the same."""

    async def date(text: str) -> tuple[int, ...]:
        folder = write_files(write_package(tmp_path), {"docassemble/mine/rules.py": text})
        with ZipFile(BytesIO((await read_archive(folder))[1])) as zip_file:
            return zip_file.getinfo("docassemble-mine/docassemble/mine/rules.py").date_time

    dates = [await date(f"LIMIT = {number}\n") for number in (1500, 1600, 1500)]

    assert dates[0] == dates[2] != dates[1]


async def test_existing_archive_is_sent_unchanged(tmp_path: Path) -> None:
    """Its file name does not matter."""
    content = make_package("mine", "9.0")
    (tmp_path / "download").write_bytes(content)

    result, sent = await read_archive(str(tmp_path / "download"))

    assert sent == content
    assert (result.metadata.version, result.upload.filename) == ("9.0", "download")


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        b"",
        make_package("mine")[:-30],
        make_package("mine").replace(b"\x08\x00", b"\x61\x00"),
        make_package("mine").replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
        ),
    ],
    ids=["text", "empty", "cut", "method", "encrypted"],
)
async def test_unreadable_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is damaged, encrypted, compressed by an unknown method, or not an archive."""
    (tmp_path / "mine.zip").write_bytes(content)

    with pytest.raises(UsageError, match="the archive cannot be read"):
        await read_archive(tmp_path / "mine.zip")


async def test_archive_is_made_in_many_steps(tmp_path: Path) -> None:
    """A large folder does not block the event loop."""
    folder = write_files(
        write_package(tmp_path), {f"docassemble/mine/{n}.py": "x" for n in range(9)}
    )
    steps = 0

    def count_steps() -> Generator[None, None, Archive]:
        nonlocal steps
        work = make_archive(folder)
        while True:
            try:
                yield next(work)
            except StopIteration as stop:
                archive: Archive = stop.value
                return archive
            steps += 1

    with await run_in_thread(count_steps()):
        assert steps >= 18


async def test_archive_of_a_package_in_a_deeper_folder_is_refused(tmp_path: Path) -> None:
    """The reason is not that the archive is damaged."""
    archive = tmp_path / "mine.zip"
    with ZipFile(archive, "w") as zip_file:
        for path, text in make_package_files("mine").items():
            zip_file.writestr(f"repository/docassemble-mine/{path}", text)

    with pytest.raises(UsageError, match="the package is in the folder repository/docassemble-m"):
        await read_archive(archive)
