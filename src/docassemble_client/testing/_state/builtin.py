"""The demo interviews every fake server has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.responses import BinaryContent
from docassemble_client.testing.interviews import Answers, Field, Interview, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
_EXAMPLES = "docassemble.base:data/questions/examples/"
TEXT_FIELD = f"{_EXAMPLES}text-field.yml"
_CIRCLE = b'<svg xmlns="http://www.w3.org/2000/svg"><circle fill="red" r="40"/></svg>'
_NUMBER, _EACH = 2000, 45


def builtin_interviews() -> Iterator[Interview]:
    """Make them."""
    yield Interview(
        filename=QUESTIONLESS,
        final=_inhabitants,
        title="Questionless interview",
        metadata={
            "documentation": "https://docassemble.org/docs/api.html#questionless",
            "example start": 1,
            "example end": 2,
            "short title": "Questionless",
        },
        dispatch="questionless",
        reads=("favorite_number", "user_agrees_to_waive_penalties"),
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

    yield Interview(
        filename=f"{_EXAMPLES}response-json.yml",
        asks=(
            Screen("What is your favorite fruit?", [Field("favorite_fruit", "Fruit")]),
            Screen(
                "How many pieces of ${ favorite_fruit }\ndo you have?",
                [Field("number_of_pieces", "Pieces", "integer", extra={"min": "0"})],
            ),
        ),
        final=lambda _: Screen(
            "You have ${ number_of_pieces } pieces of ${ favorite_fruit }.",
            subtext="Use the action query_fruit to query the information.",
            mandatory=True,
        ),
        actions={
            "query_fruit": lambda answers, _: {
                "fruit": answers["favorite_fruit"],
                "pieces": answers["number_of_pieces"],
            }
        },
        title="JSON response",
        multi_user=True,
    )
    yield Interview(
        filename=f"{_EXAMPLES}response-svg.yml",
        asks=(
            Screen(
                "Press Continue to continue.",
                [Field("press_to_continue", datatype="")],
                kind="settrue",
            ),
        ),
        final=lambda _: BinaryContent(content=_CIRCLE, content_type="image/svg+xml"),
        title="Binary response",
    )


def _inhabitants(answers: Answers) -> object:
    if answers["favorite_number"] == 42 and answers["user_agrees_to_waive_penalties"]:
        count = 2
    else:
        count = _NUMBER + answers["favorite_number"] * _EACH
    return {"final": True, "inhabitants": count}
