"""What a package says of itself, read without running it."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

from attrs import frozen

from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SETUP, _PYPROJECT, _CONFIG = "setup.py", "pyproject.toml", "setup.cfg"
# What the server finds in a line of setup.py (get_package_name_from_zip), and nothing else.
_CONSTANT = re.compile(r"""^NAME *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_KEYWORD = re.compile(r"""^ *name *= *\(?(?:'(.*)'|"(.*)")""", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_INSIDE = re.compile(r"(?:^|/)docassemble/[^/]+/[^/]")
_VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<prenumber>\d*))?"
    r"(?:-(?P<implicit>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<postnumber>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<devnumber>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_PRE = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_HINT = (
    "A docassemble package is called docassemble.Name, has a setup.py or pyproject.toml beside"
    " its folder docassemble/Name, and setup.py has its name on a line of its own"
)


@frozen(kw_only=True)
class Metadata:
    """
    What a package says of itself.

    Attributes:
        name: Its name, as the server will list it.
        version: Its version; None where it is computed when the package is built.
    """

    name: str
    version: str | None


def read_metadata(paths: Sequence[str], read: Callable[[str], bytes]) -> Metadata:
    """
    Read name and version of a docassemble package.

    Args:
        paths: Paths of its files, with slashes, in the order of its archive.
        read: Brings the content of one.

    Returns:
        Name and version.

    Raises:
        UsageError: It is no docassemble package, or the server could not read its name.
    """
    setup, project = _found(paths)
    if setup is None and project is None:
        message = "this is no package: there is neither a setup.py nor a pyproject.toml"
        raise UsageError(message, hint=_HINT)
    own = cast("str", setup or project)
    root = own.rpartition("/")[0]
    root = f"{root}/" if root else ""
    known = set(paths)

    def text(path: str) -> str:
        return (
            read(root + path).decode("utf-8-sig", errors="replace") if root + path in known else ""
        )

    table = _table(text(_PYPROJECT))
    name = _listed_name(text(_SETUP)) if setup else table.get("project", {}).get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        message = f"the server could not read the package's name from its {own.rpartition('/')[2]}"
        raise UsageError(message, hint=_HINT)
    if not normalised(name).startswith("docassemble-"):
        message = f"{name} is no docassemble package: its name does not begin with docassemble."
        raise UsageError(message, hint=_HINT)
    if not any(path.startswith(root) and _INSIDE.search(path[len(root) :]) for path in paths):
        message = f"{name} has nothing in a folder docassemble/Name"
        raise UsageError(message, hint=_HINT)
    return Metadata(name=name, version=_version(table, text))


def _found(paths: Iterable[str]) -> tuple[str | None, str | None]:
    """Choose setup.py and pyproject.toml as the server does."""
    setup = project = None
    highest = float("inf")
    for path in paths:
        filename = path.rpartition("/")[2]
        if filename in {_SETUP, _PYPROJECT} and path.count("/") <= highest:
            highest = path.count("/")
            if filename == _SETUP:
                setup = path
            else:
                project = path
    return setup, project


def _table(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        message = "the package's pyproject.toml is not valid TOML"
        raise UsageError(message, hint="Mend it; nothing was sent") from None


def _listed_name(setup: str) -> str | None:
    found = _CONSTANT.findall(setup) or _KEYWORD.findall(setup.rpartition("setup(")[2])
    return "".join(found[-1]) if found else None


def _version(table: dict[str, Any], text: Callable[[str], str]) -> str | None:
    """Find the version where setuptools would; what it would have to compute is None."""
    project = table.get("project", {})
    if isinstance(project.get("version"), str):
        return cast("str", project["version"])
    dynamic = table.get("tool", {}).get("setuptools", {}).get("dynamic", {}).get("version", {})
    attribute = dynamic.get("attr")
    if attribute is None:
        said = _keyword(text(_SETUP)) or _configured(text(_CONFIG))
        if not said.startswith("attr:"):
            return None if said.startswith("file:") else said or None
        attribute = said.removeprefix("attr:").strip()
    module, _, variable = str(attribute).rpartition(".")
    path = module.replace(".", "/")
    source = text(f"{path}.py") or text(f"{path}/__init__.py")
    return _constants(source).get(variable)


def _configured(config: str) -> str:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(config)
    except configparser.Error:
        return ""
    return parser.get("metadata", "version", fallback="")


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):  # the server's Python may be another one
        return []


def _constants(source: str) -> dict[str, str]:
    """Find the names that are given a text on the first level of a module."""
    found: dict[str, str] = {}
    for one in _parsed(source):
        if isinstance(one, ast.Assign):
            targets = one.targets
        elif isinstance(one, ast.AnnAssign):
            targets = [one.target]
        else:
            continue
        if isinstance(one.value, ast.Constant) and isinstance(one.value.value, str):
            value = one.value.value
            found |= {name.id: value for name in targets if isinstance(name, ast.Name)}
    return found


def _keyword(source: str) -> str:
    """Find the version that a setup.py passes to setup(), directly or as a constant."""
    for one in ast.walk(ast.Module(_parsed(source), [])):
        if (
            isinstance(one, ast.Call)
            and getattr(one.func, "id", getattr(one.func, "attr", "")) == "setup"
        ):
            for keyword in one.keywords:
                if keyword.arg == "version":
                    value = keyword.value
                    if isinstance(value, ast.Name):
                        return _constants(source).get(value.id, "")
                    return str(value.value) if isinstance(value, ast.Constant) else ""
    return ""


def normalised(name: str) -> str:
    """Write the name of a package as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def same_version(one: str, other: str) -> bool:
    """Whether two texts are the same version, as pip sees it: 1.0 and v1.0.0 are."""
    return _canonical(one) == _canonical(other)


def _canonical(text: str) -> object:
    match = _VERSION.fullmatch(text.strip().lower())
    if match is None:
        return text
    part = match.groupdict()
    release = re.sub(r"(?:\.0)+$", "", ".".join(str(int(n)) for n in part["release"].split(".")))
    pre = part["pre"] and (_PRE.get(part["pre"], part["pre"]), int(part["prenumber"] or 0))
    post = part["implicit"] or (part["post"] and (part["postnumber"] or "0"))
    dev = part["dev"] and int(part["devnumber"] or 0)
    local = part["local"] and re.split(r"[-_.]", part["local"])
    return (int(part["epoch"] or 0), release, pre, post and int(post), dev, local)
