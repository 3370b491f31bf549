"""Makes small files for fields that accept a file."""

from __future__ import annotations

import base64
import io
import zipfile
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from docassemble_client.transfer import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJg"
    "gg=="
)
_PDF_OBJECTS = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
)
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_OFFICE = "http://schemas.openxmlformats.org"
_DOCX_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_OFFICE}/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_DOCX}.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    ),
    "word/document.xml": (
        f'<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body><w:p><w:r>'
        "<w:t>some text</w:t></w:r></w:p></w:body></w:document>"
    ),
}


def make_sample_file(accept: str | None) -> Upload | None:
    """
    Make a small file that a field accepts.

    Args:
        accept: Accepted content types and extensions, separated by commas; None for any.

    Returns:
        An image, PDF, DOCX or text file; None if the field accepts none of them.
    """
    patterns = [part.strip().casefold() for part in (accept or "").split(",") if part.strip()]
    for extension, content_type, make_content in _SAMPLES:
        names = (f".{extension}", content_type)
        if not patterns or any(fnmatchcase(name, part) for name in names for part in patterns):
            return Upload(make_content(), f"sample.{extension}", content_type)
    return None


def _make_pdf() -> bytes:
    content, offsets = b"%PDF-1.4\n", list[int]()
    for number, item in enumerate(_PDF_OBJECTS, 1):
        offsets.append(len(content))
        content += b"%d 0 obj%sendobj\n" % (number, item)
    size = len(_PDF_OBJECTS) + 1
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    xref = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(content))
    return content + xref + trailer


def _make_docx() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in _DOCX_PARTS.items():
            head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            archive.writestr(zipfile.ZipInfo(name), head + text)
    return content.getvalue()


_SAMPLES: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("png", "image/png", lambda: base64.b64decode(_PNG)),
    ("pdf", "application/pdf", _make_pdf),
    ("docx", _DOCX, _make_docx),
    ("txt", "text/plain", lambda: b"some text\n"),
    ("csv", "text/csv", lambda: b"name\nsome text\n"),
    ("json", "application/json", lambda: b"{}\n"),
)
