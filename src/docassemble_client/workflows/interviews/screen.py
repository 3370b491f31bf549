"""What a screen asks for, in Python's terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from docassemble_client._types import JSON, UNSET
from docassemble_client.models import QuestionField
from docassemble_client.workflows.interviews.answers import DADict, DAList, DAObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client._types import Unset
    from docassemble_client.models import Choice, Question
    from docassemble_client.workflows.interviews.answers import Answer

FieldType: TypeAlias = (
    "type[str | int | float | date | datetime | time | bytes | DADict | DAList | DAObject]"
)
"""Type of what a field takes; bytes for files."""

_TYPES: dict[str, FieldType] = {
    **dict.fromkeys(("number", "currency", "float", "range"), float),
    **dict.fromkeys(("boolean", "threestate"), bool),
    **dict.fromkeys(("checkboxes", "multiselect"), DADict),
    **dict.fromkeys(("object_checkboxes", "object_multiselect"), DAList),
    **dict.fromkeys(("object", "object_radio"), DAObject),
    **dict.fromkeys(("file", "files", "camera", "camcorder", "microphone"), bytes),
    **dict.fromkeys(("user", "environment"), bytes),
    "integer": int,
    "date": date,
    "datetime": datetime,
    "time": time,
}
_SCREENS: dict[str, FieldType] = {
    **dict.fromkeys(("yesno", "noyes", "yesnomaybe", "noyesmaybe", "settrue"), bool),
    "signature": bytes,
}
# Commands that make the browser read the screen again.
_AGAIN = frozenset({"refresh", "wait"})
# Screens that a mandatory block may show without asking for anything.
_PASSED = frozenset({"fields", "review"})
_PLACES = re.compile(r"\A(x)(?=[.\[])|\[([ijklmn])\]", re.ASCII)
_KEY = re.compile(r"(?P<name>.+)\[(?P<quote>['\"])(?P<key>.*)(?P=quote)\]", re.DOTALL)
_ROW = re.compile(r"\[(\d+)\]", re.ASCII)


@frozen(kw_only=True)
class ScreenChoice:
    """
    Something that can be chosen.

    Attributes:
        label: Text in Markdown.
        value: What to answer: a key of checkboxes, the name of an object, or the very value.
        selected: Whether it is chosen already.
    """

    label: str
    value: JSON
    selected: bool = False


@frozen(kw_only=True)
class ScreenField:
    """
    A field that can be answered.

    Attributes:
        name: Variable it sets, such as client.name.first; of choices that run code it is the
            place of the number of the choice.
        variable: The same as the interview has it, such as x.name.first.
        type: Type of its value; bytes for files.
        choices: What can be chosen; empty for anything.
        required: Whether it must be answered.
        raw: The field as the server sent it.
    """

    name: str
    variable: str
    type: FieldType
    choices: tuple[ScreenChoice, ...]
    required: bool
    raw: QuestionField

    @property
    def label(self) -> str:
        """Label in Markdown."""
        return self.raw.label or ""

    @property
    def multiple(self) -> bool:
        """Whether several choices, or files, can be given."""
        return self.type in {DADict, DAList} or self.raw.datatype == "files"

    @property
    def unnamed(self) -> bool:
        """Whether its choices run code instead of setting a variable of the interview."""
        return self.raw.variable_name is None


class Screen:
    """
    What a question asks.

    Attributes:
        question: The question.
    """

    def __init__(self, question: Question) -> None:
        self.question = question

    @cached_property
    def fields(self) -> tuple[ScreenField, ...]:
        """
        Every field that can be answered, also those that hide until others are answered.

        Of a screen that collects a list, those of the item that is asked for.
        """
        fields = tuple(self._fields())
        if self.question.list_collect is None:
            return fields
        row = _row(next(iter(self._sought), ""))
        return tuple(one for one in fields if _row(one.name) == row)

    @cached_property
    def button(self) -> str | None:
        """Variable that becomes true when the user continues; None if there is none."""
        name = self.question.question_variable_name
        if name is None:
            return None
        name = self.resolved(name)
        # The variable of a block for any item is what the server looks for.
        return self._sought[0] if self._sought and _PLACES.search(name) else name

    @property
    def ended(self) -> bool:
        """Whether there is nothing to answer and nothing to wait for: the interview is over."""
        question = self.question
        passed = bool(question.mandatory) and question.question_type in _PASSED
        return not (self.fields or self.button or self.seconds or passed)

    @property
    def seconds(self) -> float:
        """After how many seconds the screen is to be read again; 0 for one that does not wait."""
        usual = 1000 if self.question.question_type in _AGAIN else 0
        return (self.question.reload_after or self.question.reload or usual) / 1000

    def visible(self, answers: Mapping[str, Answer]) -> tuple[ScreenField, ...]:
        """
        Tell what the user sees after some answers.

        Fields whose condition is JavaScript count as visible.

        Args:
            answers: Answers so far, by name.

        Returns:
            Its fields without those that hide themselves or that another field disables.
        """
        names = {one.name for one in self.fields}
        seen: dict[str, Answer] = {}
        shown: list[ScreenField] = []
        for one in self.fields:
            if self._shows(one, names, seen):
                shown.append(one)
                if one.name in answers:
                    seen[one.name] = answers[one.name]
        alone = next(
            (one for one in shown if one.raw.disable_others and seen.get(one.name) is not None),
            None,
        )
        if alone is None:
            return tuple(shown)
        # Only the browser knows which of the others are disabled, if not all of them are.
        sought = [name for name in self._sought if not name.startswith(f"{alone.name}.")]
        return tuple(one for one in shown if one is alone or one.name in sought)

    @property
    def _sought(self) -> list[str]:
        return self.question.event_list or []

    def resolved(self, name: str) -> str:
        """
        Name the variable that a name with x or [i] means here.

        Args:
            name: A name of the question.

        Returns:
            Its concrete name; the same name where the server does not tell which it is.
        """
        return _PLACES.sub(lambda one: self._places.get(one[1] or one[2], one[0]), name)

    @cached_property
    def _places(self) -> dict[str, str]:
        """What x and [i] stand for, found where the name that was sought is that of a field."""
        question = self.question
        names = [one.variable_name for one in question.fields or []]
        for name in filter(None, [*names, question.question_variable_name]):
            if not _PLACES.search(name):
                continue
            for sought in self._sought:
                if (places := _matched(name, sought)) is not None:
                    return places
        return {}

    def _fields(self) -> Iterator[ScreenField]:
        for one in self.question.fields or []:
            choices = one.choices or []
            ran = next((each.variable_name for each in choices if each.variable_name), None)
            variable = one.variable_name or ran
            button = self.question.question_type == "review" or one.datatype == "button"
            if variable and one.active and not one.disabled and not button:
                kind = self._type(one)
                yield ScreenField(
                    name=self.resolved(variable),
                    variable=variable,
                    type=kind,
                    choices=tuple(_choices(choices, keys=kind is DADict)),
                    required=bool(one.required),
                    raw=one,
                )

    def _type(self, one: QuestionField) -> FieldType:
        kind = self.question.question_type
        values = [type(each.value) for each in one.choices or [] if each.value is not None]
        usual = values[0] if values and values[0] in {int, float, bool} else str
        return _SCREENS.get(kind) or _TYPES.get(one.datatype or "", usual)

    def _shows(self, one: ScreenField, names: set[str], answers: Mapping[str, Answer]) -> bool:
        raw = one.raw
        if raw.show_if_var is None or one.name in self._sought:
            return True
        other = self.resolved(raw.show_if_var)
        key = None
        if other not in names and (part := _KEY.fullmatch(other)):
            other, key = part["name"], part["key"]
        if other not in names:
            return True
        equal = _text(answers.get(other), key) == (raw.show_if_val or "")
        return equal == bool(raw.show_if_sign)


def _row(name: str) -> int:
    """Return the number of the row that a field of a collected list belongs to."""
    found = _ROW.findall(name)
    return int(found[-1]) if found else 0


def generic(name: str) -> str:
    """Write a name for any item: children[2].name becomes children[i].name."""
    letters = iter("ijklmn")
    return _ROW.sub(lambda one: f"[{letter}]" if (letter := next(letters, "")) else one[0], name)


def _matched(name: str, sought: str) -> dict[str, str] | None:
    """Find what x and i are, as text that takes their place, so that a name is another one."""
    pattern, end = "", 0
    places: list[str] = []
    for one in _PLACES.finditer(name):
        places.append(one[1] or one[2])
        pattern += re.escape(name[end : one.start()])
        pattern += r"(.+?)" if one[1] else r"(\[[^\[\]]+\])"
        end = one.end()
    match = re.fullmatch(pattern + re.escape(name[end:]), sought)
    return dict(zip(places, match.groups(), strict=True)) if match else None


def _choices(choices: list[Choice], *, keys: bool) -> Iterator[ScreenChoice]:
    for one in choices:
        value: JSON | Unset = one.value
        if keys:
            # What has no key of its own, such as 'None of the above', only ticks the others.
            part = _KEY.fullmatch(one.variable_name or "")
            if part is None:
                continue
            value = part["key"].replace("\\'", "'").replace("\\\\", "\\")
        yield ScreenChoice(
            label=one.label,
            value=None if value is UNSET else value,
            selected=bool(one.selected),
        )


def _text(value: Answer | None, key: str | None) -> str:
    """Write a value as the browser compares it; nothing for what was not answered."""
    if key is not None:
        elements = value.attributes.get("elements") if isinstance(value, DADict) else None
        value = elements.get(key) if isinstance(elements, Mapping) else None
    return "" if value is None else str(value)
