"""The little language of the parameter query: expressions over DA.Sessions."""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_COLUMNS = {
    *("indexno", "modtime", "filename", "session", "encrypted", "user_id", "email", "first_name"),
    *("last_name", "country", "subdivisionfirst", "subdivisionsecond", "subdivisionthird"),
    *("organization", "timezone", "language", "last_login"),
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMBINE: dict[type[ast.operator], Callable[[bool, bool], bool]] = {
    ast.BitAnd: lambda left, right: left and right,
    ast.BitOr: lambda left, right: left or right,
    ast.BitXor: lambda left, right: left != right,
}


class QueryError(Exception):
    """The expression is invalid, or brings no truth value."""


def parse_query(text: str) -> ast.expr:
    """
    Read an expression.

    Args:
        text: Such as DA.Sessions.user_id == 22.

    Returns:
        The expression, for `matches`.

    Raises:
        QueryError: It is none, or names a column that does not exist.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise QueryError from None
    _check(tree)
    return tree


def _check(node: ast.expr) -> None:
    match node:
        case ast.Constant():
            parts: Sequence[ast.expr] = ()
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            parts = (left, right)
        case ast.BinOp(left=left, op=mix, right=right) if type(mix) in _COMBINE:
            parts = (left, right)
        case ast.UnaryOp(op=ast.Invert(), operand=inner):
            parts = (inner,)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="DA"), attr="And" | "Or"), args=parts):
            pass
        case ast.Call(func=ast.Attribute(value=column, attr="Like" | "In"), args=[*parts]):
            _column(column)
        case _:
            _column(node)
            parts = ()
    for part in parts:
        _check(part)


def _column(node: ast.expr) -> str:
    match node:
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="DA"), attr="Sessions"), attr=name
        ) if name in _COLUMNS:
            return name
        case _:
            raise QueryError


def matches(query: ast.expr | None, row: Mapping[str, Any]) -> bool:
    """
    Whether a row fits.

    Args:
        query: What `parse_query` returned; None fits every row.
        row: Values by column.

    Raises:
        QueryError: The expression brings no truth value.
    """
    if query is None:
        return True
    value = _value(query, row)
    if not isinstance(value, bool):
        message = (
            f"Textual SQL expression {value!r} should be explicitly declared as text({value!r})"
        )
        raise QueryError(message)
    return value


def _value(node: ast.expr, row: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each kind
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(op, _value(left, row), _value(right, row))
        case ast.BinOp(left=left, op=mix, right=right):
            return _COMBINE[type(mix)](_truth(left, row), _truth(right, row))
        case ast.UnaryOp(operand=inner):
            return not _truth(inner, row)
        case ast.Call(func=ast.Attribute(attr="And"), args=parts):
            return all(_truth(one, row) for one in parts)
        case ast.Call(func=ast.Attribute(attr="Or"), args=parts):
            return any(_truth(one, row) for one in parts)
        case ast.Call(func=ast.Attribute(value=column, attr=method), args=parts):
            values = [_value(one, row) for one in parts]
            there = row[_column(column)]
            return _like(str(there), str(values[0])) if method == "Like" else there in values
        case _:
            return row[_column(node)]


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool:
    if left is None:
        return False  # NULL is neither more nor less than anything
    try:
        return _COMPARE[type(op)](left, right)
    except TypeError as error:
        raise QueryError(str(error)) from None


def _truth(node: ast.expr, row: Mapping[str, Any]) -> bool:
    return matches(node, row)


def _like(text: str, pattern: str) -> bool:
    """Compare as SQL does: % is any text, _ any character."""
    parts = (".*" if one == "%" else "." if one == "_" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
