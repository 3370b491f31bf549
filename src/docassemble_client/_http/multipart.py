"""Multipart bodies, produced in chunks so that no file is held in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing, nullcontext
from io import SEEK_END, UnsupportedOperation
from mimetypes import guess_type
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from docassemble_client._concurrency import run_callback
from docassemble_client._http.adapter import FileChangedError, FileReadError
from docassemble_client.transfer import Upload, is_binary_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Generator

CHUNK_BYTES = 65536
_DEFAULT_TYPE = "application/octet-stream"
_COMPRESSED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
}
# As browsers escape names (WHATWG, HTML, "multipart form data") and werkzeug reads them.
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class _Part(NamedTuple):
    """One file with its header lines."""

    head: bytes
    upload: Upload
    size: int | None


class Multipart:
    """
    The body of a request with files, as multipart/form-data.

    Each iteration produces it again, if the files can be read again. Call `aclose` after an
    incomplete iteration, so that no file stays open.

    Attributes:
        content_type: The Content-Type header.
        length: Number of bytes; None if the size of a file is unknown.
    """

    def __init__(
        self, form: tuple[tuple[str, str], ...], files: tuple[tuple[str, Upload], ...]
    ) -> None:
        """
        Determine the sizes of the files; no file stays open.

        Args:
            form: Names and values of the text fields.
            files: Names of the file fields, with their files.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file object is closed.
        """
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._form_bytes = b"".join(
            f"{_format_part_head(boundary, name)}\r\n\r\n{value}\r\n".encode()
            for name, value in form
        )
        self._parts = [
            _Part(_format_file_head(boundary, name, upload), upload, _get_size(upload))
            for name, upload in files
        ]
        self._closing_line = f"--{boundary}--\r\n".encode()
        self.length = self._compute_length()
        self._iterations: list[AsyncGenerator[bytes]] = []

    def _compute_length(self) -> int | None:
        length = len(self._form_bytes) + len(self._closing_line)
        for part in self._parts:
            if part.size is None:
                return None
            length += len(part.head) + part.size + len(b"\r\n")
        return length

    def __aiter__(self) -> AsyncIterator[bytes]:
        iteration = self._generate()
        self._iterations.append(iteration)
        return iteration

    async def aclose(self) -> None:
        """Close the files of incomplete iterations."""
        while self._iterations:
            await self._iterations.pop().aclose()

    async def _generate(self) -> AsyncGenerator[bytes]:
        # Small files are sent together: a write takes longer than the bytes in it.
        pending = bytearray(self._form_bytes)
        for part in self._parts:
            pending += part.head
            may_wait = _may_wait(part.upload)
            async with aclosing(_read_part(part)) as chunks:
                async for chunk in chunks:
                    pending += chunk
                    if not may_wait or len(pending) >= CHUNK_BYTES:
                        yield bytes(pending)
                        pending.clear()
            pending += b"\r\n"
        pending += self._closing_line
        yield bytes(pending)


def _may_wait(upload: Upload) -> bool:
    """Whether a chunk may be sent later: nobody counts it, and the next one follows at once."""
    content = upload.content
    is_ready = isinstance(content, (bytes, os.PathLike)) or is_binary_file(content)
    return is_ready and upload.on_progress is None


def _format_part_head(boundary: str, name: str) -> str:
    disposition = f'form-data; name="{name.translate(_ESCAPES)}"'
    return f"--{boundary}\r\nContent-Disposition: {disposition}"


def _format_file_head(boundary: str, name: str, upload: Upload) -> bytes:
    filename = upload.filename.translate(_ESCAPES)
    content_type = upload.content_type or _guess_content_type(upload.filename)
    head = _format_part_head(boundary, name)
    return f'{head}; filename="{filename}"\r\nContent-Type: {content_type}\r\n\r\n'.encode()


def _guess_content_type(filename: str) -> str:
    content_type, compression = guess_type(filename)
    # The recipient of a.tar.gz receives a gzip file, not a tar file.
    return (
        _COMPRESSED_TYPES.get(compression, _DEFAULT_TYPE)
        if compression
        else content_type or _DEFAULT_TYPE
    )


def _get_size(upload: Upload) -> int | None:
    content = upload.content
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, os.PathLike):
        with Path(content).open("rb") as file:
            return file.seek(0, SEEK_END)
    if upload.offset is None or not is_binary_file(content):
        return upload.size
    # Not the size of the descriptor: a gzip file object wraps the compressed file.
    try:
        size = content.seek(0, SEEK_END) - upload.offset
    except UnsupportedOperation:
        return upload.size
    return max(0, size)


async def _read_part(part: _Part) -> AsyncGenerator[bytes]:
    """Read the chunks of a file, check their size and report progress."""
    sent, size, on_progress = 0, part.size, part.upload.on_progress
    async with aclosing(_read_chunks(part.upload)) as chunks:
        async for chunk in chunks:
            sent += len(chunk)
            if size is not None and sent > size:
                raise _size_error()
            yield chunk
            if on_progress is not None:
                await run_callback(on_progress, sent, size)
    if size is not None and sent < size:
        raise _size_error()


def _size_error() -> FileChangedError:
    return FileChangedError("the size of a file differs from its declared size")


async def _read_chunks(upload: Upload) -> AsyncGenerator[bytes]:
    content = upload.content
    if isinstance(content, bytes):
        chunks = _split(content)
    elif isinstance(content, os.PathLike):
        chunks = _read_path(content)
    elif is_binary_file(content):
        chunks = _read_file(content, upload.offset)
    else:
        iterator = (
            _iterate(content)
            if isinstance(content, Iterator)
            else aiter(cast("AsyncIterable[bytes]", content))
        )
        # Otherwise an incomplete generator would be closed later, in another task.
        is_generator = isinstance(iterator, AsyncGenerator)
        async with (
            aclosing(cast("AsyncGenerator[bytes]", iterator)) if is_generator else nullcontext()
        ):
            async for large_chunk in iterator:
                for chunk in _split(_to_bytes(large_chunk)):
                    yield chunk
        return
    # Only these are the client's to report: an OSError of an iterable is the caller's own.
    with closing(chunks):
        try:
            for chunk in chunks:
                yield chunk
        except OSError as error:
            raise FileReadError(type(error).__name__) from error


async def _iterate(chunks: Iterator[bytes]) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk


def _read_path(path: os.PathLike[str]) -> Generator[bytes]:
    with Path(path).open("rb") as file:
        yield from _read_file(file, None)


def _read_file(file: IO[bytes], offset: int | None) -> Generator[bytes]:
    if offset is not None:
        file.seek(offset)
    while chunk := _to_bytes(file.read(CHUNK_BYTES)):
        # Some file objects return more than requested.
        yield from _split(chunk)


def _split(content: bytes) -> Generator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def _to_bytes(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(cast("bytearray", chunk))
    message = f"a file returned {type(chunk).__name__}, expected bytes"
    raise TypeError(message)
