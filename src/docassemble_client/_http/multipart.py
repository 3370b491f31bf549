"""Bodies with files, written piece by piece and never whole in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing, nullcontext
from io import SEEK_END, UnsupportedOperation
from mimetypes import guess_type
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from attrs import frozen

from docassemble_client.transfer import Upload, is_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Generator

_CHUNK = 65536
_UNKNOWN = "application/octet-stream"
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# As browsers do (WHATWG, HTML, "multipart form data"), and as werkzeug reads it.
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class FileChanged(OSError):  # noqa: N818 - internal, becomes a MaybeSent
    """A file brought other bytes than its size promised; some of them were sent."""


@frozen
class _Part:
    """One file with the lines before it."""

    head: bytes
    upload: Upload
    size: int | None


class Multipart:
    """
    The body of a request with files, as multipart/form-data.

    Each iteration produces it anew, as far as the files can be read again. Whoever gives up in
    the middle calls `aclose`, so that nothing stays open.

    Attributes:
        content_type: The Content-Type header.
        length: Bytes of the whole body; None if a file does not know its size.
    """

    def __init__(
        self, form: tuple[tuple[str, str], ...], files: tuple[tuple[str, Upload], ...]
    ) -> None:
        """
        Measure the files; nothing stays open.

        Args:
            form: Names and values of the text fields.
            files: Names of the file fields, with their files.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file object is closed.
        """
        boundary = os.urandom(16).hex()
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._texts = b"".join(
            f"{_head(boundary, name)}\r\n\r\n{value}\r\n".encode() for name, value in form
        )
        self._parts = [
            _Part(_file_head(boundary, name, upload), upload, _size(upload))
            for name, upload in files
        ]
        self._end = f"--{boundary}--\r\n".encode()
        self.length = self._length()
        self._running: list[AsyncGenerator[bytes]] = []

    def _length(self) -> int | None:
        length = len(self._texts) + len(self._end)
        for part in self._parts:
            if part.size is None:
                return None
            length += len(part.head) + part.size + len(b"\r\n")
        return length

    def __aiter__(self) -> AsyncIterator[bytes]:
        run = self._produce()
        self._running.append(run)
        return run

    async def aclose(self) -> None:
        """Close what an iteration that was given up has opened."""
        while self._running:
            await self._running.pop().aclose()

    async def _produce(self) -> AsyncGenerator[bytes]:
        # Small pieces go out together with the next large one.
        before = self._texts
        for part in self._parts:
            before += part.head
            async with aclosing(_content(part)) as chunks:
                async for chunk in chunks:
                    yield before + chunk if before else chunk
                    before = b""
            before += b"\r\n"
        yield before + self._end


def _head(boundary: str, name: str) -> str:
    disposition = f'form-data; name="{name.translate(_ESCAPED)}"'
    return f"--{boundary}\r\nContent-Disposition: {disposition}"


def _file_head(boundary: str, name: str, upload: Upload) -> bytes:
    filename = upload.filename.translate(_ESCAPED)
    kind = upload.content_type or _guess(upload.filename)
    head = _head(boundary, name)
    return f'{head}; filename="{filename}"\r\nContent-Type: {kind}\r\n\r\n'.encode()


def _guess(filename: str) -> str:
    kind, packed = guess_type(filename)
    # a.tar.gz is no tar file for whoever receives it.
    return _PACKED.get(packed, _UNKNOWN) if packed else kind or _UNKNOWN


def _size(upload: Upload) -> int | None:
    content = upload.content
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, os.PathLike):
        with Path(content).open("rb") as file:
            return file.seek(0, SEEK_END)
    if upload.start is None or not is_file(content):
        return upload.size
    # Never that of the descriptor: behind a compressed file stands another one.
    try:
        size = content.seek(0, SEEK_END) - upload.start
    except UnsupportedOperation:
        return upload.size
    return max(0, size)


async def _content(part: _Part) -> AsyncGenerator[bytes]:
    """Bring the pieces of one file, count them and report them when they are gone."""
    done, size, tell = 0, part.size, part.upload.on_progress
    async with aclosing(_pieces(part.upload)) as pieces:
        async for piece in pieces:
            done += len(piece)
            if size is not None and done > size:
                raise _changed()
            yield piece
            if tell is not None:
                tell(done, size)
    if size is not None and done < size:
        raise _changed()


def _changed() -> FileChanged:
    return FileChanged("a file is not as long as it was or as it was said to be")


async def _pieces(upload: Upload) -> AsyncGenerator[bytes]:
    content = upload.content
    if isinstance(content, bytes):
        pieces = _cut(content)
    elif isinstance(content, os.PathLike):
        pieces = _of_path(content)
    elif is_file(content):
        pieces = _of_file(content, upload.start)
    else:
        chunks = aiter(cast("AsyncIterable[bytes]", content))
        # A generator left in the middle would be closed later, by a task of its own.
        owned = isinstance(chunks, AsyncGenerator)
        async with aclosing(cast("AsyncGenerator[bytes]", chunks)) if owned else nullcontext():
            async for chunk in chunks:
                for piece in _cut(_bytes(chunk)):
                    yield piece
        return
    with closing(pieces):
        for piece in pieces:
            yield piece


def _of_path(path: os.PathLike[str]) -> Generator[bytes]:
    with Path(path).open("rb") as file:
        yield from _of_file(file, None)


def _of_file(file: IO[bytes], start: int | None) -> Generator[bytes]:
    if start is not None:
        file.seek(start)
    while chunk := _bytes(file.read(_CHUNK)):
        # Some file objects bring more than they are asked for.
        yield from _cut(chunk)


def _cut(content: bytes) -> Generator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


def _bytes(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(cast("bytearray", chunk))
    message = f"a file brought {type(chunk).__name__} where bytes were expected"
    raise TypeError(message)
