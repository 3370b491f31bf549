"""Types that stand in many signatures: JSON, absence, and what interviews answer."""

from __future__ import annotations

import codecs
import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

from attrs import field, frozen

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

if TYPE_CHECKING:
    JSON: TypeAlias = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
    JSONInput: TypeAlias = (
        Mapping[str, "JSONInput"] | Sequence["JSONInput"] | str | int | float | bool | None
    )
else:
    # The converter reads annotations at run time and cannot follow a recursive alias on 3.11.
    JSON = Any
    """Anything JSON can say, as the server sends it."""
    JSONInput = Any
    """Anything JSON can say, as a caller may pass it."""


# Python's own codecs, which no server means; some take hours for what a hostile one may send.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})


def empty_object() -> dict[str, JSON]:
    """Make an empty JSON object."""
    return {}


class Unset(enum.Enum):
    """Type of `UNSET`."""

    UNSET = enum.auto()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Stands for a value that is absent, where None would mean JSON's null."""


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
        from docassemble_client._saving import Saving  # noqa: PLC0415 - of few calls' interest

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


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether it is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is a sequence that JSON writes as a list: no text, no bytes."""
    texts = (str, bytes, bytearray, memoryview)
    return isinstance(value, Sequence) and not isinstance(value, texts)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is an object as read from JSON."""
    return isinstance(value, dict)


def media_type(content_type: str) -> str:
    """Media type of a Content-Type header, in lower case and without parameters."""
    return content_type.partition(";")[0].strip().lower()


def decode_text(content: bytes, content_type: str) -> str:
    """Decode text in the charset its Content-Type names; never fails."""
    from email.message import Message  # noqa: PLC0415 - slow to load, and only text needs it

    header = Message()
    header["content-type"] = content_type
    try:
        codec = codecs.lookup(header.get_content_charset() or "utf-8").name
        return content.decode("utf-8" if codec in _NO_CHARSETS else codec, errors="replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", errors="replace")
