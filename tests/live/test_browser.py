"""Web forms of a real server, posted as a browser does, and the client with the same answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from docassemble_client import Question
from tests.live.browser import Browser
from tests.live.browser_posts import TABLE, record_field
from tests.live.browser_walk import Entries, answer_pages
from tests.live.interviews import temporary_interview

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble

pytestmark = [pytest.mark.since("1.10"), pytest.mark.unrecorded]
INTERVIEWS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("browser_interviews.yaml").read_text(encoding="utf-8")
)
UNENCRYPTED = """\
initial: True
code: |
  multi_user = True
---
"""
# Of the session, and of blocks that are run in another order.
_OTHER_VARIABLES = {"_internal", "i", "nav", "url_args", "user", "x"}
_OTHER_ATTRIBUTES = {"instanceName", "has_nonrandom_instance_name"}


@pytest.mark.parametrize("name", ["limited integer", "checkboxes", "optional object"])
async def test_form_is_processed_as_in_the_table(da: AsyncDocassemble, name: str) -> None:
    """The server makes of a form what browser_posts.json says."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))

    _, posts = await record_field(da, name)

    assert posts == [post for post in table["posts"] if post["field"] == name]


@pytest.mark.parametrize("case", INTERVIEWS, ids=lambda case: case["name"])
async def test_client_ends_as_a_person_with_the_same_answers(
    da: AsyncDocassemble, case: dict[str, Any]
) -> None:
    """The last screen and all variables are those of a person who enters the same texts."""
    async with temporary_interview(da, UNENCRYPTED + case["interview"]) as i:
        expected_text, expected = await answer_in_browser(da, i, case)
        text, variables = await answer_with_client(da, i, case)

    assert text == expected_text
    if case.get("compare") != "text":
        assert variables == expected


async def answer_in_browser(da: AsyncDocassemble, i: str, case: dict[str, Any]) -> tuple[str, Any]:
    """Return the last heading and the variables of a person's session."""
    session = await da.sessions.start(i)
    try:
        link = await da.links.create_resume_url(i, session=session.session)
        async with httpx.AsyncClient(timeout=60) as client:
            browser = Browser(client)
            entries = Entries(case["entries"], case.get("repeated", {}), case.get("list", ""))
            await answer_pages(browser, await browser.open(link.reveal()), entries)
        question = await da.sessions.get_question(i, session.session)
        assert isinstance(question, Question)
        variables = await da.sessions.get_variables(i, session.session)
        return question.question_text, simplify(variables)
    finally:
        # The session also belongs to the visitor who opened it.
        await da.sessions.delete_many(i=i)


async def answer_with_client(da: AsyncDocassemble, i: str, case: dict[str, Any]) -> tuple[str, Any]:
    """Return the last heading and the variables of a run."""
    answers: dict[str, Any] = case["entries"] | case.get("repeated", {})
    async with da.interview(i).session() as s:
        transcript = await s.run(answers)
        variables = simplify(await s.variables())
    assert isinstance(transcript.final, Question)
    return transcript.final.question_text, variables


def simplify(value: Any) -> Any:
    """Remove what depends on the session or the order of calls."""
    if isinstance(value, list):
        return [simplify(item) for item in value]
    if not isinstance(value, dict):
        return value
    others = _OTHER_ATTRIBUTES if "_class" in value else _OTHER_VARIABLES
    return {name: simplify(item) for name, item in value.items() if name not in others}
