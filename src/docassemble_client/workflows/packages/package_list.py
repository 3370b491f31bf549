"""Finds a package on the server's list, and clears the cache of its interviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client._concurrency import sleep
from docassemble_client._core.retry import RESTART_POLL_SECONDS
from docassemble_client._names import normalize_package_name
from docassemble_client.errors import AccessDenied, DocassembleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client._base_client import BaseClient
    from docassemble_client.models import Package


async def find_package(client: BaseClient, name: str) -> Package | None:
    """Return the package as the server lists it; names are compared as pip does."""
    normalized_name = normalize_package_name(name)
    packages = await client.packages.list()
    return next(
        (
            package
            for package in packages
            if normalize_package_name(package.name or "") == normalized_name
        ),
        None,
    )


async def clear_interview_cache(client: BaseClient) -> bool:
    """Let the server read interviews again; return whether the key may do that."""
    try:
        await client.interviews.clear_cache()
    except AccessDenied:
        return False
    return True


async def send_until_sent(send: Callable[[], Awaitable[None]]) -> DocassembleError | None:
    """
    Send a request until it reaches the server; never repeat it if it may have.

    Args:
        send: Sends it.

    Returns:
        The error, if the server may have processed the request although its response was lost.

    Raises:
        DocassembleError: The server refused the request.
    """
    while True:
        try:
            await send()
        except DocassembleError as error:
            if not error.is_transient:
                raise
            if error.maybe_processed:
                return error
            await sleep(RESTART_POLL_SECONDS)
        else:
            return None
