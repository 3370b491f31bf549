"""Describes the fields of a screen as Python types."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

from attrs import evolve

from docassemble_client._types import JSON, UNSET, Unset
from docassemble_client.models import Choice, Question, QuestionField
from docassemble_client.workflows.interviews.answers import Answer, DADict
from docassemble_client.workflows.interviews.conditions import ScreenConditions
from docassemble_client.workflows.interviews.field_limits import parse_length
from docassemble_client.workflows.interviews.placeholders import match_placeholders, match_prefix
from docassemble_client.workflows.interviews.screen_actions import ScreenAction, find_actions
from docassemble_client.workflows.interviews.screen_answers import make_screen_answers
from docassemble_client.workflows.interviews.screen_field import (
    INDEX,
    PLACEHOLDER,
    TYPE_BY_DATATYPE,
    FieldType,
    ScreenChoice,
    ScreenField,
    has_placeholder,
    strip_markup,
)
from docassemble_client.workflows.interviews.text_format import PLAIN_TEXT, TextFormat

_TYPE_BY_QUESTION_TYPE: dict[str, FieldType] = {
    **dict.fromkeys(("yesno", "noyes", "yesnomaybe", "noyesmaybe", "settrue"), bool),
    "signature": bytes,
}
_YES_NO_TYPES = frozenset({"yesno", "noyes", "yesnomaybe", "noyesmaybe"})
# Fields whose choices are only these are true/false fields (base/parse.py:378-393).
_TRUTH_TEXTS = frozenset({"True", "False", "None"})
# Question types after which the browser reloads the screen.
_RELOADING_TYPES = frozenset({"refresh", "wait"})
# Question types that a mandatory block may show without any field: the user only continues.
_SKIPPABLE_TYPES = frozenset({"fields", "review"})
_NAME_BOUNDARY = re.compile(r"(?<=[\w\]])(?=[.\[])")
_ROW_NUMBER = re.compile(r"(\d{1,15})_\d+", re.ASCII)


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
        if self.question.list_collect is None:
            return self._all_fields
        requested = next(iter(self.requested_variables), "")
        for row in sorted(self.rows):
            if any(item.name == requested for item in self.rows[row]):
                return self.rows[row]
        number = _get_row_number(requested)
        return self.rows.get(number, self.rows.get(0, ()))

    @cached_property
    def rows(self) -> Mapping[int, tuple[ScreenField, ...]]:
        """Fields of each item on a screen that collects a list; empty on another screen."""
        rows: dict[int, tuple[ScreenField, ...]] = {}
        for item in self._all_fields if self.question.list_collect else ():
            match = _ROW_NUMBER.fullmatch(str(item.raw.number))
            row = int(match[1]) if match else _get_row_number(item.name)
            rows[row] = (*rows.get(row, ()), item)
        return rows

    @cached_property
    def list_name(self) -> str:
        """Name of the list that the screen collects; empty on another screen."""
        names = [row[0].name for row in self.rows.values()]
        if not names:
            return ""
        # The names of two rows differ in the index of the list only.
        for match in INDEX.finditer(names[0]):
            if len(names) > 1 and not names[1].startswith(names[0][: match.end()]):
                return names[0][: match.start()]
        matches = list(INDEX.finditer(names[0]))
        return names[0][: matches[-1].start()] if matches else ""

    @cached_property
    def actions(self) -> tuple[ScreenAction, ...]:
        """
        Actions that the links and buttons of the screen run, such as those of a menu.

        Run one with `InterviewSession.action(name, arguments, persistent=True)`.
        """
        return find_actions(self.question)

    @cached_property
    def button_variable(self) -> str | None:
        """Variable that the continue button sets to True; None if it sets none."""
        name = self.question.question_variable_name
        if name is None:
            return None
        name = self.resolve_name(name)
        # If x or [i] stays unresolved, the button sets the variable that the server requested.
        requested = self.requested_variables
        return requested[0] if requested and PLACEHOLDER.search(name) else name

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

    def get_visible_fields(
        self, answers: Mapping[str, Answer], fields: Sequence[ScreenField] | None = None
    ) -> tuple[ScreenField, ...]:
        """
        Return the fields that the user sees after these answers.

        Fields whose condition is JavaScript count as visible.

        Args:
            answers: Answers so far, by variable.
            fields: Fields to consider; by default `fields`.

        Returns:
            All fields except hidden and disabled ones.
        """
        fields = self.fields if fields is None else fields
        conditions = self._make_conditions(fields, answers)
        visible = tuple(item for item in fields if conditions.is_shown(item))
        disabling = next(
            (item for item in visible if _disables_others(item, fields, answers)), None
        )
        if disabling is None:
            return visible
        # The API does not report which fields are disabled, so assume that all others are.
        attributes = f"{disabling.name}."
        requested = [name for name in self.requested_variables if not name.startswith(attributes)]
        return tuple(item for item in visible if item is disabling or item.name in requested)

    def answers(
        self,
        values: Mapping[str, Answer],
        *,
        text_format: TextFormat = PLAIN_TEXT,
        variables: Mapping[str, JSON] | None = None,
    ) -> dict[str, Answer]:
        """
        Make the variables to send from the values of a form, as a browser does.

        Text is converted to the type of its field, fields that are not shown are left out, and
        empty optional fields get the value that a browser sends. Pass the result to
        `InterviewSession.answer`.

        Args:
            values: JSON or text by variable. A list is the value of a field with several choices.
            text_format: How text for numbers and several choices is written.
            variables: Variables of the session; only needed to choose objects, which are copied.

        Returns:
            Values by variable.

        Raises:
            InvalidAnswer: Values do not fit their fields, are missing, or have no field here.
            UsageError: An object is chosen, and `variables` is missing.

        Example:
            ```python
            question = await s.answer(Screen(question).answers({"rent": "900.50", "heated": "yes"}))
            ```
        """
        return make_screen_answers(self, values, text_format=text_format, variables=variables)

    def find_controllers(self, field: ScreenField, fields: Sequence[ScreenField]) -> set[str]:
        """
        Find the variables on which the condition of a field depends.

        Args:
            field: The field.
            fields: Fields of the screen to consider.

        Returns:
            Names of other fields.
        """
        controllers = self._make_conditions(fields, {}).find_controllers(field)
        return {item.name for item in controllers}

    def _make_conditions(
        self, fields: Sequence[ScreenField], answers: Mapping[str, Answer]
    ) -> ScreenConditions:
        return ScreenConditions(fields, answers, self.requested_variables, self.resolve_name)

    @property
    def requested_variables(self) -> list[str]:
        """Variables that the interview looks for on this screen."""
        return self.question.event_list or []

    def get_row_names(self, row: int) -> list[str]:
        """
        Return the variables of an item of the collected list.

        Args:
            row: Number of the item, which may be more than the screen shows.

        Returns:
            Names of variables.
        """
        start = len(self.list_name)
        names = [item.name for item in self.fields if item.name.startswith(f"{self.list_name}[")]
        return [f"{self.list_name}[{row}]{name[start:].partition(']')[2]}" for name in names]

    def list_possible_names(self, field: ScreenField) -> list[str]:
        """
        List the concrete names that an unresolved name such as x.birthdate may have here.

        The beginning of the requested variable is x: client, or client.name, of client.name.first.

        Args:
            field: A field.

        Returns:
            Names from the longest beginning on; empty if the field's name is concrete.
        """
        if not field.name.startswith("x"):
            return []
        rest = field.name[1:] if has_placeholder(field.name) else ""
        return [
            f"{requested[:end]}{rest}"
            for requested in self.requested_variables
            for end in sorted(
                (match.start() for match in _NAME_BOUNDARY.finditer(requested)), reverse=True
            )
            if rest
        ]

    def sets_variable(self, name: str) -> bool:
        """
        Whether a field or the continue button of the screen sets a variable.

        Args:
            name: Name of a variable; the attribute of an object counts if a field sets the object.

        Returns:
            Whether the screen sets it.
        """
        names = [item.name for item in self._all_fields]
        is_attribute = any(name.startswith((f"{item}.", f"{item}[")) for item in names)
        return is_attribute or name in {*names, self.button_variable}

    def resolve_name(self, name: str) -> str:
        """
        Replace x and [i] in a variable name with the values that they have here.

        Args:
            name: A variable name as written in the interview.

        Returns:
            The concrete name; the same name if the server does not report the values.
        """
        values = self._placeholder_values
        return PLACEHOLDER.sub(lambda match: values.get(match[1] or match[2], match[0]), name)

    @cached_property
    def _placeholder_values(self) -> dict[str, str]:
        """
        Values of x and [i], from the requested variable that matches the name of a field.

        If no name matches, as the requested field was made by code and is concrete, the part of a
        name up to its last index must match.
        """
        question = self.question
        variables = [item.variable_name for item in question.fields or []]
        names = [name for name in [*variables, question.question_variable_name] if name]
        for match_names in (match_placeholders, match_prefix):
            for name in names:
                for requested in self.requested_variables if PLACEHOLDER.search(name) else ():
                    if (values := match_names(name, requested)) is not None:
                        return values
        return {}

    @cached_property
    def _all_fields(self) -> tuple[ScreenField, ...]:
        return tuple(self._make_fields())

    def _make_fields(self) -> Iterator[ScreenField]:
        for raw in self.question.fields or []:
            choices = raw.choices or []
            internal = next((item.variable_name for item in choices if item.variable_name), None)
            variable = raw.variable_name or internal
            is_button = self.question.question_type == "review" or raw.datatype == "button"
            if variable and raw.active and not raw.disabled and not is_button:
                field_type = self._get_field_type(raw)
                item = ScreenField(
                    name=self.resolve_name(variable),
                    variable=variable,
                    type=field_type,
                    choices=tuple(_make_choices(raw, use_keys=field_type is DADict)),
                    required=False,
                    raw=raw,
                    boolean_labels=self._get_boolean_labels(raw),
                    is_continue_button=self.question.question_type == "settrue",
                )
                # JavaScript or the browser may leave these out (base/standardformatter.py:1537).
                can_be_empty = (
                    item.has_script_condition or item.is_empty_choice or item.is_continue_button
                )
                needs_tick = item.multiple and bool(parse_length(raw.minlength))
                if (raw.required or needs_tick) and not can_be_empty and raw.inputtype != "hidden":
                    item = evolve(item, required=True)
                yield item

    def _get_boolean_labels(self, raw: QuestionField) -> dict[str, bool | None]:
        question = self.question
        if question.question_type not in _YES_NO_TYPES:
            return {}
        labels: list[tuple[str | None, bool | None]] = [
            (raw.true_label or question.yes_label, True),
            (raw.false_label or question.no_label, False),
            (raw.maybe_label or question.maybe_label, None),
        ]
        return {strip_markup(label): value for label, value in labels if label}

    def _get_field_type(self, raw: QuestionField) -> FieldType:
        question_type = _TYPE_BY_QUESTION_TYPE.get(self.question.question_type)
        if question_type is not None:
            return question_type
        field_type = TYPE_BY_DATATYPE.get(raw.datatype or "", str)
        choices = raw.choices or []
        if field_type is not str or not choices:
            return field_type
        if raw.variable_name is None:
            return int
        texts = {str(choice.value) for choice in choices if choice.value is not UNSET}
        is_boolean = bool(texts - {"None"}) and texts <= _TRUTH_TEXTS
        # Of an unknown datatype, the server keeps the text (interview/views.py:1491).
        return bool if is_boolean and (raw.datatype or "text") in TYPE_BY_DATATYPE else str


def _disables_others(
    item: ScreenField, fields: Sequence[ScreenField], answers: Mapping[str, Answer]
) -> bool:
    value = answers.get(item.name)
    if isinstance(value, DADict):
        value = any(cast("Mapping[str, bool]", value.attributes["elements"]).values())
    if not item.raw.disable_others or not value:
        return False
    # The answer may come from another field of the same variable.
    is_only_field = sum(other.name == item.name for other in fields) == 1
    return is_only_field or any(choice.value == value for choice in item.choices)


def _get_row_number(name: str) -> int:
    """Return the index of the list item that a field belongs to."""
    indexes = INDEX.findall(name)
    return int(indexes[-1]) if indexes else 0


def _make_choices(raw: QuestionField, *, use_keys: bool) -> Iterator[ScreenChoice]:
    for choice in raw.choices or []:
        value = _read_key(choice, raw.variable_name or "") if use_keys else choice.value
        # 'None of the above' has no value; of checkboxes, it only changes the others.
        if value is not UNSET or not use_keys:
            yield ScreenChoice(
                label=choice.label,
                value=None if value is UNSET else value,
                selected=bool(choice.selected),
                is_none_of_the_above=choice.value is UNSET,
            )


def _read_key(choice: Choice, variable: str) -> JSON | Unset:
    """Read the key of a checkbox, such as 'apple', 1 or True, from its variable."""
    name = choice.variable_name or ""
    literal = name[len(variable) + 1 : -1] if name.startswith(f"{variable}[") else ""
    try:
        key = ast.literal_eval(literal)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return UNSET
    is_scalar = key is None or isinstance(key, (str, int, float))
    return cast("JSON", key) if is_scalar else literal
