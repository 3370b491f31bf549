"""What a screen of the fake server tells of itself: how it came to be asked, and its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Question
from tests.testing.letter import I, act, add_letter, ask, send
from tests.testing.letter import begin as begin_letter
from tests.testing.test_sources import begin

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.testing.conftest import Run

SOURCE = """
initial: True
code: multi_user = True
---
mandatory: True
code: |
  letter
  the_end
---
code: letter = "Dear " + name
---
question: Name, ${ greeting }?
fields:
  - Your name: name
---
question: Greeting?
fields:
  - Greeting: greeting
---
event: the_end
question: The end. Of all things!
"""
LINKS = {"My Interviews", "Profile", "Sign Out"}
DEVELOPER = {"Source", "Train", "Package Management", "Logs", "Playground", "Utilities"}


def steps(question: object) -> list[tuple[str, str | None]]:
    """What happened before a question: the reason, with the code or the variable."""
    assert isinstance(question, Question)
    source: Any = question.source
    return [
        (one["reason"], one.get("variable_name", one.get("code")))
        for one in source["history"]["steps"]
    ]


def test_debug_mode_tells_how_a_screen_came_to_be_asked(run: Run, fake: FakeServer) -> None:
    """Each block that was run and each variable that was needed, in order; nothing otherwise."""

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da, SOURCE)
        usual = await ask(da, s)
        fake.config["debug"] = True
        greeting = await ask(da, s)
        name = await send(da, s, variables={"greeting": "you"})
        end = await send(da, s, variables={"name": "Ada"})

        assert isinstance(usual, Question)
        assert usual.source is None
        begun = [("initial", "multi_user = True"), ("mandatory code", "letter\nthe_end\n")]
        letter = [("needed", "letter"), ("running", 'letter = "Dear " + name')]
        block = "question: |\n  Name, ${ greeting }?\nfields:\n  - Your name: name\n"
        asked = [("needed", "name"), ("asking", block), ("needed", "greeting")]
        done = [("complete", None)]
        assert steps(greeting) == begun + letter + asked + done
        assert steps(name) == [*begun, *letter, ("needed", "name"), *done]
        assert steps(end) == [*begun, *letter, ("needed", "the_end"), *done]
        source: Any = end.source
        assert source["varsLink"] == f"/vars?i={s.i}"
        assert source["history"]["source_code"] == "question: |\n  The end. Of all things!\n"
        assert dict(source["readability"]["question"])["Flesch Reading Ease"] > 90

    run(job)


def test_debug_mode_tells_it_of_scripts_too(run: Run, fake: FakeServer) -> None:
    """Their end is what is mandatory; the question of an action was only needed."""
    fake.config["debug"] = True
    add_letter(fake)

    async def job(da: AsyncDocassemble) -> None:
        s = await begin_letter(da)
        name = await ask(da, s)
        await act(da, s, "ask", persistent=True)
        shade = await ask(da, s)

        assert s.i == I
        assert steps(name) == [
            ("mandatory code", ""),
            ("needed", "client.name"),
            ("complete", None),
        ]
        assert steps(shade) == [("needed", "ask"), ("complete", None)]

    run(job)


def test_command_is_a_screen_without_words(run: Run, fake: FakeServer) -> None:
    """Code that calls command() leads elsewhere, and says of which file it is."""
    fake.config["debug"] = True

    async def job(da: AsyncDocassemble) -> None:
        s = await begin(da, "mandatory: True\ncode: command('exit', 'https://example.com/')")
        exit_ = await ask(da, s)

        assert (exit_.question_type, exit_.question_text) == ("exit", "https://example.com/")
        assert (exit_.question_name, exit_.subquestion_text) == ("Question_Temp", "")
        source: Any = exit_.source
        assert "source_code" not in source["history"]
        assert source["history"]["steps"][0]["source_file"] == s.i

    run(job)


@pytest.mark.parametrize(
    ("privileges", "switched_off", "expected"),
    [
        ([], [], set()),
        (["trainer"], [], {"Train"}),
        (["advocate"], [], {"Monitor"}),
        (["developer"], [], DEVELOPER),
        (["developer", "advocate"], [], DEVELOPER | {"Monitor", "User List"}),
        (["admin"], [], DEVELOPER | {"Monitor", "User List", "Configuration"}),
        (
            ["admin"],
            ["allow updates", "enable playground", "allow configuration editing", "debug"],
            {"Train", "Logs", "Monitor", "User List"},
        ),
    ],
)
def test_menu_depends_on_who_looks(
    run: Run, fake: FakeServer, privileges: list[str], switched_off: list[str], expected: set[str]
) -> None:
    """Each privilege has its entries, as far as the configuration leaves them on."""
    add_letter(fake)
    fake.config.update({"debug": True, **dict.fromkeys(switched_off, False)})

    async def job(da: AsyncDocassemble) -> None:
        question = await ask(da, await begin_letter(da))

        assert {one.anchor for one in question.menu.items} == expected | LINKS

    run(job, fake.add_user("ada@example.com", *privileges))
