"""Reads the page of a question: its heading, its text and the controls of its form."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any, cast

from attrs import define, evolve, field, frozen

_FORM_ID = "daform"
_VOID = {"input", "br", "hr", "img", "meta", "link", "source", "wbr", "col"}
_CONDITIONS = {"dashowif", "dajsshowif"}


@frozen(kw_only=True)
class Option:
    """
    A choice of a control.

    Attributes:
        value: What is posted.
        label: What the user sees.
        selected: Whether it is selected at first.
    """

    value: str
    label: str = ""
    selected: bool = False


@frozen(kw_only=True)
class Condition:
    """
    When a control is visible.

    Attributes:
        variable: Name of the other variable; empty if only JavaScript can say.
        value: Value of the other variable.
        sign: Whether the control is visible (or else hidden) if the value matches.
    """

    variable: str
    value: str
    sign: bool


@frozen(kw_only=True)
class Control:
    """
    An input, select or textarea of a form.

    Attributes:
        kind: Type of the input, or `select` or `textarea`.
        name: Encoded name, as posted.
        variable: Variable that it sets; empty for controls such as None of the above.
        value: Initial value; for a box, what is posted if it is checked.
        checked: Whether a box is checked at first.
        label: Label of a box.
        options: Choices of a select.
        attributes: Attributes of the element.
        conditions: When it is visible.
        extra_row: Number of its row of a list, if the page shows it only after "Add another".
    """

    kind: str
    name: str
    variable: str
    value: str = ""
    checked: bool = False
    label: str = ""
    options: tuple[Option, ...] = ()
    attributes: Mapping[str, str] = field(factory=dict[str, str])
    conditions: tuple[Condition, ...] = ()
    extra_row: str = ""

    @property
    def classes(self) -> set[str]:
        """CSS classes."""
        return set(self.attributes.get("class", "").split())


@frozen(kw_only=True)
class Page:
    """
    The page of a question.

    Attributes:
        heading: The question.
        text: All text of the page.
        action: Where the form is posted.
        hidden: Hidden inputs of the form, as posted.
        controls: Other controls of the form.
        buttons: Buttons that submit the form with a value.
        rules: Rules of jQuery Validation by encoded name.
        errors: Messages about fields by variable, or by `` for the page.
        html: The page.
    """

    heading: str
    text: str
    action: str
    hidden: Mapping[str, str]
    controls: tuple[Control, ...]
    buttons: tuple[Control, ...]
    rules: Mapping[str, Mapping[str, Any]] = field(factory=dict[str, "Mapping[str, Any]"])
    errors: Mapping[str, str] = field(factory=dict[str, str])
    html: str = field(default="", repr=False)


def encode_name(text: str) -> str:
    """Encode a name as forms do."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_name(name: str) -> str:
    """Decode a name of a form; return it unchanged if it is not encoded."""
    try:
        return base64.b64decode(
            name + "=" * (-len(name) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name


def decode_json(text: str) -> Any:
    """Decode JSON of a hidden input; return an empty dict for an empty text."""
    return json.loads(decode_name(text)) if text else {}


def parse_page(html: str) -> Page:
    """Parse a page, or the body of one."""
    parser = _PageParser()
    parser.feed(html)
    parser.close()
    names = decode_json(parser.hidden.get("_varnames", ""))
    variables = {
        control.name: decode_name(names.get(control.name, control.name))
        for control in parser.controls
    }
    return Page(
        heading=" ".join(parser.heading.split()),
        text=" ".join(parser.text.split()),
        action=parser.action,
        hidden=parser.hidden,
        controls=tuple(
            evolve(
                control,
                variable="" if control.name.startswith("_") else variables[control.name],
                label=" ".join(parser.labels.get(control.attributes.get("id", ""), "").split()),
            )
            for control in parser.controls
        ),
        buttons=tuple(parser.buttons),
        html=html,
    )


@define
class _Element:
    tag: str
    conditions: tuple[Condition, ...]
    extra_row: str


class _PageParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.heading = ""
        self.text = ""
        self.hidden: dict[str, str] = {}
        self.controls: list[Control] = []
        self.buttons: list[Control] = []
        self.labels: dict[str, str] = {}
        self._elements: list[_Element] = []
        self._is_in_form = False
        self._label = ""
        self._is_in_heading = False
        self._is_in_button = False
        self._skipped = ""
        self._select: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            is_extra = "dacollectextra" in attributes.get("class", "").split()
            extra_row = attributes.get("data-collectnum", "") if is_extra else ""
            self._elements.append(_Element(tag, _read_conditions(attributes), extra_row))
        match tag:
            case "script" | "style":
                self._skipped = tag
            case "h1" if attributes.get("id") == "daMainQuestion":
                self._is_in_heading = True
            case "form" if attributes.get("id") == _FORM_ID:
                self._is_in_form, self.action = True, attributes.get("action", "")
            case "label":
                self._label = attributes.get("for", "")
            case "input" | "textarea" | "select" | "option" | "button" if self._is_in_form:
                self._add(tag, attributes)

    def _add(self, tag: str, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value")
        kind = attributes.get("type", "text") if tag == "input" else tag
        control = Control(
            kind=kind,
            name=name,
            variable="",
            value="on" if value is None and kind in {"checkbox", "radio"} else value or "",
            checked="checked" in attributes,
            attributes=attributes,
            conditions=tuple(part for item in self._elements for part in item.conditions),
            extra_row="".join(item.extra_row for item in self._elements),
        )
        if tag == "option":
            option = Option(value=value or "", selected="selected" in attributes)
            if self._select is not None:
                self._select = evolve(self._select, options=(*self._select.options, option))
        elif tag == "button":
            if name and attributes.get("type", "submit") == "submit":
                self.buttons.append(control)
                self._is_in_button = True
        elif kind == "hidden":
            self.hidden[name] = control.value
        elif name:
            self.controls.append(control)
            if tag == "select":
                self._select = control

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._elements):
            while self._elements.pop().tag != tag:
                pass
        match tag:
            case "script" | "style":
                self._skipped = ""
            case "h1":
                self._is_in_heading = False
            case "form":
                self._is_in_form = False
            case "label":
                self._label = ""
            case "button":
                self._is_in_button = False
            case "select" if self._select is not None:
                self.controls[-1] = self._select
                self._select = None

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        self.text += f"{data} "
        if self._is_in_heading:
            self.heading += data
        if self._label:
            self.labels[self._label] = self.labels.get(self._label, "") + data
        if self._select is not None and self._select.options:
            *others, last = self._select.options
            option = evolve(last, label=(last.label + data).strip())
            self._select = evolve(self._select, options=(*others, option))
        if self._elements and self._elements[-1].tag == "textarea" and self._is_in_form:
            self.controls[-1] = evolve(self.controls[-1], value=data)
        if self._is_in_button:
            self.buttons[-1] = evolve(self.buttons[-1], label=self.buttons[-1].label + data.strip())


def _read_conditions(attributes: Mapping[str, str]) -> tuple[Condition, ...]:
    classes = set(attributes.get("class", "").split())
    if not classes & _CONDITIONS:
        return ()
    script = attributes.get("data-jsshowif")
    variable = attributes.get("data-showif-var", "")
    sign = attributes.get("data-showif-sign", "1")
    if script is not None:
        details = cast("dict[str, Any]", decode_json(script.strip("'\"")))
        sign = "1" if details.get("sign", True) else "0"
    value = attributes.get("data-showif-val", "")
    return (
        Condition(
            variable=decode_name(variable),
            value=value,
            sign=not re.fullmatch("0|false", sign, re.IGNORECASE),
        ),
    )
