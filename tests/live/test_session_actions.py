"""Actions of interviews on the real server."""

from __future__ import annotations

import pytest

from docassemble_client import AsyncDocassemble, BinaryContent, JSONReply, Question
from tests.live.interviews import (
    get_heading,
    get_question,
    get_variables,
    go_back,
    run_action,
    set_variables,
    temporary_interview_session,
)

ACTIONS = """
modules:
  - docassemble.base.util
---
mandatory: True
question: Ready
---
event: tell
code: |
  json_response({"color": action_argument("color"), "counter": defined("counter") and counter})
---
event: count
code: |
  counter = action_argument("by")
---
event: say
code: |
  response("plain words", content_type="text/plain; charset=utf-8")
---
event: nothing
code: |
  json_response(None)
---
event: show
question: Shown
---
event: choose
code: |
  counter = 100
  color
---
question: What color?
fields:
  - Color: color
"""


async def test_action_returns_the_response_of_the_interview(da: AsyncDocassemble) -> None:
    """An action returns JSON, null, text or nothing; it never returns a question."""
    async with temporary_interview_session(da, ACTIONS) as s:
        replies = [
            await run_action(da, s, "tell", arguments={"color": "blå"}),
            await run_action(da, s, "nothing"),
            await run_action(da, s, "count", arguments={"by": 3}),
            await run_action(da, s, "show"),
            await run_action(da, s, "no_such_action"),
            await run_action(da, s, "tell"),
        ]
        text = await run_action(da, s, "say")

    assert replies == [
        JSONReply({"color": "blå", "counter": False}),
        JSONReply(None),
        *(None, None, None),
        JSONReply({"color": None, "counter": 3}),
    ]
    assert isinstance(text, BinaryContent)
    assert text.content == b"plain words"
    assert text.content_type.startswith("text/plain")


async def test_action_saves_a_step_or_replaces_one(da: AsyncDocassemble) -> None:
    """An action adds a step; with overwrite it replaces the last step."""
    async with temporary_interview_session(da, ACTIONS) as s:
        await run_action(da, s, "count", arguments={"by": 1})
        await run_action(da, s, "count", arguments={"by": 2}, overwrite=True)
        replaced = await get_variables(da, s)
        await go_back(da, s)
        before = await get_variables(da, s)

    assert replaced["counter"] == 2
    assert "counter" not in before


@pytest.mark.since("1.8.18")
async def test_read_only_action_saves_nothing(da: AsyncDocassemble) -> None:
    """Changes of a read-only action are discarded."""
    async with temporary_interview_session(da, ACTIONS) as s:
        no_reply = await run_action(da, s, "count", arguments={"by": 5}, read_only=True)
        variables = await get_variables(da, s)
        reply = await run_action(da, s, "tell", read_only=True)

    assert no_reply is None
    assert "counter" not in variables
    assert reply == JSONReply({"color": None, "counter": False})


@pytest.mark.parametrize(
    ("action", "persistent", "question"),
    [
        ("color", True, "What color?"),
        ("show", True, "Shown"),
        ("color", False, "Ready"),
        ("choose", True, "Ready"),
    ],
)
async def test_persistent_action_sets_the_current_question(
    da: AsyncDocassemble, action: str, persistent: bool, question: str
) -> None:
    """Only a question as action is persistent; questions of the action's code are not."""
    async with temporary_interview_session(da, ACTIONS) as s:
        no_reply = await run_action(da, s, action, persistent=persistent)
        current = await get_question(da, s)

    assert no_reply is None
    assert get_heading(current) == question


async def test_question_of_an_action_ends_with_its_event(da: AsyncDocassemble) -> None:
    """Setting its variable or sending its event list returns to the interview."""
    async with temporary_interview_session(da, ACTIONS) as s:
        await run_action(da, s, "color", persistent=True)
        answered = await set_variables(da, s, variables={"color": "red"})
        await run_action(da, s, "show", persistent=True)
        unchanged = await set_variables(da, s, variables={"counter": 1})
        assert isinstance(unchanged, Question)
        ready = await set_variables(da, s, event_list=unchanged.event_list)

    assert unchanged.event_list == ["show"]
    assert [get_heading(reply) for reply in (answered, unchanged, ready)] == [
        "Ready",
        "Shown",
        "Ready",
    ]
