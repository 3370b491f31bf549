"""The columns of the database: how they convert values, and which values they refuse."""

from __future__ import annotations

from typing import Any

from docassemble_client._types import is_json_array

_LENGTHS = {"country": 3, "timezone": 64, "language": 64}
_DEFAULT_LENGTH = 255  # characters
_NOT_NULL = ("first_name", "last_name")


class ColumnError(Exception):
    """The database refuses a value; the text begins like the real server's."""


def convert_profile(profile: dict[str, Any], *, statement: str) -> dict[str, str | None]:
    """
    Convert the fields of a profile as the database does.

    Args:
        profile: Values by field.
        statement: Beginning of the SQL statement, for the error.

    Returns:
        Texts by field; None where a field may be null.

    Raises:
        ColumnError: A value is too long, an object, or null where it may not be.
    """
    converted: dict[str, str | None] = {}
    if any(isinstance(value, dict) for value in profile.values()):
        message = f"(psycopg2.ProgrammingError) can't adapt type 'dict'\n[SQL: {statement}]"
        raise ColumnError(message)
    for name, value in profile.items():
        if value is None and name in _NOT_NULL:
            message = (
                f'(psycopg2.errors.NotNullViolation) null value in column "{name}" of relation '
                f'"user" violates not-null constraint\n\n[SQL: {statement}]'
            )
            raise ColumnError(message)
        converted[name] = None if value is None else _convert(value)
        check_length(converted[name] or "", get_length(name), statement=statement)
    return converted


def get_length(name: str) -> int:
    """Return the maximum length of a column in characters."""
    return _LENGTHS.get(name, _DEFAULT_LENGTH)


def check_length(text: str, length: int, *, statement: str) -> None:
    """
    Check that a text fits into a column.

    Raises:
        ColumnError: It is too long.
    """
    if len(text) > length:
        message = (
            "(psycopg2.errors.StringDataRightTruncation) value too long for type "
            f"character varying({length})\n\n[SQL: {statement}]"
        )
        raise ColumnError(message)


def _convert(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if is_json_array(value):
        return "{" + ",".join(map(_convert, value)) + "}"
    return str(value)
