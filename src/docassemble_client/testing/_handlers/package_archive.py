"""Reads the ZIP files of packages as the server and pip do, without running their code."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import tomllib
from typing import TYPE_CHECKING
from zipfile import ZipFile

from docassemble_client._types import is_json_object
from docassemble_client.testing._server.messages import UnhandledError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETUP_FILES = ("setup.py", "setup.cfg", "pyproject.toml")
_KEYWORD = re.compile(r"""^ *([a-z_]+) *= *\(?(?:'(.*)'|"(.*)")""")
_NAME_CONSTANT = re.compile(r"""^NAME *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_VERSION = re.compile(r"""\bversion\s*=\s*\(?["']([^"']+)["']""")
_BUILD_MODULES = {"setuptools", "distutils", "pkg_resources", "wheel", *sys.stdlib_module_names}


def parse_keywords(text: str) -> dict[str, str]:
    """Find the keywords of setup() by the server's patterns; a keyword must begin its line."""
    lines = text.rpartition("setup(")[2].splitlines()
    matches = filter(None, map(_KEYWORD.match, lines))
    return {match[1]: match[2] if match[3] is None else match[3] for match in matches}


def find_package_name(archive: ZipFile) -> str:
    """
    Find the name of the package that pip is to install.

    Raises:
        UnhandledError: The archive has no name of a package.
    """
    path = _find_setup_file(archive, "setup.py")
    if path:
        text = archive.read(path).decode()
        constants: list[tuple[str, str]] = _NAME_CONSTANT.findall(text)
        name = "".join(constants[-1]) if constants else parse_keywords(text).get("name")
    else:
        path = _find_setup_file(archive, "pyproject.toml")
        if not path:
            message = "Not a Python package zip file"
            raise UnhandledError(message)
        name = parse_project(archive.read(path).decode()).get("name")
    if name is None:
        message = "Could not find name of Python package"
        raise UnhandledError(message)
    return name


def find_version(archive: ZipFile) -> str:
    """Find the version that pip would install; an empty text if it cannot be found."""
    path = _find_setup_file(archive, "setup.py")
    match = _VERSION.search(archive.read(path).decode()) if path else None
    if match is not None:
        return match[1]
    path = _find_setup_file(archive, "pyproject.toml")
    return parse_project(archive.read(path).decode()).get("version", "") if path else ""


def parse_project(text: str) -> dict[str, str]:
    """Return the texts in the table `project` of pyproject.toml."""
    project = tomllib.loads(text).get("project")
    items = project.items() if is_json_object(project) else ()
    return {name: value for name, value in items if isinstance(value, str)}


def _find_setup_file(archive: ZipFile, name: str) -> str:
    """Find a file as near to the root as possible; the last of several."""
    paths = [path for path in archive.namelist() if path.rpartition("/")[2] == name]
    return min(reversed(paths), key=lambda path: path.count("/"), default="")


def find_build_error(archive: ZipFile) -> str:
    """
    Find out why pip cannot build a package.

    Args:
        archive: The package.

    Returns:
        Pip's output; empty if nothing speaks against it. setup.py is not run.
    """
    paths = archive.namelist()
    tops = {path.partition("/")[0] for path in paths}
    is_nested = len(tops) == 1 and all("/" in path for path in paths)
    root = f"{tops.pop()}/" if is_nested else ""
    setup, project = f"{root}setup.py", f"{root}pyproject.toml"
    if setup not in paths and project not in paths:
        return (
            "ERROR: file.zip does not appear to be a Python project: "
            "neither 'setup.py' nor 'pyproject.toml' found."
        )
    try:
        if project in paths:
            tomllib.loads(archive.read(project).decode())
        error = _find_setup_error(archive.read(setup)) if setup in paths else ""
    except (SyntaxError, ValueError) as exception:
        error = f"{type(exception).__name__}: {exception}"
    if not error:
        return ""
    return (
        f"{error}\n"
        "ERROR: Getting requirements to build wheel exited with 1\n"
        "ERROR: Failed to build 'file.zip' when getting requirements to build wheel"
    )


def _find_setup_error(source: bytes) -> str:
    """
    Find an error that running setup.py would certainly raise.

    Raises:
        SyntaxError: The source is not valid Python.
        ValueError: The source contains a null byte.
    """
    tree = ast.parse(source)
    for statement in tree.body:
        if isinstance(statement, ast.Raise):
            return "setup.py raises an exception"
        for module in _iter_imported_modules(statement):
            if module not in _BUILD_MODULES:
                return f"ModuleNotFoundError: No module named '{module}'"
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if not _is_bound(tree, name):
                return f"NameError: name '{name}' is not defined"
            case _:
                continue
    return ""


def _iter_imported_modules(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.Import(names=names):
            yield from (name.name.partition(".")[0] for name in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module.partition(".")[0]
        case _:
            return


def _is_bound(tree: ast.Module, name: str) -> bool:
    """Whether a name may be defined: imported, assigned, a function or a builtin."""
    if hasattr(builtins, name):
        return True
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=full_name, asname=other_name):
                bound = other_name or full_name.partition(".")[0]
            case ast.FunctionDef(name=bound) | ast.ClassDef(name=bound):
                pass
            case ast.Name(id=bound, ctx=ast.Store()):
                pass
            case _:
                continue
        if bound in {name, "*"}:
            return True
    return False


def read_files(archive: ZipFile) -> Mapping[str, bytes]:
    """Return the files of an archive by path, without directories."""
    return {path: archive.read(path) for path in archive.namelist() if not path.endswith("/")}
