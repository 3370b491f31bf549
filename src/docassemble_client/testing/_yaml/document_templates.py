"""Finds the fields and the text of document templates."""

from __future__ import annotations

import re
from html import escape, unescape
from io import BytesIO
from zipfile import ZipFile, ZipInfo

TEMPLATE_EXTENSIONS = ("docx", "md", "markdown", "pdf")
_PLACEHOLDER = re.compile(
    r"\{\{[pr]?\s*([A-Za-z_]\w*)|\{%[-pr]*\s*(?:for\s+\w+\s+in|if|elif)\s+([A-Za-z_]\w*)"
)
_PDF_NAME = re.compile(rb"/T\s*\(([^)]*)\)")
_PARAGRAPH = re.compile(r"<w:p[ >].*?</w:p>", re.DOTALL)
_TEXT = re.compile(r"<w:t(?: [^>]*)?>([^<]*)</w:t>")
_DOCUMENT_PATH = "word/document.xml"
_OFFICE = "http://schemas.openxmlformats.org"
_DOCX_PARTS = {
    "[Content_Types].xml": f"""<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="{_OFFICE}/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/{_DOCUMENT_PATH}" ContentType="application/vnd.openxmlformats-officedocument\
.wordprocessingml.document.main+xml"/>
</Types>""",
    "_rels/.rels": f"""<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="{_OFFICE}/package/2006/relationships">
<Relationship Id="main" Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" \
Target="{_DOCUMENT_PATH}"/>
</Relationships>""",
    _DOCUMENT_PATH: f"""<?xml version="1.0" encoding="UTF-8"?>
<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body>{{paragraphs}}</w:body>\
</w:document>""",
}


class TemplateError(Exception):
    """The document does not have the format that its extension says."""


def find_template_fields(content: bytes, extension: str) -> list[str]:
    """
    Find the names of the fields of a template.

    Args:
        content: The document.
        extension: Extension of the file.

    Returns:
        The names, without duplicates.

    Raises:
        TemplateError: The document is not valid.
        BadZipFile: The document is not valid DOCX.
        KeyError: The document is not valid DOCX.
    """
    if extension == "pdf":
        if not content.startswith(b"%PDF"):
            raise TemplateError
        return _deduplicate([name.decode("latin-1") for name in _PDF_NAME.findall(content)])
    text = "\n".join(_read_paragraphs(content)) if extension == "docx" else _decode(content)
    return _deduplicate([printed or tested for printed, tested in _PLACEHOLDER.findall(text)])


def _deduplicate(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _decode(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise TemplateError from None


def _read_paragraphs(content: bytes) -> list[str]:
    with ZipFile(BytesIO(content)) as archive:
        source = _decode(archive.read(_DOCUMENT_PATH))
    paragraphs: list[str] = _PARAGRAPH.findall(source)
    return [unescape("".join(_TEXT.findall(paragraph))) for paragraph in paragraphs]


def draft_question(filename: str, fields: list[str]) -> str:
    """Draft the YAML of a question that asks for the fields."""
    lines = [f'  - "{field}": {field}' for field in fields]
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


def extract_text(content: bytes) -> str:
    """
    Extract the text of a DOCX document, with a blank line between paragraphs.

    Raises:
        TemplateError: The document is not valid DOCX.
        BadZipFile: The document is not valid DOCX.
        KeyError: The document is not valid DOCX.
    """
    return "\n\n".join(filter(None, _read_paragraphs(content))) + "\n"


def make_docx(text: str) -> bytes:
    """Make a DOCX document of paragraphs, which have a blank line between them."""
    paragraphs = "".join(
        f"<w:p><w:r><w:t>{escape(' '.join(paragraph.split()))}</w:t></w:r></w:p>"
        for paragraph in text.strip().split("\n\n")
    )
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for path, content in _DOCX_PARTS.items():
            archive.writestr(ZipInfo(path), content.format(paragraphs=paragraphs))
    return buffer.getvalue()
