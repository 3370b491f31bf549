"""Uploads and downloads of files, and safe file names."""

from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from inspect import iscoroutinefunction
from pathlib import Path
from types import TracebackType
from typing import IO, TypeAlias, TypeGuard, cast

from docassemble_client._checks import CALLABLE, PATH, SIZE, check_arguments
from docassemble_client._concurrency import is_blocking, run_callback, to_thread, within_call
from docassemble_client.errors import DownloadTooLarge, UsageError
from docassemble_client.responses import BinaryContent

_Opened: TypeAlias = AbstractAsyncContextManager["DownloadStream"]

Content: TypeAlias = os.PathLike[str] | bytes | IO[bytes] | Iterator[bytes] | AsyncIterable[bytes]

Progress: TypeAlias = Callable[[int, int | None], object]
"""Called with (bytes transferred, total bytes or None)."""

_UNSENDABLE_CHARACTERS = r"[\x00-\x1f\x7f\ud800-\udfff]"
MAX_SIZE_DIGITS = 18


def is_binary_file(content: object) -> TypeGuard[IO[bytes]]:
    """Whether it is a file object with a synchronous `read`."""
    read = getattr(content, "read", None)
    return callable(read) and not iscoroutinefunction(read)


def _refuse_async_iterable(value: object) -> None:
    if isinstance(value, AsyncIterable):
        message = (
            "an async iterable cannot be sent without an event loop; pass an iterator of bytes"
        )
        raise TypeError(message)


def _get_offset(content: object) -> int | None:
    """Return the position of a file object, or None if it cannot seek."""
    seekable = getattr(content, "seekable", bool)
    try:
        return cast("IO[bytes]", content).tell() if seekable() else None
    except (OSError, ValueError):  # a closed file, which to_upload refuses
        return None


class Upload:
    """
    A file to send, with a name, a media type, a size or a progress callback.

    Attributes:
        content: A path, bytes, a binary file object, an iterator or async iterable of bytes. A file
            object is sent from its current position. An iterator or async iterable can be sent only
            once, so its request is never retried. Exceptions from reading the content are raised
            unchanged.
        filename: File name that the server receives; default: the last part of the path.
        content_type: Media type; by default guessed from the name.
        size: Number of bytes of an iterator or async iterable, or of a file object that cannot
            seek; None if unknown. All other sizes are determined automatically.
        on_progress: Function or coroutine function, called after each chunk with (bytes sent,
            total bytes or None). A retry starts again at 0.
        offset: Position from which a file object is sent; None if it cannot seek.
    """

    def __init__(
        self,
        content: Content | str,
        filename: str = "",
        content_type: str | None = None,
        *,
        size: int | None = None,
        on_progress: Progress | None = None,
        offset: int | None = None,
    ) -> None:
        """
        Describe a file; see the attributes.

        Raises:
            UsageError: `size` is not valid.
        """
        check_arguments(SIZE, optional=True, size=size)
        self.content = content
        self.filename = filename
        self.content_type = content_type
        self.size = size
        self.on_progress = on_progress
        self.offset = _get_offset(content) if offset is None else offset

    def __repr__(self) -> str:
        attributes = f"content_type={self.content_type!r}, size={self.size!r}"
        return f"Upload(filename={self.filename!r}, {attributes})"

    @property
    def is_repeatable(self) -> bool:
        """Whether the content can be sent a second time."""
        return isinstance(self.content, (bytes, os.PathLike)) or self.offset is not None


FileInput: TypeAlias = Content | str | Upload
"""
A file to send: a path, bytes, a binary file object, an iterator or async iterable of bytes, or an
`Upload`.
"""


def to_upload(value: object) -> Upload:
    """
    Convert a file argument to an upload.

    Raises:
        TypeError: The value is not of an accepted type.
        ValueError: The file does not exist, or a name cannot be sent.
    """
    upload = value if isinstance(value, Upload) else Upload(_check_content(value))
    content = _check_content(upload.content)
    name = upload.filename
    if isinstance(content, os.PathLike):
        path = Path(content)
        # Path.is_file raises an error that shows the name if the name is invalid.
        if not os.path.isfile(path):  # noqa: PTH113
            message = "there is no file at this path"
            raise ValueError(message)
        name = name or path.name
    elif not isinstance(content, bytes):
        file_name = getattr(content, "name", "")
        name = name or (Path(file_name).name if isinstance(file_name, str) else "")
    if re.search(_UNSENDABLE_CHARACTERS, name) or re.search(
        _UNSENDABLE_CHARACTERS, upload.content_type or ""
    ):
        message = "a file name or media type contains a character that cannot be sent"
        raise ValueError(message)
    return Upload(
        content,
        name or "upload",
        upload.content_type,
        size=upload.size,
        on_progress=upload.on_progress,
        offset=upload.offset,
    )


def _check_content(value: object) -> Content:
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, io.TextIOBase):
        message = "a file must be opened in binary mode, not in text mode"
        raise TypeError(message)
    if getattr(value, "closed", False) is True:
        message = "the file is closed"
        raise ValueError(message)
    if is_blocking():
        _refuse_async_iterable(value)
    if is_binary_file(value) or isinstance(value, (bytes, os.PathLike, AsyncIterable, Iterator)):
        return cast("Content", value)
    if hasattr(value, "read"):
        message = (
            "a file with an async read cannot be sent;"
            " pass the file object behind it, or an async iterator of its bytes"
        )
        raise TypeError(message)
    type_name = type(value).__name__
    message = f"a file must be a path, bytes, a binary file or an Upload, not {type_name}"
    raise TypeError(message)


class DownloadStream:
    """
    A file that is being received; iterate over it to get its chunks.

    Attributes:
        filename: Safe file name from the server; None if it sent none.
        content_type: Media type with its parameters; empty if the server sent none.
        size: Number of bytes to receive; None if unknown.
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
        request_number: int | None = None,
        release_slot: Callable[[], None] | None = None,
    ) -> None:
        from docassemble_client._filenames import parse_filename

        self.status = status
        self.filename: str | None = parse_filename(headers)
        self.content_type: str = headers.get("content-type", "")
        size = headers.get("content-length", "")
        is_number = size.isascii() and size.isdecimal() and len(size) <= MAX_SIZE_DIGITS
        self.size: int | None = int(size) if is_number else None
        self._chunks = chunks
        self._error_context = {"operation": operation, "method": method, "path": path}
        self._request_number = request_number
        self._release_slot = release_slot

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    def release_slot(self) -> None:
        """Let another request use the slot of this one (see `max_concurrency`)."""
        if self._release_slot is not None:
            self._release_slot()

    async def read(self, *, max_size: int | None = None) -> BinaryContent:
        """
        Read the rest into memory.

        Args:
            max_size: Maximum number of bytes; None for no limit.

        Returns:
            The content.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The download failed.
        """
        check_arguments(SIZE, optional=True, max_size=max_size)
        content = bytearray()
        self._check_size(self.size, max_size)
        async for chunk in self._chunks:
            self._check_size(len(content) + len(chunk), max_size)
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

        An existing file at `path` is replaced. In a folder, where the server chooses the name, no
        file is replaced: the new file gets a name such as `name (1).pdf`.

        Args:
            path: Path of the file, or an existing folder, which then gets a file with the server's
                name.
            max_size: Maximum number of bytes; None for no limit.
            on_progress: Function or coroutine function, called after each chunk with (bytes
                written, total bytes or None).

        Returns:
            The path of the file.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The download failed.
            OSError: The file cannot be written.
        """
        from docassemble_client._atomic_file import AtomicFileWriter

        check_arguments(PATH, path=path)
        check_arguments(SIZE, optional=True, max_size=max_size)
        check_arguments(CALLABLE, optional=True, on_progress=on_progress)
        written = 0
        self._check_size(self.size, max_size)
        with AtomicFileWriter(path, self.filename) as file:
            async for chunk in self._chunks:
                written += len(chunk)
                self._check_size(written, max_size)
                file.write(chunk)
                if on_progress:
                    with within_call():
                        await run_callback(on_progress, written, self.size)
            return await to_thread(file.commit)

    def _check_size(self, size: int | None, max_size: int | None) -> None:
        if max_size is not None and size is not None and size > max_size:
            message = f"the file is larger than {max_size} bytes"
            hint = "Increase max_size, or save the file to disk"
            error = DownloadTooLarge(message, hint=hint, max_size=max_size, **self._error_context)
            error.request_number = self._request_number
            raise error


class Download:
    """
    A file on the server that has not been requested yet.

    Await it (or call `read`) to get its content in memory. Call `save` to write it to disk. Enter
    it with `async with` to receive it chunk by chunk. Each use sends a new request.
    """

    def __init__(self, open_stream: Callable[[], _Opened]) -> None:
        self._open_stream = open_stream
        self._open_context: _Opened | None = None

    def __await__(self) -> Generator[object, None, BinaryContent]:
        return self.read().__await__()

    async def read(self, *, max_size: int | None = None) -> BinaryContent:
        """
        Read the file into memory.

        Args:
            max_size: Maximum number of bytes; None for no limit.

        Returns:
            The content.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The download failed.
        """
        async with self._open_stream() as stream:
            return await stream.read(max_size=max_size)

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        max_size: int | None = None,
        on_progress: Progress | None = None,
    ) -> Path:
        """
        Write the file to disk in chunks; it appears only when it is complete.

        An existing file at `path` is replaced. In a folder, where the server chooses the name, no
        file is replaced: the new file gets a name such as `name (1).pdf`.

        Args:
            path: Path of the file, or an existing folder, which then gets a file with the server's
                name.
            max_size: Maximum number of bytes; None for no limit.
            on_progress: Function or coroutine function, called after each chunk with (bytes
                written, total bytes or None).

        Returns:
            The path of the file.

        Raises:
            DownloadTooLarge: There are more than `max_size` bytes.
            DocassembleError: The download failed.
            OSError: The file cannot be written.
        """
        async with self._open_stream() as stream:
            return await stream.save(path, max_size=max_size, on_progress=on_progress)

    async def __aenter__(self) -> DownloadStream:
        if self._open_context is not None:
            message = "this download is already open; close it first, or create another download"
            raise UsageError(message)
        self._open_context = self._open_stream()
        try:
            stream = await self._open_context.__aenter__()
        except BaseException:
            self._open_context = None
            raise
        # The caller may make other calls while it reads, which must not wait for its own slot.
        stream.release_slot()
        return stream

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context, self._open_context = self._open_context, None
        if context is not None:
            await context.__aexit__(exc_type, exc, traceback)
