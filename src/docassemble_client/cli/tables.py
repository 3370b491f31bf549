"""Writes rows of sessions as CSV, or as JSON per line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from docassemble_client._atomic_file import AtomicFileWriter
from docassemble_client.cli.output import encode_text, write_line
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from docassemble_client.workflows.accounts.session_rows import SessionRow

WriteRow: TypeAlias = Callable[["SessionRow"], None]
_JSON_SUFFIXES = {".jsonl", ".ndjson"}
# A spreadsheet reads such a cell as a formula, which can send other cells to somebody.
_FORMULA = re.compile(r"(?![+-][0-9.,]+(?:e[+-][0-9]+)?\Z)[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def is_json_file(path: Path) -> bool:
    """
    Choose the form of a table by the name of its file.

    Args:
        path: Path of the file.

    Returns:
        Whether each line is a JSON object; otherwise the file is CSV.

    Raises:
        UsageError: The path is that of a folder, or the name says neither.
    """
    if path.is_dir():
        message = f"{path} is a folder"
        raise UsageError(message, hint=f"Name a file in it, such as {path / 'sessions.csv'}")
    suffix = path.suffix.lower()
    if suffix not in {".csv", *_JSON_SUFFIXES}:
        message = f"the name {path.name} does not end in .csv or .jsonl"
        raise UsageError(message, hint="Use .csv for a table, or .jsonl for a JSON object per line")
    return suffix in _JSON_SUFFIXES


@contextmanager
def open_table(
    path: Path | None, columns: Sequence[str], *, is_json: bool, delimiter: str = ","
) -> Generator[WriteRow]:
    """
    Open a table; the file appears only when it is complete, and only its owner can read it.

    Args:
        path: Path of the file; None for standard output.
        columns: Names of the columns.
        is_json: Whether each row is a JSON object; otherwise the table is CSV, in which text that a
            spreadsheet would read as a formula begins with an apostrophe.
        delimiter: Character between the cells of CSV.

    Yields:
        Writes a row.
    """
    separator = None if is_json else delimiter
    if path is None:
        yield _start(write_line, columns, separator)
        return
    with AtomicFileWriter(path, None, is_private=True) as file:
        yield _start(lambda line: file.write(encode_text(f"{line}\n")), columns, separator)
        file.commit()


def _start(
    write: Callable[[str], object], columns: Sequence[str], delimiter: str | None
) -> WriteRow:
    if delimiter is not None:
        write(_to_csv(columns, delimiter))

    def write_row(row: SessionRow) -> None:
        if delimiter is None:
            data = {"kind": "SessionRow", "status": row.status, "values": dict(row.values)}
            write(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        else:
            cells = [_escape_formula(text) for text in row.as_text().values()]
            write(_to_csv(cells, delimiter))

    return write_row


def _escape_formula(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _to_csv(cells: Sequence[str], delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(cells)
    return line.getvalue()
