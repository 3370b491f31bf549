"""Creates links to prefilled sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from docassemble_client.config import Secret
from docassemble_client.workflows.errors import SessionNotShareable
from docassemble_client.workflows.interviews.answers import encode_answers
from docassemble_client.workflows.interviews.session_links import (
    NOT_SHAREABLE_HINT,
    NOT_SHAREABLE_MESSAGE,
    check_expires,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.session import InterviewSession


@frozen(kw_only=True)
class PrefilledURL:
    """
    A link to a prefilled session.

    Attributes:
        url: URL of the session; anyone who has it can open the session.
        i: File name of the interview.
        session: ID of the session; `da.sessions.delete(link.i, link.session)` revokes the link.
    """

    url: Secret
    i: str
    session: str


async def create_prefilled_url(
    session: InterviewSession,
    answers: Mapping[str, Answer],
    *,
    expires: timedelta | int | None,
    one_time: bool,
) -> PrefilledURL:
    """
    Start a session with answers and create a URL that opens it.

    Args:
        session: Session, not started yet.
        answers: Values by variable.
        expires: Lifetime of the URL as a timedelta or in seconds; by default one hour.
        one_time: Whether the URL works only once.

    Returns:
        The URL and the session.

    Raises:
        UsageError: An answer or `expires` is invalid; no request was sent.
        SessionNotShareable: The session is encrypted.
    """
    check_expires(expires)
    encode_answers(answers)
    # The session is deleted unless all requests succeed.
    async with session:
        if session.encrypted:
            raise SessionNotShareable(
                NOT_SHAREABLE_MESSAGE, hint=f"{NOT_SHAREABLE_HINT}; the session was deleted"
            )
        if answers:
            await session.set_variables(answers)
        url = await session.resume_url(expires=expires, one_time=one_time)
        session.keep = True
        return PrefilledURL(url=url, i=session.i, session=session.id)
