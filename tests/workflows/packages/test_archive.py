"""Archives of packages: what is in them, and that they are always the same."""

from __future__ import annotations

import os
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages.archive import archive, temporary
from docassemble_client.workflows.turns import in_turns
from tests.live.documents import package as zipped
from tests.live.documents import package_files
from tests.mock import run
from tests.workflows.package_files import NAME, package, write

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client.workflows.packages.archive import Archive


def made(source: Path | str) -> tuple[Archive, bytes]:
    """Make an archive; also return its bytes."""
    with temporary() as file:
        result = run(in_turns(archive(source, file)))
        assert result.upload.content is file
        return result, file.read()


def test_archive_has_the_files_in_one_folder_with_the_top_first(tmp_path: Path) -> None:
    """As Git hosts make them; the server takes the first setup.py it finds at the top."""
    folder = write(package(tmp_path), {"aaa/setup.py": "x", "venv/pyvenv.cfg": "x"})

    result, content = made(folder)

    with ZipFile(BytesIO(content)) as there:
        names = there.namelist()
        for path, text in package_files("mine").items():
            assert there.read(f"docassemble-mine/{path}").decode() == text
    assert names[:2] == ["docassemble-mine/README.md", "docassemble-mine/setup.py"]
    assert result.size == len(content)
    assert result.left_out == ("venv/",)
    assert result.upload.filename == "docassemble-mine.zip"
    assert (result.metadata.name, result.metadata.version) == (NAME, "0.1.0")


def test_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Neither dates nor modes nor the folder's name count, only names and contents."""
    one, other = package(tmp_path / "one"), package(tmp_path / "other")
    for path in other.rglob("*"):
        os.utime(path, (10**9, 10**9))
    (other / "setup.py").chmod(0o755)

    first, second = made(one)[1], made(other)[1]
    package(other, "0.1.1")

    assert first == second
    assert made(other)[1] != first


def test_contents_of_the_same_size_have_dates_of_their_own(tmp_path: Path) -> None:
    """Python takes a module of the same date and size for the one it has compiled before."""

    def date(text: str) -> tuple[int, ...]:
        folder = write(package(tmp_path), {"docassemble/mine/rules.py": text})
        with ZipFile(BytesIO(made(folder)[1])) as there:
            return there.getinfo("docassemble-mine/docassemble/mine/rules.py").date_time

    dates = [date(f"LIMIT = {number}\n") for number in (1500, 1600, 1500)]

    assert dates[0] == dates[2] != dates[1]


def test_archive_that_there_is_is_sent_as_it_is(tmp_path: Path) -> None:
    """Whatever its name, and whatever else is in it."""
    content = zipped("mine", "9.0")
    (tmp_path / "download").write_bytes(content)

    result, sent = made(str(tmp_path / "download"))

    assert sent == content
    assert (result.metadata.version, result.upload.filename) == ("9.0", "download")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"no archive", "the archive cannot be read"),
        (b"", "the archive cannot be read"),
        (zipped("mine")[:-30], "the archive cannot be read"),
        (zipped("mine").replace(b"\x08\x00", b"\x61\x00"), "the archive cannot be read"),
        (
            zipped("mine").replace(
                b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
            ),
            "the archive cannot be read",
        ),
    ],
    ids=["text", "empty", "cut", "method", "encrypted"],
)
def test_archive_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    """Damaged, encrypted, packed in an unknown way, or none at all."""
    (tmp_path / "mine.zip").write_bytes(content)

    with pytest.raises(UsageError, match=what):
        made(tmp_path / "mine.zip")


def test_others_have_their_turn_while_an_archive_is_made(tmp_path: Path) -> None:
    """A large folder does not stop the rest of the program."""
    folder = write(package(tmp_path), {f"docassemble/mine/{n}.py": "x" for n in range(9)})
    with temporary() as file:
        turns = list(archive(folder, file))

    assert len(turns) >= 18
