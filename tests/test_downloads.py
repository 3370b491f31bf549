"""Downloads: in memory, to disk or in chunks, and that an incomplete file never appears."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import BinaryContent, DownloadTooLarge, UsageError
from docassemble_client.transfer import Download, DownloadStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

PDF = {
    "content-type": "application/pdf",
    "content-disposition": 'attachment; filename="a b.pdf"',
    "content-length": "10",
}


class Server:
    """Opens streams of these chunks; an exception among them breaks the stream."""

    def __init__(self, *chunks: bytes | Exception, headers: dict[str, str] | None = None) -> None:
        self.chunks = chunks
        self.headers = PDF if headers is None else headers
        self.opened = 0
        self.closed = 0
        self.sent = 0

    async def _send(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            self.sent += 1
            yield chunk

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[DownloadStream]:
        """Open a stream, and count when it is opened and closed."""
        self.opened += 1
        try:
            yield DownloadStream(200, self.headers, self._send(), operation="files.download")
        finally:
            self.closed += 1

    @property
    def download(self) -> Download:
        """A download from this server."""
        return Download(self.open)


async def read_download(download: Download) -> BinaryContent:
    return await download


async def test_awaiting_a_download_returns_the_content() -> None:
    """The content has its metadata, and the stream is closed."""
    server = Server(b"%PDF ", b"12345")

    content = await read_download(server.download)

    assert content == BinaryContent(
        content=b"%PDF 12345", content_type="application/pdf", filename="a b.pdf", status=200
    )
    assert (server.opened, server.closed) == (1, 1)


async def test_each_use_of_a_download_opens_a_stream() -> None:
    """A download that is not used sends no request."""
    server = Server(b"x")
    download = server.download
    opened_before = server.opened

    first, second = await read_download(download), await read_download(download)

    assert opened_before == 0
    assert first == second
    assert (server.opened, server.closed) == (2, 2)


@pytest.mark.parametrize(
    ("headers", "name", "size"),
    [
        (PDF, "a b.pdf", 10),
        ({}, None, None),
        ({"content-length": "0"}, None, 0),
        ({"content-length": "10", "content-encoding": "identity"}, None, 10),
        ({"content-length": "-1"}, None, None),
        ({"content-length": "ten"}, None, None),
        ({"content-length": "\u0661"}, None, None),
        ({"content-length": "\u00b2"}, None, None),
        ({"content-length": "9" * 5000}, None, None),
    ],
)
async def test_a_stream_has_the_metadata_of_its_headers(
    headers: dict[str, str], name: str | None, size: int | None
) -> None:
    """Name, type and size come from the headers; an invalid size is None."""
    async with Server(b"hunter2", b"b", headers=headers).download as stream:
        chunks = [chunk async for chunk in stream]

    assert (stream.filename, stream.size, stream.status) == (name, size, 200)
    assert stream.content_type == headers.get("content-type", "")
    assert chunks == [b"hunter2", b"b"]
    assert "hunter2" not in repr(stream)


async def test_saving_reports_progress_and_returns_the_path(tmp_path: Path) -> None:
    """Each chunk is reported with the bytes so far and the total."""
    reports: list[tuple[int, int | None]] = []
    download = Server(b"%PDF ", b"", b"12345").download

    path = await download.save(
        tmp_path / "x.pdf", on_progress=lambda *progress: reports.append(progress)
    )

    assert path == tmp_path / "x.pdf"
    assert path.read_bytes() == b"%PDF 12345"
    assert reports == [(5, 10), (5, 10), (10, 10)]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (PDF, "a b.pdf"),
        ({"content-disposition": "attachment; filename=../../evil"}, "evil"),
        ({"content-disposition": f"attachment; filename={'日' * 300}.pdf"}, "日" * 65 + ".pdf"),
        ({}, "download"),
    ],
)
async def test_a_file_in_a_folder_has_the_servers_name(
    tmp_path: Path, headers: dict[str, str], name: str
) -> None:
    """The server's name is made safe, so that the file is in the folder."""
    path = await Server(b"x", headers=headers).download.save(str(tmp_path))

    assert path == tmp_path / name
    assert [saved.name for saved in tmp_path.iterdir()] == [name]


async def test_a_servers_name_never_replaces_a_file(tmp_path: Path) -> None:
    """In a folder, where the server chooses the name, a new file gets a number."""
    (tmp_path / "a b.pdf").write_bytes(b"before")

    paths = [await Server(b"x").download.save(tmp_path) for _ in range(2)]

    assert [path.name for path in paths] == ["a b (1).pdf", "a b (2).pdf"]
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"before", b"x", b"x"]


async def test_a_very_long_file_name_can_be_saved(tmp_path: Path) -> None:
    """The name of the temporary file does not depend on the name of the file."""
    path = await Server(b"x").download.save(tmp_path / ("x" * 255))

    assert path.read_bytes() == b"x"


def raise_error(*_: object) -> None:
    message = "on_progress failed"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("chunks", "on_progress"),
    [
        ((RuntimeError("at once"),), None),
        ((b"half", RuntimeError("in between")), None),
        ((b"whole",), raise_error),
    ],
)
@pytest.mark.parametrize("existing", [None, b"before"])
async def test_a_failed_download_leaves_no_file(
    tmp_path: Path, chunks: tuple[Any, ...], on_progress: Any, existing: bytes | None
) -> None:
    """After an error there is no incomplete file, and an existing file is unchanged."""
    target = tmp_path / "a.pdf"
    if existing is not None:
        target.write_bytes(existing)
    server = Server(*chunks)

    with pytest.raises(RuntimeError):
        await server.download.save(target, on_progress=on_progress)

    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([existing] if existing else [])
    assert server.closed == 1


async def test_a_file_is_replaced_only_when_the_new_one_is_complete(tmp_path: Path) -> None:
    """During the download, other programs see the old file."""
    target = tmp_path / "a.pdf"
    target.write_bytes(b"before")
    contents: list[bytes] = []

    await Server(b"new").download.save(
        target, on_progress=lambda *_: contents.append(target.read_bytes())
    )

    assert contents == [b"before"]
    assert target.read_bytes() == b"new"


async def test_saving_to_a_missing_folder_fails(tmp_path: Path) -> None:
    """The error of the operating system is raised, and the stream is closed."""
    server = Server(b"x")

    with pytest.raises(FileNotFoundError):
        await server.download.save(tmp_path / "no" / "a.pdf")

    assert server.closed == 1
    assert list(tmp_path.iterdir()) == []


async def test_a_stream_can_be_saved_or_read_after_its_first_chunk(tmp_path: Path) -> None:
    """Inside of `async with`, saving and reading use the rest of the stream."""
    async with Server(b"a", b"b", b"c").download as stream:
        first = await anext(aiter(stream))
        path = await stream.save(tmp_path / "rest")
        rest = (await stream.read()).content

    assert (first, path.read_bytes(), rest) == (b"a", b"bc", b"")


async def test_an_error_inside_closes_the_stream() -> None:
    """An error in the `async with` block closes the connection and is raised unchanged."""
    server = Server(b"x")

    with pytest.raises(RuntimeError, match="on_progress"):
        async with server.download:
            raise_error()

    assert (server.opened, server.closed) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "chunks", "max_size", "chunks_read"),
    [
        (PDF, (b"12345", b"67890"), 9, 0),
        (PDF, (b"12345", b"67890"), 10, 2),
        ({}, (b"12345", b"67890"), 4, 1),
        ({}, (b"12345", b"67890", b"x"), 9, 2),
        ({}, (b"12345", b"67890"), 10, 2),
        ({}, (), 0, 0),
        ({}, (b"1",), 0, 1),
    ],
)
@pytest.mark.parametrize("method", ["read", "save"])
async def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path,
    headers: dict[str, str],
    chunks: tuple[bytes, ...],
    max_size: int,
    chunks_read: int,
    method: str,
) -> None:
    """Above max_size, nothing more is read, no file remains, and the stream is closed."""
    server = Server(*chunks, headers=headers)
    target = tmp_path / "a"
    fits = sum(map(len, chunks)) <= max_size
    download = server.download
    call: Any = (
        download.read
        if method == "read"
        else lambda **arguments: download.save(target, **arguments)
    )

    error = await get_error(call(max_size=max_size))

    assert server.sent == chunks_read
    assert server.closed == 1
    assert target.exists() == (fits and method == "save")
    assert len(list(tmp_path.iterdir())) == target.exists()
    if fits:
        assert error is None
    else:
        assert isinstance(error, DownloadTooLarge)
        assert (error.max_size, error.operation) == (max_size, "files.download")


async def get_error(call: Any) -> Exception | None:
    try:
        await call
    except DownloadTooLarge as error:
        return error
    return None


async def test_an_open_download_cannot_be_entered_again() -> None:
    """After it is closed, it can be entered again."""
    server = Server(b"x")
    download = server.download

    async with download:
        with pytest.raises(UsageError, match="already open"):
            await download.__aenter__()
        second_content = await download.read()
    async with download as stream:
        content = second_content.content + (await stream.read()).content

    assert content == b"xx"
    assert (server.opened, server.closed) == (3, 3)


async def test_a_download_can_be_entered_again_after_an_error() -> None:
    """An error on entering leaves nothing open."""
    server = Server(b"x")
    errors = [ZeroDivisionError()]

    @asynccontextmanager
    async def open_on_retry() -> AsyncGenerator[DownloadStream]:
        if errors:
            raise errors.pop()
        async with server.open() as stream:
            yield stream

    download = Download(open_on_retry)

    with pytest.raises(ZeroDivisionError):
        await download.__aenter__()
    async with download as stream:
        assert (await stream.read()).content == b"x"


async def test_exiting_without_entering_does_nothing() -> None:
    """A download that was not entered, or has been exited, has nothing to close."""
    server = Server(b"x")

    await server.download.__aexit__(None, None, None)

    assert (server.opened, server.closed) == (0, 0)
