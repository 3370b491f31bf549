"""Reads setup.py, setup.cfg and pyproject.toml as setuptools does, without running code."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any, cast

from attrs import frozen

from docassemble_client._types import is_json_array, is_mapping
from docassemble_client.errors import UsageError

_PARSE_ERRORS = (SyntaxError, ValueError, RecursionError, MemoryError)  # of ast.parse
SETUP, PYPROJECT, SETUP_CFG = "setup.py", "pyproject.toml", "setup.cfg"
# The lines of setup.py in which the server finds the name (get_package_name_from_zip).
_NAME_CONSTANT = re.compile(r"""^NAME *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_NAME_KEYWORD = re.compile(r"""^ *name *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_NAMESPACE = "docassemble"
_MAX_TEXT_LENGTH = 10_000  # sums of constants could double without end
MAX_SOURCE_LENGTH = 262_144  # of a file that is parsed; that may take 600 times as much memory


@frozen(kw_only=True)
class ProjectFiles:
    """
    The files that describe a package.

    Attributes:
        setup: Text of setup.py; empty if it is missing.
        table: The parsed pyproject.toml.
        config: The parsed setup.cfg.
        read_text: Returns the text of a file of the package; empty if it is missing.
    """

    setup: str
    table: Mapping[str, Any]
    config: configparser.RawConfigParser
    read_text: Callable[[str], str]

    @classmethod
    def read(cls, read_text: Callable[[str], str]) -> ProjectFiles:
        """
        Read the files of a package.

        Args:
            read_text: Returns the text of a file; empty if it is missing.

        Returns:
            The files.

        Raises:
            UsageError: The pyproject.toml is not valid.
        """
        try:
            table = tomllib.loads(read_text(PYPROJECT))
        except (ValueError, RecursionError):  # also a number with too many digits
            message = "the package's pyproject.toml is not valid TOML"
            raise UsageError(message, hint="Fix the file; nothing was sent") from None
        config = configparser.RawConfigParser()
        try:
            config.read_string(read_text(SETUP_CFG))
        except configparser.Error:
            config = configparser.RawConfigParser()
        return cls(setup=read_text(SETUP), table=table, config=config, read_text=read_text)

    def find_server_name(self) -> str | None:
        """Find the name as the server does, line by line; None if it finds none."""
        if not self.setup:
            return self._get_project_text("name")
        text = self.setup.rpartition("setup(")[2]
        matches = _NAME_CONSTANT.findall(self.setup) or _NAME_KEYWORD.findall(text)
        return "".join(matches[-1]) if matches else None

    def find_name(self) -> str | None:
        """Find the name as setuptools does; None if it is computed."""
        return (
            self._get_project_text("name")
            or self._evaluate_keyword("name")
            or self.config.get("metadata", "name", fallback=None)
        )

    def find_version(self) -> str | None:
        """Find the version as setuptools does; None if it is computed."""
        source = self._get_table("tool", "setuptools", "dynamic", "version")
        return (
            self._get_project_text("version")
            or self._read_attribute(str(source.get("attr", "")))
            or self._read_files(source.get("file", []))
            or self._evaluate_keyword("version")
            or self._find_config_version()
        )

    def _find_config_version(self) -> str | None:
        version = self.config.get("metadata", "version", fallback="")
        kind, _, value = version.partition(":")
        if kind == "attr":
            return self._read_attribute(value.strip())
        return self._read_files(value.strip()) if kind == "file" else version or None

    def includes_namespace_file(self) -> bool:
        """Whether the file docassemble/__init__.py is part of the built package."""
        keywords = _find_setup_keywords(self.setup)
        options = self._get_table("tool", "setuptools")
        # setuptools leaves out the __init__.py of a declared namespace package.
        if (
            "namespace_packages" in keywords
            or "namespace-packages" in options
            or self.config.has_option("options", "namespace_packages")
        ):
            return False
        packages = keywords.get("packages")
        if isinstance(packages, (ast.List, ast.Tuple)):
            return any(_get_text(item) == _NAMESPACE for item in packages.elts)
        return True

    def _get_project_text(self, key: str) -> str | None:
        value = self._get_table("project").get(key)
        return value if isinstance(value, str) else None

    def _get_table(self, *keys: str) -> Mapping[str, Any]:
        """Return a table of pyproject.toml; empty if it is missing or not a table."""
        table: Mapping[str, Any] = self.table
        for key in keys:
            value: object = table.get(key)
            table = value if is_mapping(value) else {}
        return table

    def _read_attribute(self, attribute: str) -> str | None:
        module, _, variable = attribute.rpartition(".")
        return self._find_constants(self._read_module(module)).get(variable)

    def _read_files(self, paths: object) -> str | None:
        paths = paths if is_json_array(paths) else [paths]
        texts = (self.read_text(path) for path in paths if isinstance(path, str))
        return "".join(texts).strip() or None

    def _read_module(self, module: str) -> str:
        path = module.replace(".", "/")
        return self.read_text(f"{path}.py") or self.read_text(f"{path}/__init__.py")

    def _evaluate_keyword(self, name: str) -> str | None:
        node = _find_setup_keywords(self.setup).get(name)
        if node is None:
            return None
        return self._evaluate(node, self._find_constants(self.setup))

    def _find_constants(self, source: str) -> dict[str, str]:
        """Find the texts at the top level of a module, by name."""
        constants: dict[str, str] = {}
        for statement in parse_statements(source) or ():
            if isinstance(statement, ast.ImportFrom) and statement.module:
                imported = _find_own_constants(self._read_module(statement.module))
                for alias in statement.names:
                    if alias.name in imported:
                        constants[alias.asname or alias.name] = imported[alias.name]
            for name, node in _iter_assignments(statement):
                value = self._evaluate(node, constants)
                if value is not None:
                    constants[name] = value
        return constants

    def _evaluate(self, node: ast.expr, constants: Mapping[str, str]) -> str | None:
        """Evaluate an expression; None if it is not a text, nested too deeply, or too long."""
        try:
            value = self._evaluate_node(node, constants)
        except RecursionError:
            return None
        return value if value and len(value) <= _MAX_TEXT_LENGTH else None

    def _evaluate_node(self, node: ast.expr, constants: Mapping[str, str]) -> str | None:
        """Evaluate a text, a constant, a sum, an f-string or a file that is read."""
        value: str | None = None
        match node:
            case ast.Constant(value=str(text)):
                value = text
            case ast.Name(id=name):
                value = constants.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                value = _join([self._evaluate(part, constants) for part in (left, right)])
            case ast.JoinedStr(values=parts):
                value = _join([self._evaluate(part, constants) for part in parts])
            case ast.FormattedValue(value=part, conversion=-1, format_spec=None):
                value = self._evaluate(part, constants)
            case ast.Call(func=ast.Attribute(value=part, attr="strip")):
                value = (self._evaluate(part, constants) or "").strip()
            case ast.Call(func=ast.Attribute(value=part, attr="read" | "read_text")):
                value = self._evaluate(part, constants)
            case ast.Call(func=ast.Name(id="open" | "Path"), args=[path, *_]):
                value = self.read_text(self._evaluate(path, constants) or "")
            case _:
                pass
        return value


def _find_own_constants(source: str) -> dict[str, str]:
    return {
        name: text
        for statement in parse_statements(source) or ()
        for name, node in _iter_assignments(statement)
        if (text := _get_text(node)) is not None
    }


def _join(parts: list[str | None]) -> str | None:
    return None if None in parts else "".join(cast("list[str]", parts))


def _get_text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _iter_assignments(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    match statement:
        case ast.Assign(targets=targets, value=value):
            return [(target.id, value) for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [(name, value)]
        case _:
            return []


def _find_setup_keywords(source: str) -> dict[str, ast.expr]:
    """Find the arguments of setup(), by name; empty if there is no such call."""
    for node in ast.walk(ast.Module(parse_statements(source) or [], [])):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup"
        ):
            return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return {}


def parse_statements(source: str | bytes) -> list[ast.stmt] | None:
    """Parse a module; None if it is not valid, or too long."""
    if len(source) > MAX_SOURCE_LENGTH:
        return None
    try:
        return ast.parse(source).body
    except _PARSE_ERRORS:  # the server may run another Python
        return None
