"""An answer becomes the value that docassemble makes of the same text from a browser's form."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from docassemble_client import (
    MISSING,
    DADict,
    DAObject,
    InvalidAnswer,
    Screen,
    ScreenField,
    TextFormat,
)
from docassemble_client.workflows.interviews.field_values import (
    UnsuitableAnswer,
    convert_answer,
    get_empty_value,
)
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT
from tests.live.browser_posts import NO_VALUE, TABLE
from tests.workflows.screens import decode_question, make_screen

_TABLE: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
POSTS: list[dict[str, Any]] = _TABLE["posts"]
REFUSED = object()
WORDS = {"yes": True, "true": True, "no": False, "false": False}


def get_field(name: str) -> ScreenField:
    """Describe a field of the table."""
    (field,) = Screen(decode_question(make_screen(_TABLE["fields"][name]))).fields
    return field


def convert(field: ScreenField, text: Any, text_format: TextFormat = PLAIN_TEXT) -> object:
    """Return the value that is sent for a text, or REFUSED."""
    try:
        value = MISSING if text is None else convert_answer(field, text, text_format)
    except UnsuitableAnswer:
        return REFUSED
    if value is MISSING and field.required:
        return REFUSED
    return get_empty_value(field, is_requested=True) if value is MISSING else value


def is_same(value: object, post: dict[str, Any]) -> bool:
    """Whether a value is the one that the server made, of the same type."""
    result = post["result"]
    stored: Any = result.get("value")
    type_name = str(result.get("type"))
    if isinstance(value, DAObject):
        elements: Any = value.attributes.get("elements", {})
        texts = {str(key): item for key, item in elements.items()}
        return value.class_name.endswith(f".{type_name}") and (not texts or texts == stored)
    if type_name == "DADateTime":
        return _is_same_moment(value, datetime.fromisoformat(stored))
    if isinstance(value, time):
        return type_name == "time" and bool(value.isoformat() == stored)
    if isinstance(value, list):
        return type_name == "DAList" and bool(value == stored)
    if type_name == "Individual":
        return bool(value == stored)
    return type_name == type(value).__name__ and bool(value == stored)


def _is_same_moment(value: object, stored: datetime) -> bool:
    if not isinstance(value, date):
        return False
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment == (stored.replace(tzinfo=None) if moment.tzinfo is None else stored)


def takes_text(field: ScreenField) -> bool:
    """Whether the field takes any text."""
    return field.type is str and (not field.choices or field.takes_free_text)


@pytest.mark.parametrize("name", _TABLE["fields"])
def test_no_value_differs_from_that_of_a_browser(name: str) -> None:
    """What the client accepts is the same value, or a word whose meaning is certain."""
    field = get_field(name)
    different: list[Any] = []
    for post in [post for post in POSTS if post["field"] == name]:
        value, text = convert(field, post["text"]), post["text"]
        if value is REFUSED or is_same(value, post) or post["result"] == {"error": NO_VALUE}:
            continue
        if isinstance(text, str) and takes_text(field):
            # docassemble strips blanks, markup and backslashes; the client never touches a text.
            if value == text:
                continue
        elif post["refused"] and isinstance(text, str):
            # A browser has no such choice, but the meaning is certain.
            if field.type is bool and WORDS.get(text.strip().casefold()) is value:
                continue
            choices = [choice.value for choice in field.choices]
            if not text.strip() or text.strip() in choices:
                continue
        different.append((text, value, post["posted"], post["result"]))

    assert different == []


# Texts that a browser accepts and the client refuses, because their meaning depends on a
# convention, or on the button that has this label.
_MARKED_NUMBERS = {"1,000", "1,00", "12,5", "1.000,50", "1,000.50", "$12", "(12)", "$1,234.567"}
# Scripts remove everything but digits, so that "a lot" is 0.
_CURRENCIES = _MARKED_NUMBERS | {
    *("2nd Jan", "14:30", "+5", "1 000", "1'000", "€12", "12€", "50%", "1_000", "1e3", "0x10"),
    # A script rounds it, to a number of digits that the server's configuration sets.
    *("12 apples", "a lot", "True", "red", "12.345"),
}
UNCERTAIN: dict[str, set[str]] = {
    "integer": _MARKED_NUMBERS,
    "number": _MARKED_NUMBERS,
    "float": _MARKED_NUMBERS,
    "currency": _CURRENCIES,
    # A slider; no person types into it.
    "range": {"+5", "\u0661\u0662", "\uff11\uff12"},
}


@pytest.mark.parametrize("name", _TABLE["fields"])
def test_plain_texts_of_a_browser_are_accepted(name: str) -> None:
    """Nothing else is refused that a browser would post and the server would store."""
    field = get_field(name)
    uncertain = UNCERTAIN.get(field.datatype, set())
    if field.raw.sign == -1:
        uncertain = {"Yes", "No"}
    refused = [
        post["text"]
        for post in POSTS
        if post["field"] == name
        and not post["refused"]
        and "error" not in post["result"]
        and str(post["text"]) not in uncertain
        and convert(field, post["text"]) is REFUSED
        # Boxes without 'none of the above' may stay empty in a browser, but `required` is set.
        and not (field.multiple and not post["text"])
    ]

    assert refused == []


@pytest.mark.parametrize("name", ["integer", "number", "currency"])
def test_stated_conventions_make_more_numbers_certain(name: str) -> None:
    """With the separators of a browser in English, its numbers are the same."""
    field = get_field(name)
    english = TextFormat(thousands=",")
    posts = {post["text"]: post for post in POSTS if post["field"] == name}

    assert is_same(convert(field, "1,000", english), posts["1,000"])
    assert convert(field, "1,00", english) is REFUSED
    if name != "integer":
        assert is_same(convert(field, "1,000.50", english), posts["1,000.50"])
        assert convert(field, "1.000,50", TextFormat(decimal=",", thousands=".")) == 1000.5


@pytest.mark.parametrize("name", _TABLE["fields"])
def test_python_values_of_a_browser_are_accepted(name: str) -> None:
    """A value that was made of a text is accepted, and stays what it is."""
    field = get_field(name)
    texts = [post["text"] for post in POSTS if post["field"] == name and post["text"]]
    values = [convert(field, text) for text in texts if isinstance(text, str) and text.strip()]

    for value in [value for value in values if value not in (REFUSED, None)]:
        assert isinstance(value, (DADict, list)) or convert(field, value) == value


@pytest.mark.parametrize("name", ["integer", "number", "currency", "float", "range"])
@pytest.mark.parametrize("text", ["0", "12"])
def test_numbers_of_python_become_those_of_a_browser(name: str, text: str) -> None:
    """A browser makes 12.0 of 12, except in a field for whole numbers."""
    field = get_field(name)
    (post,) = [post for post in POSTS if post["field"] == name and post["text"] == text]

    for value in (int(text), float(text), Decimal(text)):
        assert is_same(convert(field, value), post)


@pytest.mark.parametrize("name", ["integer", "date", "time", "yesno", "radio", "checkboxes"])
def test_invalid_answers_show_no_value(name: str) -> None:
    """The error names the field and its limits, and the type of the value."""
    screen = Screen(decode_question(make_screen(_TABLE["fields"][name])))

    with pytest.raises(InvalidAnswer, match="'answer'") as caught:
        screen.answers({"answer": "hunter2"})

    assert "hunter2" not in str(caught.value) + repr(caught.value) + repr(caught.value.problems)
    assert caught.value.problems[0].kind == "str"
