"""Refuses modules that would keep the server from starting."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.project_files import PARSE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _needs_pkg_resources(content: bytes) -> bool:
    try:
        module = ast.parse(content)
    except PARSE_ERRORS:
        return False
    return any(_imports_pkg_resources(statement) for statement in module.body)


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
