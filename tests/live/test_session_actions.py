"""Actions of interviews on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import AsyncDocassemble, BinaryContent, JSONReply, Question
from tests.live.interviews import act, ask, back, heading, own_session, send, variables_of

if TYPE_CHECKING:
    from tests.live.conftest import Run

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


def test_action_answers_what_the_interview_sends(run: Run) -> None:
    """An action sends JSON, null, a text or nothing; a question it shows is not sent."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, ACTIONS) as s:
            replies = [
                await act(da, s, "tell", arguments={"color": "blå"}),
                await act(da, s, "nothing"),
                await act(da, s, "count", arguments={"by": 3}),
                await act(da, s, "show"),
                await act(da, s, "no_such_action"),
                await act(da, s, "tell"),
            ]
            said = await act(da, s, "say")

        assert replies == [
            JSONReply({"color": "blå", "counter": False}),
            JSONReply(None),
            *(None, None, None),
            JSONReply({"color": None, "counter": 3}),
        ]
        assert isinstance(said, BinaryContent)
        assert said.content == b"plain words"
        assert said.content_type.startswith("text/plain")

    run(job)


def test_action_saves_a_step_or_replaces_one(run: Run) -> None:
    """An action is a step to go back from; with overwrite it becomes part of the last one."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, ACTIONS) as s:
            await act(da, s, "count", arguments={"by": 1})
            await act(da, s, "count", arguments={"by": 2}, overwrite=True)
            replaced = await variables_of(da, s)
            await back(da, s)
            before = await variables_of(da, s)

        assert replaced["counter"] == 2
        assert "counter" not in before

    run(job)


@pytest.mark.since("1.8.18")
def test_read_only_action_saves_nothing(run: Run) -> None:
    """What a read-only action changes is gone after its answer."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, ACTIONS) as s:
            nothing = await act(da, s, "count", arguments={"by": 5}, read_only=True)
            kept = await variables_of(da, s)
            told = await act(da, s, "tell", read_only=True)

        assert nothing is None
        assert "counter" not in kept
        assert told == JSONReply({"color": None, "counter": False})

    run(job)


@pytest.mark.parametrize(
    ("action", "persistent", "question"),
    [
        ("color", True, "What color?"),
        ("show", True, "Shown"),
        ("color", False, "Ready"),
        ("choose", True, "Ready"),
    ],
)
def test_persistent_action_makes_its_question_the_current_one(
    run: Run, action: str, persistent: bool, question: str
) -> None:
    """So it is for an action that is a question; what an action's code asks for is forgotten."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, ACTIONS) as s:
            nothing = await act(da, s, action, persistent=persistent)
            asked = await ask(da, s)

        assert nothing is None
        assert heading(asked) == question

    run(job)


def test_question_asked_out_of_turn_is_left_with_its_event(run: Run) -> None:
    """Setting its variable, or sending back its events, leads back to the interview."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_session(da, ACTIONS) as s:
            await act(da, s, "color", persistent=True)
            answered = await send(da, s, variables={"color": "red"})
            await act(da, s, "show", persistent=True)
            stays = await send(da, s, variables={"counter": 1})
            assert isinstance(stays, Question)
            left = await send(da, s, event_list=stays.event_list)

        assert stays.event_list == ["show"]
        assert [heading(one) for one in (answered, stays, left)] == ["Ready", "Shown", "Ready"]

    run(job)
