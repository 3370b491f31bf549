"""What goes over the wire: address, headers, bodies and files."""

from __future__ import annotations

import asyncio
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
    AT_ONCE,
    KEY,
    USER,
    Connection,
    Received,
    answering,
    client,
    reply,
    serve,
    tidy,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

HEALTH = b'{"ok": true, "server_start_time": "1", "version": "1"}'

tidied = pytest.fixture(autouse=True)(tidy)


async def received_of(method: str = "GET", path: str = "/x", **arguments: Any) -> Received:
    async with serve(answering(reply(b"{}"))) as server, client(server) as da:
        await da.request(method, path, **arguments)
        return server.received[0]


async def converted(file: FileInput, attempts: int = 1) -> list[Received]:
    """Send a file as often as the server breaks the connection, and once more."""

    async def script(connection: Connection) -> None:
        await connection.receive()
        if connection.server.connections == attempts:
            await connection.send(reply(b"# Text", "Content-Type: text/markdown"))

    async with serve(script) as server, client(server, AT_ONCE) as da:
        assert await da.files.convert_to_markdown(file) == "# Text"
        return server.received


def test_the_headers_are_those_of_the_design() -> None:
    """The key goes in its own header, the client says who it is, and no cookie is sent."""

    async def scenario() -> dict[str, str]:
        async with serve(answering(reply(USER))) as server, client(server) as da:
            await da.users.get_current()
            return server.received[0].headers

    headers = asyncio.run(scenario())

    host = headers.pop("host")
    assert host.startswith("127.0.0.1:")
    assert headers == {
        "user-agent": f"docassemble-client/{__version__}",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        "x-api-key": KEY,
    }


def test_a_call_without_authentication_sends_no_key() -> None:
    """The state of the server is asked for without showing the key to a load balancer."""

    async def scenario() -> dict[str, str]:
        async with serve(answering(reply(HEALTH))) as server, client(server) as da:
            await da.server.get_health()
            return server.received[0].headers

    headers = asyncio.run(scenario())

    assert "x-api-key" not in headers


@pytest.mark.parametrize("prefix", ["/da", "/da/", "/a/b%20c//"])
def test_the_path_of_the_base_url_comes_first(prefix: str) -> None:
    """A server below a path is reached there, however the address ends."""

    async def scenario() -> str:
        async with serve(answering(reply(USER))) as server:
            async with AsyncDocassemble(server.url + prefix, KEY) as da:
                await da.users.get_current()
            return server.received[0].target

    target = asyncio.run(scenario())

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
def test_a_query_arrives_as_it_was_given(text: str) -> None:
    """Blanks, umlauts and what means something in a query come out on the other side as given."""
    received = asyncio.run(received_of(params={"q": text, "näme &": "1"}))

    parts = urlsplit(received.target)
    assert received.target.isascii()
    assert parts.path == "/x"
    assert "+" not in parts.query
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", text), ("näme &", "1")]


@pytest.mark.parametrize("path", ["/a b", "/Jörg", "/日本", "/a%20b", "/a;b=c", "/~x", "//host/x"])
def test_a_path_stays_a_path(path: str) -> None:
    """A path is quoted where it must be, is not quoted twice, and never becomes a host."""
    received = asyncio.run(received_of(path=path))

    assert received.target.isascii()
    assert httpx.URL("http://x" + received.target).path == httpx.URL("http://x" + path).path


def test_json_is_sent_as_utf_8() -> None:
    """A JSON body has its media type and exact length, and is not escaped."""
    received = asyncio.run(received_of("POST", json={"name": "Jörg 😀", "none": None, "yes": True}))

    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(received.body))
    assert received.body == '{"name":"Jörg 😀","none":null,"yes":true}'.encode()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE", "GET"])
def test_a_request_without_a_body_has_none(method: str) -> None:
    """Without JSON and files nothing is sent, and nothing says that something would be."""
    received = asyncio.run(received_of(method))

    assert received.body == b""
    assert "content-type" not in received.headers
    assert received.headers.get("content-length", "0") == "0"


def test_secrets_are_sent_as_they_are() -> None:
    """A Secret hides itself from people, not from the server."""
    received = asyncio.run(received_of("POST", json={"password": Secret("p&ss")}))

    assert received.body == b'{"password":"p&ss"}'


def test_text_and_files_make_a_multipart_body(tmp_path: Path) -> None:
    """Text fields keep lists and umlauts, and a field can hold several files."""
    path = tmp_path / "Übersicht.docx"
    path.write_bytes(b"from a path")

    received = asyncio.run(
        received_of(
            "POST",
            data={"text": "Jörg", "list": [1, "ü"], "yes": True},
            files={"one": b"bytes", "more": [path, Upload(io.BytesIO(b"object"), 'a "b".txt')]},
        )
    )

    assert received.headers["content-length"] == str(len(received.body))
    assert [(name, content) for name, _, content in received.parts()] == [
        ("text", "Jörg".encode()),
        ("list", '[1,"ü"]'.encode()),
        ("yes", b"1"),
        ("one", b"bytes"),
        ("more", b"from a path"),
        ("more", b"object"),
    ]
    assert 'filename="Übersicht.docx"'.encode() in received.body
    assert b'filename="a %22b%22.txt"' in received.body


class Minimal:
    """A file object that can be read and nothing else, such as one over a network."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self.read = self._content.read


def piped(content: bytes) -> IO[bytes]:
    """Open a pipe, whose length its file descriptor gives as 0."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return os.fdopen(reading, "rb")


@pytest.fixture(params=["path", "text", "bytes", "file", "moved", "memory", "gzip"])
def rereadable(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[FileInput]:
    """One content as anything that can be read twice."""
    content = b"content" * 20_000
    path = tmp_path / "text.docx"
    path.write_bytes(content)
    packed = tmp_path / "text.docx.gz"
    packed.write_bytes(gzip.compress(content))
    longer = tmp_path / "longer.docx"
    longer.write_bytes(b"before" + content)
    with path.open("rb") as file, longer.open("rb") as moved, gzip.open(packed) as unpacked:
        moved.seek(len(b"before"))
        kinds: dict[str, FileInput] = {
            "path": path,
            "text": str(path),
            "bytes": content,
            "file": file,
            "moved": moved,
            "memory": io.BytesIO(content),
            "gzip": cast("IO[bytes]", unpacked),
        }
        yield kinds[request.param]


@pytest.mark.parametrize("attempts", [1, 3])
def test_each_attempt_sends_the_whole_file(rereadable: FileInput, attempts: int) -> None:
    """Whatever holds the content, each attempt sends it from where it stood, with its length."""
    received = asyncio.run(converted(rereadable, attempts))

    assert len(received) == attempts
    for one in received:
        assert [content for _, _, content in one.parts()] == [b"content" * 20_000]
        assert one.headers["content-length"] == str(len(one.body))


@pytest.mark.parametrize("content", [b"", b"content" * 5_000])
@pytest.mark.parametrize("kind", ["minimal", "pipe", "raw pipe"])
def test_what_has_no_length_is_sent_in_chunks(kind: str, content: bytes) -> None:
    """A file object that cannot be wound back is sent as it comes."""
    file: Any = Minimal(content) if kind == "minimal" else piped(content)
    sent = file.detach() if kind == "raw pipe" else file

    received = asyncio.run(converted(Upload(sent, "text.docx")))[0]

    assert received.headers["transfer-encoding"] == "chunked"
    assert [one for _, _, one in received.parts()] == [content]
    if kind != "minimal":
        sent.close()


@pytest.mark.parametrize("kind", ["minimal", "pipe"])
def test_what_can_be_read_once_is_sent_once(kind: str) -> None:
    """A second attempt would send an empty file, so there is none."""
    file: Any = Minimal(b"content") if kind == "minimal" else piped(b"content")

    with pytest.raises(MaybeSent):
        asyncio.run(converted(Upload(file, "text.docx"), attempts=2))

    if kind == "pipe":
        file.close()


class Growing(io.BytesIO):
    """A file that is longer when it is read than it said it was, or shorter."""

    def __init__(self, change: int) -> None:
        super().__init__(b"x" * (1000 + change))
        self._change = change

    def seek(self, offset: int, whence: int = 0) -> int:
        """Tell a wrong end."""
        return super().seek(offset, whence) - (self._change if whence == os.SEEK_END else 0)


@pytest.mark.parametrize("change", [500, -500])
def test_a_file_that_changes_may_have_been_sent(change: int) -> None:
    """Where the length was wrong the server may have seen a whole request all the same."""

    async def script(connection: Connection) -> None:
        await connection.gone()

    async def scenario() -> int:
        async with serve(script) as server, client(server, AT_ONCE) as da:
            with pytest.raises(MaybeSent, match="grew or shrank") as caught:
                await da.request("POST", "/x", files={"a": Growing(change)})
            assert caught.value.operation == "request"
            await server.all_gone()
            return server.connections

    connections = asyncio.run(scenario())

    assert connections == 1


class Closing(io.BytesIO):
    """A file that somebody closes, and that does not know it."""

    def seekable(self) -> bool:
        """Say what was true once."""
        return True


@pytest.mark.parametrize("kind", ["vanished", "closed"])
def test_a_file_that_is_gone_at_the_second_attempt_is_a_usage_error(
    kind: str, tmp_path: Path
) -> None:
    """A file that was there when the call began but is not any more is named as the reason."""
    path = tmp_path / "text.docx"
    path.write_bytes(b"content")
    file = Closing(b"content")

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
            await da.files.convert_to_markdown(upload, retry=AT_ONCE)

    with pytest.raises(UsageError, match=r"cannot be made \(\w+\)") as caught:
        asyncio.run(scenario())

    assert caught.value.operation == "files.convert_to_markdown"
    assert str(tmp_path) not in str(caught.value)


class Broken(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1) -> bytes:
        """Fail."""
        raise OSError(size)


def test_a_file_that_cannot_be_read_may_have_been_sent() -> None:
    """A disk that fails while the file is on its way leaves half a request at the server."""

    async def script(connection: Connection) -> None:
        await connection.gone()

    async def scenario() -> None:
        async with serve(script) as server, client(server) as da:
            with pytest.raises(MaybeSent):
                await da.request("POST", "/x", files={"a": Broken(b"content")})
            await server.all_gone()

    asyncio.run(scenario())


def test_own_headers_replace_the_harmless_ones() -> None:
    """A caller may say who it is, and add headers of its own."""
    headers: Mapping[str, str] = {"User-Agent": "me/1", "X-Request-ID": "7"}

    received = asyncio.run(received_of(headers=headers))

    assert received.headers["user-agent"] == "me/1"
    assert received.headers["x-request-id"] == "7"


def test_blanks_around_a_header_are_dropped() -> None:
    """Blanks that mean nothing do not make a header one that cannot be sent."""
    received = asyncio.run(received_of(headers={"X-Token": " to ken ", "X-Empty": " "}))

    assert received.headers["x-token"] == "to ken"
    assert received.headers["x-empty"] == ""
