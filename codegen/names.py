"""Validates names before they are printed into Python source."""

from __future__ import annotations

import keyword
import re
from typing import ClassVar, Self

_SIGNATURE_NAMES = "self cls timeout retry headers extra operations models decoders"
_BUILTIN_NAMES = "bool dict float int str"
_FIELD_NAMES = "datetime empty_object field hidden list parse_utc_time property"
_MODEL_NAMES = "Confidential JSON JSONReply Literal Secret TypeAlias UNSET Unset"


class UnsafeNameError(ValueError):
    """A name in the specification cannot be used in Python source."""


class Identifier(str):
    """A validated name of a variable, parameter or method."""

    __slots__ = ()
    pattern: ClassVar[str] = "[a-z][a-z0-9_]*"
    noun: ClassVar[str] = "identifier"
    # Names that generated signatures use, or that would break a generated class body.
    reserved: ClassVar[frozenset[str]] = frozenset(
        [*_SIGNATURE_NAMES.split(), *_BUILTIN_NAMES.split()]
    )

    def __new__(cls, text: str) -> Self:
        """Refuse malformed names, keywords and names that the templates use."""
        if not re.fullmatch(cls.pattern, text) or keyword.iskeyword(text):
            message = f"{text!r} is not a safe Python {cls.noun}"
            raise UnsafeNameError(message)
        if text in cls.reserved:
            message = f"{text!r} is reserved in generated code"
            raise UnsafeNameError(message)
        return super().__new__(cls, text)


class FieldName(Identifier):
    """A validated name of a field; it shadows no name that later fields need."""

    __slots__ = ()
    reserved = Identifier.reserved.union(_FIELD_NAMES.split())


class ClassName(Identifier):
    """A validated name of a model or enumeration; it shadows no import of models/."""

    __slots__ = ()
    pattern = "[A-Z][A-Za-z0-9]*"
    noun = "class name"
    reserved = frozenset(_MODEL_NAMES.split())


def to_constant_name(tag: str, name: str) -> str:
    """Convert the name of an operation to its constant, such as USERS_GET for users.get."""
    return f"{tag}_{name}".upper()


def to_class_name(tag: str) -> str:
    """Convert a tag to the class name of its namespace, such as ApiKeys for api_keys."""
    return "".join(part.capitalize() for part in tag.split("_"))


def to_snake_case(class_name: str) -> str:
    """Convert the name of a class to that of a variable, such as api_key for ApiKey."""
    return re.sub("(?<=.)(?=[A-Z])", "_", class_name).lower()
