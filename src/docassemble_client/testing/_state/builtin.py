"""Built-in demo interviews of every fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.responses import BinaryContent
from docassemble_client.testing.interviews import ScriptedInterview, SessionVariables
from docassemble_client.testing.screens import Field, ScriptedScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
_EXAMPLES = "docassemble.base:data/questions/examples/"
TEXT_FIELD = f"{_EXAMPLES}text-field.yml"
_RESPONSE_METADATA = {"documentation": "https://docassemble.org/docs/functions.html#response"}
_CIRCLE = b'<svg xmlns="http://www.w3.org/2000/svg"><circle fill="red" r="40"/></svg>'
_BASE_INHABITANTS, _INHABITANTS_PER_NUMBER = 2000, 45


def make_builtin_interviews() -> Iterator[ScriptedInterview]:
    """Create the demo interviews."""
    yield ScriptedInterview(
        filename=QUESTIONLESS,
        final=_count_inhabitants,
        title="Questionless interview",
        metadata={
            "documentation": "https://docassemble.org/docs/api.html#questionless",
            "example start": 1,
            "example end": 2,
            "short title": "Questionless",
        },
        dispatch="questionless",
        variables_read=("favorite_number", "user_agrees_to_waive_penalties"),
    )
    yield ScriptedInterview(
        filename=TEXT_FIELD,
        # The last screen needs only one of the two variables.
        on_demand=(
            ScriptedScreen(
                "What are your favorite things to eat?",
                [Field("target_variable", "Vegetable"), Field("other_target_variable", "Fruit")],
                subtext="Please be specific.",
            ),
        ),
        final=lambda answers: ScriptedScreen(
            "Result of question",
            subtext=f'target_variable is: "{answers["target_variable"]}"',
            mandatory=True,
        ),
        title="Text",
        metadata={"documentation": "https://docassemble.org/docs/fields.html#fields"},
    )

    yield ScriptedInterview(
        filename=f"{_EXAMPLES}response-json.yml",
        steps=(
            ScriptedScreen("What is your favorite fruit?", [Field("favorite_fruit", "Fruit")]),
            ScriptedScreen(
                "How many pieces of ${ favorite_fruit }\ndo you have?",
                [Field("number_of_pieces", "Pieces", "integer", min=0)],
            ),
        ),
        final=lambda _: ScriptedScreen(
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
        metadata={**_RESPONSE_METADATA, "example start": 1, "example end": 4},
        multi_user=True,
    )
    yield ScriptedInterview(
        filename=f"{_EXAMPLES}response-svg.yml",
        steps=(
            ScriptedScreen(
                "Press Continue to continue.",
                [Field("press_to_continue", datatype="")],
                kind="settrue",
            ),
        ),
        final=lambda _: BinaryContent(content=_CIRCLE, content_type="image/svg+xml"),
        title="Binary response",
        metadata={**_RESPONSE_METADATA, "example start": 3},
    )


def _count_inhabitants(answers: SessionVariables) -> object:
    if answers["favorite_number"] == 42 and answers["user_agrees_to_waive_penalties"]:
        count = 2
    else:
        count = _BASE_INHABITANTS + answers["favorite_number"] * _INHABITANTS_PER_NUMBER
    return {"final": True, "inhabitants": count}
