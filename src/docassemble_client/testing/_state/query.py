"""Parses and evaluates the `query` parameter: expressions over DA.Sessions."""

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
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMBINATIONS: dict[type[ast.operator], Callable[[bool, bool], bool]] = {
    ast.BitAnd: lambda left, right: left and right,
    ast.BitOr: lambda left, right: left or right,
    ast.BitXor: lambda left, right: left != right,
}


class QueryError(Exception):
    """The expression is invalid or does not evaluate to a boolean."""


def parse_query(text: str) -> ast.expr:
    """
    Parse an expression.

    Args:
        text: The expression, such as DA.Sessions.user_id == 22.

    Returns:
        The expression, for `matches`.

    Raises:
        QueryError: The text is not a valid expression, or a column does not exist.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise QueryError from None
    _check_node(tree)
    return tree


def _check_node(node: ast.expr) -> None:
    match node:
        case ast.Constant():
            parts: Sequence[ast.expr] = ()
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            parts = (left, right)
        case ast.BinOp(left=left, op=mix, right=right) if type(mix) in _COMBINATIONS:
            parts = (left, right)
        case ast.UnaryOp(op=ast.Invert(), operand=inner):
            parts = (inner,)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="DA"), attr="And" | "Or"), args=parts):
            pass
        case ast.Call(func=ast.Attribute(value=column, attr="Like" | "In"), args=[*parts]):
            _get_column_name(column)
        case _:
            _get_column_name(node)
            parts = ()
    for part in parts:
        _check_node(part)


def _get_column_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id="DA"), attr="Sessions"), attr=name
        ) if name in _COLUMNS:
            return name
        case _:
            raise QueryError


def matches(query: ast.expr | None, row: Mapping[str, Any]) -> bool:
    """
    Whether a row matches.

    Args:
        query: The expression from `parse_query`; None matches every row.
        row: Values by column.

    Raises:
        QueryError: The expression does not evaluate to a boolean.
    """
    if query is None:
        return True
    value = _evaluate(query, row)
    if not isinstance(value, bool):
        message = (
            f"Textual SQL expression {value!r} should be explicitly declared as text({value!r})"
        )
        raise QueryError(message)
    return value


def _evaluate(node: ast.expr, row: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one per node type
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compare(op, _evaluate(left, row), _evaluate(right, row))
        case ast.BinOp(left=left, op=mix, right=right):
            return _COMBINATIONS[type(mix)](matches(left, row), matches(right, row))
        case ast.UnaryOp(operand=inner):
            return not matches(inner, row)
        case ast.Call(func=ast.Attribute(attr="And"), args=parts):
            return all(matches(part, row) for part in parts)
        case ast.Call(func=ast.Attribute(attr="Or"), args=parts):
            return any(matches(part, row) for part in parts)
        case ast.Call(func=ast.Attribute(value=column, attr=method), args=parts):
            values = [_evaluate(part, row) for part in parts]
            value = row[_get_column_name(column)]
            return (
                _matches_like(str(value), str(values[0])) if method == "Like" else value in values
            )
        case _:
            return row[_get_column_name(node)]


def _compare(op: ast.cmpop, left: Any, right: Any) -> bool:
    if left is None:
        return False  # a comparison with NULL is never true
    try:
        return _COMPARISONS[type(op)](left, right)
    except TypeError as error:
        raise QueryError(str(error)) from None


def _matches_like(text: str, pattern: str) -> bool:
    """Match as SQL's LIKE does: `%` matches any text, `_` any character."""
    wildcards = {"%": ".*", "_": "."}
    parts = (wildcards.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
