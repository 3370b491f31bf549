"""The fields of browser_posts.json, and what a user enters into each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.live.browser import Entry

_COLOURS = [{"Red": "red"}, {"Green": "green"}, {"Light blue": "light_blue"}]
_OPTIONAL = {"required": False}
_PLAIN: dict[str, dict[str, Any]] = {
    name: {"datatype": name}
    for name in (
        *("text", "integer", "number", "currency", "date", "time", "datetime", "email"),
        *("url", "password", "raw", "float", "yesno", "noyes", "yesnowide", "noyeswide"),
        *("yesnoradio", "noyesradio", "yesnomaybe", "noyesmaybe", "ml", "mlarea"),
    )
}
_UPLOADS: dict[str, dict[str, Any]] = {
    name: {"datatype": name}
    for name in ("file", "files", "camera", "user", "environment", "camcorder", "microphone")
}
_HIDDEN: dict[str, dict[str, Any]] = {
    f"hidden {name}": {"datatype": name, "input type": "hidden", "default": "7"}
    for name in ("text", "integer", "number")
}
_CHOICES: dict[str, dict[str, Any]] = {
    name: {"input type": name, "choices": _COLOURS}
    for name in ("radio", "dropdown", "combobox", "datalist")
}
_SEVERAL: dict[str, dict[str, Any]] = {
    name: {"datatype": name, "choices": _COLOURS} for name in ("checkboxes", "multiselect")
}
_OBJECTS: dict[str, dict[str, Any]] = {
    name: {"datatype": name, "choices": "people"}
    for name in ("object", "object_radio", "object_checkboxes", "object_multiselect")
}
_NUMBERS = [{"Two": 2}, {"Three": 3}]
_HALF_AND_TWO = [{"Half": 0.5}, {"Two": 2}]
_BELOW_ZERO = [{"Minus one": -1}, {"Minus two": -2}]
_MARKED = [{"Landlord & tenant": "lt"}, {"**Bold** move": "bold"}, {"a < b": "less"}]
_AGREED = [{"Agreed": True}, {"Refused": False}]
_REQUIRED: dict[str, dict[str, Any]] = (
    _PLAIN
    | {"area": {"input type": "area"}, "range": {"datatype": "range", "min": 0, "max": 20}}
    | _CHOICES
    | {
        "integer radio": {"input type": "radio", "datatype": "integer", "choices": _NUMBERS},
        "number dropdown": {"datatype": "number", "choices": _HALF_AND_TWO},
        "boolean dropdown": {"choices": _AGREED},
        "number choices": {"choices": _NUMBERS},
        "marked choices": {"choices": _MARKED},
        "marked checkboxes": {"datatype": "checkboxes", "choices": _MARKED},
    }
    | {"ajax": {"input type": "ajax", "action": "colours"}}
    | _SEVERAL
    | {
        "number checkboxes": {"datatype": "checkboxes", "choices": _NUMBERS},
        "number multiselect": {"datatype": "multiselect", "choices": _NUMBERS},
        "float checkboxes": {"datatype": "checkboxes", "choices": _HALF_AND_TWO},
        "negative checkboxes": {"datatype": "checkboxes", "choices": _BELOW_ZERO},
    }
    | _OBJECTS
    | _UPLOADS
)
_LIMITED: dict[str, dict[str, Any]] = {
    "limited text": {"minlength": 2, "maxlength": 5},
    "limited area": {"input type": "area", "maxlength": 5},
    "limited integer": {"datatype": "integer", "min": 2, "max": 10},
    "limited number": {"datatype": "number", "min": 0.5, "max": 10, "step": 0.5},
    "limited currency": {"datatype": "currency", "min": 1, "max": 1000},
    "limited date": {"datatype": "date", "min": "2026-01-01", "max": "2026-12-31"},
    "limited time": {"datatype": "time", "min": "08:00", "max": "18:00"},
    "range with steps": {"datatype": "range", "min": 0, "max": 20, "step": 5},
    "limited checkboxes": {
        "datatype": "checkboxes",
        "choices": _COLOURS,
        "minlength": 1,
        "maxlength": 2,
    },
    "checkboxes without none": {
        "datatype": "checkboxes",
        "choices": _COLOURS,
        "none of the above": False,
    },
}
FIELDS: dict[str, dict[str, Any]] = (
    _REQUIRED
    | {f"optional {name}": options | _OPTIONAL for name, options in _REQUIRED.items()}
    | _LIMITED
    | _HIDDEN
)
"""Options of each field in YAML, by its name in the table."""

_COMMON = (
    *("", " ", "12", "12.5", "1,000", "a lot", "2nd Jan", "2026-01-02", "14:30"),
    *("True", "False", "yes", "None", "red"),
)
_NUMBER = (
    *("0", "012", "-3", "+5", " 12 ", "12,5", "1.000,50", "1,000.50", "1,00", "1 000", "1'000"),
    *(
        "12.345",
        "12.340",
        "$12",
        "€12",
        "12€",
        "$1,234.567",
        "50%",
        "(12)",
        "1_000",
        "1e3",
        "0x10",
        "12.0",
        ".5",
    ),
    *(
        "NaN",
        "Infinity",
        "\u0661\u0662",
        "\uff11\uff12",
        "½",
        "12 apples",
        "99999999999999999999",
        "-",
        ".",
    ),
)
_MOMENT = (
    *("1/2/2026", "31/12/2026", "2026-02-30", "2026-1-2", "20260102", "Jan 2, 2026", "2026"),
    *("2026-01-02T14:30", "2026-01-02 14:30", "2026-01-02T14:30:15", "0026-01-02", "9999-12-31"),
    *("2026-01-02T14:30:00+02:00", "2026-01-02T23:30:00Z", " 2026-01-02 ", "14:30:15"),
    *("2:30 PM", "2.30pm", "25:00", "noon", "today", "Monday", "5"),
)
_TEXT = (
    *(" ada ", "Zoë Ångström 李", "first line\nsecond line", "<b>bold</b>", "a < b", "a <b"),
    *("R&D &amp; more", "back\\slash", "${ 1 + 1 }", "{'a': 1}", "ada@example.com", "ada@"),
    *("https://example.com/?a=1&b=2", "example.com", "x" * 300, "tab\tbed", "two  blanks"),
)
_COLOUR_CHOICES = ("Red", "green", "Light blue", "light_blue", "RED", " red ", "purple")
_NUMBER_CHOICES = ("2", "Two", "2.0", "0.5", "Half", "three", "4")
_BOOLEAN_CHOICES = ("Agreed", "Refused", "true")
_OBJECT_CHOICES = ("people[0]", "people[1]", "Ada", "Grace", "people[7]")
_BOOLEAN = ("Yes", "No", "true", "false", "no", "1", "0", "on", "maybe", "I don't know", " True ")
_COLOUR_LISTS: tuple[list[str], ...] = (
    *([], ["red"], ["Red"], ["red", "green"], ["red", "purple"], ["red", "green", "light_blue"]),
    *(["None of the above"], ["None of the above", "red"]),
)
_NUMBER_LISTS: tuple[list[str], ...] = ([], ["2"], ["Two", "Three"], ["4"])
_OBJECT_LISTS: tuple[list[str], ...] = ([], ["people[0]"], ["Ada", "Grace"], ["people[7]"])
_LISTS: dict[str, tuple[list[str], ...]] = {
    "people": _OBJECT_LISTS,
    str(_NUMBERS): _NUMBER_LISTS,
    str(_HALF_AND_TWO): ([], ["0.5"], ["Half", "Two"], ["0.50"]),
    str(_MARKED): ([], ["lt"], ["Landlord & tenant", "a < b"], ["Bold move"]),
    str(_BELOW_ZERO): ([], ["-1"], ["Minus one", "Minus two"], ["1"]),
}
_TEXTS = {
    "people": _OBJECT_CHOICES,
    str(_NUMBERS): _NUMBER_CHOICES,
    str(_HALF_AND_TWO): _NUMBER_CHOICES,
    str(_AGREED): _BOOLEAN_CHOICES,
    str(_MARKED): ("lt", "Landlord & tenant", "Bold move", "a < b"),
}
_LIMITS = ("1", "2", "7.5", "7.25", "10", "11", "1000", "1000.01", "abc", "abcdef", "a\nbcd")
_MOMENT_LIMITS = (
    "2025-12-31",
    "2026-01-01",
    "2026-12-31",
    "2027-01-01",
    "07:59",
    "08:00",
    "18:01",
)
_BRIEF: tuple[Entry, ...] = (None, "", " ", "12", "a lot", "2026-01-02", "14:30", "True", "red")


def list_entries(name: str, options: Mapping[str, Any]) -> list[Entry]:
    """
    List what a user enters into a field.

    Args:
        name: Name of the field.
        options: Its options in YAML.

    Returns:
        Texts, lists of choices, and None for a field that is left alone.
    """
    datatype, choices = options.get("datatype", "text"), options.get("choices")
    if datatype in _UPLOADS or name in _HIDDEN:
        return [None]
    if datatype.endswith(("checkboxes", "multiselect")):
        return [None, "", "red", *_LISTS.get(str(choices), _COLOUR_LISTS)]
    if "required" in options:
        return list(_BRIEF)
    if name in _LIMITED:
        return [None, *_LIMITS, *(_MOMENT_LIMITS if datatype in {"date", "time"} else ())]
    texts: tuple[str, ...]
    if choices:
        texts = _TEXTS.get(str(choices), _COLOUR_CHOICES)
    elif datatype in {"integer", "number", "currency", "float", "range"}:
        texts = _NUMBER
    elif datatype in {"date", "time", "datetime"}:
        texts = _MOMENT
    else:
        texts = _BOOLEAN if "yes" in datatype else _TEXT
    return list(dict.fromkeys((None, *_COMMON, *texts)))
