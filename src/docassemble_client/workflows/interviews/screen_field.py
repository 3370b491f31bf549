"""Describes a field of a screen, its Python type and its choices."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TypeAlias

from attrs import field, frozen

from docassemble_client._types import JSON, UNSET
from docassemble_client.models import QuestionField
from docassemble_client.workflows.interviews.answers import DADict, DAList, DAObject

FieldType: TypeAlias = type[
    str | int | float | date | datetime | time | bytes | DADict | DAList | DAObject
]
"""Python type of a field's value; bytes for files."""

# Every datatype of docassemble itself, and HTML's types of text inputs.
TYPE_BY_DATATYPE: dict[str, FieldType] = {
    **dict.fromkeys(("number", "currency", "float", "range"), float),
    **dict.fromkeys(("boolean", "threestate"), bool),
    **dict.fromkeys(("checkboxes", "multiselect"), DADict),
    **dict.fromkeys(("object_checkboxes", "object_multiselect"), DAList),
    **dict.fromkeys(("object", "object_radio"), DAObject),
    **dict.fromkeys(("file", "files", "camera", "camcorder", "microphone"), bytes),
    **dict.fromkeys(("user", "environment"), bytes),
    **dict.fromkeys(("text", "area", "email", "password", "url", "raw", "key"), str),
    **dict.fromkeys(("hidden", "tel", "search", "color", "month", "week"), str),
    "integer": int,
    "date": date,
    "datetime": datetime,
    "datetime-local": datetime,
    "time": time,
}
PLACEHOLDER = re.compile(r"\A(x)(?=[.\[])|\[([ijklmn])\]", re.ASCII)
"""x or [i] in a name."""
INDEX = re.compile(r"\[(\d{1,15})\]", re.ASCII)
"""Index of an item in a name."""
MACHINE_LEARNING = frozenset({"ml", "mlarea"})
"""Datatypes whose value, a DAModel with a prediction, only the web form computes."""
_TAG = re.compile(r"<[^<>]*+>")
# Display of a field whose text may be anything, although it has choices.
_FREE_TEXT_INPUTS = frozenset({"combobox", "datalist", "ajax"})
_CHECKBOX_INPUTS = frozenset({"yesno", "noyes", "yesnowide", "noyeswide"})


@frozen(kw_only=True)
class ScreenChoice:
    """
    A choice of a field.

    Attributes:
        label: Text in HTML or Markdown.
        value: Answer that selects it: the key of a checkbox, the name of an object, or the value.
        selected: Whether it is selected by default.
        is_none_of_the_above: Whether it means that no other choice applies; it has no value.
    """

    label: str
    value: JSON
    selected: bool = False
    is_none_of_the_above: bool = False

    @property
    def text(self) -> str:
        """Label as a person reads it: Landlord & tenant for `Landlord &amp; tenant`."""
        return strip_markup(self.label)


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
        boolean_labels: Labels of the buttons of a yes/no question, with their values.
        is_continue_button: Whether it is the only button of the screen, which sets it to True.
    """

    name: str
    variable: str
    type: FieldType
    choices: tuple[ScreenChoice, ...]
    required: bool
    raw: QuestionField
    boolean_labels: Mapping[str, bool | None] = field(factory=dict[str, "bool | None"], repr=False)
    is_continue_button: bool = False

    @property
    def label(self) -> str:
        """Label in Markdown."""
        return self.raw.label or ""

    @property
    def datatype(self) -> str:
        """Datatype, such as currency; empty if it has none."""
        return self.raw.datatype or ""

    @property
    def multiple(self) -> bool:
        """Whether it accepts several choices or files."""
        return self.type in {DADict, DAList} or self.raw.datatype == "files"

    @property
    def runs_code(self) -> bool:
        """Whether its choices run code instead of setting a variable."""
        return self.raw.variable_name is None

    @property
    def is_custom(self) -> bool:
        """
        Whether only the web form can compute its value, so that no policy generates it.

        The value is the result of the datatype's transform(), which a package defines; for ml and
        mlarea, it is a DAModel with a prediction.

        A field with ordinary choices is a menu, whatever its datatype
        (base/standardformatter.py:2757). If a datatype defines its own form of choices, they have
        no value, or keys such as children.
        """
        return bool(self.datatype) and self.datatype not in TYPE_BY_DATATYPE and not self._is_menu

    @property
    def _is_menu(self) -> bool:
        choices = self.raw.choices or []
        return bool(choices) and not any(
            choice.value is UNSET or choice.extra for choice in choices
        )

    @property
    def is_object(self) -> bool:
        """Whether it chooses an object of the interview."""
        return self.type is DAObject

    @property
    def is_checkbox(self) -> bool:
        """Whether it is one checkbox, for true or false."""
        is_boolean = self.datatype == "boolean" and self.raw.choices is None
        return is_boolean and (self.raw.inputtype or "yesno") in _CHECKBOX_INPUTS

    @property
    def is_threestate(self) -> bool:
        """Whether None is a value of it, such as for true, false or unknown."""
        has_null = self.type is not DADict and any(
            item.value is None and not item.is_none_of_the_above for item in self.choices
        )
        return self.datatype == "threestate" or has_null or None in self.boolean_labels.values()

    @property
    def is_combobox(self) -> bool:
        """Whether its text may be a label, which the browser replaces by its value."""
        return self.raw.inputtype == "combobox"

    @property
    def takes_free_text(self) -> bool:
        """Whether an answer need not be one of the choices."""
        return (self.raw.inputtype or "") in _FREE_TEXT_INPUTS or self.is_custom

    @property
    def is_empty_choice(self) -> bool:
        """Whether it has no choices to choose from, so the browser shows no input."""
        has_choices = self.raw.choices is not None and not self.takes_free_text
        return has_choices and not any(
            choice.value is not UNSET for choice in self.raw.choices or []
        )

    @property
    def has_script_condition(self) -> bool:
        """Whether JavaScript shows or hides it, so that it may be hidden in a browser."""
        return self.raw.show_if_js is not None

    @property
    def group_labels(self) -> Mapping[str, bool]:
        """Labels of 'all of the above' (True) and 'none of the above' (False) of checkboxes."""
        labels = [
            strip_markup(choice.label) for choice in self.raw.choices or [] if choice.value is UNSET
        ]
        if len(labels) == 1:
            return {labels[0]: not self.raw.none_of_the_above}
        return dict(zip(labels, (True, False), strict=False))


def strip_markup(label: str) -> str:
    """Return the text of a label that the server has converted to HTML."""
    return html.unescape(_TAG.sub("", label)).strip()


def make_generic_name(name: str) -> str:
    """Replace indexes with letters: children[2].name becomes children[i].name."""
    letters = iter("ijklmn")
    return INDEX.sub(lambda m: f"[{letter}]" if (letter := next(letters, "")) else m[0], name)


def has_placeholder(name: str) -> bool:
    """Whether a name has x or [i] in place of an object or index."""
    return bool(PLACEHOLDER.search(name))
