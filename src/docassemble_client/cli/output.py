"""Writes results for people or as JSON, and errors in one line."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from docassemble_client._atomic_file import is_partial_file
from docassemble_client._types import JSON
from docassemble_client.errors import DocassembleError

# In errors of the library, such as `create=True` or `policy=`.
_ARGUMENT = re.compile(r"\b([a-z_]+)=(?:True\b|(?=[\s,;.)]|$))")
# Words of Python in errors of the library, and those of the command line.
_WORDS = {
    "base_url": "the URL",
    "save_to": "--save",
    "Pass what TaskHandle.to_token() returned": "Pass the token that the first command wrote",
    "; see the error's body for the reason": "",
}
# They could move the cursor of a terminal, or change its settings.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def write_line(text: str) -> None:
    """Write a line to stdout at once, so that a reader of a pipe sees it."""
    try:
        _write(sys.stdout, text)
    except OSError:
        discard_stdout()
        raise


def write_note(text: str) -> None:
    """Write a line for people to stderr, if anyone reads it."""
    with suppress(BrokenPipeError):
        _write(sys.stderr, text)


def discard_stdout() -> None:
    """Discard text that could not be written; Python would write it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def encode_text(text: str, encoding: str = "utf-8") -> bytes:
    r"""Encode text; a character that cannot be encoded becomes an escape such as \ud800."""
    return text.encode(encoding, "backslashreplace")


def _write(file: TextIO, text: str) -> None:
    if file.isatty():
        text = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    encoding = file.encoding or "utf-8"  # a StringIO has none
    file.write(f"{encode_text(text, encoding).decode(encoding)}\n")
    file.flush()


def write_json(value: JSON) -> None:
    """Write a JSON value as one line."""
    write_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def write_error(error: Exception) -> None:
    """Write what happened in one line, and what to do next in another."""
    if isinstance(error, DocassembleError):
        text = str(error)
        hint = error.hint.rstrip(".")
        if hint:
            text = text.rstrip(".").removesuffix(f" {hint}")
        write_note(f"dactl: {_to_one_line(text)}")
        if hint:
            write_note(f"hint: {_to_one_line(hint)}")
    else:
        write_note(f"dactl: {format_error(error)}")


def format_error(error: Exception) -> str:
    """Return the text of an error in one line; arguments of Python are options here."""
    if isinstance(error, OSError) and error.filename is not None:
        path = Path(os.fsdecode(error.filename))
        # The name of a temporary file says nothing: its folder is missing or cannot be written.
        shown = path.parent if is_partial_file(path) else path
        return _to_one_line(f"{shown}: {error.strerror}")
    return _to_one_line(str(error))


def _to_one_line(text: str) -> str:
    line = " ".join(text.split())
    for word, replacement in _WORDS.items():
        line = line.replace(word, replacement)
    return _ARGUMENT.sub(lambda match: f"--{match[1].replace('_', '-')}", line)


def count(number: int, noun: str) -> str:
    """Format a number of things, such as 1 row or 3 rows."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def to_text(value: object, *, reveal: bool) -> str:
    """
    Format any result for people.

    Args:
        value: The result.
        reveal: Whether secrets are shown.

    Returns:
        The text: an object as one line per attribute.
    """
    from docassemble_client.cli.json_values import MASK, to_json
    from docassemble_client.config import Secret

    if isinstance(value, Secret) and not reveal:
        return f"{MASK} (add --reveal to show it)"
    data = to_json(value, reveal=reveal)
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "\n".join(_to_cell(item) for item in data)
    if isinstance(data, dict):
        items = [(name, item) for name, item in data.items() if name != "kind"]
        return "\n".join(f"{name}: {_to_cell(item)}" for name, item in items)
    return "" if data is None else json.dumps(data)


def _to_cell(value: JSON) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(str(item) for item in value)
    if isinstance(value, str):
        return value
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def with_kind(data: JSON) -> JSON:
    """Return JSON that has a kind: that of its object, or else a value."""
    has_kind = isinstance(data, dict) and "kind" in data
    return data if has_kind else {"kind": "value", "value": data}


def align(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line per row, with its cells in columns."""
    table = [list(row) for row in rows]
    if not table:
        return []
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)) for row in table]
    return [line.rstrip() for line in lines]


def to_rows(items: Iterable[object], columns: Sequence[str]) -> list[list[str]]:
    """Return the cells of objects: these attributes of them."""
    from docassemble_client.cli.json_values import to_json

    return [[_to_cell(to_json(getattr(item, name))) for name in columns] for item in items]


async def collect(items: AsyncIterable[Any] | Iterable[Any]) -> list[Any]:
    """Collect the items of any iterable."""
    if isinstance(items, AsyncIterable):
        return [item async for item in items]
    return list(items)
