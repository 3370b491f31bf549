"""Request bodies with every HTTP library: length, chunks, interruptions and cleanup."""

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
from tests.http.test_adapters import library
from tests.raw_server import (
    HANG_SECONDS,
    KEY,
    NO_DELAY,
    NO_RETRIES,
    Connection,
    check_leaks,
    connect,
    make_client,
    make_response,
    never_respond,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

    from tests.raw_server import ReceivedRequest

pytestmark = pytest.mark.sockets

leak_check = pytest.fixture(autouse=True)(check_leaks)
__all__ = ["library"]

LARGE = 32 * 1024 * 1024
"""Number of bytes; more than the buffers between two sockets can hold."""


async def send_request(**arguments: Any) -> ReceivedRequest:
    async with connect(respond_with(make_response(b"{}"))) as (da, server):
        await da.request("POST", "/x", **arguments)
        return server.requests[0]


@pytest.mark.parametrize("size", [0, 100, 32_768, 100_000, 5_000_000])
async def test_json_of_any_size_has_a_content_length(size: int) -> None:
    """A short body is sent at once and a long one in chunks; the server sees no difference."""
    request = await send_request(json={"text": "x" * size})

    assert json.loads(request.body) == {"text": "x" * size}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
async def test_a_request_without_a_body_has_no_body_headers(method: str) -> None:
    """The headers are the same with every library."""
    async with connect(respond_with(make_response(b"{}"))) as (da, server):
        await da.request(method, "/x")
        headers = server.requests[0].headers

    assert headers.pop("content-length", "0") == "0"
    assert headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "x-api-key"}
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("text", ["a b", "1+1=2", "a&b=c", "100%", "%41", "J\xf6rg", "/a//b", ""])
async def test_urls_are_encoded_once(text: str) -> None:
    """The server decodes the query to the original text."""
    async with connect(respond_with(make_response(b"{}"))) as (da, server):
        await da.request("GET", "/a%20b/J\xf6rg", params={"q": text})
        target = server.requests[0].target

    path, _, query = target.partition("?q=")
    assert path == "/a%20b/J%C3%B6rg"
    assert query.isascii()
    assert "+" not in query
    assert unquote(query) == text


async def test_the_path_of_the_base_url_comes_first() -> None:
    """The path of the base URL is prepended to the path of the request."""
    async with serve(respond_with(make_response(b"{}"))) as server:
        async with AsyncDocassemble(server.url + "/a%20b/c/", KEY) as da:
            await da.request("GET", "/x")
        assert server.requests[0].target == "/a%20b/c/x"


async def test_files_of_known_size_have_a_content_length(tmp_path: Path) -> None:
    """The sizes of paths, bytes and file objects are known."""
    path = tmp_path / "a.docx"
    path.write_bytes(b"p" * 200_000)

    request = await send_request(
        data={"text": "J\xf6rg"}, files={"one": path, "two": [b"bytes", io.BytesIO(b"object")]}
    )

    assert request.headers["content-length"] == str(len(request.body))
    assert "transfer-encoding" not in request.headers
    assert [content for _, _, content in request.parse_parts()] == [
        "J\xf6rg".encode(),
        b"p" * 200_000,
        b"bytes",
        b"object",
    ]


class ChunkSource:
    """Yields chunks, and records whether it was closed."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.is_closed = False
        self._chunks = chunks
        self._error = error

    async def __call__(self) -> AsyncGenerator[bytes]:
        """Return the iterator."""
        try:
            for chunk in self._chunks:
                yield chunk
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True


async def test_files_of_unknown_size_are_sent_in_chunks() -> None:
    """An iterable without a size is sent with chunked encoding."""
    source = ChunkSource(b"one", b"two")

    request = await send_request(files={"a": Upload(source(), "a.txt")})

    assert request.headers["transfer-encoding"] == "chunked"
    assert [content for _, _, content in request.parse_parts()] == [b"onetwo"]
    assert source.is_closed


async def test_an_iterable_with_a_size_has_a_content_length() -> None:
    """If the size is known, the body is not sent with chunked encoding."""
    request = await send_request(
        files={"a": Upload(ChunkSource(b"one", b"two")(), "a.txt", size=6)}
    )

    assert request.headers["content-length"] == str(len(request.body))


async def never_read(connection: Connection) -> None:
    await asyncio.Event().wait()


async def send_json(da: AsyncDocassemble) -> None:
    await da.request("POST", "/x", json="x" * LARGE)


async def send_file(da: AsyncDocassemble) -> None:
    await da.request("POST", "/x", files={"a": b"x" * LARGE})


@pytest.mark.parametrize("send", [send_json, send_file])
async def test_a_server_that_does_not_read_causes_a_timeout(
    send: Callable[[AsyncDocassemble], Awaitable[None]],
) -> None:
    """The write timeout also applies with a library that has none."""
    async with connect(never_read, retry=NO_DELAY, timeout=Timeouts(write=0.05)) as (da, server):
        with pytest.raises(RequestTimeout, match="accepted no data for") as caught:
            await send(da)
        assert caught.value.maybe_processed
        assert server.connections == 1


@pytest.mark.parametrize("size", [1000, 200_000])
@pytest.mark.parametrize("limits", [{"read": 0.05}, {"read": 0.05, "write": None}])
async def test_the_read_timeout_applies_after_the_body(
    size: int, limits: dict[str, float | None]
) -> None:
    """After the body is sent, the read timeout applies."""
    async with connect(never_respond) as (da, _):
        with pytest.raises(RequestTimeout, match="sent nothing for"):
            await da.request("POST", "/x", json="x" * size, timeout=Timeouts(**limits))


async def test_a_slow_source_causes_no_timeout() -> None:
    """The write timeout does not include the time that the caller's iterable takes."""

    async def produce_slowly() -> AsyncGenerator[bytes]:
        for chunk in (b"one", b"two"):
            timer = asyncio.Event()
            asyncio.get_running_loop().call_later(0.06, timer.set)
            await timer.wait()
            yield chunk

    async with connect(respond_with(make_response(b"{}"))) as (da, server):
        files = {"a": Upload(produce_slowly(), "a.txt")}
        await da.request("POST", "/x", files=files, timeout=Timeouts(write=0.05))
        request = server.requests[0]

    assert [content for _, _, content in request.parse_parts()] == [b"onetwo"]


async def test_an_early_refusal_of_a_long_body_is_an_error() -> None:
    """The server responds and closes the connection before it has read all."""

    async def script(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(make_response(b"too large", status=413))

    async with connect(script) as (da, server):
        source = ChunkSource(*[b"x" * 65536] * 500)
        with pytest.raises(PayloadTooLarge):
            await da.request("POST", "/x", files={"a": Upload(source(), "a.txt")})
        assert source.is_closed
        await server.wait_all_closed()


async def test_a_response_may_begin_before_the_upload_ends() -> None:
    """A server that responds early receives the whole body, and its response is read."""

    async def script(connection: Connection) -> None:
        head = await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await connection.reader.readexactly(length)
        await connection.send(b"{}")
        await connection.wait_closed()

    async with connect(script) as (da, _):
        assert (await da.request("POST", "/x", json="x" * LARGE)).content == b"{}"


class SourceError(Exception):
    """An exception of a caller's iterable."""


@pytest.mark.parametrize("error", [SourceError("mine"), OSError(5, "mine"), TimeoutError("mine")])
async def test_exceptions_of_an_iterable_are_raised_unchanged(error: Exception) -> None:
    """They are the caller's own, and no network errors."""
    source = ChunkSource(b"x" * 100_000, error=error)

    async with connect(never_respond, retry=NO_DELAY) as (da, server):
        with pytest.raises(type(error)) as caught:
            await da.request("POST", "/x", files={"a": Upload(source(), "a.txt")})
        assert caught.value is error
        await server.wait_all_closed()
        assert not server.requests

    assert source.is_closed


class BrokenFile(io.BytesIO):
    """A file on a disk that fails after the first chunk."""

    def read(self, size: int | None = -1) -> bytes:
        """Read a chunk."""
        if self.tell():
            raise OSError(5, "secret")
        return super().read(size)


async def test_a_file_that_cannot_be_read_may_have_been_sent() -> None:
    """A disk error is no network error; its text may contain a path, so only its class is shown."""
    async with connect(never_respond, retry=NO_DELAY) as (da, server):
        upload = Upload(BrokenFile(b"x" * 100_000), "a.txt")
        with pytest.raises(MaybeSent, match=r"could not be read .*OSError") as caught:
            await da.request("POST", "/x", files={"a": upload})
        assert "secret" not in str(caught.value)
        await server.wait_all_closed()
        assert not server.requests


@pytest.mark.parametrize("declared_size", [1, 1000])
async def test_a_file_of_another_size_may_have_been_sent(declared_size: int) -> None:
    """A wrong length leaves a broken request, which is not retried."""
    async with connect(never_respond, retry=NO_DELAY) as (da, server):
        upload = Upload(ChunkSource(b"12345")(), "a.txt", size=declared_size)
        with pytest.raises(MaybeSent, match="grew or shrank"):
            await da.request("POST", "/x", files={"a": upload})
        await server.wait_all_closed()
        assert server.connections == 1


@pytest.mark.parametrize("ending", ["cancelled", "timed out"])
async def test_a_cancelled_upload_closes_its_source(ending: str) -> None:
    """A cancelled upload closes its iterable and releases its slot."""
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
            await connection.wait_closed()
        else:
            await respond_with(make_response(b"{}"))(connection)

    async with connect(script, max_concurrency=1) as (da, server):
        limit = Timeouts(total=0.05 if ending == "timed out" else None)
        call = da.request("POST", "/x", files={"a": Upload(endless(), "a.txt")}, timeout=limit)
        task = asyncio.create_task(call)
        await waiting.wait()
        if ending == "cancelled":
            task.cancel()
        with pytest.raises((asyncio.CancelledError, RequestTimeout)):
            await task
        assert closed == [True]
        await server.tasks[0]
        await da.request("GET", "/x")


async def test_a_retried_upload_opens_the_file_again(tmp_path: Path) -> None:
    """After a refused connection, each attempt opens the file again."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"content")

    async def scenario() -> None:
        async with serve(never_respond) as server:
            url = server.url
        async with AsyncDocassemble(url, KEY, retry=NO_DELAY) as da:
            await da.request("POST", "/x", files={"a": path})

    with pytest.raises(NotSent):
        await asyncio.wait_for(scenario(), HANG_SECONDS)


@pytest.mark.parametrize("success", [True, False])
async def test_uploads_leave_no_task_behind(*, success: bool) -> None:
    """After the call no task of the library is running."""
    async with asyncio.timeout(HANG_SECONDS):
        script = respond_with(make_response(b"{}")) if success else never_respond
        async with serve(script) as server, make_client(server, NO_RETRIES) as da:
            before = asyncio.all_tasks() - set(server.tasks)
            try:
                await da.request("POST", "/x", json="x" * 100_000, timeout=Timeouts(read=0.05))
            except RequestTimeout:
                assert not success
            assert asyncio.all_tasks() - set(server.tasks) == before
