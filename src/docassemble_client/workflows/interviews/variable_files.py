"""Finds the files in the variables of a session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docassemble_client._types import JSON

_COLLECTION_CLASS = "docassemble.base.util.DAFileCollection"
_IDENTIFIER = re.compile(r"[^\W\d]\w*", re.ASCII)


@frozen(kw_only=True)
class VariableFile:
    """
    A file in a variable.

    Attributes:
        number: Number of the file.
        variable: Variable that holds the file, or the document of which the file is a format.
        name: Name of the document; empty if the file is not one of an attachment.
        filename: File name with extension; empty if it has none.
        format: Format, such as docx.
        is_attachment: Whether an attachment of the interview made it.
    """

    number: int
    variable: str
    name: str
    filename: str
    format: str
    is_attachment: bool


def find_variable_files(variables: Mapping[str, JSON]) -> Iterator[VariableFile]:
    """
    Find every file in the variables of a session.

    Args:
        variables: All variables, as `InterviewSession.variables` returns them.

    Yields:
        The files. A file in several variables is yielded for each.
    """
    pending: list[tuple[str, JSON]] = [*variables.items()][::-1]
    while pending:
        path, value = pending.pop()
        if isinstance(value, list):
            pending += [(f"{path}[{n}]", item) for n, item in enumerate(value)][::-1]
        elif isinstance(value, dict):
            if value.get("_class") == _COLLECTION_CLASS:
                yield from _find_formats(path, value)
            elif file := _make_file(path, value):
                yield file
            else:
                pending += [*_iter_attributes(path, value)][::-1]


def _iter_attributes(path: str, value: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """Yield the attributes of an object, and the items of a list or dictionary, with their path."""
    is_object = "_class" in value
    for key, item in value.items():
        if is_object and key == "elements":
            if isinstance(item, dict):
                yield from ((f"{path}[{name!r}]", element) for name, element in item.items())
            else:
                yield path, item
        elif is_object and _IDENTIFIER.fullmatch(key):
            yield f"{path}.{key}", item
        else:
            yield f"{path}[{key!r}]", item


def _find_formats(path: str, collection: Mapping[str, JSON]) -> Iterator[VariableFile]:
    """Yield the formats of a document, in the order of the interview."""
    value = collection.get("info")
    info: Mapping[str, JSON] = value if isinstance(value, dict) else {}
    formats = info.get("formats")
    names = [name for name in formats if isinstance(name, str)] if isinstance(formats, list) else []
    for format_ in dict.fromkeys([*names, *collection]):
        value = collection.get(format_)
        if isinstance(value, dict) and (file := _make_file(path, value)):
            name = str(info.get("name") or info.get("filename") or "")
            yield evolve(file, name=name, format=format_, is_attachment=True)


def _make_file(path: str, value: Mapping[str, JSON]) -> VariableFile | None:
    """Describe a DAFile; None if the value is something else, or a file without content."""
    number, filename, extension = (value.get(key) for key in ("number", "filename", "extension"))
    # Interviews may use a subclass.
    if "_class" not in value or type(number) is not int or not isinstance(extension, str):
        return None
    return VariableFile(
        number=number,
        variable=path,
        name="",
        filename=filename if isinstance(filename, str) else "",
        format=extension,
        is_attachment=False,
    )
