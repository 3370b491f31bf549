"""Documents of interviews written in YAML: DOCX files of plain paragraphs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from docassemble_client.testing._yaml.document_templates import make_docx
from docassemble_client.testing._yaml.variable_expressions import DOCUMENTS_VARIABLE
from docassemble_client.testing._yaml.yaml_expressions import Code, Text, read_text
from docassemble_client.testing._yaml.yaml_fields import PLAIN_LABEL
from docassemble_client.testing._yaml.yaml_source import Node, to_plain
from docassemble_client.testing.screens import FakeDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client._types import JSON
    from docassemble_client.testing.interviews import SessionVariables

_KEYS = frozenset(("name", "filename", "content", "valid formats"))
_FORMAT, _SECOND_FORMAT = "docx", "rtf to docx"
_FILENAME = re.compile(r"[A-Za-z0-9_-]+")
# Text that Pandoc does not change, in paragraphs with a blank line between them.
_PLAIN_MARKDOWN = re.compile(
    r"([A-Za-z](?:[A-Za-z0-9,;:?!()%/ ]|\.(?!\.)|-(?!-)|\n(?=[A-Za-z])|\n\n(?=[A-Za-z]))*\n?)?"
)


@frozen
class Attachment:
    """
    A document of a question.

    Attributes:
        name: Display name.
        filename: File name without extension.
        content: Text of the document.
        node: Node of the interview that contains it.
    """

    name: str
    filename: str
    content: Text
    node: Node


def read_attachment(node: Node) -> Attachment:
    """Read the document of a question."""
    content = node.read_mapping("an attachment", _KEYS)
    for name in sorted(_KEYS - content.keys()):
        node.refuse(f"an attachment without {name!r}")
    if to_plain(content["valid formats"]) != [_FORMAT]:
        content["valid formats"].refuse(f"an attachment in other formats than {_FORMAT}")
    return Attachment(
        content["name"].read_pattern("the name of an attachment", PLAIN_LABEL),
        content["filename"].read_pattern("the file name of an attachment", _FILENAME),
        read_text(content["content"], "the content of an attachment"),
        node,
    )


def assemble_document(
    attachment: Attachment,
    variable: str,
    variables: SessionVariables,
    evaluate: Callable[[Code], object],
) -> FakeDocument:
    """
    Assemble a document, or return the one that the session has assembled before.

    Args:
        attachment: The document.
        variable: Name of the variable that holds it.
        variables: Variables of the session, which store the text.
        evaluate: Function that evaluates an expression.

    Returns:
        The document.
    """
    assembled: dict[str, Any] = {}
    if DOCUMENTS_VARIABLE in variables:
        assembled = variables[DOCUMENTS_VARIABLE]
    content, steps = attachment.content.render(evaluate), variables.steps
    entry = assembled.setdefault(variable, {"text": content, "steps": steps, "formats": [_FORMAT]})
    if entry["steps"] != steps:
        # The server finds its own document, and lists it as two formats.
        entry |= {"steps": steps, "formats": [_FORMAT, _SECOND_FORMAT]}
    if not _PLAIN_MARKDOWN.fullmatch(entry["text"]):
        attachment.node.refuse("Markdown and quotation marks in a document")
    variables.set(DOCUMENTS_VARIABLE, assembled)
    text = f'---\n"syslang": |-\n  en\n...\n\n{entry["text"]}'
    source: dict[str, JSON] = dict.fromkeys(entry["formats"], text)
    return FakeDocument(
        attachment.name,
        dict.fromkeys(entry["formats"], make_docx(entry["text"])),
        variable,
        filename=attachment.filename,
        extra={"content": source, "markdown": source, "valid_formats": [_FORMAT]},
    )
