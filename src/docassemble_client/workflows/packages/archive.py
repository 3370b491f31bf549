"""Archives of packages: made from a folder, or checked as they are."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from attrs import frozen

from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload
from docassemble_client.workflows.packages.metadata import Metadata, read_metadata
from docassemble_client.workflows.packages.source_tree import scan
from docassemble_client.workflows.turns import pieces

if TYPE_CHECKING:
    import os
    from collections.abc import Generator

    from docassemble_client.workflows.packages.source_tree import Tree

_DAWN = datetime(1980, 1, 1)  # noqa: DTZ001 - the first moment an archive can say; it knows no zones
_MOMENTS = 2**29  # of two seconds each, some 34 years
_LARGEST = 1_048_576  # bytes of a file that describes a package


@frozen(kw_only=True)
class Archive:
    """
    An archive of a package, open.

    Attributes:
        metadata: What the package says of itself.
        upload: The archive, to be sent.
        size: Its bytes.
        left_out: What of the folder is not in it.
    """

    metadata: Metadata
    upload: Upload
    size: int
    left_out: tuple[str, ...] = ()


@contextmanager
def temporary() -> Generator[IO[bytes]]:
    """Make room for an archive on disk, which is gone afterwards."""
    with TemporaryFile(prefix="docassemble-", suffix=".zip") as file:
        yield file


def archive(source: str | os.PathLike[str], file: IO[bytes]) -> Generator[None, None, Archive]:
    """
    Make an archive of a package's folder, or take the one that there is.

    The same files always make the same bytes, wherever and whenever.

    Args:
        source: The folder, or a ZIP file.
        file: Where to write it; an archive that there is is copied here too, so that what is sent
            is what was checked.

    Yields:
        Nothing, after each piece.

    Returns:
        The archive.

    Raises:
        UsageError: There is no docassemble package.
        OSError: A file cannot be read.
    """
    path = Path(source)
    if path.is_dir():
        return (yield from _packed(scan(path), file))
    if not path.is_file():
        message = "there is no folder and no ZIP file at the path given"
        raise UsageError(message, hint="Pass the folder of a package, or its archive")
    with path.open("rb") as there:
        for piece in pieces(there):
            file.write(piece)
            yield
    return _checked(file, path.name)


def _packed(tree: Tree, file: IO[bytes]) -> Generator[None, None, Archive]:
    # The server takes the first setup.py it meets for that of the package, so the top comes first.
    paths = sorted(tree.files, key=lambda path: (path.count("/"), path))
    metadata = read_metadata(paths, lambda path: (tree.root / path).read_bytes())
    root = metadata.name.replace(".", "-", 1)
    with ZipFile(file, "w", ZIP_DEFLATED) as target:
        for path in paths:
            yield from _add(target, f"{root}/{path}", tree.root / path)
    return _finished(file, f"{root}.zip", metadata, tree.left_out)


def _add(target: ZipFile, name: str, source: Path) -> Generator[None]:
    moment = yield from _moment(source)
    info = ZipInfo(name, moment.timetuple()[:6])
    info.compress_type = ZIP_DEFLATED
    info.create_system = 3  # what the mode below is for
    info.external_attr = 0o644 << 16
    info.file_size = source.stat().st_size  # beyond 2 GiB the archive has another form
    with source.open("rb") as content, target.open(info, "w") as place:
        for piece in pieces(content):
            place.write(piece)
            yield


def _moment(source: Path) -> Generator[None, None, datetime]:
    """
    Derive the date of a file from its content.

    Servers unpack it with its date, and Python takes a module of the same date and size for the
    one it has compiled before: two contents must not have the same date.
    """
    checksum = 0
    with source.open("rb") as content:
        for piece in pieces(content):
            checksum = zlib.crc32(piece, checksum)
            yield
    return _DAWN + timedelta(seconds=2 * (checksum % _MOMENTS))


def _checked(file: IO[bytes], filename: str) -> Archive:
    try:
        with ZipFile(file) as there:
            paths = [one.filename for one in there.infolist() if not one.is_dir()]

            def read(path: str) -> bytes:
                with there.open(path) as content:
                    return content.read(_LARGEST)

            metadata = read_metadata(paths, read)
    except (BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError):
        message = "the archive cannot be read: it is damaged, encrypted or no ZIP file"
        raise UsageError(message, hint="Pass a ZIP file of a package, or its folder") from None
    return _finished(file, filename, metadata, ())


def _finished(
    file: IO[bytes], filename: str, metadata: Metadata, left_out: tuple[str, ...]
) -> Archive:
    size = file.seek(0, 2)
    file.seek(0)
    return Archive(metadata=metadata, upload=Upload(file, filename), size=size, left_out=left_out)
