"""Downloads the files of a project to a folder on disk."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client._checks import CALLABLE, FLAG, PATH, SECONDS, check_arguments
from docassemble_client._concurrency import Callback, make_task_group, time_limit, to_thread
from docassemble_client._core.retry import retry_until_available
from docassemble_client._filenames import is_device_name
from docassemble_client.errors import NotFound, TaskTimeout, UsageError
from docassemble_client.workflows.playground.filenames import predict_lookup_name
from docassemble_client.workflows.playground.layout import FOLDERS, MAX_NAME_LENGTH
from docassemble_client.workflows.playground.remote_files import list_remote_files

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from docassemble_client._base_client import BaseClient
    from docassemble_client.workflows.playground.layout import RemotePath

_MAX_CONCURRENT_DOWNLOADS = 4
_MAX_SHOWN_FILES = 5
_IGNORES_CASE = sys.platform in {"win32", "darwin"}  # in names of files


@frozen(kw_only=True)
class ProjectFile:
    """
    A file of a project that was downloaded.

    Attributes:
        folder: Folder of the Playground.
        name: Name of the file.
        path: Path on disk.
        size: Number of bytes.
    """

    folder: str
    name: str
    path: Path
    size: int

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"


@frozen(kw_only=True)
class ProjectDownload:
    """
    The files of a project that were downloaded.

    Attributes:
        files: The files, by folder and name.
        skipped: Files that were not downloaded, such as `static/größe.css`: the API cannot read
            a file of this name, or no file on disk can have it.
    """

    files: tuple[ProjectFile, ...]
    skipped: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of bytes of all files."""
        return sum(file.size for file in self.files)

    def __str__(self) -> str:
        counts = Counter(file.folder for file in self.files)
        folders = ", ".join(f"{folder} {counts[folder]}" for folder in reversed(FOLDERS))
        text = f"{folders}: {len(self.files)} files, {format_size(self.size)}"
        return f"{text}; {len(self.skipped)} skipped" if self.skipped else text


def format_size(size: int) -> str:
    """Format a number of bytes, such as 4.1 MB."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004 - the next unit begins there
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


async def download_project(
    client: BaseClient,
    folder: str | os.PathLike[str],
    *,
    project: str,
    user_id: int | None,
    overwrite: bool,
    timeout: float | None,
    on_file: Callable[[ProjectFile], object] | None,
) -> ProjectDownload:
    """Download the files of a project."""
    check_arguments(PATH, folder=folder)
    check_arguments(FLAG, overwrite=overwrite)
    check_arguments(SECONDS, optional=True, timeout=timeout)
    check_arguments(CALLABLE, optional=True, on_file=on_file)
    downloader = _ProjectDownloader(
        client, Path(folder), project=project, user_id=user_id, on_file=on_file
    )

    def make_error() -> TaskTimeout:
        message = f"the project was not downloaded within {timeout} s"
        hint = "Download it again with overwrite=True: the files on disk are complete"
        return TaskTimeout(message, operation="playground.download_file", hint=hint)

    async with time_limit(timeout, make_error):
        return await downloader.run(overwrite=overwrite)


class _ProjectDownloader:
    def __init__(
        self,
        client: BaseClient,
        root: Path,
        *,
        project: str,
        user_id: int | None,
        on_file: Callable[[ProjectFile], object] | None,
    ) -> None:
        self.client = client
        self.root = root
        self.project = project
        self.user_id = user_id
        self.on_file = Callback(on_file)
        self.files: list[ProjectFile] = []

    async def run(self, *, overwrite: bool) -> ProjectDownload:
        listed = await list_remote_files(self.client, project=self.project, user_id=self.user_id)
        paths = select_paths(listed)
        await to_thread(self._make_folders, paths, overwrite=overwrite)
        pending = iter(paths)
        try:
            async with make_task_group() as group:
                for _ in range(min(_MAX_CONCURRENT_DOWNLOADS, len(paths))):
                    group.create_task(self._download_pending(pending))
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        positions = {path: position for position, path in enumerate(paths)}
        skipped = set(listed) - positions.keys()
        return ProjectDownload(
            files=tuple(
                sorted(self.files, key=lambda file: (FOLDERS.index(file.folder), file.name))
            ),
            skipped=tuple(_make_printable("/".join(path)) for path in sorted(skipped)),
        )

    def _make_folders(self, paths: list[RemotePath], *, overwrite: bool) -> None:
        """Create the folders, unless a file would be replaced that may not."""
        targets = {path: self._get_target(path) for path in paths}
        existing = [
            "/".join(path)
            for path, target in targets.items()
            if target.is_dir() or (target.exists() and not overwrite)
        ]
        if existing:
            more = f" and {len(existing) - _MAX_SHOWN_FILES} more"
            names = ", ".join(existing[:_MAX_SHOWN_FILES])
            names += more if len(existing) > _MAX_SHOWN_FILES else ""
            message = f"the folder already has {names}"
            raise UsageError(message, hint="Pass another folder, or overwrite=True")
        for target in targets.values():
            target.parent.mkdir(parents=True, exist_ok=True)

    def _get_target(self, path: RemotePath) -> Path:
        return self.root.joinpath(*path)

    async def _download_pending(self, pending: Iterator[RemotePath]) -> None:
        for path in pending:
            folder, name = path
            download = self.client.playground.download_file(
                name, folder=folder, project=self.project, user_id=self.user_id
            )
            try:
                target = await retry_until_available(partial(download.save, self._get_target(path)))
            except NotFound:  # deleted in the meantime
                continue
            file = ProjectFile(folder=folder, name=name, path=target, size=target.stat().st_size)
            self.files.append(file)
            await self.on_file(file)


def _make_printable(text: str) -> str:
    """Replace control characters in a name from the server, as a report may be printed."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def select_paths(listed: Iterable[RemotePath]) -> list[RemotePath]:
    """
    Select the files that can be downloaded under their own name.

    Names come from the server. The API reads a file only if its name has nothing but ASCII letters,
    digits and `_. -`; such a name cannot leave its folder.

    Args:
        listed: Folders and names of the files.

    Returns:
        Those that can be downloaded, sorted.
    """
    selected: dict[RemotePath, RemotePath] = {}
    for folder, name in sorted(listed):
        is_readable = bool(name) and predict_lookup_name(name) == name
        if is_readable and len(name) <= MAX_NAME_LENGTH and not is_device_name(name):
            key = (folder, name.casefold() if _IGNORES_CASE else name)
            selected.setdefault(key, (folder, name))
    return list(selected.values())
