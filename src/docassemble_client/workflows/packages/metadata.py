"""Reads the name and version of a docassemble package without running its code."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._names import normalize_package_name
from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.module_checks import (
    check_encoding,
    check_namespace_file,
    is_loaded_module,
)
from docassemble_client.workflows.packages.project_files import (
    MAX_SOURCE_LENGTH,
    PYPROJECT,
    SETUP,
    ProjectFiles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_PACKAGE_FILE = re.compile(r"(?:^|/)docassemble/[^/]+/[^/]")
_MODULE = re.compile(r"setup\.py|(?:.*/)?docassemble/.*\.py")
_NAMESPACE_FILE = re.compile(r"(?:.*/)?docassemble/__init__\.py")
_VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<prenumber>\d*))?"
    r"(?:-(?P<implicit>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<postnumber>\d*))?"
    r"(?:[-_.]?(?P<dev>dev)[-_.]?(?P<devnumber>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_PRE_RELEASE_TAGS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_HINT = (
    "Name the package docassemble.Name, put setup.py or pyproject.toml next to its folder"
    " docassemble, and write the name on its own line of setup.py"
)


@frozen(kw_only=True)
class Metadata:
    """
    Name and version of a package.

    Attributes:
        name: Name as the server will list it.
        version: Version; None if it is computed when the package is built.
        needs_name_line: Whether setup.py has the name in a form that the server cannot read.
        has_modules: Whether it has code that running processes of the server may have loaded.
    """

    name: str
    version: str | None
    needs_name_line: bool = False
    has_modules: bool = False


def read_metadata(
    paths: Sequence[str], read: Callable[[str], bytes], *, is_folder: bool = False
) -> Metadata:
    """
    Read name and version of a docassemble package, and check its modules.

    Args:
        paths: Paths of its files, with slashes, in the order of the archive.
        read: Returns the content of a file.
        is_folder: Whether these are the files of a folder, which are packed below another one.

    Returns:
        The name and version.

    Raises:
        UsageError: It is not a docassemble package, the server cannot read its name, or a module
            would keep the server from starting.
    """
    root = "" if is_folder else _find_top_folder(paths)
    _check_location(paths, root, is_folder=is_folder)
    own_paths = {path[len(root) :] for path in paths if path.startswith(root)}
    check_encoding(
        (path, read(root + path)) for path in sorted(own_paths) if _MODULE.fullmatch(path)
    )

    def read_text(path: str) -> str:
        if path not in own_paths:
            return ""
        content = read(root + path)
        if len(content) > MAX_SOURCE_LENGTH:
            return ""
        return content.decode("utf-8-sig", errors="replace")

    files = ProjectFiles.read(read_text)
    is_read_by_server = _choose_project_file(paths) in {root + SETUP, root + PYPROJECT}
    server_name = files.find_server_name() if is_read_by_server else None
    name = _choose_name(files, server_name)
    needs_name_line = name != server_name
    if name is None or not _NAME.fullmatch(name) or (needs_name_line and not is_folder):
        filename = SETUP if SETUP in own_paths else PYPROJECT
        message = f"the server cannot read the package's name from its {filename}"
        raise UsageError(message, hint=_HINT)
    if not normalize_package_name(name).startswith("docassemble-"):
        message = f"{name} is not a docassemble package: its name must begin with docassemble."
        raise UsageError(message, hint=_HINT)
    if not any(map(_PACKAGE_FILE.search, own_paths)):
        message = f"{name} has no file in a folder docassemble/Name"
        raise UsageError(message, hint=_HINT)
    if files.includes_namespace_file():
        for path in filter(_NAMESPACE_FILE.fullmatch, own_paths):
            check_namespace_file(path, read(root + path))
    return Metadata(
        name=name,
        version=files.find_version(),
        needs_name_line=needs_name_line,
        has_modules=any(is_loaded_module(path, partial(read, root + path)) for path in own_paths),
    )


def _choose_name(files: ProjectFiles, server_name: str | None) -> str | None:
    """Choose the name of the built package, in the spelling of the server's list."""
    name = (files.find_name() if files.setup else None) or server_name
    if name and server_name and normalize_package_name(name) == normalize_package_name(server_name):
        return server_name
    return name


def _choose_project_file(paths: Iterable[str]) -> str:
    """Choose the setup.py or pyproject.toml from which the server reads the name."""
    setup = pyproject = ""
    min_depth = float("inf")
    for path in paths:
        filename = path.rpartition("/")[2]
        if filename in {SETUP, PYPROJECT} and path.count("/") <= min_depth:
            min_depth = path.count("/")
            if filename == SETUP:
                setup = path
            else:
                pyproject = path
    return setup or pyproject


def _check_location(paths: Sequence[str], root: str, *, is_folder: bool) -> None:
    """Refuse a package that is not where pip needs it: at the top, or in the only folder there."""
    if not {root + SETUP, root + PYPROJECT}.isdisjoint(paths):
        return
    project_file = _choose_project_file(paths)
    if not project_file:
        message = "this is not a package: there is neither a setup.py nor a pyproject.toml"
        raise UsageError(message, hint=_HINT)
    depth = project_file.count("/")
    folders = sorted(
        {
            path.rpartition("/")[0]
            for path in paths
            if path.count("/") == depth and path.rpartition("/")[2] in {SETUP, PYPROJECT}
        }
    )
    raise nested_package_error(folders, "Deploy" if is_folder else "Pack")


def nested_package_error(folders: Sequence[str], verb: str) -> UsageError:
    """
    Build the error for packages in subfolders of the folder.

    Args:
        folders: The folders, with slashes.
        verb: What to do with one of them.

    Returns:
        The error.
    """
    if len(folders) == 1:
        message = f"the package is in the folder {folders[0]}"
        return UsageError(message, hint=f"{verb} that folder; nothing was sent")
    message = f"there are packages in the folders {', '.join(folders)}"
    return UsageError(message, hint=f"{verb} one of these folders; nothing was sent")


def _find_top_folder(paths: Sequence[str]) -> str:
    """Find the folder of all files, with a slash; pip needs the package there, or at the top."""
    folders = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return f"{folder}/" if len(folders) == 1 and (folder := folders.pop()) else ""


def is_same_version(version: str, other_version: str) -> bool:
    """Whether two versions are equal for pip, such as 1.0 and v1.0.0."""
    return _version_key(version) == _version_key(other_version)


def _version_key(text: str) -> object:
    match = _VERSION.fullmatch(text.strip().lower())
    if match is None:
        return text
    groups = match.groupdict()
    numbers = [_strip_zeros(number) for number in groups["release"].split(".")]
    release = re.sub(r"(?:\.0)+$", "", ".".join(numbers))
    tag = groups["pre"]
    pre = tag and (_PRE_RELEASE_TAGS.get(tag, tag), _strip_zeros(groups["prenumber"]))
    post = groups["implicit"] or (groups["post"] and (groups["postnumber"] or "0"))
    dev = groups["dev"] and _strip_zeros(groups["devnumber"])
    local = groups["local"] and re.split(r"[-_.]", groups["local"])
    return (_strip_zeros(groups["epoch"]), release, pre, post and _strip_zeros(post), dev, local)


def _strip_zeros(digits: str | None) -> str:
    """Normalize a number, which may have more digits than int() accepts; 0 if it is missing."""
    return (digits or "").lstrip("0") or "0"
