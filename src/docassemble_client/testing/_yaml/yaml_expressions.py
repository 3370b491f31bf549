"""Python code, expressions and texts of an interview: a small part of the language, checked."""

from __future__ import annotations

import ast
import keyword
import re
from types import CodeType
from typing import TYPE_CHECKING, NoReturn

from attrs import frozen

from docassemble_client.testing._yaml.reserved_names import RESERVED_NAMES
from docassemble_client.testing._yaml.variable_expressions import print_value
from docassemble_client.testing._yaml.yaml_source import Node

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = re.compile(r"[a-z][a-z0-9_]*")
BUILTINS = {
    function.__name__: function for function in (abs, float, int, len, max, min, round, str)
}
# Calls that are statements, with their keyword arguments: they end the run.
FINAL_CALLS = {
    "json_response": frozenset({"response_code"}),
    "response": frozenset({"content_type", "response_code"}),
}
ASSIGNABLE = "multi_user"  # a name of docassemble that code may set
_TAG_CALL = re.compile(r"session_tags\(\)\.add\('[^'\\]*'\)")
_CONSTANTS = (str, int, float, bool, type(None))
_OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.And, ast.Or, ast.Not, ast.USub),
)
_COMPOSITE = (
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.JoinedStr),
    ast.FormattedValue,
)
_CONTROL_LINE = re.compile(r"^\s*%|<%|</%|\\$", re.MULTILINE)
MAKO = re.compile(r"<%|\$\{|##|^\s*%|\\$", re.MULTILINE)
_EXPRESSION = re.compile(r"\$\{([^{}|\n]*)\}")


def check_name(name: object, node: Node, line: int | None = None) -> str:
    """Return the name of a variable; refuse names that docassemble or Python use."""
    if (
        not isinstance(name, str)
        or not _NAME.fullmatch(name)
        or keyword.iskeyword(name)
        or name in RESERVED_NAMES
    ):
        node.refuse(f"the name {name!r} of a variable", line=line)
    return name


@frozen
class Code:
    """
    Python code that contains only what the fake server runs as a real server does.

    Attributes:
        text: The code.
        compiled: The compiled code.
        assigned: Variables that it assigns.
        computed: Variables from which it computes something; the others are only looked up.
        ends_run: Whether it contains a call that ends the run with a response.
        node: Node of the interview that contains it.
    """

    text: str
    compiled: CodeType
    assigned: tuple[str, ...]
    computed: frozenset[str]
    ends_run: bool
    node: Node


@frozen
class Text:
    """
    A text with expressions.

    Attributes:
        parts: Texts, and expressions between them.
    """

    parts: tuple[str | Code, ...]

    def render(self, evaluate: Callable[[Code], object]) -> str:
        """Replace each expression by its value."""
        return "".join(
            part if isinstance(part, str) else print_value(evaluate(part)) for part in self.parts
        )

    @property
    def has_expressions(self) -> bool:
        """Whether the text depends on variables."""
        return any(isinstance(part, Code) for part in self.parts)


def read_code(node: Node, first_line: int) -> Code:
    """
    Check the Python code of a block.

    Args:
        node: The code.
        first_line: Line on which the block begins.

    Returns:
        The code.

    Raises:
        SyntaxError: It is not valid Python.
        UnsupportedInterview: It contains a statement or an expression that is not supported.
    """
    text = node.read_text("code")
    filename = f"<code block, {node.source.filename}, block on line {first_line}>"
    tree = ast.parse(text, filename)
    checker = _Checker(node, node.text_line)
    checker.check_statements(tree.body)
    return checker.make_code(text, compile(tree, filename, "exec"))


def read_text(node: Node, description: str) -> Text:
    """
    Read a text with expressions.

    Raises:
        SyntaxError: An expression is not valid Python.
        UnsupportedInterview: A line of Mako or an expression is not supported.
    """
    text = node.read_text(description)
    control = _CONTROL_LINE.search(text)
    if control:
        line = node.text_line + text.count("\n", 0, control.end())
        node.refuse("lines and tags of Mako, and backslashes at the end of a line", line=line)
    parts: list[str | Code] = []
    for number, part in enumerate(_EXPRESSION.split(text)):
        line = node.text_line + text.count("\n", 0, text.find(part))
        if number % 2:
            parts.append(_read_expression(part.strip(), node, line))
        elif "${" in part:
            line = node.text_line + text.count("\n", 0, text.rindex("${"))
            node.refuse("Mako expressions with braces, filters or several lines", line=line)
        else:
            parts.append(part)
    return Text(tuple(parts))


def _read_expression(text: str, node: Node, line: int) -> Code:
    tree = ast.parse(text, mode="eval")
    checker = _Checker(node, line)
    checker.check_value(tree.body)
    return checker.make_code(text, compile(tree, node.source.filename, "eval"))


class _Checker:
    """Checks code, and finds the variables that it assigns and uses."""

    def __init__(self, node: Node, first_line: int) -> None:
        self.node = node
        self.first_line = first_line
        self.assigned: list[str] = []
        self.computed: set[str] = set()
        self.ends_run = False

    def make_code(self, text: str, compiled: CodeType) -> Code:
        return Code(
            text,
            compiled,
            tuple(self.assigned),
            frozenset(self.computed),
            self.ends_run,
            self.node,
        )

    def refuse(self, part: ast.AST) -> NoReturn:
        code = ast.unparse(part).partition("\n")[0]
        self.node.refuse(f"the Python code {code!r}", line=self.get_line(part))

    def get_line(self, part: ast.AST) -> int:
        return self.first_line + getattr(part, "lineno", 1) - 1

    def check_name(self, name: str, part: ast.AST) -> None:
        check_name(name, self.node, self.get_line(part))

    def check_statements(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if name != ASSIGNABLE:
                        self.check_name(name, statement)
                    self.assigned.append(name)
                    self.check_expression(value)
                case ast.AugAssign(target=ast.Name(id=name), op=operator, value=value):
                    self.check_name(name, statement)
                    self.check_operator(operator)
                    self.computed.add(name)
                    self.check_expression(value)
                case ast.If(test=test, body=body, orelse=alternative):
                    self.check_expression(test)
                    self.check_statements(body)
                    self.check_statements(alternative)
                case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if (
                    name in FINAL_CALLS
                ):
                    self.check_final_call(call, FINAL_CALLS[name])
                case ast.Expr(value=value):
                    if not _TAG_CALL.fullmatch(ast.unparse(value)):
                        self.check_value(value)
                case ast.Pass():
                    pass
                case _:
                    self.refuse(statement)

    def check_value(self, value: ast.expr) -> None:
        """Check an expression; a name alone may also be that of a date or an object."""
        if isinstance(value, ast.Name):
            self.check_name(value.id, value)
        else:
            self.check_expression(value)

    def check_expression(self, expression: ast.expr) -> None:
        match expression:
            case ast.Name(id=name):
                self.check_name(name, expression)
                self.computed.add(name)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in BUILTINS:
                self.check_all(arguments)
            case ast.Call(
                func=ast.Name(id="defined" | "action_argument" as function),
                args=[ast.Constant(value=str(name))],
                keywords=[],
            ):
                if function == "defined":
                    self.check_name(name, expression)
            case _ if _is_constant(expression):
                pass
            case ast.FormattedValue(format_spec=ast.expr()):
                self.refuse(expression)
            case _ if isinstance(expression, _COMPOSITE):
                for part in ast.iter_child_nodes(expression):
                    if isinstance(part, ast.expr):
                        self.check_expression(part)
                    else:
                        self.check_operator(part)
            case _:
                self.refuse(expression)

    def check_all(self, expressions: list[ast.expr]) -> None:
        for expression in expressions:
            self.check_expression(expression)

    def check_operator(self, operator: ast.AST) -> None:
        if not isinstance(operator, _OPERATORS):
            self.node.refuse(f"the Python operator {type(operator).__name__}")

    def check_final_call(self, call: ast.Call, names: frozenset[str]) -> None:
        """Check a call with one argument and keyword arguments."""
        if len(call.args) != 1 or any(keyword.arg not in names for keyword in call.keywords):
            self.refuse(call)
        self.ends_run = True
        self.check_json(call.args[0])
        self.check_all([keyword.value for keyword in call.keywords])

    def check_json(self, value: ast.expr) -> None:
        match value:
            case ast.Dict(keys=keys, values=values):
                for key in keys:
                    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                        self.refuse(value)
            case ast.List(elts=values):
                pass
            case _:
                self.check_expression(value)
                return
        for item in values:
            self.check_json(item)


def _is_constant(value: ast.expr) -> bool:
    """Whether an expression is a constant, or a list of constants, which variables cannot store."""
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(_is_constant(item) for item in value.elts)
    return isinstance(value, ast.Constant) and isinstance(value.value, _CONSTANTS)
