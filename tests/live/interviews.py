"""Temporary interviews and sessions, and short forms of the calls on them."""

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
async def temporary_interview(da: AsyncDocassemble, text: str) -> AsyncGenerator[str]:
    """
    Upload an interview to the Playground of the client's user; delete it afterwards.

    Args:
        da: Client.
        text: YAML of the interview.

    Yields:
        File name of the interview.
    """
    owner = await da.users.get_current()
    name = f"t{secrets.token_hex(8)}.yml"
    await da.playground.upload_files([Upload(text.encode(), name)], folder="questions")
    try:
        yield f"docassemble.playground{owner.id}:{name}"
    finally:
        await da.playground.delete_file(name, folder="questions")


@asynccontextmanager
async def temporary_session(
    da: AsyncDocassemble, i: str, *, url_args: Mapping[str, str] | None = None
) -> AsyncGenerator[Session]:
    """
    Start an interview; delete the session afterwards.

    Args:
        da: Client.
        i: File name of the interview.
        url_args: Values of `url_args` in the interview.

    Yields:
        The session.
    """
    session = await da.sessions.start(i, url_args=url_args)
    try:
        yield session
    finally:
        await da.sessions.delete(i, session.session)


@asynccontextmanager
async def temporary_interview_session(da: AsyncDocassemble, text: str) -> AsyncGenerator[Session]:
    """
    Upload and start an interview; delete session and interview afterwards.

    Args:
        da: Client.
        text: YAML of the interview.

    Yields:
        The session.
    """
    async with temporary_interview(da, text) as i, temporary_session(da, i) as session:
        yield session


async def get_variables(da: AsyncDocassemble, s: Session) -> dict[str, Any]:
    """Return the variables of a session."""
    return await da.sessions.get_variables(s.i, s.session, secret=s.secret)


async def set_variables(da: AsyncDocassemble, s: Session, **arguments: Any) -> SessionReply | None:
    """Set variables of a session."""
    return await da.sessions.set_variables(s.i, s.session, secret=s.secret, **arguments)


async def run_action(
    da: AsyncDocassemble, s: Session, name: str, **arguments: Any
) -> SessionReply | None:
    """Run an action of a session."""
    return await da.sessions.run_action(s.i, s.session, name, secret=s.secret, **arguments)


async def get_question(da: AsyncDocassemble, s: Session) -> SessionReply:
    """Return the current question of a session."""
    return await da.sessions.get_question(s.i, s.session, secret=s.secret)


async def go_back(da: AsyncDocassemble, s: Session, **arguments: Any) -> SessionReply | None:
    """Go back in a session."""
    return await da.sessions.go_back(s.i, s.session, secret=s.secret, **arguments)


def get_heading(reply: SessionReply | None) -> str:
    """Return the heading of a question."""
    assert isinstance(reply, Question)
    return reply.question_text
