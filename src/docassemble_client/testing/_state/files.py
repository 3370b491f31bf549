"""Stored files."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from docassemble_client.testing.clock import Clock

OCTET_STREAM = "application/octet-stream"


@define
class StoredFile:
    """
    A stored file.

    Attributes:
        number: File number.
        filename: Original name.
        content: The bytes by extension; the first entry is the original file.
        mimetype: Media type of the original file.
        session: ID of the session that owns the file, or None.
        modified: When it was saved, in seconds since 1970.
        private: Whether only users of the session may download it.
    """

    number: int
    filename: str
    content: dict[str, bytes] = field(repr=False)
    mimetype: str
    session: str | None
    modified: float
    private: bool = True

    @property
    def extension(self) -> str:
        """Extension of the original file."""
        return next(iter(self.content))


def get_extension(filename: str) -> str:
    """Return the extension of a file name as the server does; `bin` if it has none."""
    stem, dot, extension = filename.rpartition(".")
    return extension.lower() if dot and stem else "bin"


def guess_mimetype(filename: str) -> str:
    """Guess the media type of a file from its name."""
    if filename.lower().endswith((".yml", ".yaml")):
        return "text/plain"
    return mimetypes.guess_type(filename)[0] or OCTET_STREAM


class Files:
    """All stored files."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[int, StoredFile] = {}

    def add(
        self,
        filename: str,
        content: bytes,
        *,
        session: str | None = None,
        conversions: dict[str, bytes] | None = None,
        private: bool = True,
    ) -> StoredFile:
        """Store a file and its conversions by extension."""
        extension = get_extension(filename)
        number = len(self._files) + 1
        file = StoredFile(
            number,
            filename,
            {extension: content, **(conversions or {})},
            guess_mimetype(filename),
            session,
            self._clock.now(),
            private,
        )
        self._files[number] = file
        return file

    def find(self, number: int) -> StoredFile | None:
        """Find a file, unless it was deleted."""
        file = self._files.get(number)
        return file if file is not None and file.content else None

    def delete_session_files(self, session: str) -> None:
        """Delete the files of a session; their numbers are not reused."""
        for file in self._files.values():
            if file.session == session:
                file.content.clear()
