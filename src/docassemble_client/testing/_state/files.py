"""Stored files."""

from __future__ import annotations

import mimetypes

from attrs import define, field

ANY = "application/octet-stream"


@define
class StoredFile:
    """
    A file the server keeps.

    Attributes:
        number: Its number.
        filename: Name it was uploaded or made with.
        content: The bytes, by extension; the first is the file itself.
        mimetype: Media type of the file itself.
        session: Session it belongs to; None if it belongs to none.
        private: Whether only those may see it who have its session.
    """

    number: int
    filename: str
    content: dict[str, bytes] = field(repr=False)
    mimetype: str
    session: str | None
    private: bool = True

    @property
    def extension(self) -> str:
        """Extension of the file itself."""
        return next(iter(self.content))


def extension_of(filename: str) -> str:
    """Extension of a name, as the server finds it; bin if there is none."""
    stem, dot, extension = filename.rpartition(".")
    return extension.lower() if dot and stem else "bin"


def mimetype_of(filename: str) -> str:
    """Media type that goes with a name."""
    if filename.lower().endswith((".yml", ".yaml")):
        return "text/plain"
    return mimetypes.guess_type(filename)[0] or ANY


class Files:
    """All files the server keeps."""

    def __init__(self) -> None:
        self._files: dict[int, StoredFile] = {}

    def add(
        self,
        filename: str,
        content: bytes,
        *,
        session: str | None = None,
        others: dict[str, bytes] | None = None,
        private: bool = True,
    ) -> StoredFile:
        """Keep a file, and what it was converted to by extension."""
        extension = extension_of(filename)
        number = len(self._files) + 1
        file = StoredFile(
            number,
            filename,
            {extension: content, **(others or {})},
            mimetype_of(filename),
            session,
            private,
        )
        self._files[number] = file
        return file

    def find(self, number: int) -> StoredFile | None:
        """Find a file that was not deleted."""
        file = self._files.get(number)
        return file if file is not None and file.content else None

    def forget(self, session: str) -> None:
        """Delete the files of a session; their numbers are not given again."""
        for file in self._files.values():
            if file.session == session:
                file.content.clear()
