"""Fields that are left alone keep the default that the screen shows, as in a browser."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from docassemble_client import InvalidAnswer, MissingAnswer, Screen
from tests.workflows.screens import (
    END_SCREEN,
    ScriptedServer,
    decode_question,
    make_field,
    make_screen,
    run_interview,
)

CHOICES = [{"label": "Ex", "value": "x"}, {"label": "Why", "value": "y"}]


def leave_alone(field: dict[str, Any]) -> Any:
    """Return what is sent for an optional field without an answer."""
    screen = make_screen(make_field("a", required=False) | field)
    return Screen(decode_question(screen)).answers({})["a"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"choices": CHOICES, "default": "y"}, "y"),
        ({"choices": CHOICES, "default": "Why"}, "y"),
        ({"choices": CHOICES, "default": "z"}, ""),
        ({"choices": CHOICES, "default": "z", "inputtype": "radio"}, "None"),
        ({"choices": CHOICES, "default": "z", "inputtype": "combobox"}, ""),
        ({"choices": CHOICES, "default": "z", "inputtype": "datalist"}, "z"),
        ({"datatype": "integer", "choices": [{"label": "1", "value": 1}], "default": "7"}, 0),
    ],
)
def test_default_that_is_not_a_choice_is_not_selected(field: dict[str, Any], value: object) -> None:
    """A menu shows only its choices, by value or label; a text input with suggestions any text."""
    assert leave_alone(field) == value


@pytest.mark.parametrize(
    ("default", "inputtype", "value"),
    [
        ("1", "yesno", True),
        ("0", "yesno", True),
        ("maybe", "yesno", True),
        ("False", "yesno", False),
        ("no", "yesno", False),
        ("OFF", "yesno", False),
        (" ", "yesno", False),
        ("True", "yesnoradio", True),
        ("yes", "yesnoradio", None),
    ],
)
def test_default_of_a_checkbox_is_any_text(
    default: str, inputtype: str, value: bool | None
) -> None:
    """A radio button is selected by True and False only."""
    assert leave_alone(
        {"datatype": "boolean", "inputtype": inputtype, "default": default, "sign": 1}
    ) is (value)


@pytest.mark.parametrize(
    ("datatype", "default", "value"),
    [
        ("time", "9:30 AM", time(9, 30)),
        ("time", "9:30\u202fPM", time(21, 30)),
        ("time", "9:30", time(9, 30)),
        ("time", "09:30:15", time(9, 30, 15)),
        ("date", "Jan 2, 2026", date(2026, 1, 2)),
        ("date", "2 January 2026", date(2026, 1, 2)),
        ("number", " 2.5 ", 2.5),
    ],
)
def test_default_is_read_as_an_interview_writes_it(
    datatype: str, default: str, value: object
) -> None:
    """Dates and times in English, as docassemble formats them."""
    assert leave_alone({"datatype": datatype, "default": default}) == value


@pytest.mark.parametrize(
    "field",
    [
        {"datatype": "date", "default": "le 14 mars"},
        {"datatype": "time", "default": "noon"},
        {"datatype": "number", "default": "1,000.5"},
        {"datatype": "range", "min": "0", "max": "10", "default": "20"},
        {"datatype": "integer", "max": "3", "default": "4"},
        {"maxlength": "2", "default": "abc"},
    ],
)
async def test_unusable_default_needs_an_answer(field: dict[str, Any]) -> None:
    """A browser refuses the default or shows another one; nothing is sent in its place."""
    screen = make_screen(make_field("a", required=False) | field)

    with pytest.raises(InvalidAnswer, match="needs an answer"):
        leave_alone(field)
    with pytest.raises(MissingAnswer, match=r"'a' of question '.*', whose default a browser"):
        await run_interview(ScriptedServer(screen))
    server = ScriptedServer(screen, END_SCREEN)
    await run_interview(server, {"a": None})
    assert len(server.get_sent_variables()) == 1


def test_blank_default_counts_as_none() -> None:
    """The field is empty."""
    assert leave_alone({"datatype": "number", "default": " "}) == 0.0
