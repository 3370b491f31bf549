"""Responses without a model: JSON of interviews, bytes, and raw HTTP responses."""

# Annotations are evaluated here: a named tuple turns strings into forward references, which cattrs
# does not resolve.
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from attr import field, frozen

from docassemble_client._header_params import decode_text
from docassemble_client._types import JSON, Model

T = TypeVar("T")


class JSONReply(NamedTuple):
    """
    JSON that an interview returned with `json_response()` instead of a question.

    Attributes:
        data: The JSON value, of any type.
        status: HTTP status that the interview set.
    """

    data: "JSON"  # an alias of Any when the program runs
    status: int = 200


@frozen(kw_only=True, eq=False, repr=False)
class BinaryContent(Model):
    """
    Bytes that the server sent, with their metadata.

    Attributes:
        content: The bytes.
        content_type: Media type with its parameters; empty if the server sent none.
        filename: Safe file name from the server, without a folder; None if it sent none.
        status: HTTP status.
    """

    content: bytes = field(repr=lambda value: f"<{len(value)} bytes>")
    content_type: str = ""
    filename: str | None = None
    status: int = 200

    @property
    def text(self) -> str:
        """The bytes as text, in the charset that the server named (default UTF-8)."""
        return decode_text(self.content, self.content_type)

    def save(self, path: str | PathLike[str]) -> Path:
        """
        Write the bytes to a file, which appears only when it is complete.

        An existing file at `path` is replaced. In a folder, where the server chooses the name, no
        file is replaced: the new file gets a name such as `name (1).pdf`.

        It waits for the disk. If other tasks run, call it in a thread: `asyncio.to_thread`.

        Args:
            path: Path of the file, or an existing folder, which then gets a file with the server's
                name.

        Returns:
            The path of the file.

        Raises:
            OSError: The file cannot be written.
        """
        from docassemble_client._atomic_file import AtomicFileWriter

        with AtomicFileWriter(path, self.filename) as file:
            file.write(self.content)
            return file.commit()


class Response(NamedTuple):
    """
    A response to `AsyncDocassemble.request`.

    Attributes:
        status: HTTP status.
        headers: Headers by lower-case name, without cookies.
        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"Response(status={self.status}, content=<{len(self.content)} bytes>)"

    @property
    def content_type(self) -> str:
        """Media type with its parameters; empty if there is none."""
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        """The body as text, in the charset that the server named (default UTF-8)."""
        return decode_text(self.content, self.content_type)

    def json(self) -> "JSON":
        """
        Parse the body as JSON.

        Returns:
            The value.

        Raises:
            ValueError: The body is not valid JSON.
        """
        try:
            value: JSON = json.loads(self.content)
        except RecursionError:
            message = "the JSON is nested too deeply"
            raise ValueError(message) from None
        return value


class CallResult(NamedTuple, Generic[T]):
    """
    The value of a call together with its response; made by `AsyncDocassemble.with_response`.

    Attributes:
        value: What the call returns.
        status: HTTP status.
        headers: Headers by lower-case name, without cookies.
        content: The body; empty for a file, whose content is in the value.
    """

    value: T
    status: int
    headers: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        content = f"<{len(self.content)} bytes>"
        return f"CallResult(value={self.value!r}, status={self.status}, content={content})"
