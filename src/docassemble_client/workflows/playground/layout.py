"""Where the files of a working tree belong in a Playground."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import frozen

from docassemble_client.errors import UsageError
from docassemble_client.workflows.packages.source_tree import scan
from docassemble_client.workflows.playground.filenames import stored_name
from docassemble_client.workflows.turns import pieces

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from docassemble_client.workflows.packages.source_tree import Tree

Folder: TypeAlias = Literal["sources", "static", "templates", "questions", "modules"]
Place: TypeAlias = tuple[Folder, str]
# In the order in which they are sent: what others use comes first, what restarts comes last.
FOLDERS: tuple[Folder, ...] = ("sources", "static", "templates", "questions", "modules")
MODULES: Folder = "modules"
_SILENT = {"README.md", "__init__.py"}  # every package has them, and no Playground
_LONGEST = 255  # characters of a name that file systems take
_HINT = (
    "Pass the folder of a docassemble package (with docassemble/Name/data), or one with folders"
    " as in the Playground: questions, templates, static, sources, modules"
)


@frozen(kw_only=True)
class Local:
    """
    The files of a working tree that belong in a Playground.

    Attributes:
        files: Their paths, by folder of the Playground and name on the server.
        renamed: Names on the server of those whose name it changes, by their path in the tree.
        left_out: What is in the folders but does not belong in the Playground.
    """

    files: Mapping[Place, Path]
    renamed: Mapping[str, str]
    left_out: tuple[str, ...]


def find_local(root: Path) -> Local:
    """
    Find the files of a working tree that belong in a Playground.

    Args:
        root: A package, with docassemble/Name/data/questions, templates, static and sources, and
            modules in docassemble/Name; or a folder with questions, templates, static, sources and
            modules, as the Playground has them.

    Returns:
        The files.

    Raises:
        UsageError: It is neither, or the server would store two files under one name, or cannot
            store one.
        OSError: A folder cannot be read.
    """
    if not root.is_dir():
        message = "there is no folder at the path given"
        raise UsageError(message, hint=_HINT)
    tree = scan(root)
    package = _package(tree)
    counts = set(tree.files)
    found: dict[Place, list[str]] = {}
    left_out: list[str] = []
    for path in (*tree.files, *tree.left_out):
        if not (path.startswith(package) if package else path.partition("/")[0] in FOLDERS):
            continue
        folder = _packaged(path[len(package) :]) if package else _plain(path)
        name = path.rpartition("/")[2]
        if path in counts and folder:
            found.setdefault((folder, stored_name(name)), []).append(path)
        elif name not in _SILENT:
            left_out.append(path)
    _check(found)
    return Local(
        files={place: tree.root / paths[0] for place, paths in found.items()},
        renamed={
            path: name for (_, name), (path, *_) in found.items() if path.rpartition("/")[2] != name
        },
        left_out=tuple(sorted(left_out)),
    )


def _package(tree: Tree) -> str:
    """Find the folder of the package, with a slash; empty if the tree is as a Playground."""
    parts = [path.split("/") for path in tree.files]
    for base in ([], ["src"]):
        depth = len(base) + 1
        names = {
            one[depth]
            for one in parts
            if len(one) > depth + 1 and one[:depth] == [*base, "docassemble"]
        }
        if len(names) > 1:
            message = "there are several packages in the folder docassemble"
            raise UsageError(message, hint="Keep each in a folder of its own")
        if names:
            return "/".join([*base, "docassemble", *names, ""])
    if not any(one[0] in FOLDERS and len(one) > 1 for one in parts):
        message = "the folder is neither a package nor as the Playground has it"
        raise UsageError(message, hint=_HINT)
    return ""


def _packaged(path: str) -> Folder | None:
    """Folder of the Playground for a file of a package, as the server unpacks it; None for none."""
    match path.split("/"):
        case ["data", folder, name] if folder in FOLDERS[:-1] and name not in _SILENT:
            return None if name.startswith(".") else folder
        case [name] if _is_module(name):
            return MODULES
        case _:
            return None


def _plain(path: str) -> Folder | None:
    match path.split("/"):
        case ["modules", name]:
            return MODULES if _is_module(name) else None
        case [folder, name] if folder in FOLDERS and not name.startswith("."):
            return folder
        case _:
            return None


def _is_module(name: str) -> bool:
    return name.endswith(".py") and name not in _SILENT


def _check(found: Mapping[Place, list[str]]) -> None:
    twice = [paths for paths in found.values() if len(paths) > 1]
    if twice:
        which = "; ".join(" and ".join(paths) for paths in twice)
        message = f"the server would store several files under one name: {which}"
        raise UsageError(
            message, hint="Rename them: it keeps ASCII letters, digits, _ . and - only"
        )
    bad = [path for (_, name), (path, *_) in found.items() if not name or len(name) > _LONGEST]
    if bad:
        message = f"the server cannot store a file under this name: {', '.join(bad)}"
        raise UsageError(message, hint="It takes up to 255 ASCII letters, digits, _ . and -")


def digests(paths: Iterable[Path]) -> Generator[None, None, list[str]]:
    """
    Compute what tells contents apart.

    Args:
        paths: Files.

    Yields:
        Nothing, after each piece.

    Returns:
        One text for each.

    Raises:
        OSError: A file cannot be read.
    """
    found: list[str] = []
    for path in paths:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for piece in pieces(file):
                digest.update(piece)
                yield
        found.append(digest.hexdigest())
    return found
