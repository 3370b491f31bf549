"""A server on 127.0.0.1 that sends scripted bytes, valid or not."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field, frozen

from docassemble_client import AsyncDocassemble, RetryPolicy

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    import pytest

KEY = "exampleApiKey0123456789ABCDEFGHI"
NO_RETRIES = RetryPolicy(attempts=1)
NO_DELAY = RetryPolicy(initial_delay=0)
"""Three attempts without a delay."""
HANG_SECONDS = 10
"""Seconds after which a hanging test fails."""
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TEXT_FIELDS = (
    "first_name",
    "last_name",
    "country",
    "subdivisionfirst",
    "subdivisionsecond",
    "subdivisionthird",
    "organization",
    "timezone",
    "language",
)
USER = json.dumps(
    {
        "id": 1,
        "email": "jane@example.com",
        "privileges": ["user"],
        "active": True,
        **dict.fromkeys(_TEXT_FIELDS, ""),
    }
).encode()
"""The response to users.get_current."""


@frozen
class ReceivedRequest:
    """A request as it arrived; its body without chunk framing."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def parse_parts(self) -> list[tuple[str, str | None, bytes]]:
        """Return the name, file name and content of each part of a multipart body."""
        content_type = self.headers["content-type"]
        message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + self.body)
        parts: list[tuple[str, str | None, bytes]] = []
        for part in message.get_payload():
            assert isinstance(part, Message)
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            parts.append((name, part.get_filename(), payload))
        return parts


@define
class Connection:
    """A connection of a client; it is closed when its script returns."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer

    async def receive(self) -> ReceivedRequest:
        """Read a whole request; raise EOFError if the client has closed the connection."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.strip().split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            body = await self._read_chunked()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        request = ReceivedRequest(method, target, headers, body)
        self.server.requests.append(request)
        self.server.request_arrived.set()
        return request

    async def send(self, content: bytes) -> None:
        """Send bytes unchanged."""
        self.writer.write(content)
        await self.writer.drain()

    async def wait_closed(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(65536):
            pass

    async def _read_chunked(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body


Script: TypeAlias = "Callable[[Connection], Awaitable[None]]"


@define
class RawServer:
    """Connections and requests of a server; `request_arrived` is set by each request."""

    url: str = ""
    connections: int = 0
    requests: list[ReceivedRequest] = field(factory=list)
    request_arrived: asyncio.Event = field(factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(factory=list)

    async def wait_all_closed(self) -> None:
        """Wait until the client has closed every connection."""
        async with asyncio.timeout(HANG_SECONDS):
            await asyncio.gather(*self.tasks)


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """Run the script on each connection; raise its errors at the end."""
    server = RawServer()

    async def run_script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # The client may close the connection at any time.
            with suppress(EOFError, ConnectionError):
                await script(Connection(reader, writer, server))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.tasks.append(asyncio.ensure_future(run_script(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listener.close()
        for task in server.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*server.tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def get_free_port() -> int:
    """Return a port on which no server listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_response(content: bytes = b"", *headers: str, status: int = 200) -> bytes:
    """Return the bytes of a response; JSON by default."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", *headers]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + content


def respond_with(*responses: bytes) -> Script:
    """Send these responses one after the other, on any connection."""
    remaining = list(responses)

    async def script(connection: Connection) -> None:
        while remaining:
            await connection.receive()
            await connection.send(remaining.pop(0))
        await connection.wait_closed()

    return script


async def never_respond(connection: Connection) -> None:
    """Read a request and never respond."""
    await connection.receive()
    await connection.wait_closed()


def make_client(
    server: RawServer, retry: RetryPolicy = NO_RETRIES, **options: Any
) -> AsyncDocassemble:
    """Create a client of the server, by default without retries."""
    # Certificates are slow to load and not needed for http.
    return AsyncDocassemble(server.url, KEY, retry=retry, **{"verify": False, **options})


@asynccontextmanager
async def connect(
    script: Script, **options: Any
) -> AsyncGenerator[tuple[AsyncDocassemble, RawServer]]:
    """Run a server and a client of it; fail if the test hangs."""
    async with (
        asyncio.timeout(HANG_SECONDS),
        serve(script) as server,
        make_client(server, **options) as da,
    ):
        yield da, server


def clear_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the proxies of the environment."""
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def check_leaks(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Ignore proxies; make unclosed resources fail the test that left them open."""
    clear_proxies(monkeypatch)
    yield
    gc.collect(1)  # only objects that are as young as the test
