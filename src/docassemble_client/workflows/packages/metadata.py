"""Reads the name and version of a docassemble package without running its code."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from docassemble_client._names import normalize_package_name
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SETUP, _PYPROJECT, _SETUP_CFG = "setup.py", "pyproject.toml", "setup.cfg"
# The lines of setup.py in which the server finds the name (get_package_name_from_zip).
_NAME_CONSTANT = re.compile(r"""^NAME *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_NAME_KEYWORD = re.compile(r"""^ *name *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PACKAGE_FILE = re.compile(r"(?:^|/)docassemble/[^/]+/[^/]")
_VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<prenumber>\d*))?"
    r"(?:-(?P<implicit>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<postnumber>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<devnumber>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_PRE_RELEASE_TAGS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_HINT = (
    "The name of a docassemble package is docassemble.Name; a setup.py or pyproject.toml is beside"
    " its folder docassemble/Name, and in setup.py the name is on a line of its own"
)


@frozen(kw_only=True)
class Metadata:
    """
    Name and version of a package.

    Attributes:
        name: Name as the server will list it.
        version: Version; None if it is computed when the package is built.
    """

    name: str
    version: str | None


def read_metadata(paths: Sequence[str], read: Callable[[str], bytes]) -> Metadata:
    """
    Read name and version of a docassemble package.

    Args:
        paths: Paths of its files, with slashes, in the order of the archive.
        read: Returns the content of a file.

    Returns:
        The name and version.

    Raises:
        UsageError: It is not a docassemble package, or the server cannot read its name.
    """
    setup, pyproject = _choose_project_files(paths)
    if setup is None and pyproject is None:
        message = "this is not a package: there is neither a setup.py nor a pyproject.toml"
        raise UsageError(message, hint=_HINT)
    project_file = cast("str", setup or pyproject)
    root = project_file.rpartition("/")[0]
    root = f"{root}/" if root else ""
    path_set = set(paths)

    def read_text(path: str) -> str:
        if root + path not in path_set:
            return ""
        return read(root + path).decode("utf-8-sig", errors="replace")

    table = _parse_pyproject(read_text(_PYPROJECT))
    name = _parse_setup_name(read_text(_SETUP)) if setup else table.get("project", {}).get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        filename = project_file.rpartition("/")[2]
        message = f"the server cannot read the package's name from its {filename}"
        raise UsageError(message, hint=_HINT)
    if not normalize_package_name(name).startswith("docassemble-"):
        message = f"{name} is not a docassemble package: its name must begin with docassemble."
        raise UsageError(message, hint=_HINT)
    if not any(path.startswith(root) and _PACKAGE_FILE.search(path[len(root) :]) for path in paths):
        message = f"{name} has no file in a folder docassemble/Name"
        raise UsageError(message, hint=_HINT)
    return Metadata(name=name, version=_find_version(table, read_text))


def _choose_project_files(paths: Iterable[str]) -> tuple[str | None, str | None]:
    """Choose setup.py and pyproject.toml as the server does."""
    setup = pyproject = None
    min_depth = float("inf")
    for path in paths:
        filename = path.rpartition("/")[2]
        if filename in {_SETUP, _PYPROJECT} and path.count("/") <= min_depth:
            min_depth = path.count("/")
            if filename == _SETUP:
                setup = path
            else:
                pyproject = path
    return setup, pyproject


def _parse_pyproject(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        message = "the package's pyproject.toml is not valid TOML"
        raise UsageError(message, hint="Fix the file; nothing was sent") from None


def _parse_setup_name(setup: str) -> str | None:
    matches = _NAME_CONSTANT.findall(setup) or _NAME_KEYWORD.findall(setup.rpartition("setup(")[2])
    return "".join(matches[-1]) if matches else None


def _find_version(table: dict[str, Any], read_text: Callable[[str], str]) -> str | None:
    """Find the version where setuptools reads it; None if setuptools has to compute it."""
    project = table.get("project", {})
    if isinstance(project.get("version"), str):
        return cast("str", project["version"])
    dynamic = table.get("tool", {}).get("setuptools", {}).get("dynamic", {}).get("version", {})
    attribute = dynamic.get("attr")
    if attribute is None:
        value = _find_setup_version(read_text(_SETUP))
        value = value or _parse_setup_cfg_version(read_text(_SETUP_CFG))
        if not value.startswith("attr:"):
            return None if value.startswith("file:") else value or None
        attribute = value.removeprefix("attr:").strip()
    module, _, variable = str(attribute).rpartition(".")
    path = module.replace(".", "/")
    source = read_text(f"{path}.py") or read_text(f"{path}/__init__.py")
    return _find_string_constants(source).get(variable)


def _parse_setup_cfg_version(config: str) -> str:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(config)
    except configparser.Error:
        return ""
    return parser.get("metadata", "version", fallback="")


def _parse_statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):  # the server may run another version of Python
        return []


def _find_string_constants(source: str) -> dict[str, str]:
    """Find the string constants at the top level of a module, by name."""
    constants: dict[str, str] = {}
    for statement in _parse_statements(source):
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        if isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str):
            value = statement.value.value
            constants |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return constants


def _find_setup_version(source: str) -> str:
    """Find the version that setup.py passes to setup(), directly or as a constant."""
    for node in ast.walk(ast.Module(_parse_statements(source), [])):
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup"
        ):
            for keyword in node.keywords:
                if keyword.arg == "version":
                    value = keyword.value
                    if isinstance(value, ast.Name):
                        return _find_string_constants(source).get(value.id, "")
                    return str(value.value) if isinstance(value, ast.Constant) else ""
    return ""


def is_same_version(version: str, other_version: str) -> bool:
    """Whether two versions are equal for pip, such as 1.0 and v1.0.0."""
    return _version_key(version) == _version_key(other_version)


def _version_key(text: str) -> object:
    match = _VERSION.fullmatch(text.strip().lower())
    if match is None:
        return text
    groups = match.groupdict()
    numbers = [str(int(number)) for number in groups["release"].split(".")]
    release = re.sub(r"(?:\.0)+$", "", ".".join(numbers))
    tag = groups["pre"]
    pre = tag and (_PRE_RELEASE_TAGS.get(tag, tag), int(groups["prenumber"] or 0))
    post = groups["implicit"] or (groups["post"] and (groups["postnumber"] or "0"))
    dev = groups["dev"] and int(groups["devnumber"] or 0)
    local = groups["local"] and re.split(r"[-_.]", groups["local"])
    return (int(groups["epoch"] or 0), release, pre, post and int(post), dev, local)
