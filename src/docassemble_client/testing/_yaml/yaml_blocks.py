"""Reads the blocks of an interview written in YAML; refuses every block and key not listed here."""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen

from docassemble_client._types import JSON
from docassemble_client.testing._yaml.yaml_documents import Attachment, read_attachment
from docassemble_client.testing._yaml.yaml_expressions import (
    Code,
    Text,
    check_name,
    read_code,
    read_text,
)
from docassemble_client.testing._yaml.yaml_fields import (
    YES_NO,
    FieldTexts,
    read_choices,
    read_field,
)
from docassemble_client.testing._yaml.yaml_source import (
    BlockSource,
    Node,
    is_node_mapping,
    to_plain,
)
from docassemble_client.testing.screens import Field

_METADATA_KEYS = frozenset(
    (
        *("title", "short title", "tags", "required privileges", "documentation", "description"),
        *("short", "author", "authors", "comment", "example start", "example end"),
    )
)
_VARIETIES = {"choices": "radio", "buttons": "buttons", "dropdown": "dropdown"}
_DIRECTIVES = (*YES_NO, "fields", *_VARIETIES)
_BUTTON = "continue button field"
_COMMON_KEYS = frozenset(("id", "mandatory", "event", "comment"))
_QUESTION_KEYS = _COMMON_KEYS | {
    *("question", "subquestion", "field", _BUTTON, "attachment"),
    *_DIRECTIVES,
}
_CODE_KEYS = _COMMON_KEYS | {"code", "initial"}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")


@frozen(kw_only=True)
class Question:
    """
    The question of a block.

    Attributes:
        texts: Question and subquestion; a missing one is None.
        fields: Fields.
        kind: docassemble's question type; empty for fields or deadend.
        attachment: Document to download.
        extra: Additional keys of the question's JSON.
    """

    texts: tuple[Text, Text | None]
    fields: tuple[FieldTexts, ...]
    kind: str
    attachment: Attachment | None
    extra: dict[str, JSON]

    @property
    def has_expressions(self) -> bool:
        """Whether a text depends on variables."""
        texts = [text for field in self.fields for text in field.texts.values()]
        return any(text is not None and text.has_expressions for text in (*self.texts, *texts))


@frozen(kw_only=True)
class Block:
    """
    A block of an interview.

    Attributes:
        name: Name that the server gives to the block.
        node: The block in the source.
        source: YAML of the block.
        code: Code, if it is a block of code.
        question: Question, if it is one.
        defined_variables: Variables that the code, fields or event of the block define.
        is_initial: Whether the code is run whenever the interview is run.
        is_mandatory: Whether the block is run even if no variable needs it.
        is_event: Whether running the block is enough, even if its variable stays undefined.
    """

    name: str
    node: Node = field(repr=False)
    source: str = field(repr=False)
    code: Code | None = None
    question: Question | None = None
    defined_variables: frozenset[str] = frozenset()
    is_initial: bool = False
    is_mandatory: bool = False
    is_event: bool = False

    @property
    def reason(self) -> str:
        """Reason of the trace step, in the server's words."""
        if self.is_initial:
            return "initial"
        return "mandatory code" if self.question is None else "mandatory question"


def read_metadata(node: Node) -> dict[str, Any]:
    """Read a metadata block."""
    node.read_mapping("a metadata block", frozenset(("metadata", "comment")))
    metadata = node.value["metadata"].read_mapping("metadata", _METADATA_KEYS)
    values = {name: to_plain(item) for name, item in metadata.items()}
    for name in ("title", "short title"):
        if name in metadata:
            metadata[name].read_text(f"a {name}")
    for name in ("tags", "required privileges"):
        for item in metadata[name].read_list(name) if name in metadata else ():
            item.read_text(f"an item of {name}")
    return values


def read_block(block: BlockSource, number: int) -> Block:
    """
    Read a block that the server numbers.

    Args:
        block: The block in the source.
        number: Number of the block.

    Returns:
        The block.

    Raises:
        InterviewSyntaxError: The real server refuses the block.
        UnsupportedInterview: The block is not supported.
    """
    node = block.node
    if not is_node_mapping(node.value):
        raise block.make_error(_NO_DICTIONARY)
    content = node.value
    _check_combinations(block, content)
    if "code" in content:
        node.read_mapping("a code block", _CODE_KEYS)
    elif "question" in content:
        node.read_mapping("a question block", _QUESTION_KEYS)
    elif to_plain(node) == {"modules": [_UTIL_MODULE]}:
        return Block(name=f"Question_{number}", node=node, source=block.text)
    else:
        keys = ", ".join(map(repr, content))
        node.refuse(f"a block with {keys}" if keys else "an empty block")
    flags = {
        name: name in content and content[name].read_flag(name) for name in ("mandatory", "initial")
    }
    try:
        code = read_code(content["code"], block.line) if "code" in content else None
        question = None if code else _read_question(content)
    except SyntaxError as error:
        raise block.make_code_error(error) from None
    variables = list(code.assigned if code else _list_variables(content, question))
    if "event" in content:
        variables.append(check_name(content["event"].value, content["event"]))
    name = f"Question_{number}"
    if "id" in content:
        name = f"ID {content['id'].read_pattern('an id', _ID)}"
    return Block(
        name=name,
        node=node,
        source=block.text,
        code=code,
        question=question,
        defined_variables=frozenset(variables),
        is_initial=flags["initial"],
        is_mandatory=flags["mandatory"],
        is_event=code is not None and "event" in content,
    )


def _check_combinations(block: BlockSource, content: dict[str, Node]) -> None:
    """Refuse keys that the real server refuses together."""
    if sum(name in content for name in _ALL_DIRECTIVES) > 1:
        raise block.make_error(_SEVERAL_DIRECTIVES)
    if "question" in content and "code" in content:
        raise block.make_error(_BOTH_KINDS)
    if "mandatory" in content and "initial" in content:
        raise block.make_error(_MANDATORY_AND_INITIAL)


_ALL_DIRECTIVES = (
    *("yesno", "noyes", "yesnomaybe", "noyesmaybe", "fields", "buttons", "choices", "dropdown"),
    *("combobox", "signature", "review"),
)
_SEVERAL_DIRECTIVES = (
    "There can only be one directive in a question.  You had more than one.\n"
    "The directives are yesno, noyes, yesnomaybe, noyesmaybe, fields, buttons, choices, dropdown, "
    "combobox, signature, and review"
)
_MANDATORY_AND_INITIAL = (
    "You cannot use the mandatory modifier and the initial modifier at the same time."
)
_NO_DICTIONARY = "A block must be in the form of a dictionary."
_BOTH_KINDS = "A block can be a question block or a code block but cannot be both at the same time."
_UTIL_MODULE = "docassemble.base.util"


def _list_variables(content: dict[str, Node], question: Question | None) -> list[str]:
    assert question is not None  # noqa: S101 - the block has no code
    variables = [texts.field.variable for texts in question.fields]
    if _BUTTON in content:
        variables.append(check_name(content[_BUTTON].value, content[_BUTTON]))
    return variables


def _read_question(content: dict[str, Node]) -> Question:
    directive = next((name for name in _DIRECTIVES if name in content), "")
    if "field" in content and directive not in _VARIETIES:
        if _BUTTON in content or directive:
            content["field"].refuse(f"'field' together with {directive or _BUTTON!r}")
        content[_BUTTON] = content.pop("field")
    if _BUTTON in content and directive not in {"", "fields"}:
        content[_BUTTON].refuse(f"the key {_BUTTON!r} together with {directive!r}")
    if "event" in content and (directive or _BUTTON in content):
        content["event"].refuse("the key 'event' of a question with fields")
    fields, kind, extra = _read_directive(content, directive)
    if "id" in content:
        extra["id"] = content["id"].value
    subquestion = content.get("subquestion")
    return Question(
        texts=(
            read_text(content["question"], "a question"),
            None if subquestion is None else read_text(subquestion, "a subquestion"),
        ),
        fields=tuple(fields),
        kind=kind,
        attachment=read_attachment(content["attachment"]) if "attachment" in content else None,
        extra=extra,
    )


def _read_directive(
    content: dict[str, Node], directive: str
) -> tuple[list[FieldTexts], str, dict[str, JSON]]:
    """Read the fields, the kind and additional keys of a question."""
    node = content.get(directive)
    if node is None:
        if _BUTTON not in content:
            return [], "", {}
        variable = check_name(content[_BUTTON].value, content[_BUTTON])
        return [FieldTexts(Field(variable), {})], "settrue", {}
    if directive == "fields":
        fields = [read_field(item) for item in node.read_list("fields")]
        extra: dict[str, JSON] = {}
        if _BUTTON in content:
            extra["question_variable_name"] = content[_BUTTON].value
        if not fields:
            node.refuse("a question without fields")
        return fields, "", extra
    if directive in YES_NO:
        return [FieldTexts(Field(check_name(node.value, node)), {})], directive, {}
    if "field" not in content:
        node.refuse(f"the key {directive!r} without 'field'")
    field = Field(
        check_name(content["field"].value, content["field"]),
        choices=read_choices(node),
        input_type=_VARIETIES[directive],
    )
    return [FieldTexts(field, {})], "multiple_choice", {}
