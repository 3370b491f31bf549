"""Just enough of documents for their fields and their text."""

from __future__ import annotations

import re
from html import unescape
from io import BytesIO
from zipfile import ZipFile

READABLE = ("docx", "md", "markdown", "pdf")
_PLACE = re.compile(
    r"\{\{[pr]?\s*([A-Za-z_]\w*)|\{%[-pr]*\s*(?:for\s+\w+\s+in|if|elif)\s+([A-Za-z_]\w*)"
)
_PDF_NAME = re.compile(rb"/T\s*\(([^)]*)\)")
_PARAGRAPH = re.compile(r"<w:p[ >].*?</w:p>", re.DOTALL)
_TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_DOCUMENT = "word/document.xml"


class TemplateError(Exception):
    """The document has not the form its name says."""


def template_fields(content: bytes, kind: str) -> list[str]:
    """
    Find the names of the fields of a template.

    Args:
        content: The document.
        kind: Its extension.

    Returns:
        The names, each once.

    Raises:
        TemplateError: It is no such document.
        BadZipFile: It is no such document.
        KeyError: It is no such document.
    """
    if kind == "pdf":
        if not content.startswith(b"%PDF"):
            raise TemplateError
        return _unique([one.decode("latin-1") for one in _PDF_NAME.findall(content)])
    text = "\n".join(_paragraphs(content)) if kind == "docx" else _decoded(content)
    return _unique([one or other for one, other in _PLACE.findall(text)])


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TemplateError from None


def _paragraphs(content: bytes) -> list[str]:
    with ZipFile(BytesIO(content)) as archive:
        source = _decoded(archive.read(_DOCUMENT))
    return [unescape("".join(_TEXT.findall(one))) for one in _PARAGRAPH.findall(source)]


def draft(filename: str, fields: list[str]) -> str:
    """Write the draft of a question that asks for the fields."""
    lines = [f'  - "{one}": {one}' for one in fields]
    return "\n".join(
        [
            "---",
            "question: Here is your document.",
            "event: some_event",
            "attachment:",
            f"  - name: {filename.rpartition('.')[0]}",
            "---",
            "question: Fields",
            "fields:",
            *lines,
            "---",
            "",
        ]
    )


def markdown(content: bytes) -> str:
    """
    Take the text out of a DOCX document.

    Raises:
        TemplateError: It is none.
        BadZipFile: It is none.
        KeyError: It is none.
    """
    return "\n\n".join(one for one in _paragraphs(content) if one) + "\n"
