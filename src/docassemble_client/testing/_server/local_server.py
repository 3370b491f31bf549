"""Serve a fake server on a local port."""

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
    Serve in a background thread.

    Args:
        fake: The fake server.
        port: Port; a free port by default.

    Yields:
        The URL of the server.
    """
    config = uvicorn.Config(
        fake.asgi,
        log_level="critical",
        lifespan="off",
        # The responses have their own Server and Date headers.
        server_header=False,
        date_header=False,
        # Closing an idle connection just when a client reuses it would be a failure.
        timeout_keep_alive=3600,
    )
    server = uvicorn.Server(config)
    # asyncio disables Nagle's algorithm (40 ms per response) only if IPPROTO_TCP is given.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        # From now on, connections wait until the thread accepts them.
        listener.listen()
        original_url, fake.url = fake.url, f"http://{_HOST}:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield fake.url
        finally:
            server.should_exit = True
            thread.join()
            fake.url = original_url
