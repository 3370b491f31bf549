"""Lists what tests could leave behind on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble


async def take_inventory(da: AsyncDocassemble) -> dict[str, set[str]]:
    """List packages, projects, users and sessions, to be compared before and after a test."""
    return {
        "packages": {package.name for package in await da.packages.list()},
        "projects": set(await da.playground.list_projects()),
        "users": {str(user.id) async for user in da.users.list(include_inactive=True)},
        "sessions": {
            f"{summary.filename} {summary.session}" async for summary in da.sessions.list()
        },
    }
