"""Answers of other types than text are checked against their fields."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from docassemble_client import DADict, DAObject, InvalidAnswer, Raw, Screen, TextFormat, Upload
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT
from tests.workflows.screens import decode_question, make_field, make_screen

RADIO = {
    "inputtype": "radio",
    "choices": [{"label": "A", "value": "a"}, {"label": "B", "value": 2}],
}
MARKED = {
    "choices": [
        {"label": "Landlord &amp; tenant", "value": "lt"},
        {"label": "<strong>Very</strong> bold", "value": "bold"},
    ]
}
TICKS = {
    "datatype": "checkboxes",
    "none_of_the_above": True,
    "choices": [
        {"label": "One", "variable_name": "a[1]", "value": True},
        {"label": "Two", "variable_name": "a['2']", "value": True},
        {
            "label": "All",
        },
        {"label": "None"},
    ],
}
OBJECTS = {"datatype": "object_checkboxes", "choices": [{"label": "Ada", "value": "people[0]"}]}
NAN, INFINITY = float("nan"), float("inf")
TOO_MANY_DIGITS = "has more digits than the interview can keep: round it first"
TIME_ZONE = "has a time zone: pass a time without one"
TIME_OF_DAY = "has a time of day: pass a date"


class NaT(datetime):
    """A missing date, like that of pandas: it does not equal itself."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = datetime.__hash__


def convert(
    definition: dict[str, Any],
    value: Any,
    kind: str = "fields",
    *,
    text_format: TextFormat = PLAIN_TEXT,
) -> Any:
    """Return what is sent for a value."""
    screen = Screen(decode_question(make_screen(make_field("a", **definition), kind=kind)))
    return screen.answers({"a": value}, variables={}, text_format=text_format)["a"]


def get_reason(definition: dict[str, Any], value: Any, kind: str = "fields") -> str:
    """Return why a value is refused."""
    with pytest.raises(InvalidAnswer) as caught:
        convert(definition, value, kind)
    return caught.value.problems[0].reason


@pytest.mark.parametrize(
    ("definition", "value", "sent"),
    [
        ({"datatype": "integer"}, 3.0, 3),
        ({"datatype": "integer"}, Decimal(3), 3),
        ({"datatype": "currency"}, "12.50", 12.5),
        ({"datatype": "currency"}, "12.500", 12.5),
        ({"datatype": "currency"}, 12.345, 12.345),
        ({"datatype": "datetime"}, date(2026, 3, 14), date(2026, 3, 14)),
        ({"datatype": "time"}, time(9), time(9)),
        ({"datatype": "text"}, 5, 5),
        ({"datatype": "text"}, ["x"], ["x"]),
        ({"datatype": "a_custom_type"}, "anything", "anything"),
        ({"datatype": "number"}, Raw("anything"), "anything"),
        ({"datatype": "file"}, b"content", b"content"),
        ({"datatype": "files"}, [Path("a"), b"b"], [Path("a"), b"b"]),
        ({"datatype": "number", "inputtype": "combobox", **RADIO, "required": True}, "A", "a"),
        (RADIO, "A", "a"),
        (RADIO, " a ", "a"),
        (RADIO, 2, "2"),
        (RADIO, 2.0, "2"),
        (RADIO, Decimal(2), "2"),
        (RADIO, "B", "2"),
        (MARKED, "Landlord & tenant", "lt"),
        (MARKED, "Landlord &amp; tenant", "lt"),
        (MARKED, "Very bold", "bold"),
        ({"datatype": "number", "step": "1e-9"}, 1e308, 1e308),
        ({"inputtype": "datalist", "choices": RADIO["choices"]}, "anything", "anything"),
        ({"inputtype": "combobox", "choices": RADIO["choices"]}, "A", "a"),
        ({"datatype": "threestate"}, None, None),
        ({"datatype": "threestate"}, "I don't know", None),
        ({"datatype": "threestate"}, "None", None),
        (
            {"choices": [{"label": "Unknown", "value": None}, {"label": "Y", "value": True}]},
            None,
            None,
        ),
        ({"choices": [{"label": "A", "value": "a"}, {"label": "None"}]}, "None", ""),
        (
            {"datatype": "object", "choices": [{"label": "None"}, {"label": "A", "value": "x"}]},
            "None",
            None,
        ),
        (
            {"datatype": "date", "choices": [{"label": "D", "value": "2026-03-14"}]},
            "D",
            date(2026, 3, 14),
        ),
        ({"datatype": "number", "choices": [{"label": "D", "value": "many"}]}, "D", "many"),
    ],
)
def test_suitable_values_are_sent(definition: dict[str, Any], value: object, sent: object) -> None:
    """Values of the field's type stay as they are; choices become what a browser sends."""
    converted = convert(definition, value)

    assert getattr(converted, "value", converted) == sent


@pytest.mark.parametrize("datatype", ["number", "currency", "float", "range"])
@pytest.mark.parametrize("value", [900, 900.0, Decimal(900), Decimal("900.00"), "900"])
def test_numbers_are_floats_as_those_of_a_browser(datatype: str, value: object) -> None:
    """A template prints 900.0 for every spelling; only an integer field has whole numbers."""
    number = convert({"datatype": datatype}, value)
    whole = convert({"datatype": "integer"}, value if isinstance(value, str) else Decimal(900))

    assert (repr(number), repr(whole)) == ("900.0", "900")


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 14, tzinfo=UTC),
        datetime.combine(date(2026, 3, 14), time()),
        date(2026, 3, 14),
    ],
)
def test_date_field_has_a_date(moment: date) -> None:
    """The server would convert a datetime to its own zone, where it may be another day."""
    assert repr(convert({"datatype": "date"}, moment)) == "datetime.date(2026, 3, 14)"


@pytest.mark.parametrize(
    ("definition", "value", "reason"),
    [
        ({"datatype": "integer"}, 3.5, "is not a whole number"),
        ({"datatype": "integer"}, True, "is not a number"),
        ({"datatype": "number"}, [1], "is not a number"),
        ({"datatype": "number"}, NAN, "is not a value (NaN or NaT)"),
        ({"datatype": "text"}, NAN, "is not a value (NaN or NaT)"),
        ({"datatype": "date"}, NaT(2026, 1, 1), "is not a value (NaN or NaT)"),
        ({"datatype": "number"}, Decimal("NaN"), "is not a value (NaN or NaT)"),
        ({"datatype": "number"}, INFINITY, "is not a finite number"),
        ({"datatype": "number"}, Decimal("sNaN"), "is not a value (NaN or NaT)"),
        ({"datatype": "number"}, Decimal("Infinity"), "is not a finite number"),
        (RADIO, Decimal("Infinity"), "is not one of the choices"),
        (RADIO, Decimal("1E+5000"), "is not one of the choices"),
        pytest.param(RADIO, -(10**5000), "is not one of the choices", id="5,000 digits"),
        (TICKS, [["None"]], "has a tick that is not one of the choices"),
        ({"datatype": "time", "min": "09:00"}, time(9, tzinfo=UTC), TIME_ZONE),
        ({"datatype": "number"}, 2**53 + 1, TOO_MANY_DIGITS),
        ({"datatype": "number"}, Decimal("0.12345678901234567890"), TOO_MANY_DIGITS),
        ({"datatype": "number"}, 10**399, "is too large"),
        ({"datatype": "integer"}, Decimal("1E+999999"), "is too large"),
        (
            {"datatype": "currency"},
            "12.345",
            "is not certain, because a browser rounds it: round it first",
        ),
        ({"datatype": "date"}, datetime(2026, 3, 14, 9, tzinfo=UTC), TIME_OF_DAY),
        ({"datatype": "date"}, 20260314, "is not a date"),
        ({"datatype": "date"}, time(9), "is not a date"),
        ({"datatype": "time"}, date(2026, 1, 1), "is not a time"),
        ({"datatype": "boolean"}, 1, "is not true or false"),
        (
            {"datatype": "file"},
            "contract.pdf",
            "is not a file: pass bytes, a path object or an Upload",
        ),
        (RADIO, "C", "is not one of the choices"),
        (RADIO, ["a"], "is not one of the choices"),
        (RADIO, True, "is not one of the choices"),
        (
            {"choices": [{"label": "X", "value": 1}, {"label": "X", "value": 2}]},
            "X",
            "is not one of the choices",
        ),
        (TICKS, {"1": 5}, "has a tick that is not true or false"),
        (TICKS, {"3": False}, "has a tick that is not one of the choices"),
        (TICKS, ["None", "One"], "has a tick that is not one of the choices"),
        (TICKS | {"maxlength": "1"}, [1, 2], "has more than 1 choices"),
        (TICKS | {"minlength": "2"}, [1], "has fewer than 2 choices"),
        (OBJECTS, ["people[1]"], "has a tick that is not one of the choices"),
        ({"maxlength": "3"}, "four", "has more than 3 characters"),
        ({"maxlength": "3"}, "😀😀", "has more than 3 characters"),
        ({"minlength": "3"}, "ab", "has fewer than 3 characters"),
        ({"inputtype": "area", "maxlength": "3"}, "a\nbc", "has more than 3 characters"),
        ({"datatype": "number", "min": "1"}, "0.5", "is below min"),
        ({"datatype": "number", "max": "1"}, Decimal("1.5"), "is above max"),
        ({"datatype": "number", "step": "0.5"}, 0.7, "is not a multiple of step"),
        ({"datatype": "date", "max": "March 14, 2026"}, "2026-03-15", "is above max"),
        ({"datatype": "date", "min": "2026-03-14"}, date(2026, 3, 13), "is below min"),
        ({"datatype": "datetime", "min": "2026-03-14T09:00"}, "2026-03-14T08:59", "is below min"),
        (
            {"datatype": "datetime", "min": "2026-03-14T09:00"},
            "2026-03-14T08:59Z",
            "is below min",
        ),
        ({"datatype": "time", "min": "09:00"}, time(8, 59), "is below min"),
    ],
)
def test_unsuitable_values_are_refused(
    definition: dict[str, Any], value: object, reason: str
) -> None:
    """The reason names the rule, and never the value."""
    assert get_reason(definition, value) == reason


@pytest.mark.parametrize(
    ("definition", "value"),
    [
        ({"datatype": "number", "min": "a few"}, 1),
        ({"datatype": "number", "min": "inf", "step": "nan"}, 1),
        ({"datatype": "text", "minlength": "inf", "maxlength": "nan"}, "Ada"),
        ({"datatype": "date", "min": "le 14 mars"}, "2026-03-14"),
        ({"datatype": "time", "min": "morning"}, "09:00"),
        ({"datatype": "date", "min": "2026-03-14T09:00"}, "2026-03-14"),
        ({"datatype": "range", "min": "1", "max": "9", "step": "2"}, 3),
    ],
)
def test_limits_that_cannot_be_read_are_ignored(definition: dict[str, Any], value: object) -> None:
    """Only the server knows what they mean; a date is compared by days, a slider from its start."""
    assert convert(definition, value) is not None


@pytest.mark.parametrize(
    ("value", "ticked"),
    [
        ([1, "2"], [1, "2"]),
        (["Two"], ["2"]),
        ("One", [1]),
        ("None", []),
        ("All", [1, "2"]),
        ([], []),
        (1, [1]),
        ({"1": "yes", "Two": "no"}, [1]),
        ({1: True, "2": None}, [1]),
        ({"2": ""}, []),
        (DADict({1: True}), [1]),
    ],
)
def test_ticks_are_a_list_or_mapping(value: object, ticked: list[object]) -> None:
    """Choices are named by key or label, also 'all' and 'none of the above'."""
    elements = convert(TICKS, value).attributes["elements"]

    assert [key for key, is_ticked in elements.items() if is_ticked] == ticked


@pytest.mark.parametrize(
    ("keys", "ticks", "elements"),
    [
        (["0.5", "2"], [0.5], {"0.5": True, "2": False}),
        (["1e+20", "'a'"], ["1e+20"], {"1e+20": True, "a": False}),
        (["-1", "-2"], [-1], {"-1": True, "-2": False}),
        (["None", "'x'"], ["None"], {"None": True, "x": False}),
        (["(1, 2)", "(3, 4)"], ["(3, 4)"], {"(1, 2)": False, "(3, 4)": True}),
        (["1", "True"], [1], {"1": True, "True": False}),
        (["1", "2"], [1], {1: True, 2: False}),
        (["True", "False"], [False], {True: False, False: True}),
    ],
)
def test_keys_that_the_api_refuses_are_texts(
    keys: list[str], ticks: list[object], elements: dict[object, bool]
) -> None:
    """A browser stores every key as text; the API cannot set a[0.5], and a[1] is also a[True]."""
    choices = [{"label": f"l{key}", "variable_name": f"a[{key}]", "value": True} for key in keys]

    converted = convert({"datatype": "checkboxes", "choices": choices}, ticks)

    assert repr(converted.attributes["elements"]) == repr(elements)


def test_text_of_several_choices_is_split() -> None:
    """Only with a separator."""
    ticks = convert(TICKS, "One; Two", text_format=TextFormat(separator=";"))

    assert ticks.attributes["elements"] == {1: True, "2": True}


@pytest.mark.parametrize(
    ("kind", "value", "sent"),
    [
        ("yesno", "I agree", True),
        ("yesno", "No", False),
        ("yesno", "true", True),
        ("yesnomaybe", "Not sure", None),
        ("yesnomaybe", None, None),
    ],
)
def test_yes_no_questions_take_their_labels(
    kind: str, value: str | None, sent: bool | None
) -> None:
    """The label of a button is its value."""
    labels = {"yesLabel": "I agree", "noLabel": "No", "maybeLabel": "Not sure"}
    question = decode_question(make_screen(make_field("a"), kind=kind, **labels))

    assert Screen(question).answers({"a": value}) == {"a": sent}


def test_labels_that_contradict_their_words_are_refused() -> None:
    """A button "No" that sets True leaves open what an answer "no" means."""
    labels = {"yesLabel": "No", "noLabel": "Yes"}
    screen = make_screen(make_field("a", datatype="boolean", sign=-1), kind="noyes", **labels)

    for text in ("yes", "No"):
        with pytest.raises(InvalidAnswer, match="is not certain, because yes sets"):
            Screen(decode_question(screen)).answers({"a": text})
    swapped = make_screen(make_field("a", datatype="boolean"), kind="yesno", **labels)
    with pytest.raises(InvalidAnswer, match="is not certain, because a button"):
        Screen(decode_question(swapped)).answers({"a": "No"})


def test_objects_and_files_are_not_checked() -> None:
    """They are sent to any field."""
    thing, upload = DAObject("Thing"), Upload(b"x", "x.txt")

    assert convert({"datatype": "integer"}, thing) is thing
    assert convert(TICKS, upload) is upload


def test_hidden_input_keeps_its_default() -> None:
    """A browser posts it; one that is not of the field's type is refused."""
    field = make_field("a", datatype="integer", inputtype="hidden", default="7")

    assert Screen(decode_question(make_screen(field))).answers({}) == {"a": 7}
    with pytest.raises(InvalidAnswer, match="is not a whole number"):
        Screen(decode_question(make_screen(field | {"default": "seven"}))).answers({})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ({"datatype": "range", "min": "0", "max": "21"}, 10.0),
        ({"datatype": "range", "min": "0", "max": "21", "default": "3"}, 3.0),
        ({"datatype": "file"}, None),
        ({"datatype": "text", "choices": []}, None),
    ],
)
def test_empty_fields_have_the_value_of_a_browser(field: dict[str, Any], value: object) -> None:
    """A slider always has a position; a field without choices has no input."""
    screen = make_screen(make_field("a", required=False) | field)

    assert Screen(decode_question(screen)).answers({}) == {"a": value}
