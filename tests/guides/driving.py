"""The server of docs/guide/driving.md: an interview of docassemble that gathers a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import Field, Screen

if TYPE_CHECKING:
    from docassemble_client.testing import Answers, FakeServer


def arrange(fake: FakeServer) -> None:
    """Add the interview."""
    items = (Field(f"fruit[{number}]", extra={"variable_name": "fruit[i]"}) for number in range(3))
    fake.add_interview(
        "docassemble.base:data/questions/examples/gather-fruit.yml",
        final=_gathered,
        on_demand=(
            _yesno("Are there any fruit?", "fruit.there_are_any"),
            *(Screen("What fruit should be added?", [one]) for one in items),
            _yesno("Are there any others?", "fruit.there_is_another"),
        ),
    )


def _yesno(text: str, variable: str) -> Screen:
    return Screen(text, [Field(variable, datatype="boolean")], kind="yesno")


def _gathered(answers: Answers) -> Screen:
    """Ask for one item after the other, as long as there is another."""
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
    return Screen("There are so many.")
