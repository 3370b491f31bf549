"""Checks an answer against its field, and converts text where its meaning is certain."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn, cast

from docassemble_client.transfer import Upload
from docassemble_client.workflows.errors import AnswerProblem
from docassemble_client.workflows.interviews.answers import Answer, DADict, DAList, DAObject, Raw
from docassemble_client.workflows.interviews.field_limits import (
    find_exceeded_limit,
    get_slider_position,
    list_limits,
)
from docassemble_client.workflows.interviews.missing import MISSING, Missing
from docassemble_client.workflows.interviews.screen_field import MACHINE_LEARNING
from docassemble_client.workflows.interviews.text_format import (
    PLAIN_TEXT,
    TextFormat,
    is_blank,
    parse_boolean,
    parse_date,
    parse_datetime,
    parse_time,
)

if TYPE_CHECKING:
    from docassemble_client._types import JSON
    from docassemble_client.workflows.interviews.screen_field import ScreenChoice, ScreenField

# The value of the third button, and its label unless the interview has another one.
_UNKNOWN = frozenset({"None", "I don't know"})
_CENTS = 2
_LONG_NUMBER = 10**400


class UnsuitableAnswer(Exception):  # noqa: N818 - internal, becomes part of an InvalidAnswer
    """
    An answer does not fit its field.

    Attributes:
        problem: The field, and what is wrong.
    """

    def __init__(self, problem: AnswerProblem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


def convert_answer(field: ScreenField, answer: Answer, text_format: TextFormat) -> Answer | Missing:
    """
    Check an answer, and convert text to the type that the browser's form sets.

    Args:
        field: The field.
        answer: The answer of the caller.
        text_format: How numbers and several choices are written.

    Returns:
        The value to send; MISSING if the answer leaves the field empty.

    Raises:
        UnsuitableAnswer: The answer does not fit the field.
    """
    return _FieldConverter(field, answer, text_format).convert()


def get_empty_value(field: ScreenField, *, is_requested: bool) -> Answer | Missing:
    """
    Return the value that the browser's form sets for an empty field.

    Args:
        field: The field.
        is_requested: Whether the interview requested the field's variable, so it is undefined.

    Returns:
        The value (docassemble.webapp 1.10.14, interview/views.py:1340-1420 and
        base/parse.py:400-428); MISSING if the form leaves the variable as it is.

    Raises:
        UnsuitableAnswer: A hidden field has a default that is not of its type.
    """
    if field.raw.inputtype == "hidden" and field.raw.default is not None:
        return convert_answer(field, field.raw.default, PLAIN_TEXT)
    if field.is_object:
        # Other fields may set attributes of the object (views.py:1757-1765).
        return None if is_requested else MISSING
    if field.type in {DADict, DAList}:
        return check_choices(field, []) if field.type is DADict else []
    if field.datatype in MACHINE_LEARNING:
        return DAObject("DAModel", text="", predictions=[], prediction=None, probability=1.0)
    if field.is_checkbox or field.is_continue_button:
        return field.is_continue_button or field.raw.sign == -1
    return _get_empty_scalar(field)


def _get_empty_scalar(field: ScreenField) -> Answer:
    if field.is_empty_choice or field.type in {bytes, bool}:
        return None
    if field.type in {int, float}:
        return 0 if field.type is int else get_slider_position(field)
    # A browser posts None for a text field of which no radio button is chosen.
    return "None" if field.raw.inputtype == "radio" and field.type is str else ""


def check_choices(field: ScreenField, checked: Sequence[object]) -> DADict:
    """Return every choice of a checkbox field, and whether it is checked."""
    values = [choice.value for choice in field.choices]
    # The API names the keys nums[1] and fruit[True]. It refuses other keys than texts, whole
    # numbers and truth values (base/astparser.py, DetectIllegal), and Python's 1 equals True. Then
    # the keys are texts, as those of a browser always are (utils/helpers.py:943).
    keys = cast("list[str]", values)
    if not all(map(_may_be_key, values)) or len({*keys}) < len(keys):
        keys = [str(value) for value in values]
    return DADict(
        {
            key: any(_is_same(value, item) for item in checked)
            for key, value in zip(keys, values, strict=True)
        }
    )


def _may_be_key(value: object) -> bool:
    return isinstance(value, (str, bool)) or (isinstance(value, int) and value >= 0)


def get_choice_value(field: ScreenField, choice: ScreenChoice) -> Answer:
    """
    Return the value that the browser's form sets for a choice.

    A form sends text, which becomes a number or truth value only if the datatype says so
    (interview/views.py:1300-1410). A mapping or list stays as it is: its text has no use.
    """
    if choice.is_none_of_the_above:
        return None if field.is_object else ""
    value = choice.value
    if field.runs_code or field.is_object or isinstance(value, (dict, list)):
        return value
    text = str(value)
    if field.type is bool:
        return {"True": True, "False": False}.get(text)
    parsed: Answer = None
    if field.type is int:
        parsed = PLAIN_TEXT.parse_integer(text)
    elif field.type is float:
        parsed = PLAIN_TEXT.parse_number(text)
    elif field.type in {date, datetime, time}:
        parsed = _parse_moment(field, text)
    return text if parsed is None else parsed


def is_file(value: object) -> bool:
    """Whether a value is a file, or a list of files."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, (bytes, os.PathLike, Upload)) for item in items)


def make_problem(field: ScreenField, value: object, reason: str) -> AnswerProblem:
    """Describe an answer that does not fit its field, without its value."""
    return AnswerProblem(
        variable=field.name,
        label=field.label,
        datatype=field.datatype,
        kind=type(value).__name__,
        reason=reason,
        choices=tuple(
            choice.label if field.runs_code else choice.value for choice in field.choices
        ),
        limits=list_limits(field),
    )


class _FieldConverter:
    """Converts one answer to the value of its field."""

    def __init__(self, field: ScreenField, answer: Answer, text_format: TextFormat) -> None:
        self._field = field
        self._answer = answer
        self._text_format = text_format

    def convert(self) -> Answer | Missing:
        """Convert the answer."""
        field, answer = self._field, self._answer
        if isinstance(answer, (Raw, DAObject)) or field.is_custom or is_file(answer):
            return answer
        if _is_not_a_value(answer):
            self._refuse("is not a value (NaN or NaT)")
        if self._is_empty(answer):
            return MISSING
        if field.type in {DADict, DAList}:
            return self._convert_ticks()
        value = self._convert_single(answer)
        if limit := find_exceeded_limit(field, value):
            self._refuse(limit)
        return value

    def _convert_single(self, answer: Answer) -> Answer:
        field = self._field
        if field.type is bytes:
            self._refuse("is not a file: pass bytes, a path object or an Upload")
        if field.choices and not field.takes_free_text:
            return self._choose(answer)
        if field.is_combobox and isinstance(answer, str):
            choice = self._find_choice(answer)
            answer = answer if choice is None else get_choice_value(field, choice)
        if field.type is bool:
            return self._convert_boolean(answer)
        if field.type in {int, float}:
            return self._convert_number(answer)
        if field.type in {date, datetime, time}:
            return self._convert_moment(answer)
        return answer

    def _is_empty(self, answer: Answer) -> bool:
        field = self._field
        if answer is None:
            return not field.is_threestate
        if isinstance(answer, (list, tuple)):
            return field.type is bytes and not answer
        # A text is never touched: only None leaves a text field empty.
        is_text = field.type is str and not self._is_choice
        return isinstance(answer, str) and not is_text and is_blank(answer)

    @property
    def _is_choice(self) -> bool:
        return bool(self._field.choices) and not self._field.takes_free_text

    def _choose(self, answer: Answer) -> Answer:
        choice = self._find_choice(answer)
        if choice is not None:
            return get_choice_value(self._field, choice)
        if self._field.type is bool and isinstance(answer, str):
            truth = parse_boolean(answer)
            if any(str(choice.value) == str(truth) for choice in self._field.choices):
                return truth
        return self._refuse("is not one of the choices")

    def _find_choice(self, answer: object) -> ScreenChoice | None:
        """Find the choice with this value, or else the only one with this label."""
        choices = self._field.choices
        for choice in choices:
            if type(choice.value) is type(answer) and choice.value == answer:
                return choice
        if isinstance(answer, (int, Decimal)) and not _is_short(answer):
            return None
        if isinstance(answer, Decimal):
            answer = int(answer) if answer == answer.to_integral_value() else float(answer)
        if answer is not None and not isinstance(answer, (str, int, float)):
            return None
        matches = [choice for choice in choices if _is_same(choice.value, answer)]
        if not matches and isinstance(answer, str):
            text = answer.strip()
            matches = [choice for choice in choices if _is_same(choice.value, text)]
            matches = matches or [
                choice for choice in choices if text in {choice.text, choice.label.strip()}
            ]
        return matches[0] if len(matches) == 1 else None

    def _convert_ticks(self) -> Answer:
        field, values = self._field, self._list_ticks()
        checked = [self._find_choice(value) for value in values]
        first = values[0] if len(values) == 1 and checked[0] is None else None
        if isinstance(first, str) and first in field.group_labels:
            checked = [*field.choices] if field.group_labels[first] else []
        ticks: list[JSON] = [choice.value for choice in checked if choice is not None]
        if len(ticks) < len(checked):
            if field.choices or field.type is DADict:
                self._refuse("has a tick that is not one of the choices")
            ticks = cast("list[JSON]", values)
        if reason := find_exceeded_limit(field, cast("Answer", ticks)):
            self._refuse(reason)
        return check_choices(field, ticks) if field.type is DADict else cast("Answer", ticks)

    def _list_ticks(self) -> list[object]:
        answer = self._answer
        if isinstance(answer, str):
            return list(self._text_format.split_choices(answer))
        if isinstance(answer, Mapping):
            return [key for key, is_ticked in answer.items() if self._is_ticked(key, is_ticked)]
        if isinstance(answer, (list, tuple)):
            return list(cast("Sequence[object]", answer))
        return [answer]

    def _is_ticked(self, key: object, value: object) -> bool:
        is_ticked = parse_boolean(value) if isinstance(value, str) else value
        if value is None or (isinstance(value, str) and is_blank(value)):
            is_ticked = False
        if not isinstance(is_ticked, bool):
            self._refuse("has a tick that is not true or false")
        if self._field.choices and self._find_choice(key) is None:
            self._refuse("has a tick that is not one of the choices")
        return is_ticked

    def _convert_boolean(self, answer: Answer) -> Answer:
        if answer is None or isinstance(answer, bool):
            return answer
        if not isinstance(answer, str):
            self._refuse("is not true or false")
        text = answer.strip()
        if text in _UNKNOWN and self._field.is_threestate:
            return None
        by_word, labels = parse_boolean(text), self._field.boolean_labels
        if self._field.raw.sign == -1 and text.casefold() in {"yes", "no"}:
            self._refuse("is not certain, because yes sets this field to False: pass True or False")
        if by_word is None and text not in labels:
            self._refuse("is not yes, no, true or false")
        if by_word is not None and labels.get(text, by_word) is not by_word:
            self._refuse("is not certain, because a button has this label: pass True or False")
        return labels[text] if by_word is None else by_word

    def _convert_number(self, answer: Answer) -> Answer:
        is_integer = self._field.type is int
        if isinstance(answer, str):
            parse = (
                self._text_format.parse_integer if is_integer else self._text_format.parse_number
            )
            number = parse(answer)
            if number is None:
                self._refuse("is not a whole number" if is_integer else "is not a plain number")
            if self._field.datatype == "currency" and number != round(number, _CENTS):
                # The page of the web form rounds it, to a number of digits that the server sets.
                self._refuse("is not certain, because a browser rounds it: round it first")
            return number
        if isinstance(answer, bool) or not isinstance(answer, (int, float, Decimal)):
            self._refuse("is not a number")
        if not _is_finite(answer):
            self._refuse("is not a finite number")
        if not _is_short(answer):
            self._refuse("is too large")
        if is_integer and answer != int(answer):
            self._refuse("is not a whole number")
        return int(answer) if is_integer else self._convert_to_float(answer)

    def _convert_to_float(self, number: float | Decimal) -> float:
        """Convert a number as the browser's form does, if a float holds it exactly."""
        try:
            converted = float(number)
        except OverflowError:
            self._refuse("is too large")
        exact = Decimal(repr(converted)) if isinstance(number, Decimal) else converted
        if exact != number:
            self._refuse("has more digits than the interview can keep: round it first")
        return converted

    def _convert_moment(self, answer: Answer) -> Answer:
        field = self._field
        if isinstance(answer, str):
            moment = _parse_moment(field, answer)
            if moment is None:
                self._refuse(f"is not a {field.type.__name__} in ISO format")
            return moment
        if not isinstance(answer, time if field.type is time else date):
            self._refuse(f"is not a {field.type.__name__}")
        if isinstance(answer, time) and answer.tzinfo is not None:
            self._refuse("has a time zone: pass a time without one")
        if field.type is date and isinstance(answer, datetime):
            # A datetime with a zone may be another day in the zone of the server.
            if answer.time() != time():
                self._refuse("has a time of day: pass a date")
            return answer.date()
        return answer

    def _refuse(self, reason: str) -> NoReturn:
        raise UnsuitableAnswer(make_problem(self._field, self._answer, reason))


def _parse_moment(field: ScreenField, text: str) -> date | time | None:
    if field.type is time:
        return parse_time(text)
    return parse_datetime(text) if field.type is datetime else parse_date(text)


def _is_same(value: object, answer: object) -> bool:
    """Whether an answer names a value: they are equal, or have the same text."""
    numbers = [item for item in (value, answer) if type(item) in {int, float}]
    if isinstance(value, (dict, list)) or len(numbers) > 1:
        return value == answer
    return str(value) == str(answer)


def _is_not_a_value(answer: object) -> bool:
    """Whether an answer is NaN or pandas' NaT, neither of which equals itself."""
    if isinstance(answer, Decimal):
        return answer.is_nan()  # sNaN cannot be compared
    is_other = isinstance(answer, (float, date))
    return is_other and answer != answer  # noqa: PLR0124 - the definition of NaN


def _is_short(number: float | Decimal) -> bool:
    """Whether a number is finite, and Python can write its digits."""
    is_finite = not isinstance(number, Decimal) or number.is_finite()
    return is_finite and -_LONG_NUMBER < number < _LONG_NUMBER


def _is_finite(answer: float | Decimal) -> bool:
    return answer.is_finite() if isinstance(answer, Decimal) else abs(answer) != float("inf")
