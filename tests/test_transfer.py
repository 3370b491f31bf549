"""Uploads: which values are accepted as files, and their names."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.messages import Request
from docassemble_client.errors import UsageError
from docassemble_client.transfer import Upload, to_upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class AsyncFile:
    """A file with an async read, such as FastAPI's UploadFile."""

    async def read(self) -> bytes:
        """Return no bytes."""
        return b""


class AsyncIterableFile(AsyncFile):
    """A file with an async iterator, such as a file of aiofiles."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield no bytes."""
        yield b""


def test_every_kind_of_file_can_be_uploaded(tmp_path: Path) -> None:
    """Paths, bytes, files and async iterables are accepted; names come from their paths."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"x")
    memory = io.BytesIO(b"x")
    with path.open("rb") as opened, tempfile.TemporaryFile() as unnamed:
        values: list[Any] = [str(path), path, b"x", memory, opened, unnamed, AsyncIterableFile()]

        uploads = [to_upload(value) for value in values]
        named = [to_upload(Upload(value, "n", "text/x")) for value in values]

    names = ["a.pdf", "a.pdf", "upload", "upload", "a.pdf", "upload", "upload"]
    assert [upload.filename for upload in uploads] == names
    assert [upload.content for upload in uploads] == [path, *values[1:]]
    assert {upload.content_type for upload in uploads} == {None}
    assert {(upload.filename, upload.content_type) for upload in named} == {("n", "text/x")}
    assert vars(to_upload(named[0])) == vars(named[0])


def make_closed_file() -> io.BytesIO:
    file = io.BytesIO()
    file.close()
    return file


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (io.StringIO("hunter2"), TypeError, "binary mode"),
        (Upload(io.StringIO("hunter2")), TypeError, "binary mode"),  # type: ignore[arg-type]  # the error
        (AsyncFile(), TypeError, "async iterator"),
        (None, TypeError, "not NoneType"),
        (bytearray(b"hunter2"), TypeError, "not bytearray"),
        (["hunter2"], TypeError, "not list"),
        (make_closed_file(), ValueError, "closed"),
        (Upload(make_closed_file()), ValueError, "closed"),
        ("/no/such/hunter2", ValueError, "no file at this path"),
        ("hunter2" * 999, ValueError, "no file at this path"),
        ("hunter2\x00", ValueError, "no file at this path"),
        ("", ValueError, "no file at this path"),
        (".", ValueError, "no file at this path"),
        (Upload(b"", "hunter2\n"), ValueError, "cannot be sent"),
        (Upload(b"", "hunter2\udcff"), ValueError, "cannot be sent"),
        (Upload(b"", "a", "hunter2\r\n"), ValueError, "cannot be sent"),
    ],
)
def test_a_value_that_is_not_a_file_is_refused(
    value: object, error: type[Exception], message: str
) -> None:
    """A wrong type, a missing file or an invalid name is refused, and not shown."""
    with pytest.raises(error, match=message) as caught:
        to_upload(value)

    assert "hunter2" not in str(caught.value)


def test_an_upload_shows_no_content() -> None:
    """The repr of an upload shows its name, but not its content."""
    shown = repr(Upload(b"hunter2", "a"))

    assert shown == "Upload(filename='a', content_type=None, size=None)"


@pytest.mark.parametrize("size", [-1, "7", 1.5, True])
def test_an_invalid_size_is_refused(size: Any) -> None:
    """A size is a number of bytes."""
    with pytest.raises(UsageError, match="size"):
        Upload(b"", size=size)


class Pipe(io.BytesIO):
    """A file that cannot seek."""

    def seekable(self) -> bool:
        """Return False."""
        return False


@pytest.mark.parametrize(
    ("content", "repeatable"),
    [
        (b"x", True),
        (io.BytesIO(b"x"), True),
        (Pipe(b"x"), False),
        (AsyncIterableFile(), False),
        (__file__, True),
    ],
)
def test_a_request_is_repeatable_if_its_files_are(content: Any, *, repeatable: bool) -> None:
    """A file that can be read only once would be empty on the second attempt."""
    files = (("f", to_upload(content)), ("g", Upload(b"x")))

    request = Request(operation="x", method="POST", path="/", files=files)

    assert request.is_repeatable is repeatable


def test_an_upload_has_the_position_of_its_file() -> None:
    """The file is sent from its position when the upload was created."""
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    upload = Upload(file, "a")
    file.seek(7)

    offsets = [to_upload(upload).offset, to_upload(file).offset, Upload(file, offset=1).offset]

    assert offsets == [3, 7, 1]
