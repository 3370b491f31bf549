"""Changes of the real server's configuration that its API could not undo."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from tests.live.server import LiveServer

_POLL = 0.25  # seconds between two looks at the server


def configuration_file(server: LiveServer) -> Path:
    """Return the file with the server's configuration."""
    return server.directory / "run" / "config.yml"


@asynccontextmanager
async def configured(
    server: LiveServer, da: AsyncDocassemble, **directives: object
) -> AsyncGenerator[None]:
    """
    Run the server with other directives, and afterwards with those it had.

    Args:
        server: The server.
        da: A client.
        directives: Their names with _ for blanks, and their values.
    """
    file = configuration_file(server)
    text = file.read_text(encoding="utf-8")
    changes = {name.replace("_", " "): value for name, value in directives.items()}
    try:
        file.write_text(json.dumps(yaml.safe_load(text) | changes), encoding="utf-8")
        await _restart(server, da)
        yield
    finally:
        file.write_text(text, encoding="utf-8")
        await _restart(server, da)


async def _restart(server: LiveServer, da: AsyncDocassemble) -> None:
    before = (await da.server.get_health(timeout=120)).server_start_time
    (server.directory / "run" / "docassemble.wsgi").touch()
    while (  # noqa: ASYNC110 - nobody tells us
        await da.server.get_health(timeout=120)
    ).server_start_time == before:
        await asyncio.sleep(_POLL)
