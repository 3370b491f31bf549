"""The JSON of a screen's fields, in the shape that a real server sends for each type of field."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from docassemble_client._types import is_json_array, is_json_object
from docassemble_client.testing._server.messages import to_json
from docassemble_client.testing._yaml.variable_expressions import MONTHS, DateText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docassemble_client._types import JSON
    from docassemble_client.testing.interviews import SessionVariables
    from docassemble_client.testing.screens import Field, ScriptedScreen

_MAX_UPLOAD_BYTES = 16 * 1024 * 1024
_FILE_DATATYPES = {"file", "files", "camera", "user", "environment", "camcorder", "microphone"}
_NUMBER_DATATYPES = {"integer", "number", "float", "currency"}
_DICT_DATATYPES = {"checkboxes", "multiselect"}
_MULTIPLE_DATATYPES = {*_DICT_DATATYPES, "object_checkboxes", "object_multiselect"}
_OBJECT_DATATYPES = {"object", "object_radio"}
_NOTES = {"note", "html", "raw html"}
# Datatypes of YAML that set the input type of a text field.
_TEXT_INPUTS = {"radio", "combobox", "datalist", "dropdown", "area", "hidden"}
_SELECT_INPUTS = {"combobox", "radio", "dropdown", "ajax", "yesnoradio", "noyesradio"}
_BOOLEAN_INPUTS = {
    *("yesno", "noyes", "yesnowide", "noyeswide", "yesnoradio", "noyesradio"),
    *("yesnomaybe", "noyesmaybe"),
}
_OPTIONAL = {"yesno", "noyes", "yesnowide", "noyeswide", "range"}
_REQUIRED = "You need to fill this in."
_SELECT = "You need to select one."
_MESSAGES: Mapping[str, Mapping[str, str]] = {
    "date": {"date": "You need to enter a valid date."},
    "datetime": {"datetime": "You need to enter a valid date and time."},
    "time": {"time": "You need to enter a valid time."},
    "email": {"email": "You need to enter a complete e-mail address."},
}
_NUMBER_MESSAGES = {"number": "You need to enter a number."}
_FILE_MESSAGES = {
    "required": "You must provide a file.",
    "max": "Your file upload is larger than the server can accept. "
    "Please reduce the size of your file upload.",
}
_NUMBER_LIMITS = {
    "min": "You need to enter a number that is at least {}.",
    "max": "You need to enter a number that is at most {}.",
}
_DATE_LIMITS = {
    "min": "You need to enter a date on or after {}.",
    "max": "You need to enter a date on or before {}.",
}
_YES_LABELS = {"yesLabel": "Yes", "noLabel": "No"}
_NO_LABELS = {"yesLabel": "No", "noLabel": "Yes"}
_MAYBE_LABEL = {"maybeLabel": "I don't know"}
_KIND_KEYS: Mapping[str, Mapping[str, JSON]] = {
    "yesno": _YES_LABELS,
    "noyes": _NO_LABELS,
    "yesnomaybe": {**_YES_LABELS, **_MAYBE_LABEL},
    "noyesmaybe": {**_NO_LABELS, **_MAYBE_LABEL},
    "signature": {
        "signaturePhrases": {
            "clear": "Clear",
            "loading": "Loading.  Please wait . . . ",
            "noSignature": "You must sign your name to continue.",
        }
    },
}
_SIGNS = {"yesno": 1, "noyes": -1, "yesnomaybe": 1, "noyesmaybe": -1}
_FIELD_LABELS = {"yesLabel": "true_label", "noLabel": "false_label", "maybeLabel": "maybe_label"}
_MULTIPLE_CHOICE = "multiple_choice"


def make_screen_keys(
    screen: ScriptedScreen, block_name: str, defaults: SessionVariables
) -> dict[str, Any]:
    """
    Build the fields of a question, and the keys that it has because of its kind.

    Args:
        screen: The screen.
        block_name: Name of the screen's block.
        defaults: Previous answers, which become the default values.

    Returns:
        JSON by key; without `fields` if the screen has none.
    """
    keys: dict[str, Any] = {**_KIND_KEYS.get(screen.kind, {})}
    if screen.kind in {"", "fields"}:
        fields = [_make_field(field, defaults) for field in screen.fields]
    else:
        fields = [
            _make_single_field(field, screen.kind, block_name, defaults) for field in screen.fields
        ]
    if screen.kind == _MULTIPLE_CHOICE and screen.fields:
        keys["questionVariety"] = _get_variety(screen.fields[0])
    if fields:
        keys["fields"] = [
            {"number": number, "active": True, **field} for number, field in enumerate(fields)
        ]
    return keys


def _get_variety(field: Field) -> str:
    return field.input_type or "radio"


def _make_single_field(
    field: Field, kind: str, block_name: str, defaults: SessionVariables
) -> dict[str, Any]:
    """Build the field of a question that consists of buttons, choices or a signature."""
    data: dict[str, Any] = {"required": field.required is not False}
    if field.variable:
        data |= {"variable_name": field.variable, **_make_default(defaults.get(field.variable))}
        data["validation_messages"] = {"required": _REQUIRED}
    if kind == _MULTIPLE_CHOICE:
        data |= {"fieldtype": kind, "choices": _make_buttons(field, block_name)}
        variety = _get_variety(field)
        if field.variable and variety != "buttons":
            data["validation_messages"] = {"required": _get_select_message(variety)}
    elif kind in _SIGNS:
        data |= {
            "datatype": "threestate" if kind.endswith("maybe") else "boolean",
            "sign": _SIGNS[kind],
        }
        if _SIGNS[kind] > 0:
            data |= {_FIELD_LABELS[key]: label for key, label in _KIND_KEYS[kind].items()}
    return {**data, **to_json(field.extra)}


def _make_buttons(field: Field, block_name: str) -> list[dict[str, Any]]:
    if field.variable:
        return [{"label": label, "value": value} for label, value in field.choices.items()]
    answers = f"_internal[\"answers\"]['{block_name}']"  # each button runs a command or code
    return [
        {"label": label, "value": number, "variable_name": answers}
        for number, label in enumerate(field.choices)
    ]


def _get_select_message(input_type: str) -> str:
    return "You need to select one or type in a new value." if input_type == "combobox" else _SELECT


def _make_field(field: Field, defaults: SessionVariables) -> dict[str, Any]:
    if field.datatype in _NOTES:
        data = {"datatype": field.datatype, field.datatype: field.label, "required": True}
        return {**data, **to_json(field.extra)}
    value: Any = to_json(defaults.get(field.variable, field.default))
    data = {
        "variable_name": field.variable,
        "label": field.label or field.variable,
        "required": field.datatype not in _OPTIONAL if field.required is None else field.required,
        **_make_type_keys(field),
        **_make_condition(field),
    }
    texts = {"hint": field.hint, "helptext": field.help, "accept": field.accept}
    limits = {name: str(limit) for name, limit in _get_limits(field).items()}
    data |= {**{name: text for name, text in texts.items() if text}, **limits}
    data |= _make_default(value)
    data["validation_messages"] = _make_messages(field, str(data.get("inputtype", "")))
    if field.choices or field.datatype in {*_MULTIPLE_DATATYPES, *_OBJECT_DATATYPES}:
        data["choices"] = _make_choices(field, _list_selected(value))
    return {**data, **to_json(field.extra)}


def _make_default(value: Any) -> dict[str, Any]:
    """Build the default value; the server sends none that is a date, another object or a list."""
    is_sent = isinstance(value, (str, int, float)) and not isinstance(value, DateText)
    return {"default": value} if is_sent else {}


def _make_type_keys(field: Field) -> dict[str, Any]:
    """Build the keys that a datatype of YAML implies."""
    datatype = field.datatype
    keys: dict[str, Any] = {"inputtype": field.input_type} if field.input_type else {}
    if datatype in _TEXT_INPUTS:
        return {"datatype": "text", "inputtype": datatype}
    if datatype in _BOOLEAN_INPUTS:
        return {
            "datatype": "threestate" if datatype.endswith("maybe") else "boolean",
            "inputtype": datatype,
            "sign": 1 if datatype.startswith("yes") else -1,
        }
    if datatype in _MULTIPLE_DATATYPES:
        keys |= {"all_of_the_above": False, "none_of_the_above": True}
    elif datatype == "object_radio":
        keys["none_of_the_above"] = False
    elif datatype in _FILE_DATATYPES:
        keys["max"] = _MAX_UPLOAD_BYTES
    return {"datatype": datatype, **keys}


def _make_condition(field: Field) -> dict[str, Any]:
    for condition, sign in ((field.show_if, 1), (field.hide_if, 0)):
        if condition:
            variable, value = (condition, True) if isinstance(condition, str) else condition
            return {"show_if_var": variable, "show_if_val": str(value), "show_if_sign": sign}
    return {}


def _get_limits(field: Field) -> dict[str, float | str]:
    limits = {"min": field.min, "max": field.max}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _get_none_label(field: Field) -> Any:
    """Return the label of "none of the above", True for the usual one, or False for none."""
    return field.extra.get("none_of_the_above", True)


def _list_selected(value: Any) -> set[str]:
    """List the keys of the choices that a default value or an earlier answer selects."""
    if is_json_object(value):
        elements: Any = value.get("elements", value)
        return {str(key) for key in elements if elements[key]}
    return {str(key) for key in value} if is_json_array(value) else {str(value)}


def _make_choices(field: Field, selected: set[str]) -> list[dict[str, Any]]:
    choices: list[dict[str, Any]] = []
    for label, value in field.choices.items():
        choice: dict[str, Any] = {"label": label, "value": value}
        if field.datatype in _DICT_DATATYPES:
            choice |= {"value": True, "variable_name": f"{field.variable}[{value!r}]"}
        elif field.datatype in _OBJECT_DATATYPES:
            choice["default"] = "False"  # the server sends this text for each object
        choices.append({**choice, "selected": True} if str(value) in selected else choice)
    none = field.datatype in _MULTIPLE_DATATYPES and _get_none_label(field)
    if none:
        choices.append({"label": "None of the above" if none is True else none})
    return choices


def _make_messages(field: Field, input_type: str) -> dict[str, str]:
    """Build the messages of the rules that a browser would check."""
    datatype = field.datatype
    if datatype in _MULTIPLE_DATATYPES:
        none = _get_none_label(field)
        if not none or datatype.endswith("multiselect"):
            return {}
        return {"checkatleast": f"Check at least one option, or check “{none}”"}
    messages = {"required": _REQUIRED}
    if input_type in _SELECT_INPUTS or datatype == "object_radio":
        messages = {"required": _get_select_message(input_type)}
    messages |= _MESSAGES.get(datatype, {})
    if datatype in _FILE_DATATYPES:
        messages |= _FILE_MESSAGES
    if datatype in _FILE_DATATYPES and field.accept:
        messages["accept"] = "Please upload a file with a valid file format."
    return messages | _make_limit_messages(field)


def _make_limit_messages(field: Field) -> dict[str, str]:
    messages: dict[str, str] = {}
    datatype, limits = field.datatype, _get_limits(field)
    if datatype in _NUMBER_DATATYPES:
        messages |= _NUMBER_MESSAGES
        if "step" in field.extra:
            messages["step"] = "Please enter a multiple of {0}."
        elif datatype == "integer":
            messages["step"] = "Please enter a whole number."
        messages |= {name: _NUMBER_LIMITS[name].format(limit) for name, limit in limits.items()}
    elif datatype == "date":
        days = {name: _format_date(str(limit)) for name, limit in limits.items()}
        if len(days) > 1:
            text = f"You need to enter a date between {days['min']} and {days['max']}."
            messages["minmax"] = text
        else:
            messages |= {name: _DATE_LIMITS[name].format(day) for name, day in days.items()}
    return messages


def _format_date(text: str) -> str:
    """Format an ISO date in the server's medium format; other texts stay as they are."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{MONTHS[day.month - 1][:3]} {day.day}, {day.year}"
