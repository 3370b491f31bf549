"""A server on 127.0.0.1 that answers with scripted bytes, right or wrong ones."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import define, field, frozen

from docassemble_client import AsyncDocassemble, RetryPolicy, Secret
from docassemble_client._http.transport import Transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    import httpx
    import pytest

KEY = "exampleApiKey0123456789ABCDEFGHI"
ONCE = RetryPolicy(attempts=1)
AT_ONCE = RetryPolicy(initial_delay=0)
"""Three attempts without a pause."""
PATIENCE = 10
"""Seconds after which a test that would hang fails instead."""
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TEXTS = (
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
        **dict.fromkeys(_TEXTS, ""),
    }
).encode()
"""The answer to users.get_current."""


@frozen
class Received:
    """One request as it came over the wire, its body without the chunks' frames."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    def parts(self) -> list[tuple[str, str | None, bytes]]:
        """Name, file name and content of each part of a multipart body."""
        kind = self.headers["content-type"]
        parsed = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body)
        parts: list[tuple[str, str | None, bytes]] = []
        for part in parsed.get_payload():
            assert isinstance(part, Message)
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            name = str(part.get_param("name", header="content-disposition"))
            parts.append((name, part.get_filename(), payload))
        return parts


@define
class Connection:
    """One connection of a client; a script ends it by returning."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer

    async def receive(self) -> Received:
        """Read one request whole; EOFError where the client is gone."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.strip().split("\r\n")
        method, target, _ = start.split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if headers.get("transfer-encoding") == "chunked":
            body = await self._dechunked()
        else:
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        received = Received(method, target, headers, body)
        self.server.received.append(received)
        self.server.arrived.set()
        return received

    async def send(self, content: bytes) -> None:
        """Send these bytes as they are."""
        self.writer.write(content)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(65536):
            pass

    async def _dechunked(self) -> bytes:
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readexactly(2)
        await self.reader.readexactly(2)
        return body


Script: TypeAlias = "Callable[[Connection], Awaitable[None]]"


@define
class RawServer:
    """What the server saw; `arrived` is set with each request."""

    url: str = ""
    connections: int = 0
    received: list[Received] = field(factory=list)
    arrived: asyncio.Event = field(factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(factory=list)

    async def all_gone(self) -> None:
        """Wait until the client has closed every connection."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self.tasks)


@asynccontextmanager
async def serve(script: Script, tls: ssl.SSLContext | None = None) -> AsyncGenerator[RawServer]:
    """Run the script on each connection; its failures are raised at the end."""
    raw = RawServer()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # The client went away, as it may.
            with suppress(EOFError, ConnectionError):
                await script(Connection(reader, writer, raw))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.connections += 1
        raw.tasks.append(asyncio.ensure_future(run(reader, writer)))

    listener = await asyncio.start_server(start, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    raw.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield raw
    finally:
        listener.close()
        for task in raw.tasks:
            task.cancel()
        outcomes = await asyncio.gather(*raw.tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def reply(content: bytes = b"", *headers: str, status: int = 200) -> bytes:
    """Write an answer; JSON unless its headers say something else."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", *headers]
    if not any(one.lower().startswith("content-type") for one in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + content


def answering(*answers: bytes) -> Script:
    """Answer each request with the next of these, whatever connection it comes over."""
    left = list(answers)

    async def script(connection: Connection) -> None:
        while left:
            await connection.receive()
            await connection.send(left.pop(0))
        await connection.gone()

    return script


async def silent(connection: Connection) -> None:
    """Take a request and never answer."""
    await connection.receive()
    await connection.gone()


def client(server: RawServer, retry: RetryPolicy = ONCE, **more: Any) -> AsyncDocassemble:
    """Make a client of the server, by default without retries."""
    # Authorities take long to load, and over http nobody asks them.
    options = {"verify": False, **more}
    return AsyncDocassemble(server.url, KEY, retry=retry, **options)


def bare(http: str | httpx.AsyncBaseTransport, url: str, **more: Any) -> Transport:
    """Make a transport without a client around it."""
    options = {"verify": True, "cert": None, "proxy": None, "max_concurrency": 100, **more}
    return Transport(url, Secret(KEY), transport=http, **options)


def go_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go past any proxy of the environment."""
    for name in _PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def tidy(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Go past any proxy, and let what was left open complain in the test that left it."""
    go_direct(monkeypatch)
    yield
    gc.collect(1)  # what is as young as the test
