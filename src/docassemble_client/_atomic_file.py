"""Files that appear only when they are complete."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


_PARTIAL_SUFFIX = ".part"
_PRIVATE_MODE = 0o600


class AtomicFileWriter:
    """
    Writes a temporary file, which `commit` moves to its path.

    Leaving the block deletes an incomplete file, also while another thread still runs `commit`. A
    file at the path is replaced. In a folder, where the server chooses the name, the new file gets
    a number instead.
    """

    def __init__(
        self, path: str | os.PathLike[str], name: str | None, *, is_private: bool = False
    ) -> None:
        """
        Choose the path; nothing is written yet.

        Args:
            path: Path of the file, or an existing folder.
            name: Name of the file in a folder.
            is_private: Whether only its owner may read it.
        """
        self._is_private = is_private
        self._target_path = Path(path)
        self._is_exact_path = not self._target_path.is_dir()
        if not self._is_exact_path:
            self._target_path /= name or "download"
        # In the same folder, so that it can be renamed; short, even if the target's name is long.
        self._partial_path = self._target_path.with_name(f".{os.urandom(8).hex()}{_PARTIAL_SUFFIX}")
        # Tokens for the one who closes the file, and for the one who moves or deletes it.
        self._start: list[None] = [None]
        self._end: list[None] = [None]

    def __enter__(self) -> Self:
        if self._is_private:
            self._partial_path.touch(_PRIVATE_MODE, exist_ok=False)
        self._file = self._partial_path.open("r+b" if self._is_private else "xb")
        return self

    def write(self, content: bytes) -> None:
        """Write bytes."""
        self._file.write(content)

    def commit(self) -> Path:
        """
        Wait until the file is on the disk, and move it to its path.

        Returns:
            The path of the file.

        Raises:
            OSError: The file cannot be written.
        """
        if not _claim(self._start):
            return self._target_path
        try:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            finally:
                self._file.close()
            if _claim(self._end):
                if not self._is_exact_path:
                    self._target_path = self._reserve_unique_name()
                self._partial_path.replace(self._target_path)
                sync_folder(self._target_path.parent)
        finally:
            self._partial_path.unlink(missing_ok=True)
        return self._target_path

    def _reserve_unique_name(self) -> Path:
        """Create an empty file under a free name, so that no other process takes the name."""
        target, stem, number = self._target_path, self._target_path.stem, 0
        while True:
            try:
                target.open("xb").close()
            except FileExistsError:
                number += 1
                target = target.with_stem(f"{stem} ({number})")
            else:
                return target

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if _claim(self._start):
            self._file.close()
            self._partial_path.unlink(missing_ok=True)
        elif _claim(self._end):
            # A thread commits the file, and closes it. Windows deletes it only then.
            with suppress(OSError):
                self._partial_path.unlink()


def is_partial_file(path: Path) -> bool:
    """Whether it is the temporary file of a writer that did not end."""
    return path.name.startswith(".") and path.suffix == _PARTIAL_SUFFIX


def _claim(token: list[None]) -> bool:
    """Take a token, and return whether it was there; only one thread gets it."""
    try:
        token.pop()
    except IndexError:
        return False
    return True


if sys.platform == "win32":  # pragma: no cover

    def sync_folder(folder: Path) -> None:
        """Do nothing: Windows cannot open a folder, and writes new names to the disk by itself."""

else:

    def sync_folder(folder: Path) -> None:
        """Wait until the names of a folder are on the disk, if the folder can be read."""
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
