"""Answers that are no model; apart from the other types, as most calls need none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from docassemble_client._types import JSON, decode_text

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path


@frozen
class JSONReply:
    """
    What an interview answered with `json_response()` instead of a question.

    Attributes:
        data: The JSON value, of any shape.
        status: HTTP status the interview chose.
    """

    data: JSON
    status: int = 200


@frozen(kw_only=True)
class BinaryContent:
    """
    Bytes the server sent, with what it said about them.

    Attributes:
        content: The bytes.
        content_type: Media type with its parameters, empty if the server named none.
        filename: Name the server gave, without any folder; None if it gave none.
        status: HTTP status.
    """

    content: bytes = field(repr=lambda value: f"<{len(value)} bytes>")
    content_type: str = ""
    filename: str | None = None
    status: int = 200

    @property
    def text(self) -> str:
        """The bytes as text, in the charset the server named (UTF-8 if none or unknown)."""
        return decode_text(self.content, self.content_type)

    def save(self, path: str | PathLike[str]) -> Path:
        """
        Write the bytes to a file, which appears only when it is complete.

        A file that has the path already is replaced; in a folder, where the server chooses the
        name, none is: the new file is then called such as `name (1).pdf`.

        Args:
            path: The file, or an existing folder, which then gets a file of the server's name.

        Returns:
            The path of the file.

        Raises:
            OSError: The file cannot be written.
        """
        from docassemble_client._atomic_file import Saving  # noqa: PLC0415 - of few calls' interest

        with Saving(path, self.filename) as file:
            file.write(self.content)
            return file.finish()


@frozen(kw_only=True)
class Response:
    """
    An answer to `AsyncDocassemble.request`.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name; never a cookie.
        content: The body.
    """

    status: int
    headers: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=lambda value: f"<{len(value)} bytes>")

    @property
    def content_type(self) -> str:
        """Media type with its parameters, empty if there is none."""
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        """The body as text, in the charset the server named (UTF-8 if none or unknown)."""
        return decode_text(self.content, self.content_type)

    def json(self) -> JSON:
        """
        Read the body as JSON.

        Returns:
            The value.

        Raises:
            ValueError: The body is no JSON.
        """
        import json  # noqa: PLC0415 - not on the import path

        try:
            value: JSON = json.loads(self.content)
        except RecursionError:
            message = "the body is nested too deeply"
            raise ValueError(message) from None
        return value
