"""Files on their way up: what is taken as a file, and under which name."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client._core.messages import Request
from docassemble_client.transfer import Upload, as_upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path


class Async:
    """A file as FastAPI hands it over."""

    async def read(self) -> bytes:
        """Read nothing."""
        return b""


class Lines(Async):
    """A file as aiofiles opens it."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Bring nothing."""
        yield b""


def test_everything_that_is_a_file_can_be_uploaded(tmp_path: Path) -> None:
    """Paths, bytes, files and async iterables are taken; names come from where they stand."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"x")
    memory = io.BytesIO(b"x")
    with path.open("rb") as opened, tempfile.TemporaryFile() as unnamed:
        values: list[Any] = [str(path), path, b"x", memory, opened, unnamed, Lines()]

        uploads = [as_upload(value) for value in values]
        named = [as_upload(Upload(value, "n", "text/x")) for value in values]

    names = ["a.pdf", "a.pdf", "upload", "upload", "a.pdf", "upload", "upload"]
    assert [one.filename for one in uploads] == names
    assert [one.content for one in uploads] == [path, *values[1:]]
    assert {one.content_type for one in uploads} == {None}
    assert {(one.filename, one.content_type) for one in named} == {("n", "text/x")}
    assert as_upload(named[0]) == named[0]


def closed() -> io.BytesIO:
    file = io.BytesIO()
    file.close()
    return file


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (io.StringIO("hunter2"), TypeError, "binary mode"),
        (Upload(io.StringIO("hunter2")), TypeError, "binary mode"),  # type: ignore[arg-type]  # the error
        (Async(), TypeError, "async iterator"),
        (None, TypeError, "not NoneType"),
        (bytearray(b"hunter2"), TypeError, "not bytearray"),
        (["hunter2"], TypeError, "not list"),
        (closed(), ValueError, "closed"),
        (Upload(closed()), ValueError, "closed"),
        ("/no/such/hunter2", ValueError, "no file at the path"),
        ("hunter2" * 999, ValueError, "no file at the path"),
        ("hunter2\x00", ValueError, "no file at the path"),
        ("", ValueError, "no file at the path"),
        (".", ValueError, "no file at the path"),
        (Upload(b"", "hunter2\n"), ValueError, "cannot be sent"),
        (Upload(b"", "hunter2\udcff"), ValueError, "cannot be sent"),
        (Upload(b"", "a", "hunter2\r\n"), ValueError, "cannot be sent"),
    ],
)
def test_what_is_no_file_is_refused(value: object, kind: type[Exception], message: str) -> None:
    """A wrong type, missing file or unsendable name is refused, and not shown."""
    with pytest.raises(kind, match=message) as caught:
        as_upload(value)

    assert "hunter2" not in str(caught.value)


def test_an_upload_shows_no_content() -> None:
    """The repr of an upload names it and leaves its content out."""
    shown = repr(Upload(b"hunter2", "a"))

    assert shown == "Upload(filename='a', content_type=None, size=None)"


@pytest.mark.parametrize("size", [-1, "7", 1.5])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    """A size is a number of bytes."""
    with pytest.raises((TypeError, ValueError)):
        Upload(b"", size=size)


class Pipe(io.BytesIO):
    """A file that cannot go back."""

    def seekable(self) -> bool:
        """No."""
        return False


@pytest.mark.parametrize(
    ("content", "repeatable"),
    [
        (b"x", True),
        (io.BytesIO(b"x"), True),
        (Pipe(b"x"), False),
        (Lines(), False),
        (__file__, True),
    ],
)
def test_only_what_can_be_read_again_is_sent_again(content: Any, *, repeatable: bool) -> None:
    """A request with a file that would be empty the second time is not repeated."""
    files = (("f", as_upload(content)), ("g", Upload(b"x")))

    request = Request(operation="x", method="POST", path="/", files=files)

    assert request.repeatable is repeatable


def test_a_file_keeps_its_place() -> None:
    """Where a file stood when the upload was made is where it is sent from, also if it is named."""
    file = io.BytesIO(b"0123456789")
    file.seek(3)
    upload = Upload(file, "a")
    file.seek(7)

    starts = [as_upload(upload).start, as_upload(file).start, Upload(file, start=1).start]

    assert starts == [3, 7, 1]
