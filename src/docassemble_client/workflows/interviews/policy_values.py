"""Chooses values for fields without an answer: defaults, first choices and generated data."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from docassemble_client._checks import Kind, is_kind_of
from docassemble_client.workflows.interviews.answers import Answer, DADict, DAList
from docassemble_client.workflows.interviews.field_limits import (
    find_exceeded_limit,
    parse_float,
    parse_length,
)
from docassemble_client.workflows.interviews.field_values import check_choices, get_choice_value
from docassemble_client.workflows.interviews.missing import MISSING, Missing
from docassemble_client.workflows.interviews.sample_files import make_sample_file
from docassemble_client.workflows.interviews.text_format import (
    is_blank,
    parse_clock,
    parse_datetime,
    parse_limit,
    parse_time,
)

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.screen_field import ScreenField


class AnswerPolicy(enum.Enum):
    """
    How to answer fields that the caller's answers do not cover.

    Optional fields without an answer stay empty. No policy has a value for a custom datatype, or
    for a variable that no question asks for.

    Attributes:
        strict: Raise `MissingAnswer` for required fields.
        defaults: Use the interview's default value.
        first_choice: Use the default, else the first choice or yes; add no items to lists.
        generated: As first_choice, else use generated data.
    """

    strict = 0
    defaults = 1
    first_choice = 2
    generated = 3


POLICY = Kind("an AnswerPolicy", is_kind_of(AnswerPolicy))


_TEXT_BY_DATATYPE = {
    "email": "ada@example.com",
    "url": "https://example.com/",
    "password": "Correct-horse-1",
    "ssn": "123-45-6789",
}
# Inputs that show a default although it is not one of their choices.
_TEXT_INPUTS = frozenset({"datalist", "ajax"})
# base/standardformatter.py:3252
_FALSE_TEXTS = frozenset(
    spelling
    for word in ("false", "no", "off", "null")
    for spelling in (word, word.title(), word.upper())
)
_GENERATED_TEXT = "some text"
_GENERATED_NUMBER = 5.0
_GENERATED_DATE = date(2026, 3, 14)
_GENERATED_TIME = time(15, 9)
_THERE_IS_ANOTHER = ".there_is_another"
_TARGET_NUMBER = ".target_number"


def choose_value(field: ScreenField, policy: AnswerPolicy) -> Answer | Missing:
    """
    Choose a policy's value for a field.

    Args:
        field: The field.
        policy: The policy.

    Returns:
        The value; MISSING if the policy has none, as for every custom datatype.
    """
    value: Answer | Missing = MISSING
    if not field.is_custom:
        if policy.value >= AnswerPolicy.defaults.value:
            value = get_default(field)
        if value is MISSING and policy.value >= AnswerPolicy.first_choice.value:
            value = _choose_first(field)
        if value is MISSING and policy is AnswerPolicy.generated and not field.choices:
            value = _generate_value(field)
    return value


def get_default(field: ScreenField) -> Answer | Missing:
    """Return the default that a person can keep, or MISSING."""
    if field.is_custom or field.type is bytes:
        return MISSING
    selected = [choice for choice in field.choices if choice.selected]
    if field.type in {DADict, DAList}:
        values: list[JSON] = [choice.value for choice in selected]
        ticks = check_choices(field, values) if field.type is DADict else values
        return ticks if values else MISSING
    default = field.raw.default
    if default is not None:
        # By value, else by label (base/standardformatter.py:2986).
        selected = selected or [item for item in field.choices if str(item.value) == str(default)]
        selected = selected or [
            item for item in field.choices if str(default) in {item.text, item.label}
        ]
    if selected:
        return get_choice_value(field, selected[0])
    if field.choices and field.raw.inputtype not in _TEXT_INPUTS:
        return MISSING
    value = _parse_default(field, default)
    is_too_large = value is not MISSING and find_exceeded_limit(field, value)
    return MISSING if is_too_large else value


def has_unusable_default(field: ScreenField) -> bool:
    """Whether a browser refuses the default, or its format is not known here."""
    is_shown = not (field.is_custom or field.choices or field.raw.inputtype == "hidden")
    default = field.raw.default
    is_text = field.type in {str, int, float, date, datetime, time}
    is_given = default is not None and not is_blank(str(default))
    return is_shown and is_text and is_given and get_default(field) is MISSING


def _parse_default(field: ScreenField, text: JSON) -> Answer | Missing:
    """Convert a default from text to the field's type."""
    if text is None or not isinstance(text, str):
        return MISSING if text is None else text
    value: Answer = text
    if field.type in {date, datetime, time}:
        value = _parse_moment(field, text)
    elif field.type is bool:
        value = _parse_boolean(field, text)
    elif field.type in {int, float}:
        number = parse_float(text)
        value = None if number is None else _to_int_or_float(field, number)
    return MISSING if value is None else value


def _parse_boolean(field: ScreenField, text: str) -> bool | None:
    """Parse a default: a checkbox is checked for any text but those for false."""
    if field.is_checkbox and not is_blank(text):
        return text not in _FALSE_TEXTS
    return {"True": True, "False": False}.get(text)


def _choose_first(field: ScreenField) -> Answer | Missing:
    if field.name.endswith(_THERE_IS_ANOTHER):
        return False
    choices = [
        choice for choice in field.choices if choice.value is not None and choice.value != ""
    ]
    if field.type is bool and not field.choices:
        return True
    if not choices:
        return MISSING
    if field.type in {DADict, DAList}:
        ticked = choices[: max(1, parse_length(field.raw.minlength) or 1)]
        values: list[JSON] = [choice.value for choice in ticked]
        return check_choices(field, values) if field.type is DADict else values
    return get_choice_value(field, choices[0])


def _generate_value(field: ScreenField) -> Answer | Missing:
    """Generate a value within the field's limits."""
    raw = field.raw
    if field.type is bytes:
        return make_sample_file(raw.accept) or MISSING
    if field.type in {int, float}:
        return _generate_number(field)
    if field.type in {date, datetime, time}:
        limit = str(raw.min or raw.max or "")
        moment = _parse_moment(field, limit)
        return _generate_moment(field) if moment is None else moment
    if field.type is str:
        text = _TEXT_BY_DATATYPE.get(field.datatype, _GENERATED_TEXT)
        text = text.ljust(parse_length(raw.minlength) or 0, "x")
        return text[: parse_length(raw.maxlength)]
    # A list without choices stays empty, and the class of an object is unknown.
    return DADict({}) if field.type is DADict else [] if field.type is DAList else MISSING


def _generate_number(field: ScreenField) -> Answer:
    low, high = (parse_float(limit) for limit in (field.raw.min, field.raw.max))
    value = 1.0 if field.name.endswith(_TARGET_NUMBER) else _GENERATED_NUMBER
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    return _to_int_or_float(field, value)


def _to_int_or_float(field: ScreenField, number: float) -> Answer:
    return int(number) if field.type is int else number


def _generate_moment(field: ScreenField) -> Answer:
    if field.type is time:
        return _GENERATED_TIME
    if field.type is datetime:
        return datetime.combine(_GENERATED_DATE, _GENERATED_TIME, UTC)
    return _GENERATED_DATE


def _parse_moment(field: ScreenField, text: str) -> Answer:
    """Parse a date or time that an interview wrote; None if its format is not known."""
    if field.type is time:
        return parse_time(text) or parse_clock(text)
    moment = parse_datetime(text) or parse_limit(text)
    if field.type is datetime:
        if moment is None or isinstance(moment, datetime):
            return moment
        return datetime.combine(moment, time(), UTC)
    return moment.date() if isinstance(moment, datetime) else moment
