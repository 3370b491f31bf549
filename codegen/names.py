"""Names that are safe to print into Python source."""

from __future__ import annotations

import keyword
import re
from typing import ClassVar, Self

_SIGNATURES = "self cls timeout retry extra operations models"
_BUILTINS = "bool dict float int str"
_FIELDS = "empty_object field hidden list"
_MODELS = "Confidential JSON JSONReply Literal Secret TypeAlias UNSET Unset"


class UnsafeNameError(ValueError):
    """A name of the specification that cannot stand in Python source."""


class Identifier(str):
    """A name of a variable, parameter or method; cannot hold an unsafe one."""

    __slots__ = ()
    pattern: ClassVar[str] = "[a-z][a-z0-9_]*"
    noun: ClassVar[str] = "identifier"
    # What the generated signatures use, or what would break a generated class body.
    reserved: ClassVar[frozenset[str]] = frozenset([*_SIGNATURES.split(), *_BUILTINS.split()])

    def __new__(cls, text: str) -> Self:
        """Refuse a text that has the wrong form, is a keyword, or used by the templates."""
        if not re.fullmatch(cls.pattern, text) or keyword.iskeyword(text):
            message = f"{text!r} is not a safe Python {cls.noun}"
            raise UnsafeNameError(message)
        if text in cls.reserved:
            message = f"{text!r} is reserved in generated code"
            raise UnsafeNameError(message)
        return super().__new__(cls, text)


class FieldName(Identifier):
    """A name of a field; cannot be one that hides what the fields after it need."""

    __slots__ = ()
    reserved = Identifier.reserved.union(_FIELDS.split())


class ClassName(Identifier):
    """A name of a model or enumeration; cannot hide what models/ imports."""

    __slots__ = ()
    pattern = "[A-Z][A-Za-z0-9]*"
    noun = "class name"
    reserved = frozenset(_MODELS.split())


def constant(tag: str, name: str) -> str:
    """Name of an operation's constant in the table, such as USERS_GET for users.get."""
    return f"{tag}_{name}".upper()


def camel(tag: str) -> str:
    """Class name of a tag's namespace, such as ApiKeys for api_keys."""
    return "".join(part.capitalize() for part in tag.split("_"))
