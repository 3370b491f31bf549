"""Policies answer what the caller's answers leave open."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import MISSING, MissingAnswer, Policy
from tests.workflows.screens import END, Script, drive, screen, text

YES_NO = {"variable_name": "a", "datatype": "boolean"}
PETS = [{"label": "Cat", "value": "cat"}, {"label": "Dog", "value": "dog", "selected": True}]
NONE = [{"label": "-", "value": ""}, {"label": "Cat", "value": "cat"}]
FRUIT = [
    {"label": "A", "variable_name": "a['x']", "value": True},
    {"label": "B", "variable_name": "a['y']", "value": True, "selected": True},
]


def answered(field: dict[str, Any], policy: Policy) -> Any:
    """Return what is sent for a field; MISSING if the policy has no answer."""
    server = Script(screen(field), END)
    try:
        drive(server, policy=policy)
    except MissingAnswer:
        return MISSING
    value = next(iter(server.sent()[0].values()))
    return value["elements"] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"datatype": "text"}, ""),
        ({"datatype": "integer"}, None),
        ({"datatype": "date"}, None),
        ({"datatype": "boolean"}, False),
        ({"datatype": "threestate"}, None),
        ({"datatype": "file"}, None),
        ({"datatype": "checkboxes", "choices": FRUIT}, {"x": False, "y": False}),
        ({"datatype": "object_checkboxes"}, []),
    ],
)
def test_what_need_not_be_answered_stays_empty(field: dict[str, Any], value: object) -> None:
    """Optional fields are sent as the browser sends empty ones, required ones are refused."""
    assert answered(text("a", required=False) | field, Policy.refuse) == value
    assert answered(text("a") | field, Policy.refuse) is MISSING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (text("a", default="usual"), "usual"),
        (text("a", datatype="integer", default="7"), 7),
        (text("a", datatype="number", default="7.5"), 7.5),
        (text("a", datatype="number", default="seven"), MISSING),
        (text("a", datatype="number", default=3), 3),
        (text("a", datatype="date", default="2026-01-02"), "2026-01-02"),
        (text("a", datatype="time", default="10:11:00"), "10:11:00"),
        (text("a", datatype="datetime", default="2026-01-02T10:11"), "2026-01-02T10:11:00"),
        (text("a", datatype="date", default="soon"), "2026-03-14"),
        (YES_NO | {"default": False}, False),
        (text("a", choices=PETS), "dog"),
        (text("a", choices=NONE), MISSING),
        (text("a", datatype="checkboxes", choices=FRUIT), {"x": False, "y": True}),
        (text("a", datatype="checkboxes", choices=FRUIT[:1]), MISSING),
        (text("a", datatype="object_checkboxes", choices=NONE), MISSING),
        (text("a", datatype="object_checkboxes", choices=PETS), [None]),
        (text("a", datatype="file", default="x"), MISSING),
    ],
)
def test_defaults_are_what_the_screen_shows(field: dict[str, Any], value: object) -> None:
    """Texts on the screen become values of the type of their field."""
    assert answered(field, Policy.defaults) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (YES_NO, True),
        (YES_NO | {"default": False}, False),
        (YES_NO | {"variable_name": "a.there_is_another"}, False),
        (text("a", choices=NONE), "cat"),
        (text("a", choices=NONE[:1]), MISSING),
        (text("a", datatype="checkboxes", choices=FRUIT[:1]), {"x": True}),
        (text("a", datatype="object_checkboxes", choices=NONE), [None]),
        (text("a"), MISSING),
    ],
)
def test_first_choice_is_the_first_that_is_one(field: dict[str, Any], value: object) -> None:
    """Defaults come before it; lists get no further item."""
    assert answered(field, Policy.first_choice) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({}, "some text"),
        ({"minlength": "11"}, "some textxx"),
        ({"maxlength": "4"}, "some"),
        ({"datatype": "email"}, "ada@example.com"),
        ({"datatype": "integer"}, 5),
        ({"datatype": "number", "max": "1.5"}, 1.5),
        ({"datatype": "number", "min": "7"}, 7),
        ({"datatype": "number", "min": "low"}, 5),
        ({"datatype": "integer", "variable_name": "a.target_number"}, 1),
        ({"datatype": "date"}, "2026-03-14"),
        ({"datatype": "date", "min": "2030-01-01"}, "2030-01-01"),
        ({"datatype": "date", "max": "2020-01-01"}, "2020-01-01"),
        ({"datatype": "time"}, "15:09:00"),
        ({"datatype": "datetime"}, "2026-03-14T15:09:00+00:00"),
        ({"datatype": "checkboxes"}, {}),
        ({"datatype": "object_checkboxes"}, []),
        ({"datatype": "object"}, MISSING),
        ({"choices": NONE[:1]}, MISSING),
        ({"choices": NONE[:1], "required": False}, ""),
    ],
)
def test_generated_values_keep_the_limits(field: dict[str, Any], value: object) -> None:
    """Made-up data is the same every time, and within what the field allows."""
    assert answered(text("a") | field, Policy.generated) == value


def test_generated_files_are_pictures() -> None:
    """A signature or an upload is a small picture."""
    server = Script(screen(text("a"), kind="signature"), END)

    drive(server, policy=Policy.generated)

    assert b"\x89PNG" in server.requests[2].content


def test_missing_says_what_it_is() -> None:
    """Whoever prints it sees the name to return."""
    assert repr(MISSING) == "MISSING"
