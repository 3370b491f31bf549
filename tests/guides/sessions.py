"""The server of docs/guide/sessions.md: a survey that two people have answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from docassemble_client.testing import Field, Screen

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

SURVEY = "docassemble.demo:data/questions/survey.yml"


def arrange(fake: FakeServer) -> None:
    """Add the survey and its sessions."""
    fake.add_interview(
        SURVEY,
        Screen("How do you like it?", [Field("rating", "Stars", "integer")]),
        final=lambda _: Screen("Thank you"),
        multi_user=True,
    )
    asyncio.run(_answered(fake))


async def _answered(fake: FakeServer) -> None:
    for name, rating in (("ada", 4), ("alan", 5)):
        person = fake.add_user(f"{name}@example.com", "user")
        async with (
            fake.client(person) as da,
            da.interview(SURVEY).session(keep=True) as s,
        ):
            await s.answer({"rating": rating})
