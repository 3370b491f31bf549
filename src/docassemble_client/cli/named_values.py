"""Converts NAME=VALUE arguments to the values that an operation takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from docassemble_client._types import is_json_object
from docassemble_client.cli.inputs import read_object, read_secret, split_pairs
from docassemble_client.errors import UsageError
from docassemble_client.operation import Operation, Param

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_REPEATABLE = {"list[str]", "files"}
KINDS = {
    "bool": "true or false",
    "file": "path of a file",
    "file_map": "JSON object of paths, or @FILE",
    "files": "path of a file; repeat it for several",
    "int": "number",
    "list[str]": "text; repeat it for several",
    "map[str]": "JSON object, or @FILE",
    "object": "JSON object, or @FILE",
    "secret": "@FILE or @- (standard input), so that no secret is in your history",
    "str": "text",
}
"""How to write a value of a kind."""


def parse_arguments(operation: Operation[Any], arguments: Sequence[str]) -> dict[str, Any]:
    """
    Convert the arguments of an operation.

    Args:
        operation: The operation.
        arguments: NAME=VALUE arguments.

    Returns:
        Values by parameter.

    Raises:
        UsageError: A name is unknown or missing, or a value has another type.
        OSError: A file cannot be read.
    """
    params = {param.name: param for param in operation.params}
    values: dict[str, Any] = {}
    for name, text in split_pairs(arguments):
        param = params.get(name)
        if param is None:
            message = f"{operation.id} has no argument {name}"
            known = ", ".join(params) or "it takes none"
            raise UsageError(message, hint=f"Known arguments: {known}")
        if param.kind in _REPEATABLE:
            values.setdefault(name, []).append(text)
        elif name in values:
            message = f"{name} is passed twice"
            raise UsageError(message)
        else:
            values[name] = _parse_value(param, text)
    missing = [name for name, param in params.items() if param.required and name not in values]
    if missing:
        message = f"{operation.id} needs {', '.join(missing)}"
        raise UsageError(message, hint=f"Pass for example {missing[0]}=VALUE")
    return values


def _parse_value(param: Param, text: str) -> object:
    try:
        return _PARSERS[param.kind](text)
    except UsageError:
        raise
    except (TypeError, ValueError, RecursionError):
        message = f"{param.name} must be: {KINDS[param.kind]}"
        raise UsageError(message) from None


def _parse_boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


def _parse_object(text: str) -> Mapping[str, Any]:
    if text.startswith("@"):
        return read_object(text[1:])
    value = json.loads(text)
    if not is_json_object(value):
        raise TypeError
    return value


def _parse_paths(text: str) -> dict[str, Path]:
    return {name: Path(str(path)) for name, path in _parse_object(text).items()}


def _parse_secret(text: str) -> object:
    if not text.startswith("@"):
        raise ValueError
    return read_secret(text[1:])


_PARSERS: dict[str, Callable[[str], object]] = {
    "bool": _parse_boolean,
    "file": Path,
    "file_map": _parse_paths,
    "int": int,
    "map[str]": _parse_object,
    "object": _parse_object,
    "secret": _parse_secret,
    "str": str,
}
