"""Names that are safe to print into Python source."""

from __future__ import annotations

import keyword
import re
from typing import Self

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_CLASS_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")

# What the generated signatures already use, or what would break a generated class body.
RESERVED = frozenset({"self", "cls", "timeout", "retry", "extra", "operations", "models"})


class UnsafeNameError(ValueError):
    """A name of the specification that cannot stand in Python source."""


class Identifier(str):
    """A name of a variable, parameter, field or method; cannot hold an unsafe one."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Refuse a text that is no identifier, a keyword, or used by the templates."""
        if not _IDENTIFIER.fullmatch(text) or keyword.iskeyword(text):
            message = f"{text!r} is not a safe Python identifier"
            raise UnsafeNameError(message)
        if text in RESERVED:
            message = f"{text!r} is reserved in generated code"
            raise UnsafeNameError(message)
        return super().__new__(cls, text)


class ClassName(str):
    """A name of a model or enumeration; cannot hold an unsafe one."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Refuse a text that is no class name, or a keyword."""
        if not _CLASS_NAME.fullmatch(text) or keyword.iskeyword(text):
            message = f"{text!r} is not a safe Python class name"
            raise UnsafeNameError(message)
        return super().__new__(cls, text)


def constant(tag: str, name: str) -> str:
    """Name of an operation's constant in the table, such as USERS_GET for users.get."""
    return f"{tag}_{name}".upper()


def camel(tag: str) -> str:
    """Class name of a tag's namespace, such as ApiKeys for api_keys."""
    return "".join(part.capitalize() for part in tag.split("_"))
