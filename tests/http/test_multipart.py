"""Bodies with files: what docassemble reads out of them, and that no file is whole in memory."""

from __future__ import annotations

import asyncio
import gzip
import io
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client._http.multipart import FileChanged, Multipart
from docassemble_client.transfer import Upload, as_upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

PIECE = 65536
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# The standard library's parser knows no escapes, and stops at what ends a line to it.
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters='"\\'),
    min_size=1,
)


def body(multipart: Multipart) -> bytes:
    """Produce the body once."""

    async def produce() -> bytes:
        return b"".join([piece async for piece in multipart])

    return asyncio.run(produce())


def parts(multipart: Multipart) -> list[tuple[Any, str | None, str, bytes]]:
    """Read each part with the standard library: field, file name, media type, content."""
    head = f"Content-Type: {multipart.content_type}\r\n\r\n".encode()
    parsed = message_from_bytes(head + body(multipart), policy=HTTP)
    assert not parsed.defects
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            cast("bytes", part.get_payload(decode=True)),
        )
        for part in parsed.iter_parts()
    ]


async def coming(*chunks: Any) -> AsyncGenerator[Any]:
    for chunk in chunks:
        yield chunk


def test_fields_and_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    """Texts come first, then the files in order, with names, types and contents unchanged."""
    path = tmp_path / "Größe.pdf"
    path.write_bytes(b"%PDF\r\n--\r\n")
    files = [path, b"\x00\xff", Upload(io.BytesIO(b""), "empty.txt"), coming(b"a", b"", b"b")]
    multipart = Multipart(
        (("i", "docassemble.demo:a.yml"), ("variables", '{"ü": "\n"}')),
        tuple(("files", as_upload(one)) for one in files),
    )

    result = parts(multipart)

    assert result == [
        ("i", None, "text/plain", b"docassemble.demo:a.yml"),
        ("variables", None, "text/plain", '{"ü": "\n"}'.encode()),
        ("files", "Größe.pdf", "application/pdf", b"%PDF\r\n--\r\n"),
        ("files", "upload", "application/octet-stream", b"\x00\xff"),
        ("files", "empty.txt", "text/plain", b""),
        ("files", "upload", "application/octet-stream", b"ab"),
    ]


@given(field=NAMES, filename=NAMES, text=TEXTS, content=st.binary())
def test_any_name_text_and_content_passes(
    field: str, filename: str, text: str, content: bytes
) -> None:
    """Whatever is sent is read back, and the length is told beforehand."""
    multipart = Multipart(((field, text),), ((field, Upload(content, filename)),))

    result = parts(multipart)

    assert [(name, file) for name, file, _, _ in result] == [(field, None), (field, filename)]
    assert [one for _, _, _, one in result] == [text.encode(), content]
    assert len(body(multipart)) == multipart.length


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('a"b', b"a%22b"),
        ("a\r\nX-Evil: 1", b"a%0D%0AX-Evil: 1"),
        ("100%22", b"100%22"),
        ("a\\b", b"a\\b"),
        ("ä日", "ä日".encode()),
    ],
)
def test_names_are_written_as_browsers_do(name: str, written: bytes) -> None:
    """Quotes and line breaks are percent-encoded, all else is UTF-8, and no header is smuggled."""
    multipart = Multipart(((name, ""),), ((name, Upload(b"", name)),))

    lines = body(multipart).split(b"\r\n")

    assert b'Content-Disposition: form-data; name="%s"' % written in lines
    assert b'Content-Disposition: form-data; name="%s"; filename="%s"' % (written, written) in lines


@pytest.mark.parametrize(
    ("filename", "content_type", "kind"),
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
def test_the_media_type_is_that_of_the_name(
    filename: str, content_type: str | None, kind: str
) -> None:
    """A type that is not given is guessed; a packed file is not what is in it."""
    multipart = Multipart((), (("f", Upload(b"", filename, content_type)),))

    assert [one for _, _, one, _ in parts(multipart)] == [kind]


def test_each_body_has_its_own_boundary() -> None:
    """Nobody can know the boundary beforehand and write it into a file."""
    kinds = {Multipart((), ()).content_type for _ in range(9)}

    assert len(kinds) == 9
    assert all(kind.startswith("multipart/form-data; boundary=") for kind in kinds)


class Tape(io.RawIOBase):
    """A file that cannot seek, and brings as much at once as it likes."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)

    def read(self, _size: int = -1) -> Any:
        """Bring the next chunk, whatever was asked for."""
        return self.chunks.pop(0) if self.chunks else b""


class NoEnd(io.BytesIO):
    """A file that can seek, but not to its end."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek from the start only."""
        if whence:
            raise io.UnsupportedOperation
        return super().seek(offset)


def packed(content: bytes) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content))))


@pytest.mark.parametrize(
    ("upload", "known"),
    [
        (Upload(b"x" * 100), True),
        (Upload(io.BytesIO(b"x" * 100)), True),
        (Upload(packed(b"x" * 100)), True),
        (Upload(Tape(b"x" * 100)), False),  # type: ignore[arg-type]  # a file all the same
        (Upload(Tape(b"x" * 100), size=100), True),  # type: ignore[arg-type]  # as above
        (Upload(NoEnd(b"x" * 100)), False),
        (Upload(NoEnd(b"x" * 100), size=100), True),
        (Upload(coming(b"x" * 100)), False),
        (Upload(coming(b"x" * 100), size=100), True),
        (Upload(io.BytesIO(b"x" * 100), start=400), True),
    ],
)
def test_the_length_is_known_if_every_file_knows_its_own(upload: Upload, *, known: bool) -> None:
    """A length that is told is that of the body; one file of unknown size makes it unknown."""
    multipart = Multipart((("a", "b"),), (("f", Upload(b"y")), ("g", upload)))

    content = body(multipart)

    assert multipart.length == (len(content) if known else None)


def test_files_are_sent_from_where_they_stood(tmp_path: Path) -> None:
    """A file object is sent from where it stood when the upload was made, each time anew."""
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        file.seek(4)
        upload = as_upload(file)
        file.seek(9)
        multipart = Multipart((), (("f", upload), ("g", as_upload(path)), ("h", upload)))

        first, second = parts(multipart), parts(multipart)

    assert [content for *_, content in first] == [b"456789", b"0123456789", b"456789"]
    assert second == first


@pytest.mark.parametrize("kind", ["bytes", "path", "file", "tape", "iterator"])
def test_large_files_come_in_pieces(tmp_path: Path, kind: str) -> None:
    """No piece is much larger than 64 KiB, however the file is given."""
    content = bytes(range(256)) * 1000
    path = tmp_path / "a"
    path.write_bytes(content)
    given: dict[str, Any] = {
        "bytes": content,
        "path": path,
        "file": io.BytesIO(content),
        "tape": Tape(content),
        "iterator": coming(bytearray(content[:100_000]), memoryview(content[100_000:])),
    }
    multipart = Multipart((), (("f", as_upload(given[kind])),))

    async def produce() -> list[bytes]:
        return [piece async for piece in multipart]

    pieces = asyncio.run(produce())

    assert content in b"".join(pieces)
    assert max(map(len, pieces)) < PIECE + 300
    assert all(pieces)


def test_progress_is_told_file_by_file() -> None:
    """After each piece its file's bytes are told; another attempt begins again."""
    seen: list[tuple[str, int, int | None]] = []
    first = Upload(b"x" * (PIECE + 1), on_progress=lambda *now: seen.append(("first", *now)))
    second = Upload(coming(b"y"), on_progress=lambda *now: seen.append(("second", *now)))
    multipart = Multipart((), (("f", first), ("g", second)))

    body(multipart)
    body(multipart)

    once = [("first", PIECE, PIECE + 1), ("first", PIECE + 1, PIECE + 1)]
    assert seen == [*once, ("second", 1, None), *once]


@pytest.mark.parametrize(
    "upload",
    [
        Upload(coming(b"1234"), size=3),
        Upload(coming(b"12", b"34"), size=3),
        Upload(coming(b"12"), size=3),
        Upload(Tape(b"1234"), size=3),  # type: ignore[arg-type]  # a file all the same
    ],
)
def test_a_file_of_another_size_than_said_breaks_off(upload: Upload) -> None:
    """More or fewer bytes than the length that was sent would be read as another request."""
    with pytest.raises(FileChanged):
        body(Multipart((), (("f", upload),)))


@pytest.mark.parametrize("change", [b"1234", b"12"])
def test_a_file_that_changes_meanwhile_breaks_off(tmp_path: Path, change: bytes) -> None:
    """A file on disk that grew or shrank since it was measured is not sent."""
    path = tmp_path / "a"
    path.write_bytes(b"123")
    multipart = Multipart((), (("f", as_upload(path)),))
    path.write_bytes(change)

    with pytest.raises(FileChanged):
        body(multipart)


@pytest.mark.parametrize("chunk", ["text", None, 7])
def test_what_is_no_bytes_is_refused(chunk: Any) -> None:
    """A file that brings texts, or None as one that does not block, is a mistake of the caller."""
    with pytest.raises(TypeError, match="where bytes were expected"):
        body(Multipart((), (("f", Upload(Tape(chunk))),)))  # type: ignore[arg-type]  # a file all the same


def test_a_file_that_is_gone_is_noticed_at_once(tmp_path: Path) -> None:
    """A file that cannot be opened is an error before anything is sent."""
    with pytest.raises(FileNotFoundError):
        Multipart((), (("f", Upload(tmp_path / "none", "a")),))


class Watched:
    """An async iterable that notices how it ends."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.ended = 0

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        """Bring two pieces, and an error if there is one."""
        try:
            yield b"first"
            if self.error:
                raise self.error
            yield b"second"
        finally:
            self.ended += 1


def test_giving_up_closes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is not read to its end closes its files and its caller's generator."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * 3 * PIECE)
    watched = Watched()
    opened: list[IO[bytes]] = []
    usual = Path.open

    def spy(*arguments: Any) -> Any:
        opened.append(usual(*arguments))
        return opened[-1]

    monkeypatch.setattr(Path, "open", spy)

    async def give_up() -> None:
        for content in (path, watched):
            multipart = Multipart((), (("f", as_upload(content)),))
            await anext(aiter(multipart))
            await multipart.aclose()
            await multipart.aclose()

    asyncio.run(give_up())

    assert watched.ended == 1
    assert [file.closed for file in opened] == [True, True]


def test_what_the_callers_iterator_raises_comes_out() -> None:
    """An error of the caller's own is his; it is not dressed up."""
    watched = Watched(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        body(Multipart((), (("f", Upload(watched)),)))

    assert watched.ended == 1


class Counting:
    """An async iterator that is no generator: nothing is there to be closed."""

    def __init__(self) -> None:
        self.left = 3

    def __aiter__(self) -> Counting:
        return self

    async def __anext__(self) -> bytes:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return b"%d" % self.left


def test_any_async_iterator_can_be_sent() -> None:
    """Whatever can be iterated over with `async for` is a file."""
    assert parts(Multipart((), (("f", as_upload(Counting())),)))[0][3] == b"210"
