"""Writes generated files, or compares them with those on disk."""

from __future__ import annotations

import difflib
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MARKER = "@generated"
# How many lines from the first may have it: Markdown begins with a heading or metadata.
_MARKED_LINES = {".py": 1, ".json": 1, ".md": 3, ".txt": 3}
_FIX_COMMAND = "python -m codegen"


def find_generated_files(root: Path, folders: tuple[str, ...]) -> set[str]:
    """Find the files in these folders whose first lines mark them as generated."""
    names: set[str] = set()
    for folder in folders:
        for path in (root / folder).rglob("*"):
            if path.suffix in _MARKED_LINES and path.is_file():
                with path.open(encoding="utf-8", errors="replace") as file:
                    if any(MARKER in line for line in islice(file, _MARKED_LINES[path.suffix])):
                        names.add(path.relative_to(root).as_posix())
    return names


def write(root: Path, files: dict[str, str], folders: tuple[str, ...]) -> list[str]:
    """Update the generated files; return a line for each change."""
    changes: list[str] = []
    for name, text in files.items():
        path = root / name
        data = text.encode()
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            changes.append(f"wrote {name}")
    for name in sorted(find_generated_files(root, folders) - files.keys()):
        (root / name).unlink()
        changes.append(f"removed {name}")
    return changes


def compare(root: Path, files: dict[str, str], folders: tuple[str, ...]) -> list[str]:
    """Compare the generated files with those on disk, byte for byte."""
    problems: list[str] = []
    for name, text in files.items():
        path = root / name
        if not path.exists():
            problems.append(f"{name} is missing; to fix it, run: {_FIX_COMMAND}")
            continue
        actual = path.read_bytes()
        if actual != text.encode():
            diff = difflib.unified_diff(
                actual.decode(errors="replace").splitlines(),
                text.splitlines(),
                f"{name} (on disk)",
                f"{name} (generated)",
                lineterm="",
            )
            problems.append("\n".join([f"{name} differs; to fix it, run: {_FIX_COMMAND}", *diff]))
    problems += [
        f"{name} is no longer generated; to remove it, run: {_FIX_COMMAND}"
        for name in sorted(find_generated_files(root, folders) - files.keys())
    ]
    return problems
