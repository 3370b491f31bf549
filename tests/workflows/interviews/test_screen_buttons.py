"""An interview ends where only buttons remain that leave or restart it."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import AnswerPolicy, MissingAnswer, Question, Transcript
from docassemble_client.workflows.interviews.screen_buttons import find_exit_buttons
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    decode_question,
    make_field,
    make_screen,
    run_interview,
)

VARIABLE = "_internal[\"answers\"]['Question_3']"
EXITS = "mandatory: True\nquestion: Bye\nbuttons:\n  - Start again: restart\n  - Leave: exit\n"
LETTER = {
    "name": "Letter", "number": {"pdf": 1}, "filename_with_extension": {}, "url": {}
}  # fmt: skip


def make_buttons(source: str = "", **properties: Any) -> dict[str, Any]:
    """Make a screen with two buttons; with a source as in debug mode."""
    choices = [
        {"label": label, "value": value, "variable_name": VARIABLE}
        for value, label in enumerate(("Start again", "Leave"))
    ]
    history = {"source": {"history": {"source_code": source}}} if source else {}
    return make_screen(
        {"choices": choices}, kind="multiple_choice", questionName="Bye", **history, **properties
    )


async def run_buttons(
    *screens: Any, answers: Any = None, **options: Any
) -> tuple[Transcript, list[Any]]:
    """Run an interview that asks for a name, then shows the screens; also return what was sent."""
    server = ScriptedServer(make_screen(make_field("name")), *screens)
    transcript = await run_interview(server, {"name": "Ada", **(answers or {})}, **options)
    return transcript, server.get_sent_variables()


@pytest.mark.parametrize("policy", AnswerPolicy)
@pytest.mark.parametrize(
    "screen",
    [
        make_buttons(attachments=[LETTER]),
        make_buttons(subquestionText="[Get](/uploadedfile/1/a.pdf)"),
        make_buttons(EXITS),
        make_buttons(EXITS, attachments=[LETTER]),
        {**make_buttons(), "questionName": "Question_Temp"},
    ],
)
async def test_no_policy_presses_a_button_of_the_last_screen(
    screen: Any, policy: AnswerPolicy
) -> None:
    """The screen with documents, or with only exit and restart buttons, is the end."""
    transcript, sent = await run_buttons(screen, policy=policy)

    assert sent == [{"name": "Ada"}]
    assert transcript.end_type == "buttons"
    assert isinstance(transcript.final, Question)
    assert transcript.final.question_name == screen["questionName"]


async def test_pressed_exit_button_ends_the_interview() -> None:
    """The caller's answer is sent; the screen with the button is the last one."""
    command = make_screen(kind="exit", questionText="")

    transcript, sent = await run_buttons(
        make_buttons(attachments=[LETTER]), command, answers={"Bye": "Leave"}
    )

    assert sent[1:] == [{VARIABLE: 1}]
    assert transcript.end_type == "exit"
    assert isinstance(transcript.final, Question)
    assert transcript.final.question_name == "Bye"
    assert [step.question for step in transcript.steps] == ["Question_0", "Bye"]


async def test_button_that_restarts_is_taken_back() -> None:
    """Without the source a policy presses it; the session then shows the screen again."""
    restart = make_screen(kind="restart", questionText="")
    server = ScriptedServer(make_buttons(), restart, make_buttons())

    transcript = await run_interview(server, policy=AnswerPolicy.first_choice)

    assert transcript.end_type == "buttons"
    assert transcript.steps == ()
    assert server.requests[-2].url.path == "/api/session/back"
    assert isinstance(transcript.final, Question)
    assert transcript.final.question_name == "Bye"


async def test_policy_presses_the_button_that_continues() -> None:
    """Where the source lists another button, exit buttons are left out."""
    source = "question: Bye\nbuttons:\n  - Start again: restart\n  - Leave:\n      code: x = 1\n"

    transcript, sent = await run_buttons(
        make_buttons(source, attachments=[LETTER]), END_SCREEN, policy=AnswerPolicy.first_choice
    )

    assert sent[1:] == [{VARIABLE: 1}]
    assert transcript.end_type == "deadend"


@pytest.mark.parametrize(
    "screen", [make_buttons(), make_buttons("buttons:\n- a: exit\n- b:\n    code: c = 1\n")]
)
async def test_button_that_may_continue_needs_an_answer(screen: Any) -> None:
    """Without documents, or with a button that continues, the interview is not over."""
    with pytest.raises(MissingAnswer):
        await run_buttons(screen)


@pytest.mark.parametrize(
    ("source", "exits"),
    [
        (EXITS, {0, 1}),
        ("buttons:\n- Again: new_session\n- label: Sign in\n  value: signin\nid: x", {0, 1}),
        ("choices:  # two\n  - 'Go: now': \"leave\"  # bye\n  - Log out: logout\n", {0, 1}),
        ("buttons:\n  - Go:\n      code: |\n        restart = 1\n  - Leave: exit\n", {1}),
        ("buttons:\n  - Go on: continue\n    color: exit\n  - Off: exit_logout\n", {1}),
        ("buttons:\n  - Go:\n      command: exit\n  - Off:\n      question: Off\n", {0}),
        ("buttons:\n  - Leave: exit\nunder: |\n  - Again: restart\n", None),
        ("buttons:\n  Again: restart\n  Go:\n    code: x = 1\n", {0}),
        ("buttons:\n\n  # Two\n  Again: restart\n\n  Leave: exit\n", {0, 1}),
        ("buttons:\n", None),
        ("buttons:\n  - - a\n", None),
        ("buttons:\n  code: make_buttons()\n", None),
        ("buttons: [a, b]\n", None),
        ("question: Bye\n", None),
        ("", None),
    ],
)
def test_exit_buttons_are_read_from_the_source(source: str, exits: set[int] | None) -> None:
    """Each button is recognised by its command; otherwise nothing is known."""
    assert find_exit_buttons(decode_question(make_buttons(source))) == exits


@pytest.mark.parametrize("source", [{}, {"history": []}, {"history": {"source_code": 1}}])
def test_source_of_another_form_is_ignored(source: Any) -> None:
    """Nothing is known then."""
    question = decode_question({**make_buttons(), "source": source})

    assert find_exit_buttons(question) is None


LINK = "[Go](/interview?action=eyJhY3Rpb24iOiAicGljayJ9)"


@pytest.mark.parametrize(
    ("properties", "end_type"),
    [
        ({"subquestionText": LINK}, "menu"),
        ({"subquestionText": f"{LINK} [FILE 1]"}, "menu"),
        ({"subquestionText": LINK, "attachments": [LETTER]}, "deadend"),
        ({"subquestionText": f"{LINK} [Get](/uploadedfile/1/a.pdf)"}, "deadend"),
        ({}, "deadend"),
    ],
)
async def test_menu_is_not_an_end(properties: Any, end_type: str) -> None:
    """A last screen that offers actions, and no documents, is a menu; it lists the actions."""
    transcript, _ = await run_buttons(make_screen(kind="deadend", **properties))

    assert transcript.end_type == end_type
    assert [action.name for action in transcript.actions] == ["pick"] * bool(properties)
    assert Transcript().actions == ()
