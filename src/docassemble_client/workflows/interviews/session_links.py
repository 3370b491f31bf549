"""Links that open a session, at the public address of the server."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from docassemble_client.config import Secret
from docassemble_client.errors import UsageError
from docassemble_client.workflows.errors import HandoverRefused

if TYPE_CHECKING:
    from docassemble_client.client import AsyncDocassemble

SEALED = (
    "the session is encrypted with a key that only this program has: whoever opened the link could"
    " not read the answers"
)
OPEN = (
    "Let the interview set multi_user to True in an initial block, which stores its answers in"
    " clear on the server"
)


async def resume_url(
    da: AsyncDocassemble,
    i: str,
    session: str,
    *,
    sealed: bool,
    expires: timedelta | int | None,
    one_time: bool,
) -> Secret:
    """
    Make a URL that opens a session.

    Args:
        da: Client.
        i: Interview.
        session: ID of the session.
        sealed: Whether only this program can decrypt it.
        expires: How long the URL works, a timedelta or seconds; by default an hour.
        one_time: Whether it works only once.

    Returns:
        The URL.

    Raises:
        UsageError: The time is none.
        HandoverRefused: The session is sealed.
    """
    lifetime = checked_seconds(expires)
    if sealed:
        raise HandoverRefused(SEALED, hint=OPEN)
    link = await da.links.create_resume_url(i, session=session, expire=lifetime, one_time=one_time)
    return Secret(_public(link.reveal(), da.base_url, da.public_url))


def checked_seconds(expires: timedelta | int | None) -> int | None:
    """
    Check how long a link is to work.

    Args:
        expires: A timedelta or seconds; None for the server's hour.

    Returns:
        Whole seconds, rounded up.

    Raises:
        UsageError: It is less than a second, or no time.
    """
    number = math.ceil(expires.total_seconds()) if isinstance(expires, timedelta) else expires
    if number is not None and (type(number) is not int or number < 1):
        message = "expires must be a timedelta or a whole number of seconds, at least one second"
        raise UsageError(message)
    return number


def _public(url: str, internal: str, public: str | None) -> str:
    """Let a URL lead to the public address; the server builds it with the one it was called by."""
    if public is None:
        return url
    parts = urlsplit(url)
    prefix = urlsplit(internal).path
    path = parts.path
    if path.startswith(f"{prefix}/"):
        path = path.removeprefix(prefix)
    return urlunsplit(urlsplit(f"{public}{path}")._replace(query=parts.query))
