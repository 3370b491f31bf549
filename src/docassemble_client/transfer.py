"""Files on their way up and down."""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterable, Callable
from email.message import Message
from inspect import iscoroutinefunction
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, TypeAlias, TypeGuard, cast

from attrs import Factory, evolve, field, frozen, validators

from docassemble_client._atomic_file import Saving
from docassemble_client.errors import DownloadTooLarge, UsageError
from docassemble_client.responses import BinaryContent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    _Opened: TypeAlias = AbstractAsyncContextManager["DownloadStream"]

Progress: TypeAlias = Callable[[int, int | None], object]
"""Is told the bytes done and the bytes expected, None if unknown."""

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


def is_file(content: object) -> TypeGuard[IO[bytes]]:
    """Whether it is a file object, read without `await`."""
    read = getattr(content, "read", None)
    return callable(read) and not iscoroutinefunction(read)


def _standing(upload: Upload) -> int | None:
    """Where a file object stands, if it can come back to it."""
    seekable = getattr(upload.content, "seekable", bool)
    try:
        return cast("IO[bytes]", upload.content).tell() if seekable() else None
    except (OSError, ValueError):  # a closed one, which as_upload refuses
        return None


@frozen
class Upload:
    """
    A file to send, where more than the file must be given.

    Attributes:
        content: A path; the bytes; a binary file object, sent from where it stands; or an async
            iterable of bytes, which can be sent only once: a request with it is never repeated.
            What reading them raises while they are sent comes out of the call as it is.
        filename: Name the server sees; for a path its last part by default.
        content_type: Media type; guessed from the name by default.
        size: Bytes that an async iterable, or a file object that cannot seek, will bring; None if
            unknown. All others know it themselves.
        on_progress: Called after each piece with the bytes sent and the bytes to send (None if
            unknown); if the request is repeated, they begin again.
        start: Where a file object is sent from; None if it cannot seek.
    """

    content: os.PathLike[str] | bytes | IO[bytes] | AsyncIterable[bytes] = field(repr=False)
    filename: str = ""
    content_type: str | None = None
    size: int | None = field(
        default=None,
        kw_only=True,
        validator=validators.optional([validators.instance_of(int), validators.ge(0)]),
    )
    on_progress: Progress | None = field(default=None, kw_only=True, repr=False)
    start: int | None = field(default=Factory(_standing, takes_self=True), kw_only=True, repr=False)

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent a second time."""
        return isinstance(self.content, (bytes, os.PathLike)) or self.start is not None


FileInput: TypeAlias = str | os.PathLike[str] | bytes | IO[bytes] | AsyncIterable[bytes] | Upload
"""
A file to send: a path, bytes, a binary file object, an async iterable of bytes, or an `Upload`.
"""


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
    return evolve(upload, content=content, filename=name or "upload")


def _content(value: object) -> os.PathLike[str] | bytes | IO[bytes] | AsyncIterable[bytes]:
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, io.TextIOBase):
        message = "a file must be opened in binary mode, not in text mode"
        raise TypeError(message)
    if getattr(value, "closed", False) is True:
        message = "the file is closed"
        raise ValueError(message)
    if is_file(value) or isinstance(value, (bytes, os.PathLike, AsyncIterable)):
        return cast("os.PathLike[str] | bytes | IO[bytes] | AsyncIterable[bytes]", value)
    if hasattr(value, "read"):
        message = (
            "a file with an async read cannot be sent;"
            " pass the file object behind it, or an async iterator of its bytes"
        )
        raise TypeError(message)
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
        self,
        status: int,
        headers: Mapping[str, str],
        chunks: AsyncIterator[bytes],
        *,
        operation: str = "",
        method: str = "",
        path: str = "",
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
        self._where = {"operation": operation, "method": method, "path": path}

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def read(self, *, max_size: int | None = None) -> BinaryContent:
        """
        Read the rest into memory.

        Args:
            max_size: How many bytes to take at most; None for any number.

        Returns:
            The content.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The file broke off.
        """
        content = bytearray()
        self._check(self.size, max_size)
        async for chunk in self._chunks:
            self._check(len(content) + len(chunk), max_size)
            content += chunk
        return BinaryContent(
            content=bytes(content),
            content_type=self.content_type,
            filename=self.filename,
            status=self.status,
        )

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        max_size: int | None = None,
        on_progress: Progress | None = None,
    ) -> Path:
        """
        Write the rest to a file, which appears only when it is complete.

        A file that has the path already is replaced; in a folder, where the server chooses the
        name, none is: the new file is then called such as `name (1).pdf`.

        Args:
            path: The file, or an existing folder, which then gets a file of the server's name.
            max_size: How many bytes to take at most; None for any number.
            on_progress: Called after each chunk with the bytes written and the bytes expected
                (None if unknown).

        Returns:
            The path of the file.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The file broke off.
            OSError: The file cannot be written.
        """
        done = 0
        self._check(self.size, max_size)
        with Saving(path, self.filename) as file:
            async for chunk in self._chunks:
                done += len(chunk)
                self._check(done, max_size)
                file.write(chunk)
                if on_progress:
                    on_progress(done, self.size)
            return file.finish()

    def _check(self, size: int | None, max_size: int | None) -> None:
        if max_size is not None and size is not None and size > max_size:
            message = f"the file is larger than {max_size} bytes"
            hint = "Allow more with max_size=, or save it to disk"
            raise DownloadTooLarge(message, hint=hint, max_size=max_size, **self._where)


class Download:
    """
    A file on the server, not yet asked for.

    Await it (or call `read`) to get its content in memory, call `save` to write it to disk, or
    enter it with `async with` to receive it chunk by chunk. Each use asks the server anew.
    """

    def __init__(self, open_stream: Callable[[], _Opened]) -> None:
        self._open = open_stream
        self._entered: _Opened | None = None

    def __await__(self) -> Generator[object, None, BinaryContent]:
        return self.read().__await__()

    async def read(self, *, max_size: int | None = None) -> BinaryContent:
        """
        Read the file into memory.

        Args:
            max_size: How many bytes to take at most; None for any number.

        Returns:
            The content.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The file could not be had, or broke off.
        """
        async with self._open() as stream:
            return await stream.read(max_size=max_size)

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        max_size: int | None = None,
        on_progress: Progress | None = None,
    ) -> Path:
        """
        Write the file to disk without holding it in memory; it appears only when it is complete.

        A file that has the path already is replaced; in a folder, where the server chooses the
        name, none is: the new file is then called such as `name (1).pdf`.

        Args:
            path: The file, or an existing folder, which then gets a file of the server's name.
            max_size: How many bytes to take at most; None for any number.
            on_progress: Called after each chunk with the bytes written and the bytes expected
                (None if unknown).

        Returns:
            The path of the file.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The file could not be had, or broke off.
            OSError: The file cannot be written.
        """
        async with self._open() as stream:
            return await stream.save(path, max_size=max_size, on_progress=on_progress)

    async def __aenter__(self) -> DownloadStream:
        if self._entered is not None:
            message = "this download is open already; make another one, or leave it first"
            raise UsageError(message)
        self._entered = self._open()
        try:
            return await self._entered.__aenter__()
        except BaseException:
            self._entered = None
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        entered, self._entered = self._entered, None
        if entered is not None:
            await entered.__aexit__(kind, error, traceback)
