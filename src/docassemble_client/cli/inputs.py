"""Reads what a command needs from its arguments and files: answers, rows, secrets, durations."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from docassemble_client._types import is_json_array, is_json_object
from docassemble_client.cli.interruption import end_on_interrupt
from docassemble_client.config import Secret
from docassemble_client.errors import UsageError

_STDIN = "-"
_BYTE_ORDER_MARK = "\ufeff"
_DURATION = re.compile(r"(?P<count>0*[1-9][0-9]{0,5})(?P<unit>[smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_YAML = {".yml", ".yaml"}
# What PyYAML raises besides its own errors: for 2026-02-30, !!bool x, !!int '' and !!timestamp x.
_YAML_ERRORS = (ValueError, LookupError, AttributeError, RecursionError)


def parse_duration(text: str) -> timedelta:
    """
    Parse a duration.

    Args:
        text: Number and unit: s, m, h, d or w, such as 90d.

    Returns:
        The duration.

    Raises:
        UsageError: The text is not a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        message = "a duration must be a number from 1 with a unit"
        raise UsageError(message, hint="Write for example 45s, 30m, 12h, 90d or 2w")
    return timedelta(seconds=int(match["count"]) * _SECONDS[match["unit"]])


def read_object(path: str) -> dict[str, Any]:
    """
    Read an object from a JSON or YAML file.

    Args:
        path: Path; `-` is JSON from standard input.

    Returns:
        The object.

    Raises:
        UsageError: The file has no object.
        OSError: The file cannot be read.
    """
    value = _parse(_read_text(path), path)
    if not is_json_object(value) or not all(map(_is_text, value)):
        message = f"{_describe(path)} must contain an object: names with their values"
        raise UsageError(message)
    return value


def read_yaml(path: str) -> Any:
    """
    Read a YAML file.

    Args:
        path: Path.

    Returns:
        Its content.

    Raises:
        UsageError: The file is not valid YAML.
        OSError: The file cannot be read.
    """
    return _parse_yaml(_read_text(path), path)


def parse_delimiter(text: str) -> str:
    """
    Parse the delimiter of a CSV file.

    Args:
        text: A character, or the word tab.

    Returns:
        The character.

    Raises:
        UsageError: The text is not a delimiter.
    """
    delimiter = "\t" if text == "tab" else text
    if len(delimiter) != 1 or delimiter in '"\r\n':
        message = "--delimiter must be a single character, or tab"
        raise UsageError(message, hint="Write for example --delimiter ';'")
    return delimiter


def read_rows(path: str, delimiter: str | None = None) -> list[Mapping[str, Any]]:
    """
    Read the rows of a batch.

    Args:
        path: Path of a CSV file, a JSON file with a list, or a file with a JSON object per line
            (also `-`, standard input). An empty cell of a CSV file is no answer.
        delimiter: Character between the cells of a CSV file; by default the comma, or the semicolon
            if the header has no comma. With it, the file is CSV whatever its name is.

    Returns:
        Answers by variable, for each row.

    Raises:
        UsageError: The file has another content.
        OSError: The file cannot be read.
    """
    text = _read_text(path)
    suffix = Path(path).suffix.lower()
    if delimiter is not None or suffix == ".csv":
        rows: Any = _parse_csv(text, path, delimiter)
    elif suffix == ".json" or suffix in _YAML:
        rows = _parse(text, path)
    else:
        # Not splitlines: a text in JSON may contain other line ends, such as U+2028.
        lines = [line for line in text.split("\n") if line.strip()]
        rows = [_parse_json(line, path) for line in lines]
    if not is_json_array(rows) or not all(map(is_json_object, rows)):
        message = f"{_describe(path)} must contain a list of objects"
        raise UsageError(message, hint="Use CSV, a JSON list, or a JSON object per line")
    return [*rows]


def read_secret(path: str) -> Secret:
    """
    Read a secret from the first line of a file.

    Args:
        path: Path; `-` is standard input.

    Returns:
        The secret.

    Raises:
        UsageError: There is no secret.
        OSError: The file cannot be read.
    """
    text = _read_text(path, is_line=True)
    secret = text.partition("\n")[0].strip()
    if not secret:
        message = f"{_describe(path)} contains no secret"
        raise UsageError(message, hint="Write it into the first line")
    return Secret(secret)


def split_pairs(pairs: Sequence[str]) -> list[tuple[str, str]]:
    """
    Split NAME=VALUE arguments.

    Args:
        pairs: The arguments.

    Returns:
        Names with values.

    Raises:
        UsageError: An argument has no name or no equals sign.
    """
    split = [
        (name, value)
        for name, equals, value in (pair.partition("=") for pair in pairs)
        if name and equals
    ]
    if len(split) != len(pairs):
        message = "each argument must be NAME=VALUE"
        raise UsageError(message, hint="Write for example user_id=7")
    return split


def parse_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """
    Parse NAME=VALUE arguments; refuse a name that occurs twice.

    Args:
        pairs: The arguments.

    Returns:
        Values by name.

    Raises:
        UsageError: An argument has no name or no equals sign, or a name is repeated.
    """
    values: dict[str, str] = {}
    for name, value in split_pairs(pairs):
        if name in values:
            message = f"{name} is passed twice"
            raise UsageError(message)
        values[name] = value
    return values


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _read_text(path: str, *, is_line: bool = False) -> str:
    try:
        if path == _STDIN:
            with end_on_interrupt():
                text = sys.stdin.readline() if is_line else sys.stdin.read()
            return text.removeprefix(_BYTE_ORDER_MARK)
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        message = f"{_describe(path)} is not UTF-8"
        raise UsageError(message) from None


def _describe(path: str) -> str:
    return "standard input" if path == _STDIN else path


def _parse(text: str, path: str) -> Any:
    return (
        _parse_yaml(text, path) if Path(path).suffix.lower() in _YAML else _parse_json(text, path)
    )


def _parse_json(text: str, path: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # The message of the error may quote the text; its position does not.
        position = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        message = f"{_describe(path)} is not valid JSON{position}"
        raise UsageError(message) from None


def _parse_yaml(text: str, path: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, *_YAML_ERRORS):
        message = f"{path} is not valid YAML"
        raise UsageError(message) from None


def _parse_csv(text: str, path: str, delimiter: str | None) -> list[dict[str, str]]:
    header = text.partition("\n")[0]
    # Spreadsheets write semicolons where the comma is the decimal separator.
    usual_delimiter = ";" if ";" in header and "," not in header else ","
    lines = io.StringIO(text, newline="")
    reader = csv.DictReader(lines, delimiter=delimiter or usual_delimiter)
    try:
        rows = list(reader)
    except csv.Error:
        message = f"{path} is not valid CSV (after line {reader.line_num})"
        raise UsageError(message) from None
    names = reader.fieldnames
    if not names:
        message = f"{path} is empty"
        raise UsageError(message, hint="Write the names of the variables into the first line")
    if len(set(names)) < len(names):
        message = f"{path} has two columns of the same name"
        raise UsageError(message)
    if any(None in row for row in rows):
        message = f"{path} has a row with more cells than the header"
        raise UsageError(message)
    return [{name: cell for name, cell in row.items() if cell} for row in rows]
