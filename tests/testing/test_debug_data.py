"""Debug data and the menu of a screen on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Question
from tests.testing.letter_interview import (
    I,
    add_letter_interview,
    get_question,
    run_action,
    set_variables,
)
from tests.testing.letter_interview import start_session as begin_letter
from tests.testing.yaml_interviews import start_interview

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

SOURCE = """
initial: True
code: multi_user = True
---
mandatory: True
code: |
  letter
  the_end
---
code: letter = "Dear " + full_name
---
question: Name, ${ greeting }?
fields:
  - Your name: full_name
---
question: Greeting?
fields:
  - Greeting: greeting
---
event: the_end
question: The end. Of all things!
"""
COMMON_ITEMS = {"My Interviews", "Profile", "Sign Out"}
DEVELOPER_ITEMS = {"Source", "Train", "Package Management", "Logs", "Playground", "Utilities"}


def get_steps(question: object) -> list[tuple[str, str | None]]:
    """Return the steps before a question: the reason, and the code or the variable."""
    assert isinstance(question, Question)
    source: Any = question.source
    return [
        (step["reason"], step.get("variable_name", step.get("code")))
        for step in source["history"]["steps"]
    ]


async def test_debug_mode_explains_why_a_screen_is_shown(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """All executed blocks and required variables are listed in order, only in debug mode."""
    s = await start_interview(da, SOURCE)
    without_debug = await get_question(da, s)
    fake.config["debug"] = True
    greeting = await get_question(da, s)
    name = await set_variables(da, s, variables={"greeting": "you"})
    end = await set_variables(da, s, variables={"full_name": "Ada"})

    assert isinstance(without_debug, Question)
    assert without_debug.source is None
    blocks = SOURCE.split("---")
    initial_steps = [("initial", blocks[0]), ("mandatory code", blocks[1])]
    letter_steps = [("needed", "letter"), ("running", blocks[2])]
    name_steps = [("needed", "full_name"), ("asking", blocks[3]), ("needed", "greeting")]
    complete = [("complete", None)]
    assert get_steps(greeting) == initial_steps + letter_steps + name_steps + complete
    assert get_steps(name) == [*initial_steps, *letter_steps, ("needed", "full_name"), *complete]
    assert get_steps(end) == [
        *initial_steps,
        *letter_steps,
        *initial_steps,
        ("needed", "the_end"),
        *complete,
    ]
    source: Any = end.source
    assert source["varsLink"] == f"/vars?i={s.i}"
    assert source["history"]["source_code"] == blocks[5]
    assert dict(source["readability"]["question"])["Flesch Reading Ease"] > 90


async def test_debug_mode_explains_screens_of_scripted_interviews(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """The final step is mandatory code; the question of an action has only a "needed" step."""
    fake.config["debug"] = True
    add_letter_interview(fake)

    s = await begin_letter(da)
    name = await get_question(da, s)
    await run_action(da, s, "ask", persistent=True)
    shade = await get_question(da, s)

    assert s.i == I
    assert get_steps(name) == [
        ("mandatory code", ""),
        ("needed", "client.name"),
        ("complete", None),
    ]
    assert get_steps(shade) == [("needed", "ask"), ("complete", None)]


@pytest.mark.parametrize(
    ("privileges", "disabled", "expected"),
    [
        ([], [], set()),
        (["trainer"], [], {"Train"}),
        (["advocate"], [], {"Monitor"}),
        (["developer"], [], DEVELOPER_ITEMS),
        (["developer", "advocate"], [], DEVELOPER_ITEMS | {"Monitor", "User List"}),
        (["admin"], [], DEVELOPER_ITEMS | {"Monitor", "User List", "Configuration"}),
        (
            ["admin"],
            ["allow updates", "enable playground", "allow configuration editing", "debug"],
            {"Train", "Logs", "Monitor", "User List"},
        ),
    ],
)
async def test_menu_depends_on_the_privileges_of_the_user(
    fake: FakeServer, privileges: list[str], disabled: list[str], expected: set[str]
) -> None:
    """Each privilege adds menu items, unless the configuration disables them."""
    add_letter_interview(fake)
    fake.config.update({"debug": True, **dict.fromkeys(disabled, False)})

    async with fake.client(fake.add_user("ada@example.com", *privileges)) as da:
        question = await get_question(da, await begin_letter(da))

        assert {item.anchor for item in question.menu.items} == expected | COMMON_ITEMS
