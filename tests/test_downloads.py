"""Files on their way down: in memory, on disk or in pieces, and that half a file never appears."""

from __future__ import annotations

import asyncio
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
        """Open a stream, and notice when it is closed."""
        self.opened += 1
        try:
            yield DownloadStream(200, self.headers, self._send(), operation="files.download")
        finally:
            self.closed += 1

    @property
    def download(self) -> Download:
        """The download a caller gets."""
        return Download(self.open)


async def awaited(download: Download) -> BinaryContent:
    return await download


def test_awaiting_brings_the_content() -> None:
    """Awaiting reads everything into memory, with what the server said, and closes."""
    server = Server(b"%PDF ", b"12345")

    content = asyncio.run(awaited(server.download))

    assert content == BinaryContent(
        content=b"%PDF 12345", content_type="application/pdf", filename="a b.pdf", status=200
    )
    assert (server.opened, server.closed) == (1, 1)


def test_nothing_is_opened_before_it_is_used() -> None:
    """Making a download asks the server for nothing; using it twice asks twice."""
    server = Server(b"x")
    download = server.download
    before = server.opened

    first, second = asyncio.run(awaited(download)), asyncio.run(awaited(download))

    assert before == 0
    assert first == second
    assert (server.opened, server.closed) == (2, 2)


@pytest.mark.parametrize(
    ("headers", "name", "size"),
    [
        (PDF, "a b.pdf", 10),
        ({}, None, None),
        ({"content-length": "0"}, None, 0),
        ({"content-length": "10", "content-encoding": "gzip"}, None, None),
        ({"content-length": "-1"}, None, None),
        ({"content-length": "ten"}, None, None),
        ({"content-length": "\u0661"}, None, None),
        ({"content-length": "\u00b2"}, None, None),
        ({"content-length": "9" * 5000}, None, None),
    ],
)
def test_a_stream_tells_what_is_known_before_it_comes(
    headers: dict[str, str], name: str | None, size: int | None
) -> None:
    """Name, type and size are known from the headers; a size that is none is unknown."""

    async def look() -> tuple[DownloadStream, list[bytes]]:
        async with Server(b"hunter2", b"b", headers=headers).download as stream:
            return stream, [chunk async for chunk in stream]

    stream, chunks = asyncio.run(look())

    assert (stream.filename, stream.size, stream.status) == (name, size, 200)
    assert stream.content_type == headers.get("content-type", "")
    assert chunks == [b"hunter2", b"b"]
    assert "hunter2" not in repr(stream)


def test_saving_reports_progress_and_gives_the_path(tmp_path: Path) -> None:
    """Each chunk is reported with the bytes so far and the bytes expected."""
    seen: list[tuple[int, int | None]] = []
    download = Server(b"%PDF ", b"", b"12345").download

    path = asyncio.run(download.save(tmp_path / "x.pdf", on_progress=lambda *now: seen.append(now)))

    assert path == tmp_path / "x.pdf"
    assert path.read_bytes() == b"%PDF 12345"
    assert seen == [(5, 10), (5, 10), (10, 10)]


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        (PDF, "a b.pdf"),
        ({"content-disposition": "attachment; filename=../../evil"}, "evil"),
        ({"content-disposition": f"attachment; filename={'日' * 300}.pdf"}, "日" * 65 + ".pdf"),
        ({}, "download"),
    ],
)
def test_a_folder_gets_a_file_of_the_servers_name(
    tmp_path: Path, headers: dict[str, str], name: str
) -> None:
    """Saved into a folder, a file takes the server's name made safe, and stays inside."""
    path = asyncio.run(Server(b"x", headers=headers).download.save(str(tmp_path)))

    assert path == tmp_path / name
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_a_servers_name_never_replaces_a_file(tmp_path: Path) -> None:
    """In a folder, where the server chooses the name, a new file gets a number."""
    (tmp_path / "a b.pdf").write_bytes(b"before")

    paths = [asyncio.run(Server(b"x").download.save(tmp_path)) for _ in range(2)]

    assert [path.name for path in paths] == ["a b (1).pdf", "a b (2).pdf"]
    assert sorted(path.read_bytes() for path in tmp_path.iterdir()) == [b"before", b"x", b"x"]


def test_a_long_name_of_ones_own_can_be_saved(tmp_path: Path) -> None:
    """The name under which a file grows is never longer than the file system takes."""
    path = asyncio.run(Server(b"x").download.save(tmp_path / ("x" * 255)))

    assert path.read_bytes() == b"x"


def complain(*_: object) -> None:
    message = "on_progress failed"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("chunks", "progress"),
    [
        ((RuntimeError("at once"),), None),
        ((b"half", RuntimeError("in between")), None),
        ((b"whole",), complain),
    ],
)
@pytest.mark.parametrize("existing", [None, b"before"])
def test_a_broken_download_leaves_no_trace(
    tmp_path: Path, chunks: tuple[Any, ...], progress: Any, existing: bytes | None
) -> None:
    """After an error there is no half file, and a file that was there is as it was."""
    target = tmp_path / "a.pdf"
    if existing is not None:
        target.write_bytes(existing)
    server = Server(*chunks)

    with pytest.raises(RuntimeError):
        asyncio.run(server.download.save(target, on_progress=progress))

    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([existing] if existing else [])
    assert server.closed == 1


def test_a_file_is_replaced_only_when_the_new_one_is_complete(tmp_path: Path) -> None:
    """Whoever looks while it is received sees the old file."""
    target = tmp_path / "a.pdf"
    target.write_bytes(b"before")
    seen: list[bytes] = []

    asyncio.run(
        Server(b"new").download.save(
            target, on_progress=lambda *_: seen.append(target.read_bytes())
        )
    )

    assert seen == [b"before"]
    assert target.read_bytes() == b"new"


def test_a_file_cannot_be_saved_where_no_folder_is(tmp_path: Path) -> None:
    """The operating system's own error says so, and the stream is closed."""
    server = Server(b"x")

    with pytest.raises(FileNotFoundError):
        asyncio.run(server.download.save(tmp_path / "no" / "a.pdf"))

    assert server.closed == 1
    assert list(tmp_path.iterdir()) == []


def test_a_stream_can_be_saved_or_read_on(tmp_path: Path) -> None:
    """Inside of `async with`, saving and reading take what is left."""

    async def use() -> tuple[bytes, Path, bytes]:
        async with Server(b"a", b"b", b"c").download as stream:
            first = await anext(aiter(stream))
            path = await stream.save(tmp_path / "rest")
            return first, path, (await stream.read()).content

    first, path, nothing = asyncio.run(use())

    assert (first, path.read_bytes(), nothing) == (b"a", b"bc", b"")


def test_an_error_inside_closes_the_stream() -> None:
    """Leaving `async with` by an error closes the connection and keeps the error."""
    server = Server(b"x")

    async def use() -> None:
        async with server.download:
            complain()

    with pytest.raises(RuntimeError, match="on_progress"):
        asyncio.run(use())

    assert (server.opened, server.closed) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "chunks", "max_size", "read"),
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
@pytest.mark.parametrize("way", ["read", "save"])
def test_a_file_that_is_too_large_is_given_up(
    tmp_path: Path,
    headers: dict[str, str],
    chunks: tuple[bytes, ...],
    max_size: int,
    read: int,
    way: str,
) -> None:
    """Above max_size nothing more is read, nothing is kept, and the stream is closed."""
    server = Server(*chunks, headers=headers)
    target = tmp_path / "a"
    fits = sum(map(len, chunks)) <= max_size
    download = server.download
    call: Any = download.read if way == "read" else lambda **more: download.save(target, **more)

    error = asyncio.run(outcome(call(max_size=max_size)))

    assert server.sent == read
    assert server.closed == 1
    assert target.exists() == (fits and way == "save")
    assert len(list(tmp_path.iterdir())) == target.exists()
    if fits:
        assert error is None
    else:
        assert isinstance(error, DownloadTooLarge)
        assert (error.max_size, error.operation) == (max_size, "files.download")


async def outcome(call: Any) -> Exception | None:
    try:
        await call
    except DownloadTooLarge as error:
        return error
    return None


def test_a_download_that_is_open_cannot_be_opened_again() -> None:
    """The first stream is not lost to a second one; afterwards it can be opened again."""
    server = Server(b"x")
    download = server.download

    async def use() -> bytes:
        async with download:
            with pytest.raises(UsageError, match="open already"):
                await download.__aenter__()
            beside = await download.read()
        async with download as stream:
            return beside.content + (await stream.read()).content

    content = asyncio.run(use())

    assert content == b"xx"
    assert (server.opened, server.closed) == (3, 3)


def test_a_download_that_could_not_be_opened_can_be_tried_again() -> None:
    """An error while it is opened leaves nothing open."""
    server = Server(b"x")
    refusals = [ZeroDivisionError()]

    @asynccontextmanager
    async def open_later() -> AsyncGenerator[DownloadStream]:
        if refusals:
            raise refusals.pop()
        async with server.open() as stream:
            yield stream

    download = Download(open_later)

    async def use() -> bytes:
        with pytest.raises(ZeroDivisionError):
            await download.__aenter__()
        async with download as stream:
            return (await stream.read()).content

    assert asyncio.run(use()) == b"x"


def test_leaving_without_entering_does_nothing() -> None:
    """A download that was never entered, or was left already, has nothing to close."""
    server = Server(b"x")

    asyncio.run(server.download.__aexit__(None, None, None))

    assert (server.opened, server.closed) == (0, 0)
