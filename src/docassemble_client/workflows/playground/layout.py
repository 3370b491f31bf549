"""Maps the files of a working tree to the folders of a Playground, and computes their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import frozen

from docassemble_client._long_work import read_chunks
from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.metadata import nested_package_error
from docassemble_client.workflows.packages.module_checks import check_encoding
from docassemble_client.workflows.packages.source_tree import scan_sources
from docassemble_client.workflows.playground.filenames import predict_stored_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from docassemble_client.workflows.packages.source_tree import SourceTree

Folder: TypeAlias = Literal["sources", "static", "templates", "questions", "modules"]
RemotePath: TypeAlias = tuple[Folder, str]
# In the order of sending: files that others use come first, modules (with the restart) last.
FOLDERS: tuple[Folder, ...] = ("sources", "static", "templates", "questions", "modules")
MODULES: Folder = "modules"
_PACKAGE_ONLY_FILES = {"README.md", "__init__.py"}  # in every package, but not in a Playground
MAX_NAME_LENGTH = 255  # characters; the limit of file systems
_HINT = (
    "Pass the folder of a docassemble package (with docassemble/Name/data), or one with the folders"
    " of the Playground: questions, templates, static, sources, modules"
)


@frozen(kw_only=True)
class LocalFiles:
    """
    The files of a working tree that belong in a Playground.

    Attributes:
        files: Their paths by Playground folder and name on the server.
        renamed: Names that the server changes, by path in the tree.
        ignored: Paths in the folders that do not belong in the Playground.
    """

    files: Mapping[RemotePath, Path]
    renamed: Mapping[str, str]
    ignored: tuple[str, ...]


def find_local_files(root: Path) -> LocalFiles:
    """
    Find the files of a working tree that belong in a Playground.

    Args:
        root: Folder of a package, with docassemble/Name/data/questions, templates, static and
            sources, and modules in docassemble/Name; or a folder with the folders of the
            Playground: questions, templates, static, sources and modules.

    Returns:
        The files.

    Raises:
        UsageError: It is neither of these, the server would store several files under one name, it
            cannot store a name, or a module would keep it from starting.
        OSError: A folder cannot be read.
    """
    if not root.is_dir():
        message = "there is no folder at this path"
        raise UsageError(message, hint=_HINT)
    tree = scan_sources(root)
    package = _find_package(tree)
    included = set(tree.files)
    local_paths: dict[RemotePath, list[str]] = {}
    ignored: list[str] = []
    for path in (*tree.files, *tree.ignored):
        if not (path.startswith(package) if package else path.partition("/")[0] in FOLDERS):
            continue
        folder = (
            _package_file_folder(path[len(package) :]) if package else _playground_file_folder(path)
        )
        name = path.rpartition("/")[2]
        if path in included and folder:
            local_paths.setdefault((folder, predict_stored_name(name)), []).append(path)
        elif name not in _PACKAGE_ONLY_FILES:
            ignored.append(path)
    _check_names(local_paths)
    check_encoding(
        (path, (tree.root / path).read_bytes())
        for (folder, _), (path, *_) in local_paths.items()
        if folder == MODULES
    )
    return LocalFiles(
        files={key: tree.root / paths[0] for key, paths in local_paths.items()},
        renamed={
            path: name
            for (_, name), (path, *_) in local_paths.items()
            if path.rpartition("/")[2] != name
        },
        ignored=tuple(sorted(ignored)),
    )


def _find_package(tree: SourceTree) -> str:
    """Find the package's folder, with a slash at the end; empty for a Playground layout."""
    paths = [path.split("/") for path in tree.files]
    for base in ([], ["src"]):
        depth = len(base) + 1
        names = {
            path[depth]
            for path in paths
            if len(path) > depth + 1 and path[:depth] == [*base, "docassemble"]
        }
        if len(names) > 1:
            message = "there are several packages in the folder docassemble"
            raise UsageError(message, hint="Put each package in its own folder")
        if names:
            return "/".join([*base, "docassemble", *names, ""])
    if not any(path[0] in FOLDERS and len(path) > 1 for path in paths):
        nested = {
            folder for folder, *rest in (path.split("/docassemble/") for path in tree.files) if rest
        }
        if nested:
            raise nested_package_error(sorted(nested), "Pass")
        message = "the folder is neither a package nor laid out as a Playground"
        raise UsageError(message, hint=_HINT)
    return ""


def _package_file_folder(path: str) -> Folder | None:
    """Return the folder into which the server unpacks a file of a package, if any."""
    match path.split("/"):
        case ["data", folder, name] if folder in FOLDERS[:-1] and name not in _PACKAGE_ONLY_FILES:
            return None if name.startswith(".") else folder
        case [name] if _is_module(name):
            return MODULES
        case _:
            return None


def _playground_file_folder(path: str) -> Folder | None:
    match path.split("/"):
        case ["modules", name]:
            return MODULES if _is_module(name) else None
        case [folder, name] if folder in FOLDERS and not name.startswith("."):
            return folder
        case _:
            return None


def _is_module(name: str) -> bool:
    return name.endswith(".py") and name not in _PACKAGE_ONLY_FILES


def _check_names(local_paths: Mapping[RemotePath, list[str]]) -> None:
    collisions = [paths for paths in local_paths.values() if len(paths) > 1]
    if collisions:
        names = "; ".join(" and ".join(paths) for paths in collisions)
        message = f"the server would store several files under one name: {names}"
        raise UsageError(
            message, hint="Rename them: the server keeps only ASCII letters, digits, _ . and -"
        )
    invalid = [
        path
        for (_, name), (path, *_) in local_paths.items()
        if not name or len(name) > MAX_NAME_LENGTH
    ]
    if invalid:
        message = f"the server cannot store files with these names: {', '.join(invalid)}"
        raise UsageError(message, hint="Use up to 255 ASCII letters, digits, _ . and -")


def compute_digests(paths: Iterable[Path]) -> Generator[None, None, list[str]]:
    """
    Compute the SHA-256 digests of files.

    Args:
        paths: Paths of the files.

    Yields:
        None, after each chunk.

    Returns:
        One hexadecimal digest per file, in order.

    Raises:
        OSError: A file cannot be read.
    """
    digests: list[str] = []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for chunk in read_chunks(file):
                digest.update(chunk)
                yield
        digests.append(digest.hexdigest())
    return digests
