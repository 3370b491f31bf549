"""Types of many signatures: JSON and UNSET; helpers for JSON and media types."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

if TYPE_CHECKING:
    JSON: TypeAlias = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None
    JSONInput: TypeAlias = (
        Mapping[str, "JSONInput"] | Sequence["JSONInput"] | str | int | float | bool | None
    )
else:
    # cattrs reads annotations at run time and cannot resolve a recursive alias on Python 3.11.
    JSON = Any
    """Any JSON value, as the server sends it."""
    JSONInput = Any
    """Any JSON value, as you may pass it."""


def empty_object() -> dict[str, JSON]:
    """Return an empty JSON object."""
    return {}


class Unset(enum.Enum):
    """Type of `UNSET`."""

    UNSET = enum.auto()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Marks an absent value where None means JSON's null."""


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether the value is a mapping."""
    return isinstance(value, Mapping)


def is_json_array(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether the value is a sequence that JSON writes as an array; not text or bytes."""
    text_types = (str, bytes, bytearray, memoryview)
    return isinstance(value, Sequence) and not isinstance(value, text_types)


def is_json_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether the value is an object from parsed JSON."""
    return isinstance(value, dict)
