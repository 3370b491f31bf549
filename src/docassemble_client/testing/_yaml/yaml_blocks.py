"""Blocks of an interview that is written as YAML."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client.testing.interviews import Field, Screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docassemble_client._types import JSONInput

_UNCOUNTED = (
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
_LABELS_OF_FIELD = {
    "yesLabel": "true_label",
    "noLabel": "false_label",
    "maybeLabel": "maybe_label",
}


class SourceError(Exception):
    """The text is no interview."""


@frozen
class Block:
    """
    A block of an interview.

    Attributes:
        name: Name the server gives it.
        content: What it says.
        screen: Its screen, if it is a question.
        sets: Variables its code, fields or event define.
    """

    name: str
    content: Mapping[str, Any] = field(repr=False)
    screen: Screen | None
    sets: frozenset[str]

    @property
    def code(self) -> str:
        """Its code, empty if it has none."""
        return str(self.content.get("code", ""))

    @property
    def text(self) -> str:
        """What it does: its code, or the question."""
        return self.code if self.screen is None else self.screen.code

    @property
    def initial(self) -> bool:
        """Whether it is run each time, before all others."""
        return bool(self.content.get("initial"))

    @property
    def mandatory(self) -> bool:
        """Whether it is run or asked in any case."""
        return self.initial or bool(self.content.get("mandatory"))

    @property
    def reason(self) -> str:
        """Why it is run or asked in any case, in the server's words."""
        if self.initial:
            return "initial"
        return "mandatory code" if self.screen is None else "mandatory question"


def blocks_of(contents: list[dict[str, Any]]) -> Iterator[Block]:
    """
    Read the blocks that do something.

    Args:
        contents: All of them, as YAML has them.

    Yields:
        Each with the name the server gives it.

    Raises:
        SourceError: Code in one is no Python.
    """
    counted = (one for one in contents if not any(key in one for key in _UNCOUNTED))
    for number, content in enumerate(counted):
        screen = _screen(content) if "question" in content else None
        sets = {content[key] for key in ("event", "sets") if key in content}
        if screen is not None:
            sets |= {one.variable for one in screen.fields}
        sets |= set(_assigned(str(content.get("code", ""))))
        name = f"ID {content['id']}" if "id" in content else f"Question_{number}"
        yield Block(name, content, screen, frozenset(sets))


def _screen(content: Mapping[str, Any]) -> Screen:
    button = content.get("continue button field", content.get("field"))
    fields = [_field(one) for one in content.get("fields", [])]
    kind = ""
    extra: Mapping[str, JSONInput] = {}
    closed = next((one for one in _LABELS if one in content), "")
    if closed:
        kind, fields, extra = closed, [_closed_field(closed, content[closed])], _LABELS[closed]
    elif button is not None and not fields:
        kind, fields = "settrue", [Field(button, datatype="")]
    elif button is not None:
        extra = {"question_variable_name": button}
    return Screen(
        str(content["question"]).strip(),
        fields,
        subtext=str(content.get("subquestion", "")).strip(),
        kind=kind,
        mandatory=bool(content.get("mandatory")),
        progress=content.get("progress"),
        extra=extra,
    )


def _closed_field(kind: str, variable: str) -> Field:
    extra = _closed(kind)
    if kind in _POSITIVE:
        extra |= {_LABELS_OF_FIELD[name]: text for name, text in _LABELS[kind].items()}
    return Field(variable, datatype=_truth(kind), extra=extra)


def _closed(kind: str) -> dict[str, JSONInput]:
    return {"sign": 1 if kind in _POSITIVE else -1}


def _truth(kind: str) -> str:
    return "threestate" if kind.endswith("maybe") else "boolean"


def _field(content: Any) -> Field:
    label, variable = content.get("label"), content.get("field")
    for key, value in content.items():
        if key not in _FIELD_KEYS:
            label, variable = key, value
    datatype = str(content.get("datatype", "text"))
    extra: dict[str, JSONInput] = {}
    if datatype in _LABELS:
        extra = {"inputtype": datatype, **_closed(datatype)}
    elif "using" in content:
        extra = {"ml_info": {"group_id": str(content["using"])}}
    return Field(
        str(variable),
        str(label),
        datatype=_truth(datatype) if datatype in _LABELS else datatype,
        choices={str(one): one for one in content.get("choices", [])},
        # A box that need not be ticked is no answer that is missing.
        required=bool(content.get("required", datatype not in {"yesno", "noyes"})),
        default=content.get("default"),
        extra=extra,
    )


def _assigned(code: str) -> Iterator[str]:
    """Names a code assigns to."""
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise SourceError(str(error)) from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield ast.unparse(node)
