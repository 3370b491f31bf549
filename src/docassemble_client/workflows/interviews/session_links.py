"""Creates links that open a session in a browser."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.workflows.errors import SessionNotShareable

if TYPE_CHECKING:
    from docassemble_client._base_client import BaseClient

NOT_SHAREABLE_MESSAGE = (
    "the session is encrypted with a key that only this program has, so the recipient of the link"
    " could not read the answers"
)
NOT_SHAREABLE_HINT = (
    "Set multi_user to True in an initial block of the interview; the server then stores its"
    " answers unencrypted"
)


async def create_resume_url(
    client: BaseClient,
    i: str,
    session: str,
    *,
    is_shareable: bool,
    expires: timedelta | int | None,
    one_time: bool,
) -> Secret:
    """
    Create a URL that opens a session.

    Args:
        client: Client.
        i: File name of the interview.
        session: ID of the session.
        is_shareable: Whether another person can decrypt the session.
        expires: Lifetime of the URL as a timedelta or in seconds; by default one hour.
        one_time: Whether the URL works only once.

    Returns:
        The URL.

    Raises:
        UsageError: `expires` is invalid.
        SessionNotShareable: The session is not shareable.
    """
    lifetime = check_expires(expires)
    if not is_shareable:
        raise SessionNotShareable(NOT_SHAREABLE_MESSAGE, hint=NOT_SHAREABLE_HINT)
    link = await client.links.create_resume_url(
        i, session=session, expire=lifetime, one_time=one_time
    )
    return Secret(_to_public_url(link.reveal(), client.base_url, client.public_url))


def check_expires(expires: timedelta | int | None) -> int | None:
    """
    Check the lifetime of a link.

    Args:
        expires: A timedelta or seconds; None for the server's default of one hour.

    Returns:
        Whole seconds, rounded up.

    Raises:
        UsageError: `expires` is not a timedelta or integer, or less than one second.
    """
    seconds = math.ceil(expires.total_seconds()) if isinstance(expires, timedelta) else expires
    if seconds is not None and (type(seconds) is not int or seconds < 1):
        message = "expires must be a timedelta or a whole number of seconds, at least one second"
        raise UsageError(message)
    return seconds


def _to_public_url(url: str, base_url: str, public_url: str | None) -> str:
    """Replace the address that the server was called by with its public address."""
    if public_url is None:
        return url
    parts = urlsplit(url)
    prefix = urlsplit(base_url).path
    path = parts.path
    if path.startswith(f"{prefix}/"):
        path = path.removeprefix(prefix)
    return urlunsplit(urlsplit(f"{public_url}{path}")._replace(query=parts.query))
