"""Reads the fields of a question in YAML; refuses every key and datatype not listed here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from docassemble_client.testing._yaml.yaml_expressions import Code, Text, check_name, read_text
from docassemble_client.testing._yaml.yaml_source import is_node_mapping
from docassemble_client.testing.screens import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client._types import JSON
    from docassemble_client.testing._yaml.yaml_source import Node

YES_NO = ("yesno", "noyes", "yesnomaybe", "noyesmaybe")
_NOTE = "note"
_FIELD_KEYS = frozenset(
    (
        *("label", "field", "datatype", "input type", "required", "default", "hint", "help"),
        *("choices", "min", "max", "show if", "hide if"),
    )
)
# Keys of a field that are not labels, although another key of a field may be its label.
_UNSUPPORTED_FIELD_KEYS = frozenset(
    (
        *("accept", "action", "address autocomplete", "all of the above", "allow privileges"),
        *("allow users", "check others", "code", "css", "css class", "currency symbol"),
        *("disable if", "disable others", "disabled", "enable if", "exclude", "field metadata"),
        *("file css class", "floating label", "grid", "group", "help generator", "html"),
        *("image generator", "image upload type", "inline", "inline width", "item grid"),
        *("js disable if", "js enable if", "js hide if", "js show if", "keep for training"),
        *("label above field", "maximum image size", "maxlength", "minlength"),
        *("none of the above", "note", "object labeler", "persistent", "private", "raw html"),
        *("rows", "scale", "script", "shuffle", "step", "trigger at", "uncheck others"),
        *("under text", "using", "validate", "validation messages"),
    )
)
_NUMBER_DATATYPES = ("integer", "number", "float", "currency")
_CHOICE_INPUTS = ("radio", "dropdown", "combobox", "datalist")
_DATATYPES = frozenset(
    (
        *("text", "date", "time", "email", "area", *_NUMBER_DATATYPES, *_CHOICE_INPUTS, *YES_NO),
        *("yesnowide", "noyeswide", "yesnoradio", "noyesradio", "boolean", "threestate"),
    )
)
# Labels of choices are Markdown that the server converts to HTML; these it leaves as they are.
PLAIN_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9 ,.?!$%()/-]*|[0-9]+")
_CHOICE_KEYS = frozenset(
    (
        *("code", "url", "default", "help", "image", "label", "value", "key", "group", "color"),
        *("css class", "show if", "exclude"),
    )
)


@frozen
class FieldTexts:
    """
    A field whose texts depend on variables.

    Attributes:
        field: The field, without its texts.
        texts: Texts by attribute of the field, in the order in which the server fills them in.
    """

    field: Field
    texts: Mapping[str, Text]

    def render(self, evaluate: Callable[[Code], object]) -> Field:
        """Fill in the texts."""
        texts: dict[str, Any] = {name: text.render(evaluate) for name, text in self.texts.items()}
        if self.field.datatype == _NOTE:
            texts = {name: text.strip() for name, text in texts.items()}
        return evolve(self.field, **texts)


def read_choices(node: Node) -> dict[str, JSON]:
    """Read a list of choices, or of labels and values; return the values by label."""
    choices: dict[str, JSON] = {}
    for item in node.read_list("choices"):
        if is_node_mapping(item.value):
            if len(item.value) != 1:
                item.refuse("a choice with more than a label and a value")
            ((label, value),) = item.value.items()
            choice = value.value if type(value.value) is int else value.read_text("a choice")
        else:
            label = choice = item.read_text("a choice")
        is_special = "${" in str(choice) or choice in {"True", "False", "None"}
        is_special = is_special or label in _CHOICE_KEYS or label in choices
        if not PLAIN_LABEL.fullmatch(label) or is_special:
            item.refuse(f"the choice {label!r}")
        choices[label] = choice
    if not choices:
        node.refuse("a list without choices")
    return choices


def read_field(node: Node) -> FieldTexts:
    """Read a field, or a note between the fields."""
    content = node.read_mapping("a field")
    if content.keys() == {_NOTE}:
        return FieldTexts(Field("", datatype=_NOTE), {"label": read_text(content[_NOTE], "a note")})
    label, variable = _read_label(node, content)
    texts = {"label": label}
    for name in ("hint", "help"):
        if name in content:
            texts[name] = read_text(content[name], f"a {name}")
            if not content[name].value.strip():
                content[name].refuse(f"an empty {name}")
    options = _read_field_type(node, content)
    return FieldTexts(Field(check_name(variable.value, variable), **options), texts)


def _read_label(node: Node, content: dict[str, Node]) -> tuple[Text, Node]:
    """Read the label of a field and the name of its variable, in one of two notations."""
    names = [name for name in content if name not in _FIELD_KEYS]
    for name in names:
        if name in _UNSUPPORTED_FIELD_KEYS:
            content[name].refuse(f"the key {name!r} of a field")
    if "label" in content and "field" in content and not names:
        return read_text(content["label"], "a label"), content["field"]
    if len(names) != 1 or not names[0] or {"label", "field"} & content.keys():
        keys = ", ".join(map(repr, names))
        node.refuse(f"a field with the labels {keys}" if keys else "a field without a variable")
    variable = content[names[0]]
    if "${" in names[0]:
        variable.refuse("a label with expressions before a colon; use 'label' and 'field'")
    return Text((names[0],)), variable


def _read_field_type(node: Node, content: dict[str, Node]) -> dict[str, Any]:
    datatype = content["datatype"].value if "datatype" in content else "text"
    if datatype not in _DATATYPES:
        content["datatype"].refuse(f"the datatype {datatype!r}")
    options: dict[str, Any] = {"datatype": datatype}
    if "input type" in content:
        input_type = content["input type"].value
        datatypes = {"text"} if input_type == "area" else {"text", *_NUMBER_DATATYPES}
        if input_type not in {"area", *_CHOICE_INPUTS} or datatype not in datatypes:
            content["input type"].refuse(f"the input type {input_type!r} of {datatype!r}")
        options["input_type"] = input_type
    is_choice = bool({datatype, options.get("input_type")} & {*_CHOICE_INPUTS})
    if "choices" in content:
        if not is_choice and datatype != "text":
            content["choices"].refuse(f"choices of the datatype {datatype!r}")
        options["choices"] = read_choices(content["choices"])
    elif is_choice:
        node.refuse("a field for a choice without choices")
    return options | _read_field_options(node, content, datatype)


def _read_field_options(node: Node, content: dict[str, Node], datatype: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if "required" in content:
        options["required"] = content["required"].read_flag("required")
    if "default" in content:
        options["default"] = _read_default(content["default"], content)
    for name in {"min", "max"} & content.keys():
        limit = content[name].value
        if type(limit) not in {int, float} or datatype not in _NUMBER_DATATYPES:
            content[name].refuse(f"the key {name!r} of the datatype {datatype!r}")
        options[name] = limit
    conditions = {"show if", "hide if"} & content.keys()
    if len(conditions) > 1:
        node.refuse("'show if' together with 'hide if'")
    return options | {name.replace(" ", "_"): _read_condition(content[name]) for name in conditions}


def _read_default(node: Node, content: dict[str, Node]) -> str:
    value = node.value
    if isinstance(value, (int, float)) and not {"datatype", "choices"} & content.keys():
        node.refuse("a default value that sets the datatype")
    if not isinstance(value, (str, int, float)) or "${" in str(value):
        node.refuse("a default value with expressions, lists or mappings")
    return str(value).strip()


def _read_condition(node: Node) -> str | tuple[str, JSON]:
    if isinstance(node.value, str):
        return check_name(node.value, node)
    condition = node.read_mapping("a condition", frozenset(("variable", "is")))
    if len(condition) < 2:
        node.refuse("a condition without 'variable' and 'is'")
    value = condition["is"].value
    if not isinstance(value, (str, int, float)) or "${" in str(value):
        node.refuse("the value of a condition")
    return check_name(condition["variable"].value, condition["variable"]), str(value).strip()
