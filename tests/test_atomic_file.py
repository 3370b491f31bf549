"""Files that appear only when they are complete and on the disk."""

from __future__ import annotations

import asyncio
import os
from threading import Event
from typing import TYPE_CHECKING

import pytest

from docassemble_client._atomic_file import AtomicFileWriter

if TYPE_CHECKING:
    from pathlib import Path

REAL_FSYNC = os.fsync


def write_file(path: Path) -> Path:
    """Write a file."""
    with AtomicFileWriter(path, None) as file:
        file.write(b"content")
        return file.commit()


def test_file_is_on_the_disk_before_it_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content is synced before the rename, and its name after it."""
    path = tmp_path / "a.txt"
    synced: list[tuple[int, bool]] = []

    def record(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, path.exists()))
        REAL_FSYNC(descriptor)

    monkeypatch.setattr(os, "fsync", record)

    assert write_file(path) == path
    assert synced == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]


def test_folder_that_cannot_be_opened_is_tolerated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder may be writable and not readable; the content is on the disk anyway."""

    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)

    assert write_file(tmp_path / "a.txt").read_bytes() == b"content"


def test_file_does_not_appear_if_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk is raised; no partial file is left."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(OSError, match="Input/output error"):
        write_file(tmp_path / "a.txt")

    assert list(tmp_path.iterdir()) == []


async def test_file_is_discarded_while_a_thread_commits_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving the block takes no time: the thread closes the file, and does not move it."""
    begun, released = Event(), Event()

    def block(_: int) -> None:
        begun.set()
        assert released.wait(2)

    monkeypatch.setattr(os, "fsync", block)
    loop = asyncio.get_running_loop()
    with AtomicFileWriter(tmp_path / "a.txt", None) as file:
        file.write(b"content")
        commit = loop.run_in_executor(None, file.commit)
        assert begun.wait(2)
    assert list(tmp_path.iterdir()) == []
    released.set()
    await commit

    assert list(tmp_path.iterdir()) == []


def test_discarded_file_is_not_committed(tmp_path: Path) -> None:
    """The thread may begin only after the block has ended."""
    with AtomicFileWriter(tmp_path / "a.txt", None) as file:
        file.write(b"content")
    file.commit()

    assert list(tmp_path.iterdir()) == []
