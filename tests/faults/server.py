"""A server on 127.0.0.1 that runs one fault on every connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

from tests.raw_server import get_free_port

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

CHUNK_BYTES = 65536
_HANG_SECONDS = 10
# With this option, closing the socket resets the connection.
_LINGER_RESET = struct.pack("ii", 1, 0)


@frozen
class ReceivedHead:
    """The head of a request."""

    method: str
    path: str
    headers: dict[str, str]


@define
class Connection:
    """A connection of the client; it is closed when its fault returns."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: FaultServer

    async def receive_head(self) -> ReceivedHead:
        """Read the head of a request; raise EOFError if the client has closed the connection."""
        request_line, *lines = (
            (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        )
        method, target, _ = request_line.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        head = ReceivedHead(method, target.partition("?")[0], headers)
        self.server.requests.append(head)
        return head

    async def receive_request(self) -> ReceivedHead:
        """Read a whole request, and record the size of its body."""
        head = await self.receive_head()
        if head.headers.get("transfer-encoding") == "chunked":
            size = 0
            while chunk_size := int(await self.reader.readuntil(b"\r\n"), 16):
                size += await self._skip(chunk_size)
                await self._skip(2)
            await self._skip(2)
        else:
            size = await self._skip(int(head.headers.get("content-length", "0")))
        self.server.body_sizes.append(size)
        return head

    async def _skip(self, size: int) -> int:
        remaining = size
        while remaining:
            remaining -= len(await self.reader.readexactly(min(remaining, CHUNK_BYTES)))
        return size

    async def send(self, *chunks: bytes) -> None:
        """Send bytes unchanged."""
        for chunk in chunks:
            self.writer.write(chunk)
            await self.writer.drain()

    async def wait_closed(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(CHUNK_BYTES):
            pass

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()

    def reset(self) -> None:
        """Reset the connection."""
        connection_socket: socket.socket = self.writer.get_extra_info("socket")
        connection_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.writer.transport.abort()


Fault: TypeAlias = "Callable[[Connection], Awaitable[None]]"


@define
class FaultServer:
    """Connections and requests of a server; `call_ended` is set when the call has ended."""

    url: str = ""
    connections: int = 0
    call_ended: asyncio.Event = field(factory=asyncio.Event)
    requests: list[ReceivedHead] = field(factory=list)
    body_sizes: list[int] = field(factory=list)
    tasks: set[asyncio.Task[None]] = field(factory=set)

    async def wait_all_closed(self) -> None:
        """Wait until the client has closed every connection."""
        self.call_ended.set()
        async with asyncio.timeout(_HANG_SECONDS):
            while self.tasks:
                await asyncio.wait(self.tasks)


@asynccontextmanager
async def serve(fault: Fault) -> AsyncGenerator[FaultServer]:
    """Run the fault on each connection; raise its errors at the end."""
    server = FaultServer()
    errors: list[Exception] = []

    async def run_fault(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # The client may close the connection at any time.
            with suppress(EOFError, ConnectionError):
                await fault(Connection(reader, writer, server))
        except Exception as error:
            errors.append(error)
            raise
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.get_running_loop().create_task(run_fault(reader, writer))
        server.tasks.add(task)
        task.add_done_callback(server.tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        tasks = [*server.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for error in errors:
        raise error


def unused_url() -> str:
    """Return a URL on which no server listens."""
    return f"http://127.0.0.1:{get_free_port()}"
