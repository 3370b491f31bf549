"""Reads the classes of the asynchronous client: their bases, methods, attributes and imports."""

from __future__ import annotations

import ast
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

METHOD_NAMES = {
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
}
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """A module of the asynchronous client."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree = ast.parse(text)

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes by name."""
        return {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        """The imports, also those for type checkers."""
        return [n for n in ast.walk(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom))]

    @cached_property
    def own_names(self) -> list[str]:
        """The names that the module itself defines, except functions."""
        targets = [
            target
            for node in self.tree.body
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        ]
        return [*self.classes, *(target.id for target in targets if isinstance(target, ast.Name))]


@cache
def parse_module(name: str, text: str) -> Module:
    """Parse a module; the same text is parsed once."""
    return Module(name, text)


class Member(NamedTuple):
    """A method or attribute of a class, with the class that defines it."""

    node: Function | None
    name: str
    annotation: ast.expr | None


def find_functions(definition: ast.ClassDef | None) -> list[Function]:
    """Return the methods of a class; none without a class."""
    body = definition.body if definition else []
    return [node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def find_members(definition: ast.ClassDef, *, is_client: bool) -> Iterator[Member]:
    """Yield the public methods of a class, and the attributes that its `__init__` sets."""
    special = {*METHOD_NAMES, "__await__", *(("__init__",) if is_client else ())}
    for node in find_functions(definition):
        if node.name in special or not node.name.startswith("_"):
            yield Member(node, node.name, None)
        if node.name != "__init__":
            continue
        parameters = {
            argument.arg: argument.annotation
            for argument in [*node.args.args, *node.args.kwonlyargs]
        }
        for statement in ast.walk(node):
            annotation: ast.expr | None = None
            targets: Sequence[ast.expr]
            if isinstance(statement, ast.AnnAssign):
                targets, annotation = [statement.target], statement.annotation
            elif isinstance(statement, ast.Assign):
                targets = statement.targets
                if isinstance(statement.value, ast.Name):
                    annotation = parameters.get(statement.value.id)
            else:
                continue
            target = targets[0]
            if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                yield Member(None, target.attr, annotation)
