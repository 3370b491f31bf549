"""Packs the folder of a package into a ZIP archive, or checks an existing archive."""

from __future__ import annotations

import lzma
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Self
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from attrs import field, frozen

from docassemble_client._long_work import read_chunks
from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload
from docassemble_client.workflows.packages.metadata import Metadata, read_metadata
from docassemble_client.workflows.packages.project_files import SETUP
from docassemble_client.workflows.packages.source_tree import scan_sources

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from docassemble_client.workflows.packages.source_tree import SourceTree

_FIRST_DATE = datetime(1980, 1, 1)  # noqa: DTZ001 - the first date of ZIP, which has no time zones
_DATE_COUNT = 2**29  # distinct dates, two seconds apart: about 34 years
_MAX_FILE_BYTES = 16_777_216  # of each file that is read to check the package
# What zipfile and its decoders raise for damaged archives; bz2 raises OSError.
_ARCHIVE_ERRORS = (
    BadZipFile,
    EOFError,
    LookupError,
    lzma.LZMAError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    struct.error,
    ValueError,
    zlib.error,
)


@frozen(kw_only=True)
class Archive:
    """
    An open archive of a package, in a temporary file that exists until it is closed.

    Attributes:
        file: The temporary file.
        metadata: Name and version of the package.
        upload: The archive as an upload.
        size: Size in bytes.
        ignored: Paths of the folder that are not in the archive.
    """

    file: IO[bytes] = field(repr=False)
    metadata: Metadata
    upload: Upload
    size: int
    ignored: tuple[str, ...] = ()

    def close(self) -> None:
        """Delete the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_archive(source: str | os.PathLike[str]) -> Generator[None, None, Archive]:
    """
    Pack the folder of a package, or copy and check an existing archive.

    The same files always result in the same bytes.

    Args:
        source: Folder of the package, or its ZIP file. An existing archive is copied, so that the
            checked bytes are sent even if the original changes.

    Yields:
        None, after each chunk.

    Returns:
        The archive; close it.

    Raises:
        UsageError: The source is not a docassemble package.
        OSError: A file cannot be read.
    """
    file: IO[bytes] = TemporaryFile(prefix="docassemble-", suffix=".zip")  # noqa: SIM115 - closed with the archive
    try:
        return (yield from _write_archive(Path(source), file))
    except BaseException:
        file.close()
        raise


def _write_archive(path: Path, file: IO[bytes]) -> Generator[None, None, Archive]:
    if path.is_dir():
        return (yield from _pack_tree(scan_sources(path), file))
    if not path.is_file():
        message = "there is no folder or ZIP file at this path"
        raise UsageError(message, hint="Pass the folder of a package, or its archive")
    with path.open("rb") as source_file:
        for chunk in read_chunks(source_file):
            file.write(chunk)
            yield
    return _check_archive(file, path.name)


def _pack_tree(tree: SourceTree, file: IO[bytes]) -> Generator[None, None, Archive]:
    # The server uses the first setup.py in the archive, so the top level comes first.
    paths = sorted(tree.files, key=lambda path: (path.count("/"), path))
    metadata = read_metadata(paths, lambda path: (tree.root / path).read_bytes(), is_folder=True)
    root = metadata.name.replace(".", "-", 1)
    with ZipFile(file, "w", ZIP_DEFLATED) as zip_file:
        for path in paths:
            suffix = _make_name_line(metadata) if path == SETUP else b""
            yield from _add_file(zip_file, f"{root}/{path}", tree.root / path, suffix)
    return _finish_archive(file, f"{root}.zip", metadata, tree.ignored)


def _make_name_line(metadata: Metadata) -> bytes:
    """Return a line for the end of setup.py from which the server can read the name, if needed."""
    return f"\nNAME = '{metadata.name}'\n".encode() if metadata.needs_name_line else b""


def _add_file(zip_file: ZipFile, name: str, source: Path, suffix: bytes) -> Generator[None]:
    date = yield from _derive_date(source)
    info = ZipInfo(name, date.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    info.create_system = 3  # Unix, so that the mode below applies
    info.external_attr = 0o644 << 16
    info.file_size = source.stat().st_size  # selects ZIP64 above 2 GiB
    with source.open("rb") as content, zip_file.open(info, "w") as member:
        for chunk in read_chunks(content):
            member.write(chunk)
            yield
        member.write(suffix)


def _derive_date(source: Path) -> Generator[None, None, datetime]:
    """
    Derive the date of a file from its content.

    The server keeps this date. Python reuses the compiled module if date and size are the same,
    so different contents need different dates.
    """
    checksum = 0
    with source.open("rb") as content:
        for chunk in read_chunks(content):
            checksum = zlib.crc32(chunk, checksum)
            yield
    return _FIRST_DATE + timedelta(seconds=2 * (checksum % _DATE_COUNT))


def _check_archive(file: IO[bytes], filename: str) -> Archive:
    try:
        with ZipFile(file) as zip_file:
            paths = [info.filename for info in zip_file.infolist() if not info.is_dir()]

            def read(path: str) -> bytes:
                with zip_file.open(path) as content:
                    return content.read(_MAX_FILE_BYTES)

            metadata = read_metadata(paths, read)
    except UsageError:
        raise
    except _ARCHIVE_ERRORS:
        message = "the archive cannot be read: it is damaged, encrypted or not a ZIP file"
        raise UsageError(message, hint="Pass a ZIP file of a package, or its folder") from None
    return _finish_archive(file, filename, metadata, ())


def _finish_archive(
    file: IO[bytes], filename: str, metadata: Metadata, ignored: tuple[str, ...]
) -> Archive:
    size = file.seek(0, 2)
    file.seek(0)
    return Archive(
        file=file, metadata=metadata, upload=Upload(file, filename), size=size, ignored=ignored
    )
