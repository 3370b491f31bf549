"""Copies the objects that object fields choose, because the API cannot set a reference to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from docassemble_client._types import UNSET, Unset
from docassemble_client.workflows.interviews.answers import Answer, DAList, DAObject

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.screen_field import ScreenField

# Parts of a name: name, .name, [0] and ['key'].
_NAME_PART = re.compile(
    r"(?<=\.)\w+|^\w+|\[(?P<index>\d{1,15})\]|\[(['\"])(?P<key>.*?)\2\]", re.ASCII
)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)


def is_object_choice(field: ScreenField, value: Answer) -> bool:
    """Whether a value is the name of an object, or a list of names."""
    if field.is_object:
        return isinstance(value, str)
    return field.type is DAList and isinstance(value, list)


def is_defined(variables: Mapping[str, JSON], name: str) -> bool:
    """Whether a variable of the session has a value, which may be None."""
    return _find_value(variables, name) is not UNSET


def copy_object_choice(value: Answer, variables: Mapping[str, JSON]) -> Answer:
    """
    Return copies of the objects with these names.

    In a browser, an object field sets a reference to the same object.

    Args:
        value: The name of an object, or a list of names.
        variables: Variables of the session.

    Returns:
        The object, or a gathered list; None for a name that is not defined.
    """
    if isinstance(value, list):
        return DAList([_to_answer(_find_value(variables, str(name))) for name in value])
    return _to_answer(_find_value(variables, cast("str", value)))


def _find_value(variables: Mapping[str, JSON], name: str) -> JSON | Unset:
    """Find the value of a name such as people[0].name; UNSET if it is undefined."""
    value: Any = variables
    for part in _NAME_PART.finditer(name):
        index, key = part["index"], part["key"]
        try:
            if index is not None or key is not None:
                value = value["elements"]
            value = value[part[0] if key is None else key] if index is None else value[int(index)]
        except (KeyError, IndexError, TypeError):
            return UNSET
    return cast("JSON", value)


def _to_answer(value: JSON | Unset) -> Answer:
    """Convert a value of the session to an answer that recreates it; None if it is undefined."""
    if value is UNSET:
        return None
    if isinstance(value, list):
        return [_to_answer(item) for item in value]
    if isinstance(value, str) and _DATETIME.match(value):
        return _parse_datetime(value)
    if not isinstance(value, dict):
        return value
    attributes = {
        key: _to_answer(item)
        for key, item in value.items()
        if key not in {"_class", "instanceName"}
    }
    class_name = value.get("_class")
    return DAObject(class_name, **attributes) if isinstance(class_name, str) else attributes


def _parse_datetime(text: str) -> datetime | str:
    """Parse a datetime of the server; return any other text that begins like one unchanged."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
