"""Types of many signatures: JSON and UNSET; the base of models; helpers for JSON and decoders."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard, cast

# The same as attrs, which loads six modules more with each first call.
import attr

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

# With all of these methods, CPython sets a slot without calling a Python function.
_MUTABLE_METHODS = ("__init__", "__setattr__", "__delattr__")


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


def parse_utc_time(text: str | Unset | None) -> datetime | None:
    """Parse a time in UTC, with or without an offset; None if it is absent or not a time."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # an offset can lead out of the years of Python
        return None


def parse_unix_time(seconds: float) -> datetime | None:
    """Convert seconds since 1970; None if Python has no such time, as a server can send any."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OSError, OverflowError, ValueError):
        return None


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


class Model:  # noqa: PLW1641 - `extra` can be changed
    """
    A response of the server. Its repr hides secrets and leaves out what may contain answers.

    Models of one class are equal if their fields are. attrs would compile these methods for each
    class, which takes half of the time of the import.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return _get_values(self) == _get_values(other)

    def __repr__(self) -> str:
        parts: list[str] = []
        for field in _get_fields(self):
            value = getattr(self, field.name)
            if field.repr:
                format_value = repr if field.repr is True else field.repr
                parts.append(f"{field.name}={format_value(value)}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _get_values(model: Model) -> tuple[object, ...]:
    return tuple(getattr(model, field.name) for field in _get_fields(model))


def _get_fields(model: Model) -> tuple[attr.Attribute[Any], ...]:
    fields: tuple[attr.Attribute[Any], ...]
    fields = attr.fields(cast("type[attr.AttrsInstance]", type(model)))
    return fields


class NeedsSlowPath(Exception):  # noqa: N818 - never leaves the package
    """JSON is not exactly what a decoder expects: it may have to be converted or refused."""


def make_mutable_class(model: type) -> Callable[[], Any]:
    """
    Create a class whose empty objects can be filled, faster than by the model's constructor.

    Assign the model to the `__class__` of a filled object: then it is frozen.
    """
    methods = {name: getattr(object, name) for name in _MUTABLE_METHODS}
    return type(f"Mutable{model.__name__}", (model,), {"__slots__": (), **methods})


def collect_extra(model: type[attr.AttrsInstance], data: dict[str, JSON]) -> dict[str, JSON]:
    """Find the keys that a model does not know, sorted by name."""
    return {name: data[name] for name in sorted(data.keys() - get_wire_names(model))}


@cache
def get_wire_names(model: type[attr.AttrsInstance]) -> frozenset[str]:
    """Find the keys that a model knows."""
    fields = [field for field in attr.fields(model) if field.name != "extra"]
    return frozenset(field.metadata.get("wire", field.name) for field in fields)
