"""Compares the size of an archive with the server's limit, before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.errors import APIError, UsageError

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient

# docassemble.base/config.py:561
DEFAULT_MAX_BYTES = 16 * 1024 * 1024
_DIRECTIVE = "maximum content length"
_MEBIBYTE = 1024 * 1024


async def check_size(client: BaseClient, size: int) -> None:
    """
    Refuse an archive that is larger than a request may be.

    An archive within the server's default is not checked. Only an administrator can read the
    server's limit; for other keys the server decides.

    Args:
        client: Client.
        size: Size of the archive in bytes.

    Raises:
        UsageError: The archive is too large; nothing was sent.
        TransportError: The server could not be reached.
    """
    if size <= DEFAULT_MAX_BYTES:
        return
    try:
        config = await client.server.get_config()
    except APIError:
        return
    limit = config.get(_DIRECTIVE, DEFAULT_MAX_BYTES)
    # The server ignores a limit of another type. Null and zero mean that there is no limit.
    if limit is not None and type(limit) is not int:
        limit = DEFAULT_MAX_BYTES
    if limit is None or limit <= 0 or size <= limit:
        return
    message = (
        f"the archive has {size / _MEBIBYTE:.1f} MiB;"
        f" the server accepts requests of up to {limit / _MEBIBYTE:.1f} MiB"
    )
    hint = (
        f"Exclude large files with a .gitignore, raise `{_DIRECTIVE}` in the server's"
        " configuration, or let the server fetch the package with github="
    )
    raise UsageError(message, operation="packages.install", hint=hint)
