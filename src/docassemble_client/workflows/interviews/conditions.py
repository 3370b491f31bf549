"""Decides which fields of a screen are shown, as the browser does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING

from docassemble_client.workflows.interviews.answers import Answer, DADict, DAObject, Raw

if TYPE_CHECKING:
    from docassemble_client.workflows.interviews.screen_field import ScreenField

_NAME_WITH_KEY = re.compile(r"(?P<name>.+)\[(?P<key>[^\[\]]*|'.*'|\".*\")\]", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_MINUTES_LENGTH = len("2026-03-14T15:09")
_NONE_OF_THE_ABOVE, _ALL_OF_THE_ABOVE = "nota", "aota"


class ScreenConditions:
    """
    The `show if` conditions of a screen, after some of its fields were answered.

    Fields may stand in any order, and a condition may depend on a field that has one itself
    (docassemble.webapp 1.10.14, static/app/app.js:5639 and 5910). A field whose condition is
    JavaScript counts as shown.
    """

    def __init__(
        self,
        fields: Sequence[ScreenField],
        answers: Mapping[str, Answer],
        requested: Iterable[str],
        resolve_name: Callable[[str], str],
    ) -> None:
        self._fields = fields
        self._answers = answers
        self._requested = frozenset(requested)
        self._resolve_name = resolve_name
        self._results: dict[int, bool] = {}

    def is_shown(self, field: ScreenField) -> bool:
        """Whether the field is shown."""
        number = id(field)
        if number not in self._results:
            # While its own condition is evaluated, a field of a cycle counts as hidden.
            self._results[number] = False
            self._results[number] = self._evaluate(field)
        return self._results[number]

    def find_controllers(self, field: ScreenField) -> list[ScreenField]:
        """Find the other fields of the screen on which the field's condition depends."""
        if field.raw.show_if_var is None:
            return []
        name, _ = self._split_name(self._resolve_name(field.raw.show_if_var))
        return [other for other in self._fields if other.name == name and other is not field]

    def _evaluate(self, field: ScreenField) -> bool:
        raw = field.raw
        # The interview cannot continue without a variable that it requested.
        if raw.show_if_var is None or field.name in self._requested:
            return True
        name, key = self._split_name(self._resolve_name(raw.show_if_var))
        controllers = self.find_controllers(field)
        if not controllers:
            # The browser finds no element, so the condition never runs.
            return True
        text = ""
        for controller in controllers:
            if self.is_shown(controller):
                text = _format_as_browser(controller, self._answers.get(name), key)
                break
        return _is_equal(text, raw.show_if_val or "") == bool(raw.show_if_sign)

    def _split_name(self, name: str) -> tuple[str, str | None]:
        """Split fruit['apple'] into a field's name and the key of a checkbox."""
        match = _NAME_WITH_KEY.fullmatch(name)
        if match is None or any(field.name == name for field in self._fields):
            return name, None
        return match["name"], match["key"]


def _is_equal(text: str, expected: str) -> bool:
    """Compare texts as the browser does (app.js:3993)."""
    if _NUMBER.fullmatch(text) and _NUMBER.fullmatch(expected):
        return float(text) == float(expected)
    return text == expected or (expected == "None" and not text)


def _format_as_browser(field: ScreenField, answer: Answer | None, key: str | None) -> str:
    """Format an answer as the value of the browser's input; empty if there is no answer."""
    value = answer.value if isinstance(answer, Raw) else answer
    if key is not None:
        return str(_is_checked(field, value, key))
    if field.is_checkbox and (value is None or field.raw.sign == -1):
        # A checkbox that is not checked counts as False (app.js:5705), as does a checked 'noyes'.
        return "False"
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")[:_MINUTES_LENGTH]
    if isinstance(value, time):
        return value.isoformat(timespec="minutes")
    return "" if value is None or isinstance(value, DAObject) else str(value)


def _is_checked(field: ScreenField, value: Answer | None, key: str) -> bool:
    elements = value.attributes.get("elements") if isinstance(value, DADict) else None
    if not isinstance(elements, Mapping):
        return False
    if key == _NONE_OF_THE_ABOVE:
        return field.required and not any(elements.values())
    if key == _ALL_OF_THE_ABOVE:
        return bool(elements) and all(elements.values())
    return any(
        repr(name) == key or str(name) == key.strip("'\"") for name in elements if elements[name]
    )
