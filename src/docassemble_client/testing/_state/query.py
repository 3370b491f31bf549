"""Parses and evaluates the `query` parameter: expressions over DA.Sessions."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from docassemble_client.testing._state.query_types import (
    COLUMN_TYPES,
    ColumnType,
    QueryError,
    convert_operand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]] = {
    ast.Eq: ("=", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_FUNCTIONS = dict(_COMPARISONS.values())
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMBINATIONS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.BitAnd: ("and", lambda left, right: left & right),
    ast.BitOr: ("or", lambda left, right: left | right),
    ast.BitXor: ("xor", lambda left, right: left ^ right),
}


class InvalidQuery(Exception):  # noqa: N818 - named like the server's error
    """The text is not an expression that the server evaluates."""


class _Sessions:
    """The table itself, which is not a condition."""

    def __repr__(self) -> str:
        return "<class 'docassemble.base.DA.Sessions'>"


_SESSIONS = _Sessions()


@frozen(eq=False)
class _Column:
    """A column, such as DA.Sessions.user_id."""

    name: str

    @property
    def type(self) -> ColumnType:
        """Type of its values."""
        return COLUMN_TYPES[self.name]


@frozen(eq=False)
class _Condition:
    """A column and an operand with an operator; or conditions, joined by and, or, xor, not."""

    operator: str
    operands: Sequence[Any]


def parse_query(text: str) -> Any:
    """
    Parse an expression and check the types of its operands.

    Args:
        text: The expression, such as DA.Sessions.user_id == 22.

    Returns:
        The expression, for `matches`; None if it matches every row.

    Raises:
        InvalidQuery: The text is not a valid expression, or a column does not exist.
        QueryError: The database would refuse the expression.
    """
    try:
        if re.search(r"[\n\r]", text):
            raise InvalidQuery
        value = _evaluate_python(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError):
        raise InvalidQuery from None
    return None if value is None else _check(value)


def _evaluate_python(node: ast.expr) -> Any:
    """Evaluate the part that Python evaluates on the server; conditions remain."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Attribute(value=ast.Name(id="DA"), attr="Sessions"):
            return _SESSIONS
        case ast.Attribute(value=ast.Attribute(ast.Name(id="DA"), "Sessions"), attr=name):
            return _get_column(name)
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=parts):
            return _call(owner, name, _evaluate_all(parts))
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            items = _evaluate_all(parts)
            return items if isinstance(node, ast.List) else tuple(items)
        case _:
            return _evaluate_operator(node)


def _evaluate_all(nodes: Sequence[ast.expr]) -> list[Any]:
    return [_evaluate_python(node) for node in nodes]


def _evaluate_operator(node: ast.expr) -> Any:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compare_all(ops, _evaluate_all([left, *comparators]))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMBINATIONS:
            return _combine(op, _evaluate_python(left), _evaluate_python(right))
        case ast.UnaryOp(op=op, operand=inner):
            return _negate(op, _evaluate_python(inner))
        case ast.BoolOp(op=op, values=parts):
            return _choose(op, _evaluate_all(parts))
        case _:
            raise InvalidQuery


def _get_column(name: str) -> _Column:
    if name not in COLUMN_TYPES:
        raise InvalidQuery
    return _Column(name)


def _call(owner: ast.expr, name: str, values: list[Any]) -> _Condition:
    """Call DA.And or DA.Or, or Like or In of a column."""
    if isinstance(owner, ast.Name):
        if owner.id != "DA" or name not in {"And", "Or"}:
            raise InvalidQuery
        return _Condition(name.lower(), values)
    column = _evaluate_python(owner)
    is_valid = name == "In" or (name == "Like" and len(values) == 1)
    if not (isinstance(column, _Column) and is_valid):
        raise InvalidQuery
    return _Condition(name.lower(), [column, *values])


def _compare_all(ops: Sequence[ast.cmpop], values: Sequence[Any]) -> Any:
    """Compare like Python: a chain is true if all but the last are, which is the result."""
    result: Any = True
    for op, left, right in zip(ops, values, values[1:], strict=False):
        if type(op) not in _COMPARISONS:
            raise InvalidQuery
        symbol, function = _COMPARISONS[type(op)]
        if isinstance(left, _Column):
            result = _Condition(symbol, [left, right])
        elif isinstance(right, _Column):
            result = _Condition(_MIRRORED.get(symbol, symbol), [right, left])
        else:
            result = function(left, right)
        if not result:
            break
    return result


def _combine(op: ast.operator, left: Any, right: Any) -> Any:
    name, function = _COMBINATIONS[type(op)]
    if isinstance(left, _Column | _Condition) or isinstance(right, _Column | _Condition):
        return _Condition(name, [left, right])
    return function(left, right)


def _negate(op: ast.unaryop, value: Any) -> Any:
    is_condition = isinstance(value, _Column | _Condition)
    match op:
        case ast.Invert():
            return _Condition("not", [value]) if is_condition else ~value
        case ast.Not():
            return not value
        case ast.USub():
            return -value
        case _:
            return +value


def _choose(op: ast.boolop, values: Sequence[Any]) -> Any:
    """Return the operand that decides, like Python; conditions are true."""
    for value in values[:-1]:
        if bool(value) is isinstance(op, ast.Or):
            return value
    return values[-1]


def _check(value: Any) -> Any:
    """Check that the database accepts a value as a condition, and convert its operands."""
    match value:
        case bool():
            return value
        case _Column():
            if value.type != "boolean":
                message = (
                    "(psycopg2.errors.DatatypeMismatch) argument of WHERE must be type boolean, "
                    f"not type {value.type}"
                )
                raise QueryError(message)
            return value
        case _Condition(operator="and" | "or" | "xor" | "not"):
            return _Condition(value.operator, [_check(operand) for operand in value.operands])
        case _Condition(operands=[column, *operands]):
            symbol = {"like": "~~", "in": "="}.get(value.operator, value.operator)
            converted = [convert_operand(column.type, symbol, operand) for operand in operands]
            return _Condition(value.operator, [column, *converted])
        case str():
            declared = f"text({value!r})"
            message = (
                f"Textual SQL expression {value!r} should be explicitly declared as {declared}"
            )
            raise QueryError(message)
        case _:
            message = f"SQL expression for WHERE/HAVING role expected, got {value!r}."
            raise QueryError(message)


def matches(query: Any, row: Mapping[str, Any]) -> bool:
    """
    Whether a row matches.

    Args:
        query: The expression from `parse_query`; None matches every row.
        row: Values by column.
    """
    return query is None or _evaluate(query, row) is True


def _evaluate(query: Any, row: Mapping[str, Any]) -> bool | None:
    """Evaluate a condition like SQL: None if it depends on NULL."""
    match query:
        case _Column(name=name):
            value: bool | None = row[name]
            return value
        case _Condition(operator="and" | "or" | "xor" | "not" as name, operands=operands):
            return _join(name, [_evaluate(operand, row) for operand in operands])
        case _Condition(operator=name, operands=[column, *operands]):
            return _compare(name, row[column.name], operands)
        case _:
            return bool(query)


def _join(name: str, values: Sequence[bool | None]) -> bool | None:
    match name:
        case "and":
            return False if False in values else None if None in values else True
        case "or":
            return True if True in values else None if None in values else False
        case _ if None in values:
            return None
        case "not":
            return not values[0]
        case _:
            return values[0] is not values[1]


def _compare(name: str, value: Any, operands: Sequence[Any]) -> bool | None:
    operand = operands[0] if operands else None
    if operand is None and name in {"=", "!="}:
        return (value is None) is (name == "=")
    if value is None or (operand is None and name != "in"):
        return None
    match name:
        case "in":
            return value in operands
        case "like":
            return _matches_like(value, str(operand))
        case _:
            return _FUNCTIONS[name](value, operand)


def _matches_like(text: str, pattern: str) -> bool:
    """Match as SQL's LIKE does: `%` matches any text, `_` any character."""
    wildcards = {"%": ".*", "_": "."}
    parts = (wildcards.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
