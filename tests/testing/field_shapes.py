"""Screens with every type of field: as YAML for a real server, and scripted for the fake server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docassemble_client.testing import Field, ScriptedScreen

# What a real server sends for the YAML below; a live test compares it.
SHAPES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_KEYS = (
    *("fields", "questionType", "questionVariety", "yesLabel", "noLabel", "maybeLabel"),
    "signaturePhrases",
)
_THINGS = """\
mandatory: True
code: |
  things = DAList('things', there_are_any=True, auto_gather=False)
  for name in ("One", "Two"):
    things.appendObject()
    things[-1].name = name
  things.gathered = True
---
"""
_COLORS = "    choices:\n      - Red: red\n      - Blue: blue\n"
_CHOICES = {"Red": "red", "Blue": "blue"}
_OBJECTS = {"One": "things[0]", "Two": "things[1]"}
_TYPES = (
    *("text", "password", "url", "raw", "number", "currency", "date", "time", "datetime", "email"),
    *("yesno", "noyes", "yesnowide", "noyeswide", "yesnoradio", "noyesradio", "yesnomaybe"),
    *("noyesmaybe", "boolean", "threestate", "file", "files", "camera", "user", "environment"),
    *("camcorder", "microphone", "area"),
)
_CHOICE_TYPES = ("radio", "combobox", "datalist", "dropdown", "checkboxes", "multiselect")
_OBJECT_TYPES = ("object", "object_radio", "object_checkboxes", "object_multiselect")


def _make_fields() -> tuple[str, list[Field]]:
    """Make the fields of the types: as YAML, and scripted."""
    text = "".join(f"  - A {name}: a_{name}\n    datatype: {name}\n" for name in _TYPES)
    fields = [Field(f"a_{name}", f"A {name}", name) for name in _TYPES]
    for name in _CHOICE_TYPES:
        text += f"  - A {name}: a_{name}\n    datatype: {name}\n{_COLORS}"
        fields.append(Field(f"a_{name}", f"A {name}", name, _CHOICES))
    for name in _OBJECT_TYPES:
        text += f"  - A {name}: a_{name}\n    datatype: {name}\n    choices: things\n"
        fields.append(Field(f"a_{name}", f"A {name}", name, _OBJECTS))
    return text, fields


_OPTIONS = (
    (
        "  - A: b_text\n    hint: A hint\n    help: Help\n    required: False\n    default: x\n",
        Field(
            *("b_text", "A"),
            required=False,
            default="x",
            hint="A hint",
            help="Help",
        ),
    ),
    (
        "  - Number: b_number\n    datatype: number\n    min: 1\n    max: 10\n    step: 0.5\n",
        Field("b_number", "Number", "number", min=1, max=10, extra={"step": "0.5"}),
    ),
    (
        "  - Integer: b_integer\n    datatype: integer\n    min: 2\n",
        Field("b_integer", "Integer", "integer", min=2),
    ),
    (
        "  - Range: b_range\n    datatype: range\n    min: 1\n    max: 5\n",
        Field("b_range", "Range", "range", min=1, max=5),
    ),
    (
        '  - Day: b_day\n    datatype: date\n    min: "2020-01-02"\n    max: "2024-02-03"\n',
        Field("b_day", "Day", "date", min="2020-01-02", max="2024-02-03"),
    ),
    (
        '  - From: b_from\n    datatype: date\n    min: "2020-01-02"\n    default: "2021-05-06"\n',
        Field("b_from", "From", "date", min="2020-01-02", default="2021-05-06"),
    ),
    (
        '  - Until: b_until\n    datatype: date\n    max: "1/2/2020"\n',
        Field(
            *("b_until", "Until", "date"),
            max="1/2/2020",
            extra={
                "validation_messages": {
                    "date": "You need to enter a valid date.",
                    "max": "You need to enter a date on or before Jan 2, 2020.",
                    "required": "You need to fill this in.",
                }
            },
        ),
    ),
    (
        f"  - Color: b_color\n    default: blue\n{_COLORS}",
        Field("b_color", "Color", choices=_CHOICES, default="blue"),
    ),
    (
        "  - A: b_choice\n    datatype: integer\n    input type: radio\n    choices: [{One: 1}]\n",
        Field(
            *("b_choice", "A", "integer", {"One": 1}),
            input_type="radio",
        ),
    ),
    (
        f"  - Checked: b_checked\n    datatype: checkboxes\n    default:\n      - red\n{_COLORS}",
        Field("b_checked", "Checked", "checkboxes", _CHOICES, default=["red"]),
    ),
    (
        f"  - Plain: b_plain\n    datatype: checkboxes\n    none of the above: False\n{_COLORS}",
        Field("b_plain", "Plain", "checkboxes", _CHOICES, extra={"none_of_the_above": False}),
    ),
    (
        f"  - None: b_none\n    datatype: checkboxes\n    none of the above: Neither\n{_COLORS}",
        Field("b_none", "None", "checkboxes", _CHOICES, extra={"none_of_the_above": "Neither"}),
    ),
    (
        '  - Image: b_image\n    datatype: file\n    accept: |\n      "image/png"\n',
        Field("b_image", "Image", "file", accept="image/png"),
    ),
    (
        "  - Hidden: b_hidden\n    input type: hidden\n    default: x\n",
        Field("b_hidden", "Hidden", "hidden", default="x"),
    ),
    ("  - If: b_if\n    show if: a_yesno\n", Field("b_if", "If", show_if="a_yesno")),
    (
        "  - Is: b_is\n    show if:\n      variable: a_radio\n      is: red\n",
        Field("b_is", "Is", show_if=("a_radio", "red")),
    ),
    (
        "  - Not: b_not\n    hide if:\n      variable: a_radio\n      is: red\n",
        Field("b_not", "Not", hide_if=("a_radio", "red")),
    ),
    ("  - note: A note\n", Field("", "A note", "note")),
    ("  - html: <b>A</b>\n", Field("", "<b>A</b>", "html")),
    ("  - raw html: <b>A</b>\n", Field("", "<b>A</b>", "raw html")),
)


def _make_screens() -> dict[str, tuple[str, ScriptedScreen]]:
    """Make the screens by name: as YAML below the question, and scripted."""
    text, fields = _make_fields()
    text += "".join(option for option, _ in _OPTIONS)
    fields += [field for _, field in _OPTIONS]
    screens = {
        "fields": (f"fields:\n{text}", ScriptedScreen("Question", fields)),
        "settrue": (
            "continue button field: seen\n",
            ScriptedScreen("Question", ["seen"], kind="settrue"),
        ),
        "signature": ("signature: sig\n", ScriptedScreen("Question", ["sig"], kind="signature")),
        "commands": (
            "id: last\nbuttons:\n  - Exit: exit\n  - Restart: restart\n",
            ScriptedScreen(
                "Question",
                [Field("", choices=["Exit", "Restart"], input_type="buttons")],
                kind="multiple_choice",
                name="ID last",
                mandatory=True,
            ),
        ),
    }
    for kind in ("yesno", "noyes", "yesnomaybe", "noyesmaybe"):
        screens[kind] = f"{kind}: sure\n", ScriptedScreen("Question", ["sure"], kind=kind)
    for key, variety in {
        "choices": "radio",
        "buttons": "buttons",
        "dropdown": "dropdown",
        "combobox": "combobox",
    }.items():
        screens[variety] = (
            f"field: fruit\n{key}:\n  - Apple: apple\n  - Fig: fig\n",
            ScriptedScreen(
                "Question",
                [Field("fruit", choices={"Apple": "apple", "Fig": "fig"}, input_type=variety)],
                kind="multiple_choice",
            ),
        )
    return screens


SCREENS = _make_screens()


def make_interview(name: str) -> str:
    """Make the YAML of an interview that shows a screen first."""
    return f"{_THINGS}mandatory: True\nquestion: Question\n{SCREENS[name][0]}"


def select_shape(question: dict[str, Any]) -> dict[str, Any]:
    """Select what the type of the question and of its fields determine."""
    return {key: question[key] for key in _KEYS if key in question}
