"""Handing a session over to a person: prefilled, by a link to the public address."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from attrs import frozen

from docassemble_client import HandoverRefused, Secret, UsageError
from docassemble_client.jobs.values import encode_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client import AsyncDocassemble
    from docassemble_client.jobs.interview import Interview
    from docassemble_client.jobs.values import Answer

_SEALED = (
    "the session is encrypted with a key that only this program has: whoever opened the link could"
    " not read the answers"
)
_OPEN = (
    "Let the interview set multi_user to True in an initial block, which stores its answers in"
    " clear on the server"
)


@frozen(kw_only=True)
class PrefilledURL:
    """
    A session that waits for a person.

    Attributes:
        url: Where the person has to go; whoever has it gets into the session.
        i: Interview.
        session: ID of the session; `da.sessions.delete(link.i, link.session)` takes it back.
    """

    url: Secret
    i: str
    session: str


async def prefilled_url(
    da: AsyncDocassemble,
    interview: Interview,
    answers: Mapping[str, Answer],
    *,
    expires: timedelta | int | None,
    one_time: bool,
    url_args: Mapping[str, str] | None,
) -> PrefilledURL:
    """
    Start a session with answers, and make a URL that opens it.

    Args:
        da: Client.
        interview: What to start.
        answers: Values by variable.
        expires: How long the URL works, a timedelta or seconds; by default an hour.
        one_time: Whether it works only once.
        url_args: What url_args of the interview is to hold.

    Returns:
        The URL and the session.

    Raises:
        UsageError: A value cannot be sent; nothing was sent.
        HandoverRefused: The session is encrypted.
    """
    _seconds(expires)
    encoded = encode_answers(answers)
    *first, last = encoded.calls
    # The session deletes itself unless everything went well.
    async with interview.session(url_args=url_args) as session:
        if session.encrypted:
            raise HandoverRefused(_SEALED, hint=f"{_OPEN}; the session was deleted")
        for variables, raw in (*first, last):
            files = encoded.files if (variables, raw) == last else {}
            if variables or files:
                await da.sessions.set_variables(
                    session.i,
                    session.id,
                    variables=variables,
                    files=files,
                    file_variables=encoded.file_variables if files else None,
                    question=False,
                    raw=raw,
                )
        url = await session.resume_url(expires=expires, one_time=one_time)
        session.keep = True
        return PrefilledURL(url=url, i=session.i, session=session.id)


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
    seconds = _seconds(expires)
    if sealed:
        raise HandoverRefused(_SEALED, hint=_OPEN)
    link = await da.links.create_resume_url(i, session=session, expire=seconds, one_time=one_time)
    return Secret(_public(link.reveal(), da.base_url, da.public_url))


def _seconds(expires: timedelta | int | None) -> int | None:
    seconds = math.ceil(expires.total_seconds()) if isinstance(expires, timedelta) else expires
    if seconds is not None and (type(seconds) is not int or seconds < 1):
        message = "expires must be a timedelta or a whole number of seconds, at least one second"
        raise UsageError(message)
    return seconds


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
