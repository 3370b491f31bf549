"""Conditions are evaluated as the browser does: over the whole form, in any order."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from docassemble_client import DADict, DAObject, Raw, Screen
from tests.workflows.screens import decode_question, make_field, make_screen

BOXES = {
    "datatype": "checkboxes",
    "choices": [
        {"label": "Apple", "variable_name": "a['apple']", "value": True},
        {"label": "One", "variable_name": "a[1]", "value": True},
        {"label": "None"},
    ],
}
CHECKBOX = {"datatype": "boolean", "inputtype": "yesno", "required": False}


def tick(*ticked: str | int) -> DADict:
    """Make the answer to the checkboxes."""
    keys: list[str | int | bool | None] = ["apple", 1]
    return DADict({key: key in ticked for key in keys})


def get_visible_names(*fields: dict[str, Any], answers: dict[str, Any]) -> list[str]:
    """Return the names of the fields that are visible after these answers."""
    screen = Screen(decode_question(make_screen(*fields)))
    return [field.name for field in screen.get_visible_fields(answers)]


def depend_on(variable: str, value: str, *, sign: int = 1) -> dict[str, Any]:
    """Make a field with a condition."""
    return make_field("b", show_if_var=variable, show_if_val=value, show_if_sign=sign)


@pytest.mark.parametrize(
    ("controller", "answer", "variable", "value"),
    [
        ({"datatype": "number"}, 5.0, "a", "5"),
        ({"datatype": "text"}, "5.0", "a", "5"),
        ({"datatype": "text"}, Raw("x"), "a", "x"),
        ({"datatype": "text"}, "", "a", "None"),
        ({"datatype": "text"}, None, "a", "None"),
        ({"datatype": "date"}, date(2026, 3, 14), "a", "2026-03-14"),
        ({"datatype": "datetime"}, datetime(2026, 3, 14, 9, 5, 7), "a", "2026-03-14T09:05"),  # noqa: DTZ001
        ({"datatype": "time"}, time(9, 5), "a", "09:05"),
        (CHECKBOX, None, "a", "False"),
        (CHECKBOX, True, "a", "True"),
        (CHECKBOX | {"inputtype": "noyes", "sign": -1}, True, "a", "False"),
        ({"datatype": "object"}, DAObject("Thing"), "a", ""),
        (BOXES, tick("apple"), "a['apple']", "True"),
        (BOXES, tick("apple"), 'a["apple"]', "True"),
        (BOXES, tick("apple"), "a[1]", "False"),
        (BOXES, tick(1), "a[1]", "True"),
        (BOXES, tick(), "a[nota]", "True"),
        (BOXES, tick("apple"), "a[nota]", "False"),
        (BOXES, tick("apple", 1), "a[aota]", "True"),
        (BOXES, tick("apple"), "a[aota]", "False"),
        (BOXES, None, "a[1]", "False"),
    ],
)
def test_answer_is_compared_as_text(
    controller: dict[str, Any], answer: object, variable: str, value: str
) -> None:
    """The text is that of the browser's input; numbers are compared as numbers."""
    field = make_field("a", **controller)
    answers = {"a": answer}

    assert get_visible_names(field, depend_on(variable, value), answers=answers) == ["a", "b"]
    assert get_visible_names(field, depend_on(variable, "other"), answers=answers) == ["a"]
    assert get_visible_names(depend_on(variable, value), field, answers=answers) == ["b", "a"]
    hidden = depend_on(variable, value, sign=0)
    assert get_visible_names(hidden, field, answers=answers) == ["a"]


def test_fields_that_depend_on_each_other_are_hidden() -> None:
    """The browser gives up after a hundred attempts."""
    first = make_field("a", show_if_var="b", show_if_val="x", show_if_sign=1)

    assert get_visible_names(first, depend_on("a", "x"), answers={"a": "x", "b": "x"}) == []


def test_disabling_answer_is_that_of_the_field() -> None:
    """Another field of the same variable, or an empty answer, disables nothing."""
    choices = [{"label": "X", "value": "x"}]
    fields = [
        make_field("a", disable_others=True, choices=choices),
        make_field("a", choices=[{"label": "Y", "value": "y"}]),
        make_field("b"),
    ]

    assert get_visible_names(*fields, answers={"a": "x"}) == ["a"]
    assert get_visible_names(*fields, answers={"a": "y"}) == ["a", "a", "b"]
    boxes = make_field("a", disable_others=True, **BOXES)
    ticks = tick()
    assert get_visible_names(boxes, make_field("b"), answers={"a": ticks}) == ["a", "b"]
