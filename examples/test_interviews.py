"""
One test for each interview of a package.

A test runs the interview with the answers of CASES to its end, with every answer checked against
its field. It fails if the interview stops elsewhere, asks for more, or does not need an answer.
With DOCASSEMBLE_URL and DOCASSEMBLE_API_KEY the tests use that server, such as a Playground
project that you synchronised before. Otherwise they use a fake server.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from attrs import frozen

from docassemble_client import Answer, AsyncDocassemble, JSONReply, Question
from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@frozen(kw_only=True)
class Case:
    """An interview, its answers, and a part of its last screen."""

    interview: str
    answers: dict[str, Answer]
    end: str


CASES = [
    Case(
        interview="docassemble.base:data/questions/examples/text-field.yml",
        answers={"target_variable": "leek", "other_target_variable": "fig"},
        end="Result of question",
    ),
    Case(
        interview="docassemble.demo:data/questions/examples/questionless.yml",
        answers={"favorite_number": 42, "user_agrees_to_waive_penalties": True},
        end="'inhabitants': 2",
    ),
]


@pytest_asyncio.fixture
async def da() -> AsyncGenerator[AsyncDocassemble]:
    """Return a client of the server of the environment, or of a fake server."""
    if os.environ.get("DOCASSEMBLE_URL"):
        client = AsyncDocassemble.from_env()
    else:
        client = FakeServer().client()
    async with client:
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.interview.rpartition("/")[2])
async def test_interview_runs_to_its_end(case: Case, da: AsyncDocassemble) -> None:
    """The interview ends as expected, and needs exactly these answers."""
    async with da.interview(case.interview).session() as session:
        transcript = await session.run(case.answers)

    end = transcript.final
    assert isinstance(end, Question | JSONReply)
    assert case.end in (str(end.data) if isinstance(end, JSONReply) else end.question_text or "")
    assert not transcript.unused
