"""What is on the server, to be counted before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble


async def census(da: AsyncDocassemble) -> dict[str, set[str]]:
    """Name everything that a test could leave behind."""
    return {
        "packages": {one.name for one in await da.packages.list()},
        "projects": set(await da.playground.list_projects()),
        "users": {str(one.id) async for one in da.users.list(include_inactive=True)},
        "sessions": {f"{one.filename} {one.session}" async for one in da.sessions.list()},
    }
