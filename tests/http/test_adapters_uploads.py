"""Bodies on every HTTP library: length, pieces, what stops them, and what they leave behind."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from docassemble_client import (
    AsyncDocassemble,
    MaybeSent,
    NotSent,
    PayloadTooLarge,
    RequestTimeout,
    Timeouts,
    Upload,
)
from tests.http.test_adapters import library, run
from tests.raw_server import (
    AT_ONCE,
    KEY,
    ONCE,
    PATIENCE,
    Connection,
    answering,
    client,
    reply,
    serve,
    silent,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from tests.raw_server import RawServer, Received

go_direct = pytest.fixture(autouse=True)(tidy)
__all__ = ["library"]

LARGE = 32 * 1024 * 1024
"""Bytes that no buffer between two sockets holds."""


def sent(**arguments: Any) -> Received:
    async def scenario(da: AsyncDocassemble, server: RawServer) -> Received:
        await da.request("POST", "/x", **arguments)
        return server.received[0]

    received: Received = run(answering(reply(b"{}")), scenario)
    return received


@pytest.mark.parametrize("size", [0, 100, 32_768, 100_000, 5_000_000])
def test_json_of_any_size_arrives_with_its_length(size: int) -> None:
    """A short body goes at once and a long one in pieces; the server sees no difference."""
    received = sent(json={"text": "x" * size})

    assert json.loads(received.body) == {"text": "x" * size}
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(received.body))
    assert "transfer-encoding" not in received.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
def test_a_request_without_a_body_says_nothing_of_one(method: str) -> None:
    """No media type is invented, and the headers are the same on every library."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> dict[str, str]:
        await da.request(method, "/x")
        return server.received[0].headers

    headers = run(answering(reply(b"{}")), scenario)

    assert headers.pop("content-length", "0") == "0"
    assert headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "x-api-key"}
    assert headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("text", ["a b", "1+1=2", "a&b=c", "100%", "%41", "J\xf6rg", "/a//b", ""])
def test_addresses_are_not_encoded_twice(text: str) -> None:
    """A query comes out on the other side as it was given, encoded once."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> str:
        await da.request("GET", "/a%20b/J\xf6rg", params={"q": text})
        return server.received[0].target

    target = run(answering(reply(b"{}")), scenario)

    path, _, query = target.partition("?q=")
    assert path == "/a%20b/J%C3%B6rg"
    assert query.isascii()
    assert "+" not in query
    assert unquote(query) == text


def test_the_path_of_the_base_url_comes_first() -> None:
    """A server below a path is reached there."""

    async def play() -> str:
        async with serve(answering(reply(b"{}"))) as server:
            async with AsyncDocassemble(server.url + "/a%20b/c/", KEY) as da:
                await da.request("GET", "/x")
            return server.received[0].target

    assert asyncio.run(play()) == "/a%20b/c/x"


def test_files_with_known_sizes_are_sent_with_their_length(tmp_path: Path) -> None:
    """Paths, bytes and file objects make a body whose length the server is told."""
    path = tmp_path / "a.docx"
    path.write_bytes(b"p" * 200_000)

    received = sent(
        data={"text": "J\xf6rg"}, files={"one": path, "two": [b"bytes", io.BytesIO(b"object")]}
    )

    assert received.headers["content-length"] == str(len(received.body))
    assert "transfer-encoding" not in received.headers
    assert [content for _, _, content in received.parts()] == [
        "J\xf6rg".encode(),
        b"p" * 200_000,
        b"bytes",
        b"object",
    ]


class Pieces:
    """Brings pieces and knows whether it was closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self.closed = False
        self._pieces = pieces
        self._error = error

    async def __call__(self) -> AsyncGenerator[bytes]:
        """Begin."""
        try:
            for piece in self._pieces:
                yield piece
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


def test_files_of_unknown_size_are_sent_in_chunks() -> None:
    """An iterable without a size goes as it comes."""
    pieces = Pieces(b"one", b"two")

    received = sent(files={"a": Upload(pieces(), "a.txt")})

    assert received.headers["transfer-encoding"] == "chunked"
    assert [content for _, _, content in received.parts()] == [b"onetwo"]
    assert pieces.closed


def test_an_iterable_with_a_size_is_sent_with_its_length() -> None:
    """Who knows the size spares the server the chunks."""
    received = sent(files={"a": Upload(Pieces(b"one", b"two")(), "a.txt", size=6)})

    assert received.headers["content-length"] == str(len(received.body))


async def never_reads(connection: Connection) -> None:
    await asyncio.Event().wait()


async def send_json(da: AsyncDocassemble) -> None:
    await da.request("POST", "/x", json="x" * LARGE)


async def send_file(da: AsyncDocassemble) -> None:
    await da.request("POST", "/x", files={"a": b"x" * LARGE})


@pytest.mark.parametrize("send", [send_json, send_file])
def test_a_server_that_takes_nothing_is_a_timeout(
    send: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """The limit for writing holds on a library that has none of its own."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> int:
        with pytest.raises(RequestTimeout, match="silent") as caught:
            await send(da)
        assert caught.value.maybe_processed
        return server.connections

    assert run(never_reads, scenario, retry=AT_ONCE, timeout=Timeouts(write=0.05)) == 1


@pytest.mark.parametrize("size", [1000, 200_000])
@pytest.mark.parametrize("limits", [{"read": 0.05}, {"read": 0.05, "write": None}])
def test_after_the_body_the_answer_is_waited_for(
    size: int, limits: dict[str, float | None]
) -> None:
    """Once the body is out, the limit is that of reading."""

    async def scenario(da: AsyncDocassemble, _: RawServer) -> None:
        with pytest.raises(RequestTimeout, match="silent"):
            await da.request("POST", "/x", json="x" * size, timeout=Timeouts(**limits))

    run(silent, scenario)


def test_a_slow_source_is_no_silent_server() -> None:
    """The limit for writing is not for the time that the caller's own pieces take."""

    async def slow() -> AsyncGenerator[bytes]:
        for piece in (b"one", b"two"):
            ready = asyncio.Event()
            asyncio.get_running_loop().call_later(0.06, ready.set)
            await ready.wait()
            yield piece

    async def scenario(da: AsyncDocassemble, server: RawServer) -> Received:
        files = {"a": Upload(slow(), "a.txt")}
        await da.request("POST", "/x", files=files, timeout=Timeouts(write=0.05))
        return server.received[0]

    received = run(answering(reply(b"{}")), scenario)

    assert [content for _, _, content in received.parts()] == [b"onetwo"]


def test_an_early_refusal_of_a_long_body_is_told_or_maybe_sent() -> None:
    """A server that answers before it has read all is understood where the library can."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(reply(b"too large", status=413))

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        pieces = Pieces(*[b"x" * 65536] * 500)
        with pytest.raises((PayloadTooLarge, MaybeSent)):
            await da.request("POST", "/x", files={"a": Upload(pieces(), "a.txt")})
        assert pieces.closed
        await server.all_gone()

    run(script, scenario)


def test_an_answer_may_begin_before_the_upload_ends() -> None:
    """A server that answers early and reads on gets the whole body, and its answer is read."""

    async def script(connection: Connection) -> None:
        head = await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await connection.reader.readexactly(length)
        await connection.send(b"{}")
        await connection.gone()

    async def scenario(da: AsyncDocassemble, _: RawServer) -> bytes:
        return (await da.request("POST", "/x", json="x" * LARGE)).content

    assert run(script, scenario) == b"{}"


class Own(Exception):  # noqa: N818
    """What a caller's iterable raises."""


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (Own("mine"), Own, "mine"),
        (OSError(5, "secret"), MaybeSent, "could not be read while it was sent .OSError."),
        (TimeoutError(), MaybeSent, "could not be read"),
    ],
)
def test_what_reading_raises_is_not_blamed_on_the_network(
    error: Exception, expected: type[Exception], text: str
) -> None:
    """A caller's own exception comes out as it is, a failing disk as its name."""
    pieces = Pieces(b"x" * 100_000, error=error)

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        with pytest.raises(expected, match=text) as caught:
            await da.request("POST", "/x", files={"a": Upload(pieces(), "a.txt")})
        assert "secret" not in str(caught.value)
        await server.all_gone()
        assert not server.received

    run(silent, scenario, retry=AT_ONCE)
    assert pieces.closed


@pytest.mark.parametrize("promised", [1, 1000])
def test_a_file_that_is_not_as_long_as_it_said_may_have_been_sent(promised: int) -> None:
    """A wrong length leaves a broken request, which is not repeated."""

    async def scenario(da: AsyncDocassemble, server: RawServer) -> int:
        upload = Upload(Pieces(b"12345")(), "a.txt", size=promised)
        with pytest.raises(MaybeSent, match="grew or shrank"):
            await da.request("POST", "/x", files={"a": upload})
        await server.all_gone()
        return server.connections

    assert run(silent, scenario, retry=AT_ONCE) == 1


@pytest.mark.parametrize("ends", ["cancelled", "timed out"])
def test_an_upload_that_is_given_up_closes_its_source(ends: str) -> None:
    """Wherever an upload is cancelled, what it reads from is closed and its turn given back."""
    waiting = asyncio.Event()
    closed: list[bool] = []

    async def endless() -> AsyncGenerator[bytes]:
        try:
            yield b"first"
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def script(connection: Connection) -> None:
        if connection.server.connections == 1:
            await connection.gone()
        else:
            await answering(reply(b"{}"))(connection)

    async def scenario(da: AsyncDocassemble, server: RawServer) -> None:
        limit = Timeouts(total=0.05 if ends == "timed out" else None)
        call = da.request("POST", "/x", files={"a": Upload(endless(), "a.txt")}, timeout=limit)
        task = asyncio.create_task(call)
        await waiting.wait()
        if ends == "cancelled":
            task.cancel()
        with pytest.raises((asyncio.CancelledError, RequestTimeout)):
            await task
        assert closed == [True]
        await server.tasks[0]
        await da.request("GET", "/x")

    run(script, scenario, max_concurrency=1)


def test_an_upload_is_repeated_whole_where_nothing_was_sent(tmp_path: Path) -> None:
    """After a refused connection each attempt opens the file anew."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"content")

    async def play() -> None:
        async with serve(silent) as server:
            url = server.url
        async with AsyncDocassemble(url, KEY, retry=AT_ONCE) as da:
            await da.request("POST", "/x", files={"a": path})

    with pytest.raises(NotSent):
        asyncio.run(asyncio.wait_for(play(), PATIENCE))


@pytest.mark.parametrize("success", [True, False])
def test_uploads_leave_no_task_behind(*, success: bool) -> None:
    """After the call nothing of the library goes on."""

    async def play() -> None:
        script = answering(reply(b"{}")) if success else silent
        async with serve(script) as server, client(server, ONCE) as da:
            before = asyncio.all_tasks() - set(server.tasks)
            try:
                await da.request("POST", "/x", json="x" * 100_000, timeout=Timeouts(read=0.05))
            except RequestTimeout:
                assert not success
            assert asyncio.all_tasks() - set(server.tasks) == before

    asyncio.run(asyncio.wait_for(play(), PATIENCE))
