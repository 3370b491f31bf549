"""A front end converts the values of its form with `Screen.answers`."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from docassemble_client import (
    DADict,
    DAList,
    DAObject,
    InvalidAnswer,
    Raw,
    Screen,
    TextFormat,
    UsageError,
)
from docassemble_client.workflows.interviews.answers import encode_answers
from tests.workflows.screens import decode_question, make_field, make_screen

LABELS = {
    "addAnotherLabel": "a",
    "deleteLabel": "d",
    "deletedLabel": "e",
    "undeleteLabel": "u",
}
NOTE = "2026-03-14T09:00:00: called"
VARIABLES: dict[str, Any] = {
    "people": {"elements": [{"_class": "docassemble.base.util.Individual"}]}
}


def make(*fields: dict[str, Any], **options: Any) -> Screen:
    """Make a screen with these fields."""
    return Screen(decode_question(make_screen(*fields, **options)))


def test_values_become_the_variables_to_send() -> None:
    """Text is converted, empty fields get a browser's value, hidden fields are left out."""
    hidden = {"show_if_var": "urgent", "show_if_val": "True", "show_if_sign": 1}
    screen = make(
        make_field("rent", datatype="currency"),
        make_field("day", datatype="date", required=False),
        make_field("urgent", datatype="boolean", inputtype="yesno", required=False),
        make_field("reason", **hidden),
        make_field("note", required=False),
        question_variable_name="seen",
    )

    answers = screen.answers(
        {"rent": "1.900,50", "day": "2026-03-14", "reason": "secret"},
        text_format=TextFormat(decimal=",", thousands="."),
    )

    assert answers == {
        "rent": 1900.5,
        "day": date(2026, 3, 14),
        "urgent": False,
        "note": "",
        "seen": True,
    }


def test_all_problems_are_reported_together() -> None:
    """Missing and unknown values too, because a form may only set the fields of its screen."""
    screen = make(make_field("a", datatype="integer", max="3", label="A"), make_field("b"))

    with pytest.raises(InvalidAnswer) as caught:
        screen.answers({"a": 4, "is_admin": True})

    problems = caught.value.problems
    assert [(item.variable, item.reason) for item in problems] == [
        ("is_admin", "is not a field of this screen"),
        ("a", "is above max"),
        ("b", "needs an answer"),
    ]
    assert (problems[1].label, problems[1].datatype, problems[1].kind) == ("A", "integer", "int")
    assert problems[1].limits == {"max": "3"}
    assert str(caught.value).startswith("3 answers of question 'Question_0' cannot be used: ")


def test_name_may_be_that_of_the_interview() -> None:
    """A form may use x.name, or the concrete name."""
    screen = make(make_field("x.name"), event_list=["client.name"])

    assert screen.answers({"x.name": "Ada"}) == {"client.name": "Ada"}
    assert screen.answers({"client.name": "Ada"}) == {"client.name": "Ada"}


def test_items_of_a_collected_list_are_those_with_values() -> None:
    """As with "Add another" in a browser."""
    fields = [make_field(f"kids[{row}].name", number=f"{row}_0") for row in range(4)]
    screen = make(*fields, listCollect=LABELS, event_list=["kids[0].name"])

    assert screen.list_name == "kids"
    assert screen.answers({"kids[0].name": "A", "kids[1].name": "B"}) == {
        "kids[0].name": "A",
        "kids[1].name": "B",
        "kids.there_is_another": False,
    }
    assert screen.answers({"kids[0].name": "A", "kids.there_is_another": True}) == {
        "kids[0].name": "A",
        "kids.there_is_another": True,
    }


def test_chosen_objects_need_the_variables() -> None:
    """They are copied from there; an empty field becomes None if it is undefined."""
    choices = [{"label": "Ada", "value": "people[0]"}]
    screen = make(
        make_field("boss", datatype="object", choices=choices),
        make_field("team", datatype="object_checkboxes", choices=choices, required=False),
        make_field("deputy", datatype="object", choices=choices, required=False),
    )

    with pytest.raises(UsageError, match="'boss' chooses an object"):
        screen.answers({"boss": "Ada"})
    answers = screen.answers({"boss": "Ada", "team": []}, variables=VARIABLES)
    assert isinstance(answers["boss"], DAObject)
    assert isinstance(answers["team"], DAList)
    assert answers["deputy"] is None
    noted: dict[str, Any] = {
        "people": {"elements": [{"_class": "docassemble.base.util.Thing", "x": NOTE}]}
    }
    boss = screen.answers({"boss": "Ada"}, variables=noted)["boss"]
    assert isinstance(boss, DAObject)
    assert boss.attributes == {"x": NOTE}
    kept = screen.answers({"boss": DAObject("Individual")})
    assert "deputy" not in kept


def test_keys_that_json_cannot_hold_are_variables() -> None:
    """Numbers, truth values and dates as keys are set one by one."""
    answers = {"a": DADict({1: True, False: False, None: True, "2026-03-14": True, "x": False})}

    encoded = encode_answers(answers)

    elements = encoded.converted.pop("a")
    assert isinstance(elements, dict)
    assert elements["elements"] == {}
    assert encoded.literal | encoded.converted == {
        "a[1]": True,
        "a[False]": False,
        "a[None]": True,
        "a['2026-03-14']": True,
        "a['x']": False,
    }


def test_raw_values_are_unwrapped_and_not_shown() -> None:
    """Inside of lists too."""
    encoded = encode_answers({"a": Raw("x"), "b": [Raw("y")]})

    assert encoded.literal == {"a": "x", "b": ["y"]}
    assert "hunter2" not in repr(Raw("hunter2"))


@pytest.mark.parametrize(
    ("names", "list_name"),
    [
        (["kids[0].name"], "kids"),
        (["case.kids[0].name", "case.kids[1].name"], "case.kids"),
        (["kids[0].pets[0].name", "kids[0].pets[1].name"], "kids[0].pets"),
        (["kids[0].pets[0].name", "kids[1].pets[0].name"], "kids"),
        (["name"], ""),
    ],
)
def test_collected_list_is_found_by_its_items(names: list[str], list_name: str) -> None:
    """Their names differ in the index of the list only."""
    fields = [make_field(name, number=f"{row}_0") for row, name in enumerate(names)]

    assert make(*fields, listCollect=LABELS, event_list=[names[0]]).list_name == list_name
