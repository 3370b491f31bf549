"""Types that stand in many signatures: JSON and absence."""

from __future__ import annotations

import codecs
import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

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
