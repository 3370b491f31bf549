"""Finds the answers to the fields of an interview: those of the caller or of the policy."""

from __future__ import annotations

import base64
import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Final, TypeAlias, cast

from docassemble_client.models import Question
from docassemble_client.transfer import Upload
from docassemble_client.workflows.interviews.answers import Answer, DADict, DAList, DAObject
from docassemble_client.workflows.interviews.screen import Screen, ScreenField, make_generic_name


class Missing(enum.Enum):
    """Type of `MISSING`."""

    MISSING = enum.auto()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Marks a missing answer, because None is a valid one."""


class AnswerPolicy(enum.Enum):
    """
    How to answer fields that the caller's answers do not cover.

    Optional fields without an answer stay empty.

    Attributes:
        strict: Raise `MissingAnswer` for required fields.
        defaults: Use the interview's default value.
        first_choice: Use the default, else the first choice or yes; add no more items to lists.
        generated: As first_choice, else use generated data.
    """

    strict = 0
    defaults = 1
    first_choice = 2
    generated = 3


Answers: TypeAlias = (
    Mapping[str, Answer] | Callable[[ScreenField | str, Question | None], Answer | Missing]
)
"""Answers by variable, or a function of the field (or a variable's name) and the question."""

_PIXEL_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
_TEXT_BY_DATATYPE = {
    "email": "ada@example.com",
    "url": "https://example.com/",
    "password": "Correct-horse-1",
    "ssn": "123-45-6789",
}
_GENERATED_TEXT = "some text"
_GENERATED_NUMBER = 5.0
_GENERATED_DATE = date(2026, 3, 14)
_GENERATED_TIME = time(15, 9)
_THERE_IS_ANOTHER = ".there_is_another"


class AnswerSource:
    """Finds the answer to each field: the caller's, or else the policy's."""

    def __init__(self, answers: Answers | None, policy: AnswerPolicy) -> None:
        self._answers: Answers = {} if answers is None else answers
        self._policy = policy
        self._use_counts: dict[str, int] = {}

    def get_answer(self, screen: Screen, field: ScreenField) -> Answer | Missing:
        """Return the caller's answer to a field."""
        if callable(self._answers):
            value = self._answers(field, screen.question)
        else:
            question = screen.question
            block = (question.id or "", question.question_name) if field.runs_code else ()
            value = self._look_up_answer(
                field.name, make_generic_name(field.name), field.variable, *block
            )
        return value if value is MISSING else _expand_shorthand(field, value)

    def get_variable_answer(self, name: str) -> Answer | Missing:
        """Return the answer for a variable that no question asks for."""
        if callable(self._answers):
            value = self._answers(name, None)
        else:
            value = self._look_up_answer(name, make_generic_name(name))
        if value is not MISSING or self._policy.value < AnswerPolicy.first_choice.value:
            return value
        if name.endswith(_THERE_IS_ANOTHER):
            return False
        return _GENERATED_TEXT if self._policy is AnswerPolicy.generated else MISSING

    def get_policy_answer(self, field: ScreenField) -> Answer | Missing:
        """Return the policy's answer to a field; MISSING if it has none."""
        level = self._policy.value
        if level >= AnswerPolicy.defaults.value and (value := _get_default(field)) is not MISSING:
            return value
        if (
            level >= AnswerPolicy.first_choice.value
            and (value := _choose_first(field)) is not MISSING
        ):
            return value
        if level >= AnswerPolicy.generated.value and not field.choices:
            return _generate_value(field)
        return _get_empty_value(field)

    def _look_up_answer(self, *names: str) -> Answer | Missing:
        answers = cast("Mapping[str, Answer]", self._answers)
        for name in dict.fromkeys(names):
            if name not in answers:
                continue
            value = answers[name]
            if not isinstance(value, (list, tuple)):
                return value
            position = self._use_counts.get(name, 0)
            self._use_counts[name] = position + 1
            items = cast("list[Answer]", value)
            return items[position] if position < len(items) else MISSING
        return MISSING


def _expand_shorthand(field: ScreenField, value: Answer) -> Answer:
    """Convert a button's label to its value, and checked boxes to a DADict."""
    if field.runs_code and isinstance(value, str):
        return next((choice.value for choice in field.choices if choice.label == value), value)
    if field.type is DADict and isinstance(value, (list, tuple, str)):
        values = [value] if isinstance(value, str) else value
        return _make_checkboxes(field, cast("list[Answer]", values))
    if field.type is DADict and isinstance(value, Mapping):
        checked: list[Answer] = [key for key, is_checked in value.items() if is_checked]
        return _make_checkboxes(field, checked)
    return value


def _make_checkboxes(field: ScreenField, checked: Sequence[Answer]) -> DADict:
    return DADict({str(choice.value): choice.value in checked for choice in field.choices})


def _get_default(field: ScreenField) -> Answer | Missing:
    """Return the default that the screen shows."""
    selected: list[Answer] = [choice.value for choice in field.choices if choice.selected]
    if field.type is DADict:
        return _make_checkboxes(field, selected) if selected else MISSING
    if field.type is DAList:
        return selected or MISSING
    default = selected[0] if selected else field.raw.default
    if field.type is bytes or default is None:
        return MISSING
    return _parse_default(field, default) if isinstance(default, str) else default


def _parse_default(field: ScreenField, text: str) -> Answer | Missing:
    """Convert a default from text to the field's type."""
    if field.type in {date, datetime, time}:
        return _parse_moment(field, text)
    if field.type in {int, float}:
        number = _parse_float(text)
        return MISSING if number is None else _to_int_or_float(field, number)
    return text


def _choose_first(field: ScreenField) -> Answer | Missing:
    if field.name.endswith(_THERE_IS_ANOTHER):
        return False
    if field.type is bool:
        return True
    choices = [choice.value for choice in field.choices if choice.value not in {None, ""}]
    if not choices:
        return MISSING
    if field.type is DADict:
        return _make_checkboxes(field, [choices[0]])
    return [choices[0]] if field.type is DAList else choices[0]


def _generate_value(field: ScreenField) -> Answer | Missing:
    """Generate a value within the field's limits."""
    raw = field.raw
    if field.type is bytes:
        return Upload(_PIXEL_PNG, "pixel.png", "image/png")
    if field.type in {int, float}:
        return _generate_number(field)
    if field.type in {date, datetime, time}:
        limit = raw.min or raw.max
        return _parse_moment(field, limit) if limit else _generate_moment(field)
    if field.type is str:
        text = _TEXT_BY_DATATYPE.get(raw.datatype or "", _GENERATED_TEXT)
        text = text.ljust(_parse_length(raw.minlength) or 0, "x")
        return text[: _parse_length(raw.maxlength)]
    # A list without choices stays empty, and the class of an object is unknown.
    return DADict({}) if field.type is DADict else [] if field.type is DAList else MISSING


def _generate_number(field: ScreenField) -> Answer:
    low, high = (_parse_float(limit) for limit in (field.raw.min, field.raw.max))
    value = 1.0 if field.name.endswith(".target_number") else _GENERATED_NUMBER
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    return _to_int_or_float(field, value)


def _to_int_or_float(field: ScreenField, number: float) -> Answer:
    return int(number) if field.type is int or number.is_integer() else number


def _generate_moment(field: ScreenField) -> Answer:
    if field.type is time:
        return _GENERATED_TIME
    if field.type is datetime:
        return datetime.combine(_GENERATED_DATE, _GENERATED_TIME, UTC)
    return _GENERATED_DATE


def _parse_moment(field: ScreenField, text: object) -> Answer:
    """Parse a date or time; generate one if the text is not in ISO format."""
    try:
        if field.type is time:
            return time.fromisoformat(str(text))
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return _generate_moment(field)
    return moment if field.type is datetime else moment.date()


def _get_empty_value(field: ScreenField) -> Answer | Missing:
    """Return the value that the browser sends for an empty field."""
    # An unanswered object keeps its value, because other fields may set its attributes.
    if field.required or field.type is DAObject:
        return MISSING
    if field.type is DADict:
        return _make_checkboxes(field, [])
    if field.type is DAList:
        return []
    if field.type is bool and field.raw.datatype != "threestate":
        return False
    return "" if field.type is str else None


def _parse_float(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _parse_length(text: str | None) -> int | None:
    number = _parse_float(text)
    return None if number is None else int(number)
