"""Interviews and sessions that exist as long as a test needs them."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from docassemble_client import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from docassemble_client import AsyncDocassemble, Session

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
