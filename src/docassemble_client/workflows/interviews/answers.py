"""Python values as answers of an interview, which the server must take for what they are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import NoReturn, TypeAlias, TypeGuard, cast

from attrs import evolve, field, frozen

from docassemble_client._types import JSONInput
from docassemble_client.errors import UsageError
from docassemble_client.transfer import FileInput, Upload

_UTIL = "docassemble.base.util"
_CLASS = re.compile(r"docassemble(\.[A-Za-z_]\w*)+", re.ASCII)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WORD = r"[^\W\d]\w*"
_TEXT = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
# A variable such as children[i].pets['cat'].name; what begins with __ belongs to Python.
_VARIABLE = re.compile(
    rf"(?!__){_WORD}(?:\.(?!__){_WORD}|\[(?:-?\d+|{_WORD}(?:\.(?!__){_WORD})*|{_TEXT})\])*"
)
# A form field of this name would be taken for the API key.
_KEY = "key"
# What makes a mapping an object.
_OBJECT = frozenset({"_class", "instanceName"})
# What the server takes for a date or a time (utils/helpers.py:3402).
_DATELIKE = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d", re.ASCII)


class DAObject:
    """
    An object of a class of the server, made with its attributes.

    Example:
        ```python
        {"client": DAObject("Individual", name=DAObject("IndividualName", first="Ada"))}
        ```
    """

    def __init__(self, class_name: str, /, **attributes: Answer) -> None:
        """
        Describe an object.

        Args:
            class_name: A class of docassemble.base.util, or the whole name of another one, such as
                docassemble.AssemblyLine.al_general.ALIndividual. Of a class it does not know the
                server makes None.
            attributes: Its attributes; its instanceName is that of the variable.

        Raises:
            UsageError: The name is none of a class of docassemble.
        """
        full = class_name if "." in class_name else f"{_UTIL}.{class_name}"
        if not _CLASS.fullmatch(full):
            message = "an object's class must be one of docassemble's"
            raise UsageError(message, hint="Pass Individual, or docassemble.package.module.Class")
        self.class_name = full
        self.attributes: Mapping[str, Answer] = attributes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.class_name!r}, {', '.join(self.attributes)})"


class DADict(DAObject):
    """
    A gathered dictionary, such as checkboxes: `DADict({"apple": True, "pear": False})`.

    Name every choice of checkboxes, also those that are not ticked.
    """

    def __init__(self, elements: Mapping[str, Answer], /) -> None:
        super().__init__("DADict", elements=elements, gathered=True, auto_gather=False)


class DAList(DAObject):
    """A gathered list: `DAList(["Ada", "Grace"])`."""

    def __init__(self, elements: Sequence[Answer], /) -> None:
        super().__init__("DAList", elements=elements, gathered=True, auto_gather=False)


_Plain: TypeAlias = "JSONInput | Decimal | date | time"
_File: TypeAlias = "bytes | os.PathLike[str] | Upload"
Answer: TypeAlias = "_Plain | DAObject | Sequence[Answer] | Mapping[str, Answer] | _File"
"""
What a variable can be set to: JSON, Decimal, date, datetime (without a zone it is the server's),
time, objects of the server, or a file (bytes, a path that is no text, an Upload, a list of these).
"""


@frozen(kw_only=True)
class Encoded:
    """
    Answers as the API takes them.

    Attributes:
        literal: Values that the server must set as they are.
        converted: Values of which the server must make dates and objects.
        files: Files by the name of their part.
        file_variables: Variable by the name of the part.
        last: Whether the literal values can only be set after the others, being parts of them.
    """

    literal: dict[str, JSONInput] = field(factory=dict[str, JSONInput])
    converted: dict[str, JSONInput] = field(factory=dict[str, JSONInput])
    files: dict[str, list[FileInput]] = field(factory=dict[str, list[FileInput]])
    file_variables: dict[str, str] = field(factory=dict[str, str])
    last: bool = False

    @property
    def calls(self) -> list[tuple[dict[str, JSONInput], bool]]:
        """Variables for each call, in turn, and whether the server must set them as they are."""
        calls = [(self.literal, True), (self.converted, False)]
        if self.last:
            calls.reverse()
        return [one for one in calls if one[0]] or [({}, True)]


def encode_answers(answers: Mapping[str, Answer]) -> Encoded:
    """
    Sort answers by how the server must take them.

    The server makes dates of all texts that look like one, and objects of all mappings with
    `_class`, in a whole call or not at all; so what users typed and could be mistaken for either
    goes apart from what was meant.

    Args:
        answers: Values by variable.

    Returns:
        What to send.

    Raises:
        UsageError: A name is none of a variable, or a value cannot be sent as what it is.
    """
    check_names(answers)
    encoded = Encoded()
    plain: dict[str, JSONInput] = {}
    meant: set[str] = set()
    risky: set[str] = set()
    for name, value in answers.items():
        if _is_files(value):
            part = _part(name, len(encoded.files), answers)
            encoded.files[part] = [value] if not isinstance(value, list) else value
            if part != name:
                encoded.file_variables[part] = name
            continue
        walk = _Walk(name)
        plain[name] = walk.encoded(value, name)
        if walk.meant and walk.risky:
            message = f"{name!r} mixes what is to be converted with text or keys that must not be"
            hint = (
                "Pass texts that look like dates, and mappings with _class, in their own variable"
            )
            raise UsageError(message, hint=hint)
        if walk.meant:
            meant.add(name)
        elif walk.risky:
            risky.add(name)
    for name, one in plain.items():
        (encoded.literal if name in risky or not meant else encoded.converted)[name] = one
    parts = tuple(f"{name}{sign}" for name in encoded.converted for sign in ".[")
    return evolve(encoded, last=any(name.startswith(parts) for name in risky))


def check_names(names: Iterable[object]) -> None:
    """
    Refuse what is no name of a variable: the server runs it as Python.

    Args:
        names: Names such as client.name.first, children[0].pets['cat'] or x[i].

    Raises:
        UsageError: One of them is something else.
    """
    for name in names:
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            message = f"{name!r} is not the name of a variable"
            hint = "Pass a name such as client.name.first or children[0].pets['cat']"
            raise UsageError(message, hint=hint)


def _part(name: str, number: int, names: Mapping[str, object]) -> str:
    """Name the part of a file: after its variable, or else as nothing else is named."""
    if _NAME.fullmatch(name) and name != _KEY:
        return name
    part = f"file_{number}"
    while part in names:
        part += "_"
    return part


def _is_files(value: object) -> TypeGuard[FileInput | list[FileInput]]:
    if isinstance(value, list) and value:
        return all(
            _is_files(one) and not isinstance(one, list) for one in cast("list[object]", value)
        )
    return isinstance(value, (bytes, os.PathLike, Upload))


class _Walk:
    """Encodes the value of one variable."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        self.meant = False  # holds something the server has to convert
        self.risky = False  # holds something it would convert, and must not

    def encoded(self, value: object, place: str) -> JSONInput:
        """Turn a value at this place into JSON."""
        if isinstance(value, str):
            self.risky = self.risky or bool(_DATELIKE.match(value))
        elif isinstance(value, (date, time)):
            value = self._moment(value)
        elif isinstance(value, Decimal):
            value = self._number(value)
        elif isinstance(value, DAObject):
            value = self._object(value, place)
        elif isinstance(value, Mapping):
            value = self._mapping(cast("Mapping[object, object]", value), place)
        elif isinstance(value, (list, tuple)):
            items = enumerate(cast("Sequence[object]", value))
            value = [self.encoded(one, f"{place}[{number}]") for number, one in items]
        elif value is not None and not isinstance(value, (bool, int, float)):
            self._refuse(f"a {type(value).__name__} cannot be sent")
        return value

    def _object(self, value: DAObject, place: str) -> dict[str, JSONInput]:
        self.meant = True
        for name in value.attributes:
            if not _NAME.fullmatch(name) or name in _OBJECT:
                self._refuse(f"an object cannot have the attribute {name!r}")
        # The elements of a collection are named after the collection.
        attributes = {
            key: self.encoded(one, place if key == "elements" else f"{place}.{key}")
            for key, one in value.attributes.items()
        }
        return {"_class": value.class_name, "instanceName": place, **attributes}

    def _moment(self, value: date | time) -> str:
        self.meant = True
        if isinstance(value, time) and value.tzinfo is not None:
            self._refuse("a time with a zone cannot be sent")
        return value.isoformat()

    def _number(self, value: Decimal) -> int | float:
        if value.is_finite() and value == value.to_integral_value():
            return int(value)
        number = float(value)
        if not value.is_finite() or Decimal(repr(number)) != value:
            self._refuse("a Decimal is no number that JSON can carry exactly")
        return number

    def _mapping(self, value: Mapping[object, object], place: str) -> JSONInput:
        plain: dict[str, JSONInput] = {}
        for key, one in value.items():
            if not isinstance(key, str):
                self._refuse("the keys of a mapping must be texts")
            self.risky = self.risky or key == "_class" or bool(_DATELIKE.match(key))
            plain[key] = self.encoded(one, f"{place}[{key!r}]")
        return plain

    def _refuse(self, problem: str) -> NoReturn:
        message = f"{self.variable!r}: {problem}"
        raise UsageError(message)
