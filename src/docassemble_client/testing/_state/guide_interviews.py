"""Interviews of docassemble that the guide uses; every fake server has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing.interviews import ScriptedInterview, SessionVariables
from docassemble_client.testing.screens import FakeDocument, Field, ScriptedScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client._types import JSON

_EXAMPLES = "docassemble.base:data/questions/examples/"
_PDF = b"%PDF-1.6\na form that is filled in\n%%EOF\n"
_NAMES = ("user.name.first", "user.name.last", "user.organization")
_FOODS = ("likes_apples", "likes_oranges", "likes_pears", "likes_toast")
_UTIL = "docassemble.base.util."


def make_guide_interviews() -> Iterator[ScriptedInterview]:
    """Create a form, a questionnaire with choices, a list, and a survey that stores no secrets."""
    yield ScriptedInterview(
        filename=f"{_EXAMPLES}pdf-fill.yml",
        final=_fill_in,
        on_demand=(
            ScriptedScreen("Who are you?", _NAMES),
            *(_make_yes_no_screen(f"Is {name} true?", name) for name in _FOODS),
        ),
    )
    yield ScriptedInterview(
        filename=f"{_EXAMPLES}radio-list.yml",
        steps=(
            ScriptedScreen(
                "Describe your car.",
                [
                    Field("wheels_on_car", "Number of wheels", "integer"),
                    Field("car_type", "Type", "radio", ("Convertible", "Hatchback", "Sedan")),
                    Field(
                        *("car_country", "Model", "radio"),
                        {
                            "BMW": "Germany",
                            "Buick": "United States",
                            "Honda": "Japan",
                            "Toyota": "Japan",
                        },
                    ),
                ],
            ),
        ),
        final=lambda _: ScriptedScreen(
            "Result of question",
            subtext="Your ${ car_type }, which is from\n${ car_country }, has\n"
            "${ wheels_on_car } wheels.",
            mandatory=True,
        ),
        title="Radio buttons within fields",
        metadata={"short title": "Radio buttons"},
    )
    items = (Field(f"fruit[{number}]", extra={"variable_name": "fruit[i]"}) for number in range(3))
    yield ScriptedInterview(
        filename=f"{_EXAMPLES}gather-fruit.yml",
        final=_gather_list,
        on_demand=(
            _make_yes_no_screen("Are there any fruit?", "fruit.there_are_any"),
            *(ScriptedScreen("What fruit should be added?", [item]) for item in items),
            _make_yes_no_screen("Are there any others?", "fruit.there_is_another"),
        ),
    )
    yield ScriptedInterview(
        filename="docassemble.demo:data/questions/survey.yml",
        steps=(ScriptedScreen("How do you like it?", [Field("rating", "Stars", "integer")]),),
        final=lambda _: ScriptedScreen("Thank you"),
        multi_user=True,
    )


def _make_yes_no_screen(text: str, variable: str) -> ScriptedScreen:
    return ScriptedScreen(text, [variable], kind="yesno")


def _fill_in(answers: SessionVariables) -> ScriptedScreen:
    if "user" not in answers:
        name: dict[str, JSON] = {
            "_class": f"{_UTIL}IndividualName",
            "instanceName": "user.name",
        }
        answers.set("user", {"_class": f"{_UTIL}Individual", "instanceName": "user", "name": name})
    for variable in (*_NAMES, *_FOODS):
        answers[variable]
    return ScriptedScreen(
        "Your form", documents=[FakeDocument("A filled-in form", {"pdf": _PDF})], name="The end"
    )


def _gather_list(answers: SessionVariables) -> ScriptedScreen:
    """Ask for items as long as there is another."""
    if "fruit" not in answers:
        answers.set("fruit", {"_class": f"{_UTIL}DAList", "instanceName": "fruit", "elements": []})
    fruit = answers["fruit"]
    more = answers["fruit.there_are_any"]
    while more:
        answers[f"fruit[{fruit.get('gathered', 0)}]"]
        more = answers["fruit.there_is_another"]
        del fruit["there_is_another"]
        fruit["gathered"] = fruit.get("gathered", 0) + 1
    return ScriptedScreen("There are so many.")
