"""The fake server on an address of this machine."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Generator

    from docassemble_client.testing.server import FakeServer

_HOST = "127.0.0.1"


@contextmanager
def serve(fake: FakeServer, port: int = 0) -> Generator[str]:
    """
    Serve in a thread.

    Args:
        fake: The server.
        port: Port; any free one by default.

    Yields:
        The address.
    """
    config = uvicorn.Config(
        fake.asgi,
        log_level="critical",
        lifespan="off",
        # Its own Server and Date headers would stand beside those of the answers.
        server_header=False,
        date_header=False,
        # An idle connection that is closed while a client begins to use it would be a fault.
        timeout_keep_alive=3600,
    )
    server = uvicorn.Server(config)
    # asyncio turns off Nagle's delay, 40 ms for each answer, only where the protocol is named.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        before, fake.url = fake.url, f"http://{_HOST}:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield fake.url
        finally:
            server.should_exit = True
            thread.join()
            fake.url = before
