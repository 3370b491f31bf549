"""Files on their way up and down."""

from __future__ import annotations

import io
import os
import re
from email.message import Message
from inspect import iscoroutinefunction
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from attrs import field, frozen

from docassemble_client._types import BinaryContent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    Progress: TypeAlias = Callable[[int, int | None], object]
    _Opened: TypeAlias = AbstractAsyncContextManager["DownloadStream"]

# Control characters, those that turn the direction of writing, and halves of surrogate pairs.
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')  # on Windows
# Windows gives these names to devices, whatever follows the first dot.
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{name}{n}" for name in ("COM", "LPT") for n in "123456789¹²³"}
)
_LONGEST_NAME = 200  # bytes; file systems take 255
_LONGEST_SIZE = 18  # digits


@frozen
class Upload:
    """
    A file to send, where its name or media type must be given.

    Attributes:
        content: A path, the bytes, or a binary file object, sent from its start.
        filename: Name the server sees; for a path its last part by default.
        content_type: Media type; guessed from the name by default.
    """

    content: os.PathLike[str] | bytes | IO[bytes] = field(repr=False)
    filename: str = ""
    content_type: str | None = None


FileInput: TypeAlias = str | os.PathLike[str] | bytes | IO[bytes] | Upload
"""A file to send: a path, bytes, a binary file object, or an `Upload` that also names it."""


def as_upload(value: object) -> Upload:
    """
    Make an upload of what a caller passed.

    Raises:
        TypeError: It is none of the accepted types.
        ValueError: The file does not exist, or a name cannot be sent.
    """
    upload = value if isinstance(value, Upload) else Upload(_content(value))
    content = _content(upload.content)
    name = upload.filename
    if isinstance(content, os.PathLike):
        path = Path(content)
        # Path.is_file raises on a name no file can have, and shows it.
        if not os.path.isfile(path):  # noqa: PTH113
            message = "there is no file at the path given"
            raise ValueError(message)
        name = name or path.name
    elif not isinstance(content, bytes):
        own = getattr(content, "name", "")
        name = name or (Path(own).name if isinstance(own, str) else "")
    if _UNSENDABLE.search(name) or _UNSENDABLE.search(upload.content_type or ""):
        message = "a file name or media type holds a character that cannot be sent"
        raise ValueError(message)
    return Upload(content, name or "upload", upload.content_type)


def _content(value: object) -> os.PathLike[str] | bytes | IO[bytes]:
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, io.TextIOBase):
        message = "a file must be opened in binary mode, not in text mode"
        raise TypeError(message)
    read = getattr(value, "read", None)
    if iscoroutinefunction(read):
        message = "a file with an async read cannot be sent; pass the file object behind it"
        raise TypeError(message)
    if getattr(value, "closed", False) is True:
        message = "the file is closed"
        raise ValueError(message)
    if callable(read) or isinstance(value, (bytes, os.PathLike)):
        return cast("os.PathLike[str] | bytes | IO[bytes]", value)
    kind = type(value).__name__
    message = f"a file must be a path, bytes, a binary file or an Upload, not {kind}"
    raise TypeError(message)


def safe_filename(name: str | None) -> str | None:
    """
    Make a file name of what a server said, whatever it said.

    Args:
        name: The name, possibly with folders, control characters or a device's name.

    Returns:
        A name that stays in the folder it is saved to, or None if nothing is left of it.
    """
    if not name:
        return None
    name = PurePosixPath(_HIDDEN.sub("", name).replace("\\", "/")).name
    # Without dots before it, so that nothing becomes a hidden file such as .bashrc.
    name = _FORBIDDEN.sub("_", name).strip(" .")
    if name.partition(".")[0].rstrip().upper() in _DEVICES:
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    room = _LONGEST_NAME - len(f".{extension}".encode())
    if dot and room > 0:
        return f"{_cut(stem, room)}.{extension}"
    return _cut(name, _LONGEST_NAME).rstrip(" .") or None


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def filename_of(headers: Mapping[str, str]) -> str | None:
    """File name in the Content-Disposition header, made safe."""
    header = Message()
    header["content-disposition"] = _HIDDEN.sub("", headers.get("content-disposition", ""))
    try:
        return safe_filename(header.get_filename())
    except ValueError:  # a charset that exists but cannot decode this
        return None


class DownloadStream:
    """
    A file while it is being received; iterate over it for its chunks.

    Attributes:
        filename: Name the server gave, made safe; None if it gave none.
        content_type: Media type with its parameters, empty if the server named none.
        size: Bytes to come; None if the server did not say.
        status: HTTP status.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]
    ) -> None:
        self.status = status
        self.filename = filename_of(headers)
        self.content_type = headers.get("content-type", "")
        size = headers.get("content-length", "")
        # Of compressed content the length says nothing about the bytes that come out.
        digits = size.isascii() and size.isdecimal() and len(size) <= _LONGEST_SIZE
        known = digits and "content-encoding" not in headers
        self.size = int(size) if known else None
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def read(self) -> BinaryContent:
        """
        Read the rest into memory.

        Returns:
            The content.
        """
        content = b"".join([chunk async for chunk in self._chunks])
        return BinaryContent(
            content=content,
            content_type=self.content_type,
            filename=self.filename,
            status=self.status,
        )

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        on_progress: Progress | None = None,
    ) -> Path:
        """
        Write the rest to a file, which appears only when it is complete.

        Args:
            path: The file, or an existing folder, which then gets a file of the server's name.
            on_progress: Called after each chunk with the bytes written and the bytes expected
                (None if unknown).

        Returns:
            The path of the file.
        """
        target = Path(path)
        if target.is_dir():
            target /= self.filename or "download"
        partial = target.with_name(f".{os.urandom(8).hex()}.part")
        done = 0
        try:
            with partial.open("xb") as file:
                async for chunk in self._chunks:
                    file.write(chunk)
                    done += len(chunk)
                    if on_progress:
                        on_progress(done, self.size)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target


class Download:
    """
    A file on the server, not yet asked for.

    Await it to get its content in memory, call `save` to write it to disk, or enter it with
    `async with` to receive it chunk by chunk.
    """

    def __init__(self, open_stream: Callable[[], _Opened]) -> None:
        self._open = open_stream
        self._entered: _Opened | None = None

    def __await__(self) -> Generator[object, None, BinaryContent]:
        return self._read().__await__()

    async def _read(self) -> BinaryContent:
        async with self._open() as stream:
            return await stream.read()

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        on_progress: Progress | None = None,
    ) -> Path:
        """
        Write the file to disk without holding it in memory.

        Args:
            path: The file, or an existing folder, which then gets a file of the server's name.
            on_progress: Called after each chunk with the bytes written and the bytes expected
                (None if unknown).

        Returns:
            The path of the file.
        """
        async with self._open() as stream:
            return await stream.save(path, on_progress=on_progress)

    async def __aenter__(self) -> DownloadStream:
        self._entered = self._open()
        return await self._entered.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered, self._entered = self._entered, None
        if entered is not None:
            await entered.__aexit__(kind, error, traceback)
