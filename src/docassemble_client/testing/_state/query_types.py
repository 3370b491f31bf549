"""The columns of DA.Sessions, and how the database converts what they are compared with."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

ColumnType: TypeAlias = Literal[
    "character varying", "integer", "boolean", "timestamp without time zone"
]
COLUMN_TYPES: dict[str, ColumnType] = {
    "modtime": "timestamp without time zone",
    "last_login": "timestamp without time zone",
    "encrypted": "boolean",
    "user_id": "integer",
    **dict.fromkeys(
        (
            *("filename", "session", "email", "first_name", "last_name", "country"),
            *("subdivisionfirst", "subdivisionsecond", "subdivisionthird", "organization"),
            *("timezone", "language"),
        ),
        "character varying",
    ),
}
_LIKE = "~~"
_BOOLEANS = {
    **dict.fromkeys(("t", "true", "y", "yes", "on", "1"), True),
    **dict.fromkeys(("f", "false", "n", "no", "off", "0"), False),
}


class QueryError(Exception):
    """The database refuses the expression."""


def convert_operand(column_type: ColumnType, symbol: str, operand: Any) -> Any:
    """
    Convert an operand to the type of the column that it is compared with.

    Args:
        column_type: Type of the column.
        symbol: Operator in SQL.
        operand: The operand.

    Raises:
        QueryError: The database cannot compare them.
    """
    is_pattern = symbol == _LIKE and isinstance(operand, str)
    if operand is None or (is_pattern and column_type == "character varying"):
        return operand
    if isinstance(operand, str) and symbol != _LIKE:
        return _parse(column_type, operand)
    is_number = isinstance(operand, (int, float)) and not isinstance(operand, bool)
    if symbol != _LIKE and (
        (is_number and column_type == "integer")
        or (isinstance(operand, bool) and column_type == "boolean")
    ):
        return operand
    message = (
        "(psycopg2.errors.UndefinedFunction) operator does not exist: "
        f"{column_type} {symbol} {_get_type(operand)}"
    )
    raise QueryError(message)


def _get_type(operand: Any) -> str:
    match operand:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "numeric"
        case str():
            return "unknown"
        case _:
            return "text[]"


def _parse(column_type: ColumnType, text: str) -> Any:
    """
    Parse a text as a value of a type.

    Raises:
        QueryError: It is not a valid value.
    """
    kind, error = column_type.partition(" ")[0], "InvalidTextRepresentation"
    try:
        match column_type:
            case "integer":
                return int(text)
            case "boolean":
                return _BOOLEANS[text.strip().lower()]
            case "timestamp without time zone":
                error = "InvalidDatetimeFormat"
                return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
            case _:
                return text
    except (ValueError, KeyError):
        message = f'(psycopg2.errors.{error}) invalid input syntax for type {kind}: "{text}"'
        raise QueryError(message) from None
