"""Prepares docs/guide/sessions.md: a survey with the answers of two users."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

SURVEY = "docassemble.demo:data/questions/survey.yml"


def prepare_server(fake: FakeServer) -> None:
    """Add the sessions of the survey."""
    asyncio.run(_answer_survey(fake))


async def _answer_survey(fake: FakeServer) -> None:
    for name, rating in (("ada", 4), ("alan", 5)):
        user = fake.add_user(f"{name}@example.com", "user")
        async with (
            fake.client(user) as da,
            da.interview(SURVEY).session(keep=True) as s,
        ):
            await s.answer({"rating": rating})
