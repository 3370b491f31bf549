"""The demo interviews every fake server has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing.interviews import Answers, Field, Interview, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
_NUMBER, _EACH = 2000, 45


def builtin_interviews() -> Iterator[Interview]:
    """Make them."""
    yield Interview(
        filename=QUESTIONLESS,
        final=_inhabitants,
        title="Questionless interview",
        metadata={"short title": "Questionless"},
        tags=("demo",),
        dispatch="questionless",
    )
    yield Interview(
        filename=TEXT_FIELD,
        asks=(
            Screen(
                "What are your favorite things to eat?",
                [Field("target_variable", "Vegetable"), Field("other_target_variable", "Fruit")],
                subtext="Please be specific.",
            ),
        ),
        final=lambda _: Screen(
            "Result of question",
            subtext='target_variable is: "${ target_variable }"',
            mandatory=True,
        ),
        title="Text",
        metadata={"documentation": "https://docassemble.org/docs/fields.html#fields"},
    )


def _inhabitants(answers: Answers) -> object:
    if answers["favorite_number"] == 42 and answers["user_agrees_to_waive_penalties"]:
        count = 2
    else:
        count = _NUMBER + answers["favorite_number"] * _EACH
    return {"final": True, "inhabitants": count}
