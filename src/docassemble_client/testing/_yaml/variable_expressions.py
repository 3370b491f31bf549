"""Variables of a session as JSON, and the expressions that name them."""

from __future__ import annotations

import ast
import re
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from docassemble_client._types import is_list, is_mapping, is_object
from docassemble_client.testing._yaml.objects import CLASSES, new_object

if TYPE_CHECKING:
    from docassemble_client._types import JSON

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}")
TAGS = "_session_tags"  # where a session keeps its own tags among the variables
_COLLECTIONS = "elements"


class IllegalNameError(Exception):
    """No expression that a value can be assigned to."""


class Undefined(KeyError):  # noqa: N818 - what the server says of a variable
    """A variable is not defined."""

    def __init__(self, variable: str) -> None:
        """
        Say which.

        Args:
            variable: Its name.
        """
        super().__init__(f"name '{variable}' is not defined")
        self.variable = variable

    def __str__(self) -> str:
        return str(self.args[0])


def legal(expression: object) -> bool:
    """Whether it names a variable."""
    try:
        _parse(expression)
    except IllegalNameError:
        return False
    return True


def read_variable(variables: dict[str, JSON], expression: str) -> Any:
    """
    Read what an expression such as client.name['first'] names.

    Raises:
        Undefined: Nothing has this name.
    """
    try:
        return _get(variables, _parse(expression))
    except Undefined:
        raise
    except (KeyError, IndexError, AttributeError, TypeError):
        raise Undefined(expression) from None


def set_variable(variables: dict[str, JSON], expression: str, value: JSON) -> None:
    """
    Assign a value, with Python's own errors.

    Raises:
        IllegalNameError: It is no expression that can be assigned to.
    """
    match _parse(expression):
        case ast.Name(id=name):
            variables[name] = value
        case ast.Attribute(value=parent, attr=name):
            _fields(_get(variables, parent), name)[name] = value
        case ast.Subscript(value=parent, slice=index):
            owner, place = _get(variables, parent), _get(variables, index)
            items = _items(owner)
            if items is not owner and is_list(items):
                # A list of the server grows to the place that is set.
                owner[_COLLECTIONS] = items = [*items, *[None] * (place + 1 - len(items))]
            items[place] = value
        case _:
            raise IllegalNameError


def grow_variable(variables: dict[str, JSON], expression: str, value: JSON) -> None:
    """
    Assign a value, and make objects of what is missing before the last dot or bracket.

    Where it belongs to an index that is not known, such as the i of people[i].name, it is left out.

    Raises:
        IllegalNameError: It is no expression that can be assigned to.
    """
    node = _parse(expression)
    indexes = [one.slice for one in ast.walk(node) if isinstance(one, ast.Subscript)]
    names = [part.id for one in indexes for part in ast.walk(one) if isinstance(part, ast.Name)]
    if all(name in variables for name in names):
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            _grow(variables, node.value)
        set_variable(variables, expression, value)


def _grow(variables: dict[str, JSON], node: ast.expr) -> None:
    """Make an object of what is missing or has no parts."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        _grow(variables, node.value)
    try:
        found = _get(variables, node)
    except (KeyError, IndexError, AttributeError, TypeError):
        found = None
    if not is_object(found) or "_class" not in found:
        name = ast.unparse(node)
        set_variable(variables, name, new_object("DADict", name))


def delete_variable(variables: dict[str, JSON], expression: str) -> None:
    """
    Delete a variable, with Python's own errors.

    Raises:
        IllegalNameError: It is no expression that can be assigned to.
    """
    match _parse(expression):
        case ast.Name(id=name):
            if name not in variables:
                raise Undefined(name)
            del variables[name]
        case ast.Attribute(value=parent, attr=name):
            owner = _fields(_get(variables, parent), name)
            if name not in owner:
                raise AttributeError(name)
            del owner[name]
        case ast.Subscript(value=parent, slice=index):
            del _items(_get(variables, parent))[_get(variables, index)]
        case _:
            raise IllegalNameError


def _parse(expression: object) -> ast.expr:
    if not isinstance(expression, str) or "\n" in expression or "\r" in expression:
        raise IllegalNameError
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise IllegalNameError from None
    allowed = (
        ast.Name,
        ast.Attribute,
        ast.Subscript,
        ast.Constant,
        ast.UnaryOp,
        ast.USub,
        ast.Load,
    )
    if not all(isinstance(node, allowed) for node in ast.walk(tree)):
        raise IllegalNameError
    return tree


def _get(variables: dict[str, JSON], node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            if name not in variables:
                raise Undefined(name)
            return variables[name]
        case ast.Attribute(value=parent, attr=name):
            owner = _fields(_get(variables, parent), name)
            if name not in owner:
                raise AttributeError(name)
            return owner[name]
        case ast.Subscript(value=parent, slice=index):
            return _items(_get(variables, parent))[_get(variables, index)]
        case _:
            return ast.literal_eval(node)


def _fields(value: Any, name: str) -> dict[str, JSON]:
    """What has attributes: an object of the server, not a mapping."""
    if is_object(value) and "_class" in value:
        return value
    message = f"'{type(value).__name__}' object has no attribute '{name}'"
    raise AttributeError(message)


def _items(value: Any) -> Any:
    """What has items: a list, a mapping, or the elements of an object."""
    if is_object(value) and "_class" in value:
        return value[_COLLECTIONS]
    return value


class Thing:
    """An object of the server, as code sees it."""

    def __init__(self, content: dict[str, Any]) -> None:
        """
        Show an object.

        Args:
            content: Its JSON.
        """
        self.__dict__.update({name: to_python(one) for name, one in content.items()})

    def __getattr__(self, name: str) -> Any:
        variable = f"{self}.{name}"
        raise Undefined(variable)

    def __str__(self) -> str:
        return str(self.__dict__["instanceName"])


def to_python(value: JSON) -> Any:
    """Turn objects of the server into what code can read attributes of."""
    if isinstance(value, dict):
        if "_class" in value:
            return Thing(value)
        return {name: to_python(one) for name, one in value.items()}
    return [to_python(one) for one in value] if isinstance(value, list) else value


def from_python(value: Any) -> JSON:
    """Turn what code made back into JSON; what JSON cannot say becomes None."""
    if isinstance(value, Thing):
        return {name: from_python(one) for name, one in vars(value).items()}
    if is_mapping(value):
        return {str(name): from_python(one) for name, one in value.items()}
    if is_list(value):
        return [from_python(one) for one in value]
    return value if isinstance(value, (str, int, float, bool)) else None


def convert(value: JSON, zone: str) -> JSON:
    """
    Make of text that looks like a date or time, and of objects, what the server makes of them.

    Args:
        value: As it was sent.
        zone: Time zone of the server.

    Returns:
        The value as the server would send it back.
    """
    if isinstance(value, str):
        return _moment(value, zone)
    if isinstance(value, list):
        return [convert(one, zone) for one in value]
    if isinstance(value, dict):
        kind = value.get("_class")
        if isinstance(kind, str) and kind.startswith("docassemble.") and "instanceName" in value:
            if kind not in CLASSES:
                return None
            sent = {one: convert(item, zone) for one, item in value.items() if one != "_class"}
            return {**new_object(kind, str(value["instanceName"])), **sent}
        return {str(convert(name, zone)): convert(one, zone) for name, one in value.items()}
    return value


def _moment(text: str, zone: str) -> str:
    try:
        if _DATE.match(text):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(zone))
            return moment.astimezone(ZoneInfo(zone)).isoformat()
        if _TIME.match(text):
            return time.fromisoformat(text).isoformat()
    except ValueError:
        return text
    return text
