"""Interviews and sessions that exist as long as a test needs them, and short calls on them."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from docassemble_client import Question, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from docassemble_client import AsyncDocassemble, Session, SessionReply

BASE = "docassemble.base:data/questions/examples/"
DEMO = "docassemble.demo:data/questions/examples/"
TEXT_FIELD = f"{BASE}text-field.yml"
QUESTIONLESS = f"{DEMO}questionless.yml"


@asynccontextmanager
async def own_interview(da: AsyncDocassemble, text: str) -> AsyncGenerator[str]:
    """
    Put an interview into the Playground of a client's owner; it is gone afterwards.

    Args:
        da: Client.
        text: YAML of the interview.

    Yields:
        Its file name.
    """
    owner = await da.users.get_current()
    name = f"t{secrets.token_hex(8)}.yml"
    await da.playground.upload_files([Upload(text.encode(), name)], folder="questions")
    try:
        yield f"docassemble.playground{owner.id}:{name}"
    finally:
        await da.playground.delete_file(name, folder="questions")


@asynccontextmanager
async def session_of(
    da: AsyncDocassemble, i: str, *, url_args: Mapping[str, str] | None = None
) -> AsyncGenerator[Session]:
    """
    Start an interview; the session is gone afterwards.

    Args:
        da: Client.
        i: Interview.
        url_args: What the interview finds in url_args.

    Yields:
        The session.
    """
    session = await da.sessions.start(i, url_args=url_args)
    try:
        yield session
    finally:
        await da.sessions.delete(i, session.session)


@asynccontextmanager
async def own_session(da: AsyncDocassemble, text: str) -> AsyncGenerator[Session]:
    """
    Start an interview that is given as YAML; both are gone afterwards.

    Args:
        da: Client.
        text: YAML of the interview.

    Yields:
        The session.
    """
    async with own_interview(da, text) as i, session_of(da, i) as session:
        yield session


async def variables_of(da: AsyncDocassemble, s: Session) -> dict[str, Any]:
    """Read the variables of a session."""
    return await da.sessions.get_variables(s.i, s.session, secret=s.secret)


async def send(da: AsyncDocassemble, s: Session, **arguments: Any) -> SessionReply | None:
    """Set variables of a session."""
    return await da.sessions.set_variables(s.i, s.session, secret=s.secret, **arguments)


async def act(da: AsyncDocassemble, s: Session, name: str, **arguments: Any) -> SessionReply | None:
    """Run an action of a session."""
    return await da.sessions.run_action(s.i, s.session, name, secret=s.secret, **arguments)


async def ask(da: AsyncDocassemble, s: Session) -> SessionReply:
    """Ask for the current question of a session."""
    return await da.sessions.get_question(s.i, s.session, secret=s.secret)


async def back(da: AsyncDocassemble, s: Session, **arguments: Any) -> SessionReply | None:
    """Go back in a session."""
    return await da.sessions.go_back(s.i, s.session, secret=s.secret, **arguments)


def heading(reply: SessionReply | None) -> str:
    """Return the heading of a question."""
    assert isinstance(reply, Question)
    return reply.question_text
