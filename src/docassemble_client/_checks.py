"""Checks of arguments: a wrong one raises UsageError, which names it and hides its value."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any, cast

from docassemble_client._types import is_json_array
from docassemble_client.errors import DocassembleError, UsageError

_MAX_FILE_NAME_BYTES = 255  # of all usual file systems
_INTEGER_LIMIT = 2**63  # beyond it, sums with floats overflow


class Kind:
    """
    A kind of argument.

    Attributes:
        description: What an argument must be, for the error.
        is_valid: Whether a value is of this kind.
    """

    def __init__(self, description: str, is_valid: Callable[[object], bool]) -> None:
        self.description = description
        self.is_valid = is_valid


def _is_number(value: object, minimum: float) -> bool:
    """Whether the value is a finite number that a float can represent; a bool is not a number."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return isfinite(value) and value >= minimum
    except OverflowError:  # an integer beyond the range of floats
        return False


def _is_integer(value: object, minimum: int) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return minimum <= value < _INTEGER_LIMIT


def _is_path(value: object) -> bool:
    """Whether the value can be the path of a file."""
    if not isinstance(value, (str, os.PathLike)):
        return False
    path: object = os.fspath(cast("str | os.PathLike[str]", value))
    if not isinstance(path, str) or "\0" in path:
        return False
    try:
        return max(map(len, re.split(rb"[/\\]", os.fsencode(path)))) <= _MAX_FILE_NAME_BYTES
    except UnicodeEncodeError:
        return False


def _is_text_mapping(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) for name in cast("Mapping[object, object]", value)
    )


def _is_text_list(value: object) -> bool:
    return is_json_array(value) and all(isinstance(item, str) for item in value)


def _is_iterable(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes))


def is_kind_of(*types: type) -> Callable[[object], bool]:
    """Return a function that checks whether a value is an instance of these types."""
    return lambda value: isinstance(value, types)


ROWS = Kind(
    "an iterable or async iterable",
    lambda value: isinstance(value, (Iterable, AsyncIterable)),
)
AWAITABLE = Kind("an awaitable call", is_kind_of(Awaitable))
CALLABLE = Kind("a function", callable)
COUNT = Kind("a whole number from 1", lambda value: _is_integer(value, 1))
DURATION = Kind(
    "a positive timedelta", lambda value: isinstance(value, timedelta) and value > timedelta()
)
FACTOR = Kind("a finite number from 1", lambda value: _is_number(value, 1))
FLAG = Kind("True or False", is_kind_of(bool))
ITERABLE = Kind("an iterable, but no text", _is_iterable)
LIST = Kind("a list", is_json_array)
MAPPING = Kind("a mapping", is_kind_of(Mapping))
MAPPING_OR_FUNCTION = Kind(
    "a mapping or a function", lambda value: isinstance(value, Mapping) or callable(value)
)
NAMES = Kind("a mapping by name, or an iterable of names", _is_iterable)
NUMBER = Kind("a finite number from 0", lambda value: _is_number(value, 0))
PATH = Kind("a path", _is_path)
POSITIVE_SECONDS = Kind(
    "a finite number of seconds above 0",
    lambda value: _is_number(value, 0) and value != 0,
)
SECONDS = Kind("a finite number of seconds from 0", lambda value: _is_number(value, 0))
SIZE = Kind("a whole number from 0", lambda value: _is_integer(value, 0))
TEXT = Kind("a string", is_kind_of(str))
TEXT_OR_FUNCTION = Kind(
    "a string or a function", lambda value: isinstance(value, str) or callable(value)
)
TEXT_MAPPING = Kind("a mapping with text keys", _is_text_mapping)
TEXT_MAPPING_OR_FUNCTION = Kind(
    "a mapping with text keys, or a function",
    lambda value: _is_text_mapping(value) or callable(value),
)
TEXTS = Kind("a list of strings", _is_text_list)
TEXT_OR_TEXTS = Kind(
    "a string or a list of strings", lambda value: isinstance(value, str) or _is_text_list(value)
)


def check_arguments(kind: Kind, *, optional: bool = False, **arguments: object) -> None:
    """
    Check arguments of one kind.

    Args:
        kind: What they must be.
        optional: Whether they may be None.
        arguments: The arguments by name.

    Raises:
        UsageError: An argument is of another kind.
    """
    for name, value in arguments.items():
        if not (_is_valid(kind, value) or (optional and value is None)):
            suffix = ", or None" if optional else ""
            message = f"{name} must be {kind.description}{suffix}"
            raise UsageError(message)


def _is_valid(kind: Kind, value: object) -> bool:
    try:
        return kind.is_valid(value)
    except Exception:  # noqa: BLE001 - whatever the caller's object raises
        return False


def unreadable_argument(error: Exception, operation: str) -> Exception:
    """Return the error for an object of the caller that raised an exception when it was read."""
    if isinstance(error, (DocassembleError, OSError)):  # such as a file that does not exist
        return error
    # Its text may contain personal data.
    message = f"an argument cannot be read: it raised {type(error).__name__}"
    return UsageError(message, operation=operation)


def validate(kind: Kind, *, optional: bool = False) -> Callable[[Any, Any, Any], None]:
    """Return a validator of attrs that checks a field."""
    return lambda _, attribute, value: check_arguments(
        kind, optional=optional, **{attribute.name: value}
    )
