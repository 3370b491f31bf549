"""Checks modules: which keep the server from starting, and which its processes have loaded."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.project_files import parse_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CODE = re.compile(r".*\.(?:py|pyd|so)")
_NOT_INSTALLED = re.compile(r"(?:setup|noxfile|conftest)\.py|(?:tests?|docs)/.*")
_NAMESPACE_FILE = re.compile(r"(?:.*/)?docassemble/__init__\.py")
_PACKAGE_FILE = re.compile(r"(?:.*/)?__init__\.py")
_HANDLERS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def check_encoding(modules: Iterable[tuple[str, bytes]]) -> None:
    """
    Refuse modules that are not UTF-8.

    When the server starts, it reads each module of each package as UTF-8 and stops at the first
    that is not (docassemble.webapp/packages/helpers.py:62).

    Args:
        modules: Paths and contents.

    Raises:
        UsageError: A module is not UTF-8.
    """
    paths = [path for path, content in modules if not _is_utf8(content)]
    if paths:
        subject = f"{', '.join(paths)} {'is' if len(paths) == 1 else 'are'} not UTF-8"
        message = f"{subject}; a module in another encoding keeps the server from starting"
        raise UsageError(message, hint="Save the file as UTF-8; nothing was sent")


def check_namespace_file(path: str, content: bytes) -> None:
    """
    Refuse a docassemble/__init__.py that needs pkg_resources.

    All packages share this file. setuptools 82 and newer have no pkg_resources: no process of the
    server could import docassemble.

    Args:
        path: Path of the file.
        content: Its content.

    Raises:
        UsageError: It imports pkg_resources and does not handle its absence.
    """
    if _needs_pkg_resources(content):
        message = (
            f"{path} imports pkg_resources, which new versions of setuptools lack;"
            " the file replaces that of the server, which then cannot start"
        )
        raise UsageError(message, hint="Delete the file; Python does not need it")


def is_loaded_module(path: str, read: Callable[[], bytes]) -> bool:
    """
    Whether a file is code that a running process may have loaded, so that it needs a restart.

    Every package has `__init__.py`; it does not count if it only sets constants, such as the
    version.

    Args:
        path: Path of the file, from the folder of the package.
        read: Returns its content.

    Returns:
        Whether it is.
    """
    if not _CODE.fullmatch(path) or _NOT_INSTALLED.fullmatch(path):
        return False
    if _NAMESPACE_FILE.fullmatch(path):  # all packages share it, and it is loaded already
        return False
    return not (_PACKAGE_FILE.fullmatch(path) and _only_sets_constants(read()))


def _only_sets_constants(content: bytes) -> bool:
    statements = parse_statements(content)
    if statements is None:
        return False
    try:
        for statement in statements:
            match statement:
                case ast.Expr(value=value) | ast.Assign(value=value):
                    ast.literal_eval(value)
                case _:
                    return False
    except (ValueError, TypeError, RecursionError, MemoryError):  # not a literal
        return False
    return True


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _needs_pkg_resources(content: bytes) -> bool:
    return any(map(_imports_pkg_resources, parse_statements(content) or ()))


def _imports_pkg_resources(statement: ast.stmt) -> bool:
    """Whether a statement imports the module, unless it handles the error."""
    if isinstance(statement, ast.Try) and any(map(_handles_import_error, statement.handlers)):
        return False
    for node in ast.walk(statement):
        match node:
            case ast.Import(names=names) if any(
                alias.name.partition(".")[0] == "pkg_resources" for alias in names
            ):
                return True
            case ast.ImportFrom(module="pkg_resources"):
                return True
            case ast.Call(args=[ast.Constant(value="pkg_resources"), *_]):
                return True  # __import__ or import_module
            case _:
                pass
    return False


def _handles_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & _HANDLERS)
