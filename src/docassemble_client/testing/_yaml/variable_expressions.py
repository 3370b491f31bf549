"""Reads and sets session variables, stored as JSON, by expressions such as client.name."""

from __future__ import annotations

import ast
import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from docassemble_client._types import is_json_array, is_json_object
from docassemble_client.testing._yaml.objects import OBJECT_CLASSES, make_object

if TYPE_CHECKING:
    from docassemble_client._types import JSON

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}")
TAGS_VARIABLE = "_session_tags"  # stores the session's own tags
DOCUMENTS_VARIABLE = "_documents"  # stores the texts of assembled documents
INTERNAL_VARIABLES = {TAGS_VARIABLE, DOCUMENTS_VARIABLE}
_ELEMENTS = "elements"
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


class IllegalNameError(Exception):
    """The expression is not a valid variable name."""


class UndefinedName(KeyError):  # noqa: N818 - named like Python's undefined names
    """A variable is not defined."""

    def __init__(self, variable: str) -> None:
        """
        Create the error.

        Args:
            variable: Name of the variable.
        """
        super().__init__(f"name '{variable}' is not defined")
        self.variable = variable

    def __str__(self) -> str:
        return str(self.args[0])


def is_variable_expression(expression: object) -> bool:
    """Whether an expression is a valid variable name."""
    try:
        _parse(expression)
    except IllegalNameError:
        return False
    return True


def read_variable(variables: dict[str, JSON], expression: str) -> Any:
    """
    Read a variable.

    Args:
        variables: Variables of the session.
        expression: Expression, such as client.name['first'].

    Returns:
        The value.

    Raises:
        IllegalNameError: The expression is not a valid variable name.
        UndefinedName: The variable is not defined.
    """
    try:
        return _get(variables, _parse(expression))
    except UndefinedName:
        raise
    except (KeyError, IndexError, AttributeError, TypeError):
        raise UndefinedName(expression) from None


def set_variable(variables: dict[str, JSON], expression: str, value: JSON) -> None:
    """
    Set a variable; raises Python's own errors, like the server.

    Raises:
        IllegalNameError: The expression is not a valid variable name.
    """
    match _parse(expression):
        case ast.Name(id=name):
            variables[name] = value
        case ast.Attribute(value=parent, attr=name):
            _get_attributes(_get(variables, parent), name)[name] = value
        case ast.Subscript(value=parent, slice=index):
            owner, key = _get(variables, parent), _get(variables, index)
            items = _get_items(owner)
            if items is not owner and is_json_array(items):
                # A DAList grows up to the index that is set.
                owner[_ELEMENTS] = items = [*items, *[None] * (key + 1 - len(items))]
            items[key] = value
        case _:
            raise IllegalNameError


def set_nested_variable(variables: dict[str, JSON], expression: str, value: JSON) -> None:
    """
    Set a variable, and create the objects that are missing before the last dot or bracket.

    Does nothing if an index is not defined, such as the i of people[i].name.

    Raises:
        IllegalNameError: The expression is not a valid variable name.
    """
    node = _parse(expression)
    indexes = [part.slice for part in ast.walk(node) if isinstance(part, ast.Subscript)]
    names = [part.id for index in indexes for part in ast.walk(index) if isinstance(part, ast.Name)]
    if all(name in variables for name in names):
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            _create_missing_object(variables, node.value)
        set_variable(variables, expression, value)


def _create_missing_object(variables: dict[str, JSON], node: ast.expr) -> None:
    """Create an object, and the objects before it, unless they exist."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        _create_missing_object(variables, node.value)
    try:
        value = _get(variables, node)
    except (KeyError, IndexError, AttributeError, TypeError):
        value = None
    if not is_json_object(value) or "_class" not in value:
        name = ast.unparse(node)
        set_variable(variables, name, make_object("DADict", name))


def delete_variable(variables: dict[str, JSON], expression: str) -> None:
    """
    Delete a variable; raises Python's own errors, like the server.

    Raises:
        IllegalNameError: The expression is not a valid variable name.
    """
    match _parse(expression):
        case ast.Name(id=name):
            if name not in variables:
                raise UndefinedName(name)
            del variables[name]
        case ast.Attribute(value=parent, attr=name):
            owner = _get_attributes(_get(variables, parent), name)
            if name not in owner:
                raise AttributeError(name)
            del owner[name]
        case ast.Subscript(value=parent, slice=index):
            del _get_items(_get(variables, parent))[_get(variables, index)]
        case _:
            raise IllegalNameError


def _parse(expression: object) -> ast.expr:
    if not isinstance(expression, str) or "\n" in expression or "\r" in expression:
        raise IllegalNameError
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise IllegalNameError from None
    # The server refuses a negative index as well (base/astparser.py, visit_UnaryOp).
    allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Load)
    if not all(isinstance(node, allowed) for node in ast.walk(tree)):
        raise IllegalNameError
    return tree


def _get(variables: dict[str, JSON], node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            if name not in variables:
                raise UndefinedName(name)
            return variables[name]
        case ast.Attribute(value=parent, attr=name):
            owner = _get_attributes(_get(variables, parent), name)
            if name not in owner:
                raise AttributeError(name)
            return owner[name]
        case ast.Subscript(value=parent, slice=index):
            return _get_items(_get(variables, parent))[_get(variables, index)]
        case _:
            return ast.literal_eval(node)


def _get_attributes(value: Any, name: str) -> dict[str, JSON]:
    """Return the attributes of an object; a plain mapping has none."""
    if is_json_object(value) and "_class" in value:
        return value
    message = f"'{type(value).__name__}' object has no attribute '{name}'"
    raise AttributeError(message)


def _get_items(value: Any) -> Any:
    """Return the elements of an object, or the value itself."""
    if is_json_object(value) and "_class" in value:
        return value[_ELEMENTS]
    return value


class DateText(str):
    """ISO text of a date or time, which is not a text but an object on the server."""

    __slots__ = ()


def print_value(value: object) -> str:
    """Format a value as the server prints it in texts: a long date, or the name of an object."""
    if isinstance(value, DateText) and _DATE.match(value):
        day = datetime.fromisoformat(value)
        return f"{MONTHS[day.month - 1]} {day.day}, {day.year}"
    if is_json_object(value) and "_class" in value:
        return str(value["instanceName"])
    return str(value)


def convert_value(value: JSON, zone: str) -> JSON:
    """
    Convert dates, times and objects in a value like the server does.

    Args:
        value: Value as it was sent.
        zone: Time zone of the server.

    Returns:
        Value as the server would send it back.
    """
    if isinstance(value, str):
        return _convert_date_or_time(value, zone)
    if isinstance(value, list):
        return [convert_value(item, zone) for item in value]
    if not isinstance(value, dict):
        return value
    class_name = value.get("_class")
    if (
        isinstance(class_name, str)
        and class_name.startswith("docassemble.")
        and "instanceName" in value
    ):
        if class_name not in OBJECT_CLASSES:
            return None
        attributes = {
            name: convert_value(item, zone) for name, item in value.items() if name != "_class"
        }
        return {**make_object(class_name, str(value["instanceName"])), **attributes}
    return {
        str(convert_value(name, zone)): convert_value(item, zone) for name, item in value.items()
    }


def _convert_date_or_time(text: str, zone: str) -> str:
    try:
        if _DATE.match(text):
            date_time = datetime.fromisoformat(text)
            if date_time.tzinfo is None:
                date_time = date_time.replace(tzinfo=ZoneInfo(zone))
            return DateText(date_time.astimezone(ZoneInfo(zone)).isoformat())
        if _TIME.match(text):
            return DateText(time.fromisoformat(text).isoformat())
    except ValueError:
        return text
    return text
