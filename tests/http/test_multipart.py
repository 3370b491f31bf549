"""Multipart bodies: what docassemble reads from them, and that no file is held in memory."""

from __future__ import annotations

import gzip
import io
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._http.adapter import FileChangedError
from docassemble_client._http.multipart import Multipart
from docassemble_client.transfer import Upload, to_upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CHUNK_BYTES = 65536
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# The standard library's parser supports no escapes, and stops at line separators.
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters='"\\'),
    min_size=1,
)


async def produce_body(multipart: Multipart) -> bytes:
    """Produce the body once."""
    return b"".join([chunk async for chunk in multipart])


async def parse_parts(multipart: Multipart) -> list[tuple[Any, str | None, str, bytes]]:
    """Parse each part with the standard library: field, file name, media type, content."""
    head = f"Content-Type: {multipart.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + await produce_body(multipart), policy=HTTP)
    assert not message.defects
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            cast("bytes", part.get_payload(decode=True)),
        )
        for part in message.iter_parts()
    ]


async def iter_chunks(*chunks: Any) -> AsyncGenerator[Any]:
    for chunk in chunks:
        yield chunk


async def test_fields_and_files_are_unchanged(tmp_path: Path) -> None:
    """Texts come first, then the files in order, with unchanged names, types and contents."""
    path = tmp_path / "Größe.pdf"
    path.write_bytes(b"%PDF\r\n--\r\n")
    files = [path, b"\x00\xff", Upload(io.BytesIO(b""), "empty.txt"), iter_chunks(b"a", b"", b"b")]
    multipart = Multipart(
        (("i", "docassemble.demo:a.yml"), ("variables", '{"ü": "\n"}')),
        tuple(("files", to_upload(file)) for file in files),
    )

    result = await parse_parts(multipart)

    assert result == [
        ("i", None, "text/plain", b"docassemble.demo:a.yml"),
        ("variables", None, "text/plain", '{"ü": "\n"}'.encode()),
        ("files", "Größe.pdf", "application/pdf", b"%PDF\r\n--\r\n"),
        ("files", "upload", "application/octet-stream", b"\x00\xff"),
        ("files", "empty.txt", "text/plain", b""),
        ("files", "upload", "application/octet-stream", b"ab"),
    ]


@given(field=NAMES, filename=NAMES, text=TEXTS, content=st.binary())
async def test_any_name_text_and_content_is_unchanged(
    field: str, filename: str, text: str, content: bytes
) -> None:
    """The parsed body is equal to the input, and the length is correct."""
    multipart = Multipart(((field, text),), ((field, Upload(content, filename)),))

    result = await parse_parts(multipart)

    assert [(name, file) for name, file, _, _ in result] == [(field, None), (field, filename)]
    assert [part_content for _, _, _, part_content in result] == [text.encode(), content]
    assert len(await produce_body(multipart)) == multipart.length


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ('a"b', b"a%22b"),
        ("a\r\nX-Evil: 1", b"a%0D%0AX-Evil: 1"),
        ("100%22", b"100%22"),
        ("a\\b", b"a\\b"),
        ("ä日", "ä日".encode()),
    ],
)
async def test_names_are_escaped_as_browsers_do(name: str, escaped: bytes) -> None:
    """Quotes and line breaks are percent-encoded, anything else is UTF-8."""
    multipart = Multipart(((name, ""),), ((name, Upload(b"", name)),))

    lines = (await produce_body(multipart)).split(b"\r\n")

    assert b'Content-Disposition: form-data; name="%s"' % escaped in lines
    assert b'Content-Disposition: form-data; name="%s"; filename="%s"' % (escaped, escaped) in lines


@pytest.mark.parametrize(
    ("filename", "content_type", "expected"),
    [
        ("a.pdf", None, "application/pdf"),
        ("a.PDF", None, "application/pdf"),
        ("a.pdf", "text/x", "text/x"),
        ("a.unheard-of", None, "application/octet-stream"),
        ("a", None, "application/octet-stream"),
        ("a.tar.gz", None, "application/gzip"),
        ("a.pdf.Z", None, "application/octet-stream"),
    ],
)
async def test_the_media_type_is_guessed_from_the_name(
    filename: str, content_type: str | None, expected: str
) -> None:
    """Without a media type it is guessed; a compressed file has the type of its compression."""
    multipart = Multipart((), (("f", Upload(b"", filename, content_type)),))

    assert [media_type for _, _, media_type, _ in await parse_parts(multipart)] == [expected]


def test_each_body_has_its_own_boundary() -> None:
    """The boundary is random, so that no file can contain it on purpose."""
    content_types = {Multipart((), ()).content_type for _ in range(9)}

    assert len(content_types) == 9
    assert all(
        content_type.startswith("multipart/form-data; boundary=") for content_type in content_types
    )


class UnseekableFile(io.RawIOBase):
    """A file that cannot seek, and ignores the requested size."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)

    def read(self, _size: int = -1) -> Any:
        """Return the next chunk."""
        return self.chunks.pop(0) if self.chunks else b""


class FileWithoutEnd(io.BytesIO):
    """A file that cannot seek relative to its end."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek from the start only."""
        if whence:
            raise io.UnsupportedOperation
        return super().seek(offset)


def open_gzip(content: bytes) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content))))


@pytest.mark.parametrize(
    ("upload", "known"),
    [
        (Upload(b"x" * 100), True),
        (Upload(io.BytesIO(b"x" * 100)), True),
        (Upload(open_gzip(b"x" * 100)), True),
        (Upload(UnseekableFile(b"x" * 100)), False),
        (Upload(UnseekableFile(b"x" * 100), size=100), True),
        (Upload(FileWithoutEnd(b"x" * 100)), False),
        (Upload(FileWithoutEnd(b"x" * 100), size=100), True),
        (Upload(iter_chunks(b"x" * 100)), False),
        (Upload(iter_chunks(b"x" * 100), size=100), True),
        (Upload(io.BytesIO(b"x" * 100), offset=400), True),
    ],
)
async def test_the_length_is_known_if_every_size_is_known(upload: Upload, *, known: bool) -> None:
    """A file of unknown size makes the length of the body unknown."""
    multipart = Multipart((("a", "b"),), (("f", Upload(b"y")), ("g", upload)))

    content = await produce_body(multipart)

    assert multipart.length == (len(content) if known else None)


async def test_files_are_sent_from_their_position(tmp_path: Path) -> None:
    """A file object is sent from its position when the upload was created, each time."""
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.seek(4)
        upload = to_upload(file)
        file.seek(9)
        multipart = Multipart((), (("f", upload), ("g", to_upload(path)), ("h", upload)))

        first, second = await parse_parts(multipart), await parse_parts(multipart)

    assert [content for *_, content in first] == [b"456789", b"0123456789", b"456789"]
    assert second == first


@pytest.mark.parametrize("kind", ["bytes", "path", "file", "unseekable", "iterator"])
async def test_large_files_are_split_into_chunks(tmp_path: Path, kind: str) -> None:
    """No chunk is much larger than 64 KiB, for every kind of file."""
    content = bytes(range(256)) * 1000
    path = tmp_path / "a"
    path.write_bytes(content)
    inputs: dict[str, Any] = {
        "bytes": content,
        "path": path,
        "file": io.BytesIO(content),
        "unseekable": UnseekableFile(content),
        "iterator": iter_chunks(bytearray(content[:100_000]), memoryview(content[100_000:])),
    }
    multipart = Multipart((), (("f", to_upload(inputs[kind])),))

    chunks = [chunk async for chunk in multipart]

    assert content in b"".join(chunks)
    assert max(map(len, chunks)) < CHUNK_BYTES + 300
    assert all(chunks)


async def test_small_files_are_sent_together() -> None:
    """A write for each would take longer than its bytes; a chunk stays small."""
    files = [("file", Upload(b"x" * 1000, filename=f"{number}.txt")) for number in range(200)]

    chunks = [chunk async for chunk in Multipart((), tuple(files))]

    assert len(chunks) < 5
    assert max(map(len, chunks)) < 2 * CHUNK_BYTES


async def test_each_chunk_that_somebody_waits_for_is_sent_at_once() -> None:
    """Its progress is reported, or the next chunk of a live stream may come late."""

    async def stream() -> AsyncGenerator[bytes]:
        yield b"first"
        yield b"second"

    reported = Upload(b"x", filename="a.txt", on_progress=lambda *_: None)
    files = (("file", reported), ("file", Upload(stream(), filename="b.txt")))

    chunks = [chunk async for chunk in Multipart((), files)]

    ends = [chunk.rpartition(b"\n")[2] for chunk in chunks[:-1]]
    assert ends == [b"x", b"first", b"second"]


async def test_progress_is_reported_per_file() -> None:
    """After each chunk, the bytes of its file are reported; a retry starts again."""
    reports: list[tuple[str, int, int | None]] = []
    first = Upload(
        b"x" * (CHUNK_BYTES + 1), on_progress=lambda *progress: reports.append(("first", *progress))
    )
    second = Upload(
        iter_chunks(b"y"), on_progress=lambda *progress: reports.append(("second", *progress))
    )
    multipart = Multipart((), (("f", first), ("g", second)))

    await produce_body(multipart)
    await produce_body(multipart)

    reports_of_first = [
        ("first", CHUNK_BYTES, CHUNK_BYTES + 1),
        ("first", CHUNK_BYTES + 1, CHUNK_BYTES + 1),
    ]
    assert reports == [*reports_of_first, ("second", 1, None), *reports_of_first]


@pytest.mark.parametrize(
    "upload",
    [
        Upload(iter_chunks(b"1234"), size=3),
        Upload(iter_chunks(b"12", b"34"), size=3),
        Upload(iter_chunks(b"12"), size=3),
        Upload(UnseekableFile(b"1234"), size=3),
    ],
)
async def test_a_file_of_another_size_than_declared_is_an_error(upload: Upload) -> None:
    """The server would read more or fewer bytes than declared as part of another request."""
    with pytest.raises(FileChangedError):
        await produce_body(Multipart((), (("f", upload),)))


@pytest.mark.parametrize("change", [b"1234", b"12"])
async def test_a_file_that_changes_its_size_is_an_error(tmp_path: Path, change: bytes) -> None:
    """The size of the file on disk has changed since it was determined."""
    path = tmp_path / "a"
    path.write_bytes(b"123")
    multipart = Multipart((), (("f", to_upload(path)),))
    path.write_bytes(change)

    with pytest.raises(FileChangedError):
        await produce_body(multipart)


@pytest.mark.parametrize("chunk", ["text", None, 7])
async def test_a_file_that_returns_no_bytes_is_refused(chunk: Any) -> None:
    """A file that returns texts, or None because it does not block, is an error of the caller."""
    with pytest.raises(TypeError, match="expected bytes"):
        await produce_body(Multipart((), (("f", Upload(UnseekableFile(chunk))),)))


def test_a_missing_file_is_an_error_before_sending(tmp_path: Path) -> None:
    """A file that cannot be opened is an error before anything is sent."""
    with pytest.raises(FileNotFoundError):
        Multipart((), (("f", Upload(tmp_path / "none", "a")),))


class RecordedIterable:
    """An async iterable that records how often it ends."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.ended = 0

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Yield two chunks, or a chunk and an error."""
        try:
            yield b"first"
            if self.error:
                raise self.error
            yield b"second"
        finally:
            self.ended += 1


async def test_an_incomplete_iteration_closes_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an incomplete iteration, files and the caller's generator are closed."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3 * CHUNK_BYTES)
    iterable = RecordedIterable()
    opened_files: list[IO[bytes]] = []
    original_open = Path.open

    def record_open(*arguments: Any) -> Any:
        opened_files.append(original_open(*arguments))
        return opened_files[-1]

    monkeypatch.setattr(Path, "open", record_open)

    for content in (path, iterable):
        multipart = Multipart((), (("f", to_upload(content)),))
        await anext(aiter(multipart))
        await multipart.aclose()
        await multipart.aclose()

    assert iterable.ended == 1
    assert [file.closed for file in opened_files] == [True, True]


async def test_exceptions_of_the_callers_iterator_are_raised_unchanged() -> None:
    """Exceptions of the caller's iterator are not wrapped."""
    iterable = RecordedIterable(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        await produce_body(Multipart((), (("f", Upload(iterable)),)))

    assert iterable.ended == 1


class Countdown:
    """An async iterator that is not a generator and has no `aclose`."""

    def __init__(self) -> None:
        self.remaining = 3

    def __aiter__(self) -> Countdown:
        return self

    async def __anext__(self) -> bytes:
        if not self.remaining:
            raise StopAsyncIteration
        self.remaining -= 1
        return b"%d" % self.remaining


async def test_any_async_iterator_can_be_sent() -> None:
    """Any async iterable is a file."""
    assert (await parse_parts(Multipart((), (("f", to_upload(Countdown())),))))[0][3] == b"210"
