"""Describes the fields of a screen as Python types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import cached_property
from typing import TypeAlias

from attrs import frozen

from docassemble_client._types import JSON, UNSET, Unset
from docassemble_client.models import Choice, Question, QuestionField
from docassemble_client.workflows.interviews.answers import Answer, DADict, DAList, DAObject

FieldType: TypeAlias = type[
    str | int | float | date | datetime | time | bytes | DADict | DAList | DAObject
]
"""Python type of a field's value; bytes for files."""

_TYPE_BY_DATATYPE: dict[str, FieldType] = {
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
_TYPE_BY_QUESTION_TYPE: dict[str, FieldType] = {
    **dict.fromkeys(("yesno", "noyes", "yesnomaybe", "noyesmaybe", "settrue"), bool),
    "signature": bytes,
}
# Question types after which the browser reloads the screen.
_RELOADING_TYPES = frozenset({"refresh", "wait"})
# Question types that a mandatory block may show without any field: the user only continues.
_SKIPPABLE_TYPES = frozenset({"fields", "review"})
_PLACEHOLDER = re.compile(r"\A(x)(?=[.\[])|\[([ijklmn])\]", re.ASCII)
_NAME_WITH_KEY = re.compile(r"(?P<name>.+)\[(?P<quote>['\"])(?P<key>.*)(?P=quote)\]", re.DOTALL)
_INDEX = re.compile(r"\[(\d+)\]", re.ASCII)


@frozen(kw_only=True)
class ScreenChoice:
    """
    A choice of a field.

    Attributes:
        label: Text in Markdown.
        value: Answer that selects it: the key of a checkbox, the name of an object, or the value.
        selected: Whether it is selected by default.
    """

    label: str
    value: JSON
    selected: bool = False


@frozen(kw_only=True)
class ScreenField:
    """
    A field that can be answered.

    Attributes:
        name: Variable that it sets, such as client.name.first. For choices that run code, the
            internal variable that receives the number of the choice.
        variable: Variable as written in the interview, such as x.name.first.
        type: Python type of its value; bytes for files.
        choices: Valid choices; empty if any value is valid.
        required: Whether an answer is required.
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
        """Whether it accepts several choices or files."""
        return self.type in {DADict, DAList} or self.raw.datatype == "files"

    @property
    def runs_code(self) -> bool:
        """Whether its choices run code instead of setting a variable."""
        return self.raw.variable_name is None


class Screen:
    """
    A question with the meaning of its fields.

    Attributes:
        question: The question as the server sent it.
    """

    def __init__(self, question: Question) -> None:
        self.question = question

    @cached_property
    def fields(self) -> tuple[ScreenField, ...]:
        """
        Every field that can be answered, including currently hidden ones.

        On a screen that collects a list, only the fields of the requested item.
        """
        fields = tuple(self._make_fields())
        if self.question.list_collect is None:
            return fields
        row = _get_row_number(next(iter(self._requested_variables), ""))
        return tuple(field for field in fields if _get_row_number(field.name) == row)

    @cached_property
    def button_variable(self) -> str | None:
        """Variable that the continue button sets to True; None if it sets none."""
        name = self.question.question_variable_name
        if name is None:
            return None
        name = self.resolve_name(name)
        # If x or [i] stays unresolved, the button sets the variable that the server requested.
        requested = self._requested_variables
        return requested[0] if requested and _PLACEHOLDER.search(name) else name

    @property
    def is_final(self) -> bool:
        """Whether the interview has ended: there is nothing to answer or to wait for."""
        question = self.question
        can_continue = bool(question.mandatory) and question.question_type in _SKIPPABLE_TYPES
        return not (self.fields or self.button_variable or self.reload_after or can_continue)

    @property
    def reload_after(self) -> float:
        """Seconds after which to get the question again; 0 if the screen does not reload."""
        default = 1000 if self.question.question_type in _RELOADING_TYPES else 0
        return (self.question.reload_after or self.question.reload or default) / 1000

    def get_visible_fields(self, answers: Mapping[str, Answer]) -> tuple[ScreenField, ...]:
        """
        Return the fields that the user sees after these answers.

        Fields whose condition is JavaScript count as visible.

        Args:
            answers: Answers so far, by variable.

        Returns:
            All fields except hidden and disabled ones.
        """
        names = {field.name for field in self.fields}
        visible_answers: dict[str, Answer] = {}
        visible: list[ScreenField] = []
        for field in self.fields:
            if self._is_shown(field, names, visible_answers):
                visible.append(field)
                if field.name in answers:
                    visible_answers[field.name] = answers[field.name]
        disabling = next(
            (
                field
                for field in visible
                if field.raw.disable_others and visible_answers.get(field.name) is not None
            ),
            None,
        )
        if disabling is None:
            return tuple(visible)
        # The API does not report which fields are disabled, so assume that all others are.
        attributes = f"{disabling.name}."
        requested = [name for name in self._requested_variables if not name.startswith(attributes)]
        return tuple(field for field in visible if field is disabling or field.name in requested)

    @property
    def _requested_variables(self) -> list[str]:
        return self.question.event_list or []

    def resolve_name(self, name: str) -> str:
        """
        Replace x and [i] in a variable name with the values that they have here.

        Args:
            name: A variable name as written in the interview.

        Returns:
            The concrete name; the same name if the server does not report the values.
        """
        values = self._placeholder_values
        return _PLACEHOLDER.sub(lambda match: values.get(match[1] or match[2], match[0]), name)

    @cached_property
    def _placeholder_values(self) -> dict[str, str]:
        """Values of x and [i], from the requested variable that matches the name of a field."""
        question = self.question
        names = [field.variable_name for field in question.fields or []]
        for name in filter(None, [*names, question.question_variable_name]):
            if not _PLACEHOLDER.search(name):
                continue
            for requested in self._requested_variables:
                if (values := _match_placeholders(name, requested)) is not None:
                    return values
        return {}

    def _make_fields(self) -> Iterator[ScreenField]:
        for field in self.question.fields or []:
            choices = field.choices or []
            internal = next((item.variable_name for item in choices if item.variable_name), None)
            variable = field.variable_name or internal
            is_button = self.question.question_type == "review" or field.datatype == "button"
            if variable and field.active and not field.disabled and not is_button:
                field_type = self._get_field_type(field)
                yield ScreenField(
                    name=self.resolve_name(variable),
                    variable=variable,
                    type=field_type,
                    choices=tuple(_make_choices(choices, use_keys=field_type is DADict)),
                    required=bool(field.required),
                    raw=field,
                )

    def _get_field_type(self, field: QuestionField) -> FieldType:
        types = [type(choice.value) for choice in field.choices or [] if choice.value is not None]
        default = types[0] if types and types[0] in {int, float, bool} else str
        return _TYPE_BY_QUESTION_TYPE.get(self.question.question_type) or _TYPE_BY_DATATYPE.get(
            field.datatype or "", default
        )

    def _is_shown(self, field: ScreenField, names: set[str], answers: Mapping[str, Answer]) -> bool:
        raw = field.raw
        if raw.show_if_var is None or field.name in self._requested_variables:
            return True
        name = self.resolve_name(raw.show_if_var)
        key = None
        if name not in names and (match := _NAME_WITH_KEY.fullmatch(name)):
            name, key = match["name"], match["key"]
        if name not in names:
            return True
        is_equal = _to_condition_text(answers.get(name), key) == (raw.show_if_val or "")
        return is_equal == bool(raw.show_if_sign)


def _get_row_number(name: str) -> int:
    """Return the index of the list item that a field belongs to."""
    indexes = _INDEX.findall(name)
    return int(indexes[-1]) if indexes else 0


def make_generic_name(name: str) -> str:
    """Replace indexes with letters: children[2].name becomes children[i].name."""
    letters = iter("ijklmn")
    return _INDEX.sub(lambda m: f"[{letter}]" if (letter := next(letters, "")) else m[0], name)


def _match_placeholders(name: str, requested: str) -> dict[str, str] | None:
    """Return the texts for x and [i] that turn a name into the requested one, if any."""
    pattern, end = "", 0
    placeholders: list[str] = []
    for match in _PLACEHOLDER.finditer(name):
        placeholders.append(match[1] or match[2])
        pattern += re.escape(name[end : match.start()])
        pattern += r"(.+?)" if match[1] else r"(\[[^\[\]]+\])"
        end = match.end()
    values = re.fullmatch(pattern + re.escape(name[end:]), requested)
    return dict(zip(placeholders, values.groups(), strict=True)) if values else None


def _make_choices(choices: list[Choice], *, use_keys: bool) -> Iterator[ScreenChoice]:
    for choice in choices:
        value: JSON | Unset = choice.value
        if use_keys:
            # A choice without a key, such as 'None of the above', only changes the others.
            match = _NAME_WITH_KEY.fullmatch(choice.variable_name or "")
            if match is None:
                continue
            value = match["key"].replace("\\'", "'").replace("\\\\", "\\")
        yield ScreenChoice(
            label=choice.label,
            value=None if value is UNSET else value,
            selected=bool(choice.selected),
        )


def _to_condition_text(value: Answer | None, key: str | None) -> str:
    """Format a value as the browser compares it; empty if there is no answer."""
    if key is not None:
        elements = value.attributes.get("elements") if isinstance(value, DADict) else None
        value = elements.get(key) if isinstance(elements, Mapping) else None
    return "" if value is None else str(value)
