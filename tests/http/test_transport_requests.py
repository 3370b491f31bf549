"""Requests on the wire: URL, headers, body and files."""

from __future__ import annotations

import gzip
import io
import os
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    FileInput,
    MaybeSent,
    Secret,
    Upload,
    UsageError,
    __version__,
)
from tests.raw_server import (
    KEY,
    NO_DELAY,
    USER,
    Connection,
    ReceivedRequest,
    check_leaks,
    make_client,
    make_response,
    respond_with,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.sockets

HEALTH = b'{"ok": true, "server_start_time": "1", "version": "1"}'

leak_check = pytest.fixture(autouse=True)(check_leaks)


async def send_request(method: str = "GET", path: str = "/x", **arguments: Any) -> ReceivedRequest:
    async with serve(respond_with(make_response(b"{}"))) as server, make_client(server) as da:
        await da.request(method, path, **arguments)
        return server.requests[0]


async def convert_file(file: FileInput, attempts: int = 1) -> list[ReceivedRequest]:
    """Convert a file; the server breaks the connection until the last attempt."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        if connection.server.connections == attempts:
            await connection.send(make_response(b"# Text", "Content-Type: text/markdown"))

    async with serve(script) as server, make_client(server, NO_DELAY) as da:
        assert await da.files.convert_to_markdown(file) == "# Text"
        return server.requests


async def test_only_the_documented_headers_are_sent() -> None:
    """The key has its own header, the client names itself, and no cookie is sent."""
    async with serve(respond_with(make_response(USER))) as server, make_client(server) as da:
        await da.users.get_current()
        headers = server.requests[0].headers

    host = headers.pop("host")
    assert host.startswith("127.0.0.1:")
    assert headers == {
        "user-agent": f"docassemble-client/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "x-api-key": KEY,
    }


async def test_a_call_without_authentication_sends_no_key() -> None:
    """The health check does not send the key to a load balancer."""
    async with serve(respond_with(make_response(HEALTH))) as server, make_client(server) as da:
        await da.server.get_health()
        headers = server.requests[0].headers

    assert "x-api-key" not in headers


@pytest.mark.parametrize("prefix", ["/da", "/da/", "/a/b%20c//"])
async def test_the_path_of_the_base_url_comes_first(prefix: str) -> None:
    """The path of the base URL is prepended, with or without a final slash."""
    async with serve(respond_with(make_response(USER))) as server:
        async with AsyncDocassemble(server.url + prefix, KEY) as da:
            await da.users.get_current()
        target = server.requests[0].target

    assert target == prefix.rstrip("/") + "/api/user"


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        "Jörg & Söhne",
        "1+1=2",
        "a&b=c",
        "100%",
        "%41",
        "#x?y",
        "/a//b",
        "日本",
        "😀",
        "'\"~",
        "",
    ],
)
async def test_a_query_arrives_unchanged(text: str) -> None:
    """Spaces, umlauts and special characters are decoded to the original text."""
    request = await send_request(params={"q": text, "näme &": "1"})

    parts = urlsplit(request.target)
    assert request.target.isascii()
    assert parts.path == "/x"
    assert "+" not in parts.query
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", text), ("näme &", "1")]


@pytest.mark.parametrize("path", ["/a b", "/Jörg", "/日本", "/a%20b", "/a;b=c", "/~x", "//host/x"])
async def test_a_path_arrives_unchanged(path: str) -> None:
    """A path is quoted once, and never becomes a host."""
    request = await send_request(path=path)

    assert request.target.isascii()
    assert httpx.URL("http://x" + request.target).path == httpx.URL("http://x" + path).path


async def test_json_is_sent_as_utf_8() -> None:
    """A JSON body has its media type and exact length, and no escapes."""
    request = await send_request("POST", json={"name": "Jörg 😀", "none": None, "yes": True})

    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.body == '{"name":"Jörg 😀","none":null,"yes":true}'.encode()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "GET"])
async def test_a_request_without_a_body_has_no_body_headers(method: str) -> None:
    """Without JSON and files, no body is sent, and no header announces one."""
    request = await send_request(method)

    assert request.body == b""
    assert "content-type" not in request.headers
    assert request.headers.get("content-length", "0") == "0"


async def test_secrets_are_sent_in_plain_text() -> None:
    """A Secret is hidden in texts, but not in the request."""
    request = await send_request("POST", json={"password": Secret("p&ss")})

    assert request.body == b'{"password":"p&ss"}'


async def test_text_and_files_make_a_multipart_body(tmp_path: Path) -> None:
    """Text fields contain lists and umlauts, and a field can have several files."""
    path = tmp_path / "Übersicht.docx"
    path.write_bytes(b"from a path")

    request = await send_request(
        "POST",
        data={"text": "Jörg", "list": [1, "ü"], "yes": True},
        files={"one": b"bytes", "more": [path, Upload(io.BytesIO(b"object"), 'a "b".txt')]},
    )

    assert request.headers["content-length"] == str(len(request.body))
    assert [(name, content) for name, _, content in request.parse_parts()] == [
        ("text", "Jörg".encode()),
        ("list", '[1,"ü"]'.encode()),
        ("yes", b"1"),
        ("one", b"bytes"),
        ("more", b"from a path"),
        ("more", b"object"),
    ]
    assert 'filename="Übersicht.docx"'.encode() in request.body
    assert b'filename="a %22b%22.txt"' in request.body


class Minimal:
    """A file object with only `read`, such as a file on the network."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self.read = self._content.read


def open_pipe(content: bytes) -> IO[bytes]:
    """Open a pipe; its file descriptor reports the size 0."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return os.fdopen(reading, "rb")


@pytest.fixture(params=["path", "text", "bytes", "file", "moved", "memory", "gzip"])
def rereadable(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[FileInput]:
    """Content in every form that can be read twice."""
    content = b"content" * 20_000
    path = tmp_path / "text.docx"
    path.write_bytes(content)
    compressed_path = tmp_path / "text.docx.gz"
    compressed_path.write_bytes(gzip.compress(content))
    longer_path = tmp_path / "longer.docx"
    longer_path.write_bytes(b"before" + content)
    with (
        path.open("rb") as file,
        longer_path.open("rb") as moved_file,
        gzip.open(compressed_path) as gzip_file,
    ):
        moved_file.seek(len(b"before"))
        inputs: dict[str, FileInput] = {
            "path": path,
            "text": str(path),
            "bytes": content,
            "file": file,
            "moved": moved_file,
            "memory": io.BytesIO(content),
            "gzip": cast("IO[bytes]", gzip_file),
        }
        yield inputs[request.param]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_each_attempt_sends_the_whole_file(rereadable: FileInput, attempts: int) -> None:
    """Each attempt sends the file from its original position, with its length."""
    requests = await convert_file(rereadable, attempts)

    assert len(requests) == attempts
    for request in requests:
        assert [content for _, _, content in request.parse_parts()] == [b"content" * 20_000]
        assert request.headers["content-length"] == str(len(request.body))


@pytest.mark.parametrize("content", [b"", b"content" * 5_000])
@pytest.mark.parametrize("kind", ["minimal", "pipe", "raw pipe"])
async def test_a_file_without_length_is_sent_in_chunks(kind: str, content: bytes) -> None:
    """A file object that cannot seek is sent with chunked encoding."""
    file: Any = Minimal(content) if kind == "minimal" else open_pipe(content)
    upload_file = file.detach() if kind == "raw pipe" else file

    request = (await convert_file(Upload(upload_file, "text.docx")))[0]

    assert request.headers["transfer-encoding"] == "chunked"
    assert [part for _, _, part in request.parse_parts()] == [content]
    if kind != "minimal":
        upload_file.close()


@pytest.mark.parametrize("kind", ["minimal", "pipe"])
async def test_a_file_that_can_be_read_once_is_not_retried(kind: str) -> None:
    """A second attempt would send an empty file."""
    file: Any = Minimal(b"content") if kind == "minimal" else open_pipe(b"content")

    with pytest.raises(MaybeSent):
        await convert_file(Upload(file, "text.docx"), attempts=2)

    if kind == "pipe":
        file.close()


class ChangedFile(io.BytesIO):
    """A file whose content is longer or shorter than its reported size."""

    def __init__(self, change: int) -> None:
        super().__init__(b"x" * (1000 + change))
        self._change = change

    def seek(self, offset: int, whence: int = 0) -> int:
        """Return a wrong end."""
        return super().seek(offset, whence) - (self._change if whence == os.SEEK_END else 0)


@pytest.mark.parametrize("change", [500, -500])
async def test_a_file_of_another_size_may_have_been_sent(change: int) -> None:
    """With a wrong length, the server may still have received a complete request."""

    async def script(connection: Connection) -> None:
        await connection.wait_closed()

    async with serve(script) as server, make_client(server, NO_DELAY) as da:
        with pytest.raises(MaybeSent, match="grew or shrank") as caught:
            await da.request("POST", "/x", files={"a": ChangedFile(change)})
        assert caught.value.operation == "request"
        await server.wait_all_closed()
        connections = server.connections

    assert connections == 1


class ClosedFile(io.BytesIO):
    """A file that remains seekable after it is closed."""

    def seekable(self) -> bool:
        """Return True, also after closing."""
        return True


@pytest.mark.parametrize("kind", ["vanished", "closed"])
async def test_a_file_that_is_missing_on_retry_is_a_usage_error(kind: str, tmp_path: Path) -> None:
    """The file was removed or closed after the first attempt."""
    path = tmp_path / "text.docx"
    path.write_bytes(b"content")
    file = ClosedFile(b"content")

    def fail(_: httpx.Request) -> httpx.Response:
        if kind == "vanished":
            path.unlink()
        else:
            file.close()
        message = "no"
        raise httpx.ConnectError(message)

    async def scenario() -> None:
        transport = httpx.MockTransport(fail)
        async with AsyncDocassemble("http://x.example", KEY, transport=transport) as da:
            upload = Upload(path if kind == "vanished" else file, "text.docx")
            await da.files.convert_to_markdown(upload, retry=NO_DELAY)

    with pytest.raises(UsageError, match=r"cannot be built \(\w+\)") as caught:
        await scenario()

    assert caught.value.operation == "files.convert_to_markdown"
    assert str(tmp_path) not in str(caught.value)


class UnreadableFile(io.BytesIO):
    """A file on a failing disk."""

    def read(self, size: int | None = -1) -> bytes:
        """Fail."""
        raise OSError(size)


async def test_a_file_that_cannot_be_read_may_have_been_sent() -> None:
    """If the disk fails during the upload, the server has received a part of the request."""

    async def script(connection: Connection) -> None:
        await connection.wait_closed()

    async with serve(script) as server, make_client(server) as da:
        with pytest.raises(MaybeSent):
            await da.request("POST", "/x", files={"a": UnreadableFile(b"content")})
        await server.wait_all_closed()


async def test_headers_of_the_caller_replace_the_defaults() -> None:
    """A caller can set its own user agent, and add headers."""
    headers: Mapping[str, str] = {"User-Agent": "me/1", "X-Request-ID": "7"}

    request = await send_request(headers=headers)

    assert request.headers["user-agent"] == "me/1"
    assert request.headers["x-request-id"] == "7"


async def test_outer_whitespace_of_a_header_is_removed() -> None:
    """HTTP libraries refuse headers with outer whitespace."""
    request = await send_request(headers={"X-Token": " to ken ", "X-Empty": " "})

    assert request.headers["x-token"] == "to ken"
    assert request.headers["x-empty"] == ""
