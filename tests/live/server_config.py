"""Changes the configuration file of the real server, for changes that the API cannot undo."""

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

_POLL_SECONDS = 0.25


def get_config_path(server: LiveServer) -> Path:
    """Return the path of the server's configuration file."""
    return server.directory / "run" / "config.yml"


@asynccontextmanager
async def temporary_config(
    server: LiveServer, da: AsyncDocassemble, **directives: object
) -> AsyncGenerator[None]:
    """
    Run the server with changed directives; restore the configuration afterwards.

    Args:
        server: The server.
        da: A client.
        directives: Values by name; _ in a name means a space.
    """
    file = get_config_path(server)
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
    while (  # noqa: ASYNC110 - the server sends no event
        await da.server.get_health(timeout=120)
    ).server_start_time == before:
        await asyncio.sleep(_POLL_SECONDS)
