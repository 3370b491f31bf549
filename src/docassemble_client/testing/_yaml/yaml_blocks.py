"""Parses the blocks of an interview written in YAML."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client.testing.interviews import Field, ScriptedScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client._types import JSONInput

_UNNUMBERED_BLOCKS = (
    "metadata",
    "features",
    "modules",
    "imports",
    "objects",
    "images",
    "default screen parts",
)
_FIELD_KEYS = ("datatype", "required", "default", "choices", "label", "field", "using")
_YES: Mapping[str, str] = {"yesLabel": "Yes", "noLabel": "No"}
_NO: Mapping[str, str] = {"yesLabel": "No", "noLabel": "Yes"}
_MAYBE = {"maybeLabel": "I don't know"}
_LABELS = {
    "yesno": _YES,
    "noyes": _NO,
    "yesnomaybe": {**_YES, **_MAYBE},
    "noyesmaybe": {**_NO, **_MAYBE},
}
_POSITIVE = {"yesno", "yesnomaybe"}
_FIELD_LABELS = {
    "yesLabel": "true_label",
    "noLabel": "false_label",
    "maybeLabel": "maybe_label",
}


class InterviewSyntaxError(Exception):
    """The text is not valid YAML, or its code is not valid Python."""


@frozen
class Block:
    """
    A block of an interview.

    Attributes:
        name: Name that the server gives to the block.
        content: The parsed YAML.
        screen: Screen, if the block is a question.
        defined_variables: Variables that the code, fields or event of the block define.
    """

    name: str
    content: Mapping[str, Any] = field(repr=False)
    screen: ScriptedScreen | None
    defined_variables: frozenset[str]

    @property
    def code(self) -> str:
        """Python code; empty if the block has none."""
        return str(self.content.get("code", ""))

    @property
    def text(self) -> str:
        """Python code, or YAML of the question."""
        return self.code if self.screen is None else self.screen.code

    @property
    def is_initial(self) -> bool:
        """Whether the block is run whenever the interview is run."""
        return bool(self.content.get("initial"))

    @property
    def is_mandatory(self) -> bool:
        """Whether the block is run even if no variable needs it."""
        return self.is_initial or bool(self.content.get("mandatory"))

    @property
    def reason(self) -> str:
        """Reason of the trace step, in the server's words."""
        if self.is_initial:
            return "initial"
        return "mandatory code" if self.screen is None else "mandatory question"


def read_blocks(contents: list[dict[str, Any]]) -> Iterator[Block]:
    """
    Parse the blocks that the server numbers.

    Args:
        contents: The parsed YAML of all blocks.

    Yields:
        The blocks, with the names that the server gives them.

    Raises:
        InterviewSyntaxError: The code of a block is not valid Python.
    """
    numbered = (
        content for content in contents if not any(key in content for key in _UNNUMBERED_BLOCKS)
    )
    for number, content in enumerate(numbered):
        screen = _read_screen(content) if "question" in content else None
        variables = {content[key] for key in ("event", "sets") if key in content}
        if screen is not None:
            variables |= {field.variable for field in screen.fields}
        variables |= set(_find_assigned_names(str(content.get("code", ""))))
        name = f"ID {content['id']}" if "id" in content else f"Question_{number}"
        yield Block(name, content, screen, frozenset(variables))


def _read_screen(content: Mapping[str, Any]) -> ScriptedScreen:
    button = content.get("continue button field", content.get("field"))
    fields = [_read_field(field) for field in content.get("fields", [])]
    kind = ""
    extra: Mapping[str, JSONInput] = {}
    yes_no = next((key for key in _LABELS if key in content), "")
    if yes_no:
        kind, extra = yes_no, _LABELS[yes_no]
        fields = [_make_yes_no_field(yes_no, content[yes_no])]
    elif button is not None and not fields:
        kind, fields = "settrue", [Field(button, datatype="")]
    elif button is not None:
        extra = {"question_variable_name": button}
    return ScriptedScreen(
        str(content["question"]).strip(),
        fields,
        subtext=str(content.get("subquestion", "")).strip(),
        kind=kind,
        mandatory=bool(content.get("mandatory")),
        progress=content.get("progress"),
        extra=extra,
    )


def _make_yes_no_field(kind: str, variable: str) -> Field:
    extra = _make_sign(kind)
    if kind in _POSITIVE:
        extra |= {_FIELD_LABELS[name]: text for name, text in _LABELS[kind].items()}
    return Field(variable, datatype=_get_yes_no_datatype(kind), extra=extra)


def _make_sign(kind: str) -> dict[str, JSONInput]:
    return {"sign": 1 if kind in _POSITIVE else -1}


def _get_yes_no_datatype(kind: str) -> str:
    return "threestate" if kind.endswith("maybe") else "boolean"


def _read_field(content: Any) -> Field:
    label, variable = content.get("label"), content.get("field")
    for key, value in content.items():
        if key not in _FIELD_KEYS:
            label, variable = key, value
    datatype = str(content.get("datatype", "text"))
    extra: dict[str, JSONInput] = {}
    if datatype in _LABELS:
        extra = {"inputtype": datatype, **_make_sign(datatype)}
    elif "using" in content:
        extra = {"ml_info": {"group_id": str(content["using"])}}
    return Field(
        str(variable),
        str(label),
        datatype=_get_yes_no_datatype(datatype) if datatype in _LABELS else datatype,
        choices={str(choice): choice for choice in content.get("choices", [])},
        # An unticked checkbox is an answer, so the field is not required.
        required=bool(content.get("required", datatype not in {"yesno", "noyes"})),
        default=content.get("default"),
        extra=extra,
    )


def _find_assigned_names(code: str) -> Iterator[str]:
    """Find the names and attributes that code assigns to."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise InterviewSyntaxError(str(error)) from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node)
