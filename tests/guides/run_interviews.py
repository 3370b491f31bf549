"""Prepares docs/guide/run-interviews.md: interviews with a list and with choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import Field, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer, SessionVariables


def prepare_server(fake: FakeServer) -> None:
    """Add the interviews."""
    _add_radio_list(fake)
    items = (Field(f"fruit[{number}]", extra={"variable_name": "fruit[i]"}) for number in range(3))
    fake.add_interview(
        "docassemble.base:data/questions/examples/gather-fruit.yml",
        final=_gather_list,
        on_demand=(
            _make_yes_no_screen("Are there any fruit?", "fruit.there_are_any"),
            *(ScriptedScreen("What fruit should be added?", [item]) for item in items),
            _make_yes_no_screen("Are there any others?", "fruit.there_is_another"),
        ),
    )


def _add_radio_list(fake: FakeServer) -> None:
    types = {name: name for name in ("Convertible", "Hatchback", "Sedan")}
    countries = {"BMW": "Germany", "Buick": "United States", "Honda": "Japan", "Toyota": "Japan"}
    radio = {"inputtype": "radio"}
    fake.add_interview(
        "docassemble.base:data/questions/examples/radio-list.yml",
        ScriptedScreen(
            "Describe your car.",
            [
                Field("wheels_on_car", datatype="integer"),
                Field("car_type", choices=types, extra=radio),
                Field("car_country", choices=countries, extra=radio),
            ],
        ),
        final=lambda _: ScriptedScreen("Result of question"),
    )


def _make_yes_no_screen(text: str, variable: str) -> ScriptedScreen:
    return ScriptedScreen(text, [Field(variable, datatype="boolean")], kind="yesno")


def _gather_list(answers: SessionVariables) -> ScriptedScreen:
    """Ask for items as long as there is another."""
    if "fruit" not in answers:
        kind = "docassemble.base.util.DAList"
        answers.set("fruit", {"_class": kind, "instanceName": "fruit", "elements": []})
    fruit = answers["fruit"]
    more = answers["fruit.there_are_any"]
    while more:
        answers[f"fruit[{fruit.get('gathered', 0)}]"]
        more = answers["fruit.there_is_another"]
        del fruit["there_is_another"]
        fruit["gathered"] = fruit.get("gathered", 0) + 1
    return ScriptedScreen("There are so many.")
