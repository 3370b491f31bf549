"""Encodes Python values as the answers of an interview."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from math import isfinite
from typing import NoReturn, TypeAlias, TypeGuard, cast

from attrs import evolve, field, frozen

from docassemble_client._checks import LIST, MAPPING, TEXT, check_arguments
from docassemble_client._names import VARIABLE_NAME_HINT, describe_name, is_variable_name
from docassemble_client._types import JSONInput
from docassemble_client.errors import UsageError
from docassemble_client.transfer import FileInput, Upload

_UTIL_MODULE = "docassemble.base.util"
_CLASS_NAME = re.compile(r"docassemble(\.[A-Za-z_]\w*)+", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_MAX_DIGITS = 4300  # of an integer that Python writes
_MAX_BITS = 14_000  # of such an integer
# The server would read a form field of this name as the API key.
_API_KEY_FIELD = "key"
# The keys that make the server convert a mapping to an object.
_RESERVED_ATTRIBUTES = frozenset({"_class", "instanceName"})
# Text that the server converts to a date or time (utils/helpers.py:3402).
_DATE_LIKE = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d", re.ASCII)


class DAObject:
    """
    An object of one of the server's classes, created with these attributes.

    Example:
        ```python
        {"client": DAObject("Individual", name=DAObject("IndividualName", first="Ada"))}
        ```
    """

    def __init__(self, class_name: str, /, **attributes: Answer) -> None:
        """
        Describe an object.

        Args:
            class_name: A class of docassemble.base.util, or the full name of another class, such
                as docassemble.AssemblyLine.al_general.ALIndividual. The server replaces objects of
                unknown classes with None.
            attributes: Attributes of the object; instanceName is set to the variable's name.

        Raises:
            UsageError: `class_name` is not a valid docassemble class name.
        """
        check_arguments(TEXT, class_name=class_name)
        full_name = class_name if "." in class_name else f"{_UTIL_MODULE}.{class_name}"
        if not _CLASS_NAME.fullmatch(full_name):
            message = "the class of an object must be a docassemble class"
            raise UsageError(message, hint="Pass Individual, or docassemble.package.module.Class")
        self.class_name = full_name
        self.attributes: Mapping[str, Answer] = attributes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.class_name!r}, {', '.join(self.attributes)})"


class DADict(DAObject):
    """
    A gathered dictionary, such as checkboxes: `DADict({"apple": True, "pear": False})`.

    For checkboxes, include every choice, also those that are not checked. Keys are strings, numbers
    or booleans.
    """

    def __init__(self, elements: DictElements, /) -> None:
        check_arguments(MAPPING, elements=elements)
        super().__init__(
            "DADict",
            elements=cast("Mapping[str, Answer]", elements),
            gathered=True,
            auto_gather=False,
        )


class DAList(DAObject):
    """A gathered list: `DAList(["Ada", "Grace"])`."""

    def __init__(self, elements: Sequence[Answer], /) -> None:
        check_arguments(LIST, elements=elements)
        # As DAList.append() does on the server (base/util.py:2835).
        there_are_any: dict[str, Answer] = {"there_are_any": True} if elements else {}
        super().__init__(
            "DAList", elements=elements, gathered=True, auto_gather=False, **there_are_any
        )


class Raw:
    """
    A value that is sent as it is, without a check against its field.

    Attributes:
        value: Value to send.

    Example:
        ```python
        {"rent": Raw("to be determined")}
        ```
    """

    def __init__(self, value: Answer, /) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


_Value: TypeAlias = JSONInput | Decimal | date | time | bytes | os.PathLike[str] | Upload
DictElements: TypeAlias = (
    Mapping[str, "Answer"] | Mapping[int, "Answer"] | Mapping[str | int | bool | None, "Answer"]
)
Answer: TypeAlias = _Value | DAObject | Raw | Sequence["Answer"] | Mapping[str, "Answer"]
"""
A value for a variable: JSON, Decimal, date, time, datetime, a `DAObject` or a file.

A datetime without a time zone is in the server's. A file is bytes, a path object (not a string), an
`Upload`, or a list of these.
"""


@frozen(kw_only=True)
class EncodedAnswers:
    """
    Answers in the form that the API expects.

    Attributes:
        literal: Values that the server must not convert.
        converted: Values that the server must convert to dates and objects.
        files: Files by part name.
        file_variables: Variables by part name.
        literal_last: Whether to set the literal values last, because some are attributes or items
            of converted ones.
    """

    literal: dict[str, JSONInput] = field(factory=dict[str, JSONInput])
    converted: dict[str, JSONInput] = field(factory=dict[str, JSONInput])
    files: dict[str, list[FileInput]] = field(factory=dict[str, list[FileInput]])
    file_variables: dict[str, str] = field(factory=dict[str, str])
    literal_last: bool = False

    @property
    def calls(self) -> list[tuple[dict[str, JSONInput], bool]]:
        """Variables of each call in order, and whether the server must not convert them."""
        calls = [(self.literal, True), (self.converted, False)]
        if self.literal_last:
            calls.reverse()
        return [call for call in calls if call[0]] or [({}, True)]


def encode_answers(answers: Mapping[str, Answer]) -> EncodedAnswers:
    """
    Encode answers, and separate those that the server must convert from those it must not.

    Conversion applies to a whole call: text that looks like a date becomes a date, and a mapping
    with `_class` becomes an object. User input of either form is therefore sent in its own call.

    Args:
        answers: Values by variable.

    Returns:
        The encoded answers.

    Raises:
        UsageError: A variable name or value is invalid.
    """
    answers = _expand_dicts(answers)
    check_names(answers)
    encoded = EncodedAnswers()
    values: dict[str, JSONInput] = {}
    could_be_converted: set[str] = set()
    needs_conversion = False
    for name, value in answers.items():
        if _is_files(value):
            part = _choose_part_name(name, len(encoded.files), answers)
            encoded.files[part] = [value] if not isinstance(value, list) else value
            if part != name:
                encoded.file_variables[part] = name
            continue
        encoder = _AnswerEncoder(name)
        values[name] = encoder.encode_variable(value)
        if encoder.needs_conversion and encoder.could_be_converted:
            message = f"{name!r} mixes dates or objects with text or keys that look like them"
            hint = "Put date-like texts, and mappings with _class, in a variable of their own"
            raise UsageError(message, hint=hint)
        needs_conversion = needs_conversion or encoder.needs_conversion
        if encoder.could_be_converted:
            could_be_converted.add(name)
    for name, value in values.items():
        is_literal = name in could_be_converted or not needs_conversion
        (encoded.literal if is_literal else encoded.converted)[name] = value
    prefixes = tuple(f"{name}{sign}" for name in encoded.converted for sign in ".[")
    literal_last = any(name.startswith(prefixes) for name in could_be_converted)
    return evolve(encoded, literal_last=literal_last)


def _expand_dicts(answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """
    Unwrap raw values, and set elements in variables of their own where JSON cannot hold the key.

    Keys of a JSON object are strings, and the server converts those that look like dates.
    """
    expanded: dict[str, Answer] = {}
    for name, answer in answers.items():
        value = answer.value if isinstance(answer, Raw) else answer
        elements = value.attributes["elements"] if isinstance(value, DADict) else None
        if not isinstance(elements, Mapping) or not any(map(_needs_variable, elements)):
            expanded[name] = value
            continue
        expanded[name] = DADict({})
        for key, item in cast("Mapping[object, Answer]", elements).items():
            expanded[f"{name}[{key!r}]"] = item
    return expanded


def _needs_variable(key: object) -> bool:
    is_scalar = key is None or isinstance(key, (bool, int, float))
    if isinstance(key, int) and key.bit_length() > _MAX_BITS:
        return False  # then it is refused, as other keys that are not texts
    return is_scalar or (isinstance(key, str) and bool(_DATE_LIKE.match(key)))


def check_names(names: Iterable[object]) -> None:
    """
    Refuse invalid variable names, because the server executes names as Python.

    Args:
        names: Names such as client.name.first, children[0].pets['cat'] or x[i].

    Raises:
        UsageError: A name is not a valid variable name.
    """
    for name in names:
        if not is_variable_name(name):
            message = f"{describe_name(name)} is not a valid variable name"
            raise UsageError(message, hint=VARIABLE_NAME_HINT)


def _choose_part_name(name: str, number: int, names: Mapping[str, object]) -> str:
    """Return the variable's name if it can name a form part, else an unused name."""
    if _IDENTIFIER.fullmatch(name) and name != _API_KEY_FIELD:
        return name
    part = f"file_{number}"
    while part in names:
        part += "_"
    return part


def _is_files(value: object) -> TypeGuard[FileInput | list[FileInput]]:
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, (bytes, os.PathLike, Upload)) for item in items)


class _AnswerEncoder:
    """Encodes the value of one variable."""

    def __init__(self, variable: str) -> None:
        self.variable = variable
        self.needs_conversion = False  # contains a date or object
        self.could_be_converted = False  # contains text or keys that look like one

    def encode_variable(self, value: object) -> JSONInput:
        """Encode the value of the variable."""
        try:
            return self.encode(value, self.variable)
        except RecursionError:
            self._refuse("the value is nested too deeply, or contains itself", "Pass plain JSON")

    def encode(self, value: object, name: str) -> JSONInput:
        """Encode a value as JSON; objects get this instanceName."""
        if isinstance(value, Raw):
            value = value.value
        if isinstance(value, str):
            self.could_be_converted = self.could_be_converted or bool(_DATE_LIKE.match(value))
        elif isinstance(value, (date, time)):
            value = self._encode_moment(value)
        elif isinstance(value, Decimal):
            value = self._encode_decimal(value)
        elif isinstance(value, DAObject):
            value = self._encode_object(value, name)
        elif isinstance(value, Mapping):
            value = self._encode_mapping(cast("Mapping[object, object]", value), name)
        elif isinstance(value, (list, tuple)):
            items = enumerate(cast("Sequence[object]", value))
            value = [self.encode(item, f"{name}[{number}]") for number, item in items]
        elif isinstance(value, (int, float)):
            self._check_number(value, name)
        elif value is not None:
            problem = f"a value of type {type(value).__name__} cannot be sent"
            self._refuse(problem, "Pass JSON, a date, a DAObject or a file")
        return value

    def _check_number(self, value: float, name: str) -> None:
        if isinstance(value, int):
            if value.bit_length() > _MAX_BITS:
                self._refuse(f"{name} has too many digits", "Pass a string")
        elif not isfinite(value):
            self._refuse(f"{name} is not a finite number", "Pass None for a missing value")

    def _encode_object(self, value: DAObject, name: str) -> dict[str, JSONInput]:
        self.needs_conversion = True
        for attribute in value.attributes:
            if not _IDENTIFIER.fullmatch(attribute) or attribute in _RESERVED_ATTRIBUTES:
                problem = f"an object cannot have the attribute {attribute!r}"
                self._refuse(problem, "Use an identifier other than _class and instanceName")
        # docassemble names the elements of a collection after the collection itself.
        attributes = {
            key: self.encode(item, name if key == "elements" else f"{name}.{key}")
            for key, item in value.attributes.items()
        }
        return {"_class": value.class_name, "instanceName": name, **attributes}

    def _encode_moment(self, value: date | time) -> str:
        self.needs_conversion = True
        if value != value:  # noqa: PLR0124 - pandas.NaT is a datetime that differs from itself
            self._refuse("NaT is not a date", "Pass None for a missing value")
        if isinstance(value, time) and value.tzinfo is not None:
            self._refuse("a time with a time zone cannot be sent", "Pass a time without one")
        return value.isoformat()

    def _encode_decimal(self, value: Decimal) -> int | float:
        # Longer integers cannot be written; a huge exponent would fill the memory.
        is_writable = value.is_finite() and value.adjusted() < _MAX_DIGITS
        if is_writable and value == value.to_integral_value():
            return int(value)
        if not is_writable or Decimal(repr(float(value))) != value:
            problem = "a Decimal cannot be represented exactly in JSON"
            self._refuse(problem, "Pass a float or a string; None for a missing value")
        return float(value)

    def _encode_mapping(self, value: Mapping[object, object], name: str) -> JSONInput:
        encoded: dict[str, JSONInput] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self._refuse("the keys of a mapping must be strings", "Convert the keys to strings")
            if key == "_class" or _DATE_LIKE.match(key):
                self.could_be_converted = True
            encoded[key] = self.encode(item, f"{name}[{key!r}]")
        return encoded

    def _refuse(self, problem: str, hint: str) -> NoReturn:
        message = f"{self.variable!r}: {problem}"
        raise UsageError(message, hint=hint)
