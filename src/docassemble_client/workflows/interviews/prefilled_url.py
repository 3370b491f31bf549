"""Handing a prefilled session over to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client.config import Secret
from docassemble_client.workflows.errors import HandoverRefused
from docassemble_client.workflows.interviews.answers import encode_answers
from docassemble_client.workflows.interviews.session_links import OPEN, SEALED, checked_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from docassemble_client.client import AsyncDocassemble
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.session import InterviewSession


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
    session: InterviewSession,
    answers: Mapping[str, Answer],
    *,
    expires: timedelta | int | None,
    one_time: bool,
) -> PrefilledURL:
    """
    Start a session with answers, and make a URL that opens it.

    Args:
        da: Client.
        session: A session that is not started yet.
        answers: Values by variable.
        expires: How long the URL works, a timedelta or seconds; by default an hour.
        one_time: Whether it works only once.

    Returns:
        The URL and the session.

    Raises:
        UsageError: A value cannot be sent; nothing was sent.
        HandoverRefused: The session is encrypted.
    """
    checked_seconds(expires)
    encoded = encode_answers(answers)
    *first, last = encoded.calls
    # The session deletes itself unless everything went well.
    async with session:
        if session.encrypted:
            raise HandoverRefused(SEALED, hint=f"{OPEN}; the session was deleted")
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
