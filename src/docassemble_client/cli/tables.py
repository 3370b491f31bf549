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

if TYPE_CHECKING:
    from docassemble_client.workflows.accounts.session_rows import SessionRow

WriteRow: TypeAlias = Callable[["SessionRow"], None]
# A spreadsheet reads such a cell as a formula, which can send other cells to somebody.
_FORMULA = re.compile(r"(?![+-][0-9.,]+(?:e[+-][0-9]+)?\Z)[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@contextmanager
def open_table(path: Path | None, columns: Sequence[str], *, is_json: bool) -> Generator[WriteRow]:
    """
    Open a table; the file appears only when it is complete.

    Args:
        path: Path of the file; None for standard output.
        columns: Names of the columns.
        is_json: Whether each row is a JSON object; otherwise the table is CSV, in which text that a
            spreadsheet would read as a formula begins with an apostrophe.

    Yields:
        Writes a row.
    """
    if path is None:
        yield _start(write_line, columns, is_json=is_json)
        return
    with AtomicFileWriter(path, None) as file:
        yield _start(lambda line: file.write(encode_text(f"{line}\n")), columns, is_json=is_json)
        file.commit()


def _start(write: Callable[[str], object], columns: Sequence[str], *, is_json: bool) -> WriteRow:
    if not is_json:
        write(_to_csv(columns))

    def write_row(row: SessionRow) -> None:
        if is_json:
            data = {"kind": "SessionRow", "status": row.status, "values": dict(row.values)}
            write(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
        else:
            write(_to_csv([_escape_formula(text) for text in row.as_text().values()]))

    return write_row


def _escape_formula(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def _to_csv(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
