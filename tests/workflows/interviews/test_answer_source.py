"""Policies answer fields that the caller's answers do not cover."""

from __future__ import annotations

from typing import Any

import pytest

from docassemble_client import MISSING, AnswerPolicy, MissingAnswer
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    make_field,
    make_screen,
    run_interview,
)

YES_NO = {"variable_name": "a", "datatype": "boolean"}
PETS = [{"label": "Cat", "value": "cat"}, {"label": "Dog", "value": "dog", "selected": True}]
NONE = [{"label": "-", "value": ""}, {"label": "Cat", "value": "cat"}]
FRUIT = [
    {"label": "A", "variable_name": "a['x']", "value": True},
    {"label": "B", "variable_name": "a['y']", "value": True, "selected": True},
]


async def get_sent_value(field: dict[str, Any], policy: AnswerPolicy) -> Any:
    """Return the value sent for a field; MISSING if the policy has no answer."""
    server = ScriptedServer(make_screen(field), END_SCREEN)
    try:
        await run_interview(server, policy=policy)
    except MissingAnswer:
        return MISSING
    value = next(iter(server.get_sent_variables()[0].values()))
    return value["elements"] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"datatype": "text"}, ""),
        ({"datatype": "integer"}, 0),
        ({"datatype": "number"}, 0.0),
        ({"datatype": "currency"}, 0.0),
        ({"datatype": "range"}, 0.0),
        ({"datatype": "date"}, ""),
        ({"datatype": "time"}, ""),
        ({"datatype": "datetime"}, ""),
        ({"datatype": "email"}, ""),
        ({"datatype": "boolean", "inputtype": "noyes", "sign": -1}, True),
        ({"datatype": "boolean", "inputtype": "yesnoradio"}, None),
        ({"choices": [{"label": "Y", "value": True}, {"label": "N", "value": False}]}, None),
        ({"datatype": "boolean"}, False),
        ({"datatype": "threestate"}, None),
        ({"datatype": "file"}, None),
        ({"datatype": "checkboxes", "choices": FRUIT[:1]}, {"x": False}),
        ({"datatype": "object_checkboxes"}, []),
    ],
)
async def test_strict_policy_leaves_optional_fields_empty(
    field: dict[str, Any], value: object
) -> None:
    """Optional fields get the value that a browser sends; required ones have no answer."""
    assert (
        await get_sent_value(make_field("a", required=False) | field, AnswerPolicy.strict) == value
    )
    assert await get_sent_value(make_field("a") | field, AnswerPolicy.strict) is MISSING


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"default": "usual"}, "usual"),
        ({"datatype": "integer", "default": "7"}, 7),
        ({"datatype": "boolean", "inputtype": "yesno", "default": True}, True),
        ({"datatype": "boolean", "inputtype": "noyes", "sign": -1, "default": False}, False),
        ({"datatype": "date", "default": "2026-01-02"}, "2026-01-02"),
        ({"choices": PETS}, "dog"),
        ({"datatype": "checkboxes", "choices": FRUIT}, {"x": False, "y": True}),
        ({"inputtype": "hidden", "default": "x"}, "x"),
        ({"datatype": "a_custom_type", "default": "x"}, ""),
    ],
)
async def test_optional_fields_that_are_left_alone_keep_their_default(
    field: dict[str, Any], value: object
) -> None:
    """A person who leaves a field alone sends what it shows; None leaves it empty."""
    screen = make_screen(make_field("a", required=False) | field)
    emptied = ScriptedServer(screen, END_SCREEN)

    await run_interview(emptied, {"a": None})

    assert (
        await get_sent_value(make_field("a", required=False) | field, AnswerPolicy.strict) == value
    )
    sent = emptied.get_sent_variables()[0]["a"]
    assert sent != value or value in {"", "x"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (make_field("a", default="usual"), "usual"),
        (make_field("a", datatype="integer", default="7"), 7),
        (make_field("a", datatype="number", default="7.5"), 7.5),
        (make_field("a", datatype="number", default="seven"), MISSING),
        (make_field("a", datatype="number", default=3), 3),
        (make_field("a", datatype="date", default="2026-01-02"), "2026-01-02"),
        (make_field("a", datatype="time", default="10:11:00"), "10:11:00"),
        (make_field("a", datatype="datetime", default="2026-01-02T10:11"), "2026-01-02T10:11:00"),
        (make_field("a", datatype="boolean", default="no"), False),
        (make_field("a", datatype="datetime", default="2026-01-02"), "2026-01-02T00:00:00+00:00"),
        (make_field("a", datatype="datetime", default="soon"), MISSING),
        (make_field("a", choices=PETS[:1], default="cat"), "cat"),
        (make_field("a", datatype="date", default="soon"), MISSING),
        (make_field("a", datatype="date", default="March 14, 2026"), "2026-03-14"),
        (YES_NO | {"default": False}, False),
        (make_field("a", choices=PETS), "dog"),
        (make_field("a", choices=NONE), MISSING),
        (make_field("a", datatype="checkboxes", choices=FRUIT), {"x": False, "y": True}),
        (make_field("a", datatype="checkboxes", choices=FRUIT[:1]), MISSING),
        (make_field("a", datatype="object_checkboxes", choices=NONE), MISSING),
        (make_field("a", datatype="object_checkboxes", choices=PETS), [None]),
        (make_field("a", datatype="file", default="x"), MISSING),
    ],
)
async def test_defaults_are_taken_from_the_screen(field: dict[str, Any], value: object) -> None:
    """Default texts are converted to the field's type."""
    assert await get_sent_value(field, AnswerPolicy.defaults) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (YES_NO, True),
        (YES_NO | {"default": False}, False),
        (YES_NO | {"variable_name": "a.there_is_another"}, False),
        (make_field("a", choices=NONE), "cat"),
        (make_field("a", choices=NONE[:1]), MISSING),
        (make_field("a", datatype="checkboxes", choices=FRUIT[:1]), {"x": True}),
        (make_field("a", datatype="object_checkboxes", choices=NONE), [None]),
        (make_field("a"), MISSING),
    ],
)
async def test_first_choice_skips_empty_choices(field: dict[str, Any], value: object) -> None:
    """Defaults take precedence, and lists get no more items."""
    assert await get_sent_value(field, AnswerPolicy.first_choice) == value


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
async def test_generated_values_keep_the_limits(field: dict[str, Any], value: object) -> None:
    """Generated data is always the same, and within the field's limits."""
    assert await get_sent_value(make_field("a") | field, AnswerPolicy.generated) == value


async def test_generated_files_are_images() -> None:
    """A generated signature or upload is a small image."""
    server = ScriptedServer(make_screen(make_field("a"), kind="signature"), END_SCREEN)

    await run_interview(server, policy=AnswerPolicy.generated)

    assert b"\x89PNG" in server.requests[2].content


def test_missing_has_a_readable_repr() -> None:
    """The repr is the name that an answer function returns."""
    assert repr(MISSING) == "MISSING"
