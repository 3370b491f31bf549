"""Where the answers of a driven interview come from."""

from __future__ import annotations

import base64
import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from docassemble_client.transfer import Upload
from docassemble_client.workflows.interviews.answers import DADict, DAList, DAObject
from docassemble_client.workflows.interviews.screen import generic

if TYPE_CHECKING:
    from docassemble_client.models import Question
    from docassemble_client.workflows.interviews.answers import Answer
    from docassemble_client.workflows.interviews.screen import Screen, ScreenField


class Missing(enum.Enum):
    """Type of `MISSING`."""

    MISSING = enum.auto()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING
"""Says that there is no answer, where None would be one."""


class Policy(enum.Enum):
    """
    What to answer where the caller's answers say nothing; what need not be answered stays empty.

    Attributes:
        refuse: Nothing: what is required must be among the answers.
        defaults: What the interview suggests.
        first_choice: That, or else the first choice, and yes; but no further items of lists.
        generated: That, or else made-up data.
    """

    refuse = 0
    defaults = 1
    first_choice = 2
    generated = 3


Answers: TypeAlias = (
    "Mapping[str, Answer] | Callable[[ScreenField | str, Question | None], Answer | Missing]"
)
"""Answers by variable, or a function of the field (or a variable's name) and the question."""

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
_TEXTS = {
    "email": "ada@example.com",
    "url": "https://example.com/",
    "password": "Correct-horse-1",
    "ssn": "123-45-6789",
}
_TEXT = "some text"
_MORE = ".there_is_another"
_NUMBER = 5.0
_DAY = date(2026, 3, 14)
_HOUR = time(15, 9)


class Source:
    """Finds the answer to each field: the caller's, or else the policy's."""

    def __init__(self, answers: Answers | None, policy: Policy) -> None:
        self._answers: Answers = {} if answers is None else answers
        self._policy = policy
        self._used: dict[str, int] = {}

    def known(self, screen: Screen, one: ScreenField) -> Answer | Missing:
        """Return the caller's answer to a field."""
        if callable(self._answers):
            value = self._answers(one, screen.question)
        else:
            question = screen.question
            block = (question.id or "", question.question_name) if one.unnamed else ()
            value = self._listed(one.name, generic(one.name), one.variable, *block)
        return value if value is MISSING else _as_answer(one, value)

    def variable(self, name: str) -> Answer | Missing:
        """Return the answer for a variable that no question asks for."""
        if callable(self._answers):
            value = self._answers(name, None)
        else:
            value = self._listed(name, generic(name))
        if value is not MISSING or self._policy.value < Policy.first_choice.value:
            return value
        if name.endswith(_MORE):
            return False
        return _TEXT if self._policy is Policy.generated else MISSING

    def suggested(self, one: ScreenField) -> Answer | Missing:
        """Return the policy's answer to a field; MISSING if it has none."""
        level = self._policy.value
        if level >= Policy.defaults.value and (value := _default(one)) is not MISSING:
            return value
        if level >= Policy.first_choice.value and (value := _first(one)) is not MISSING:
            return value
        if level >= Policy.generated.value and not one.choices:
            return _generated(one)
        return _empty(one)

    def _listed(self, *names: str) -> Answer | Missing:
        given = cast("Mapping[str, Answer]", self._answers)
        for name in dict.fromkeys(names):
            if name not in given:
                continue
            value = given[name]
            if not isinstance(value, (list, tuple)):
                return value
            used = self._used.get(name, 0)
            self._used[name] = used + 1
            items = cast("list[Answer]", value)
            return items[used] if used < len(items) else MISSING
        return MISSING


def _as_answer(one: ScreenField, value: Answer) -> Answer:
    """Turn what is short for an answer into it: ticked boxes, and labels of unnamed buttons."""
    if one.unnamed and isinstance(value, str):
        return next((each.value for each in one.choices if each.label == value), value)
    if one.type is DADict and isinstance(value, (list, tuple, str)):
        return _ticks(one, cast("list[Answer]", [value] if isinstance(value, str) else value))
    if one.type is DADict and isinstance(value, Mapping):
        on: list[Answer] = [key for key, chosen in value.items() if chosen]
        return _ticks(one, on)
    return value


def _ticks(one: ScreenField, ticked: Sequence[Answer]) -> DADict:
    return DADict({str(each.value): each.value in ticked for each in one.choices})


def _default(one: ScreenField) -> Answer | Missing:
    """Return what the interview suggests, as it stands on the screen."""
    selected: list[Answer] = [each.value for each in one.choices if each.selected]
    if one.type is DADict:
        return _ticks(one, selected) if selected else MISSING
    if one.type is DAList:
        return selected or MISSING
    default = selected[0] if selected else one.raw.default
    if one.type is bytes or default is None:
        return MISSING
    return _read(one, default) if isinstance(default, str) else default


def _read(one: ScreenField, text: str) -> Answer | Missing:
    """Read what a field shows as the value it stands for."""
    if one.type in {date, datetime, time}:
        return _moment(one, text)
    if one.type in {int, float}:
        number = _float(text)
        return MISSING if number is None else _plain(one, number)
    return text


def _first(one: ScreenField) -> Answer | Missing:
    if one.name.endswith(_MORE):
        return False
    if one.type is bool:
        return True
    choices = [each.value for each in one.choices if each.value not in {None, ""}]
    if not choices:
        return MISSING
    if one.type is DADict:
        return _ticks(one, [choices[0]])
    return [choices[0]] if one.type is DAList else choices[0]


def _generated(one: ScreenField) -> Answer | Missing:
    """Make up a value that keeps the limits of its field."""
    raw = one.raw
    if one.type is bytes:
        return Upload(_PIXEL, "pixel.png", "image/png")
    if one.type in {int, float}:
        return _number(one)
    if one.type in {date, datetime, time}:
        return _moment(one, raw.min or raw.max) if raw.min or raw.max else _now(one)
    if one.type is str:
        text = _TEXTS.get(raw.datatype or "", _TEXT)
        return text.ljust(_limit(raw.minlength) or 0, "x")[: _limit(raw.maxlength)]
    # What is chosen among nothing stays empty, and an object's class is not known.
    return DADict({}) if one.type is DADict else [] if one.type is DAList else MISSING


def _number(one: ScreenField) -> Answer:
    low, high = (_float(limit) for limit in (one.raw.min, one.raw.max))
    value = 1.0 if one.name.endswith(".target_number") else _NUMBER
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    return _plain(one, value)


def _plain(one: ScreenField, number: float) -> Answer:
    return int(number) if one.type is int or number.is_integer() else number


def _now(one: ScreenField) -> Answer:
    if one.type is time:
        return _HOUR
    return datetime.combine(_DAY, _HOUR, UTC) if one.type is datetime else _DAY


def _moment(one: ScreenField, text: object) -> Answer:
    """Read a date or time; what is none, such as a text for people, gives way to a real one."""
    try:
        if one.type is time:
            return time.fromisoformat(str(text))
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return _now(one)
    return moment if one.type is datetime else moment.date()


def _empty(one: ScreenField) -> Answer | Missing:
    """Return what the browser sends for a field that was left empty."""
    # An object that is not chosen stays, as other fields may ask for its parts.
    if one.required or one.type is DAObject:
        return MISSING
    if one.type is DADict:
        return _ticks(one, [])
    if one.type is DAList:
        return []
    if one.type is bool and one.raw.datatype != "threestate":
        return False
    return "" if one.type is str else None


def _float(limit: object) -> float | None:
    try:
        return float(str(limit))
    except ValueError:
        return None


def _limit(text: str | None) -> int | None:
    number = _float(text)
    return None if number is None else int(number)
