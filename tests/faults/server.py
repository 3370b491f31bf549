"""A server on 127.0.0.1 that plays one fault on every connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

_PIECE = 65536
_PATIENCE = 10  # seconds
# Closed with this, a socket sends a reset instead of an end.
_RESET = struct.pack("ii", 1, 0)


@frozen
class Received:
    """The head of one request."""

    method: str
    path: str
    headers: dict[str, str]


@define
class Connection:
    """One connection of the client; the fault on it is over when its function returns."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bench: Bench

    async def head(self) -> Received:
        """Read the head of a request; EOFError where the client is gone."""
        start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        method, target, _ = start.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        received = Received(method, target.partition("?")[0], headers)
        self.bench.received.append(received)
        return received

    async def request(self) -> Received:
        """Read a whole request, and keep of its body the size."""
        received = await self.head()
        if received.headers.get("transfer-encoding") == "chunked":
            size = 0
            while piece := int(await self.reader.readuntil(b"\r\n"), 16):
                size += await self._skip(piece)
                await self._skip(2)
            await self._skip(2)
        else:
            size = await self._skip(int(received.headers.get("content-length", "0")))
        self.bench.sizes.append(size)
        return received

    async def _skip(self, size: int) -> int:
        left = size
        while left:
            left -= len(await self.reader.readexactly(min(left, _PIECE)))
        return size

    async def send(self, *pieces: bytes) -> None:
        """Send these bytes as they are."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(_PIECE):
            pass

    def reset(self) -> None:
        """Break the connection off."""
        link: socket.socket = self.writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()


Fault: TypeAlias = "Callable[[Connection], Awaitable[None]]"


@define
class Bench:
    """What the server saw, with the sizes of bodies; `over` tells it that the call has ended."""

    url: str = ""
    connections: int = 0
    over: asyncio.Event = field(factory=asyncio.Event)
    received: list[Received] = field(factory=list)
    sizes: list[int] = field(factory=list)
    tasks: set[asyncio.Task[None]] = field(factory=set)

    async def all_gone(self) -> None:
        """Wait until the client has closed every connection."""
        self.over.set()
        async with asyncio.timeout(_PATIENCE):
            while self.tasks:
                await asyncio.wait(self.tasks)


@asynccontextmanager
async def serve(fault: Fault) -> AsyncGenerator[Bench]:
    """Play the fault on each connection; a mistake of the fault's own is raised at the end."""
    bench = Bench()
    mistakes: list[Exception] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # The client went away, as it may.
            with suppress(EOFError, ConnectionError):
                await fault(Connection(reader, writer, bench))
        except Exception as mistake:
            mistakes.append(mistake)
            raise
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bench.connections += 1
        task = asyncio.get_running_loop().create_task(play(reader, writer))
        bench.tasks.add(task)
        task.add_done_callback(bench.tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    bench.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield bench
    finally:
        listener.close()
        tasks = [*bench.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for mistake in mistakes:
        raise mistake


def nobody() -> str:
    """Address on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"
