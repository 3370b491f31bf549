"""Lists the files of a project of a Playground."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from docassemble_client._core.retry import retry_until_available
from docassemble_client.workflows.playground.layout import FOLDERS

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient
    from docassemble_client.workflows.playground.layout import RemotePath


async def list_remote_files(
    client: BaseClient, *, project: str, user_id: int | None
) -> list[RemotePath]:
    """Return folder and name of each file, but for the folder `packages`."""
    paths: list[RemotePath] = []
    for folder in FOLDERS:
        names = await retry_until_available(
            partial(client.playground.list_files, folder=folder, project=project, user_id=user_id)
        )
        paths.extend((folder, name) for name in names)
    return paths
