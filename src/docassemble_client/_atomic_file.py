"""Files that appear only when they are complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Saving:
    """
    A file that is being written; what is not finished leaves no trace.

    A file that has the path already is replaced. In a folder, where somebody else chose the
    name, none is: the new one gets a number.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None) -> None:
        """
        Choose where to write; nothing is written yet.

        Args:
            path: The file, or an existing folder.
            name: Name of the file in a folder.
        """
        self._target = Path(path)
        self._chosen = not self._target.is_dir()
        if not self._chosen:
            self._target /= name or "download"
        # In the same folder, so that it can be renamed; short, whatever the target's name.
        self._partial = self._target.with_name(f".{os.urandom(8).hex()}.part")

    def __enter__(self) -> Self:
        self._file = self._partial.open("xb")
        return self

    def write(self, content: bytes) -> None:
        """Write these bytes."""
        self._file.write(content)

    def finish(self) -> Path:
        """
        Give the complete file its name.

        Returns:
            The path it has now.
        """
        self._file.close()
        if not self._chosen:
            self._target = self._reserved()
        self._partial.replace(self._target)
        return self._target

    def _reserved(self) -> Path:
        """Take a name that is free, against everybody else who looks for one."""
        target, stem, number = self._target, self._target.stem, 0
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
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)
