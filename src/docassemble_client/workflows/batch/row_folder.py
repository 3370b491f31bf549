"""Folders for the documents of rows, under safe and unique names."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from docassemble_client._atomic_file import is_partial_file, sync_folder
from docassemble_client._filenames import sanitize_filename

if TYPE_CHECKING:
    from pathlib import Path

_MAX_NAME_LENGTH = 64
_SAFE_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,63}", re.ASCII)


def make_folder_path(parent: Path, key: str) -> Path:
    """Make an absolute path that is unique for the key, also on case-insensitive file systems."""
    name = sanitize_filename(key) or "row"
    if name != key or not _SAFE_NAME.fullmatch(key):
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
        name = f"{name[:_MAX_NAME_LENGTH]}-{digest[:10]}"
    return parent.absolute() / name


def create_folder(folder: Path) -> None:
    """
    Create a folder and its parents, and wait until their names are on the disk.

    Raises:
        OSError: A folder cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def list_documents(folder: Path) -> tuple[Path, ...]:
    """List the files of a folder, without those that were never completed."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if not is_partial_file(path)))
