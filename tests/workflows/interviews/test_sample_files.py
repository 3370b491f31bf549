"""Small files of the kinds that a field accepts."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from docassemble_client.workflows.interviews.sample_files import make_sample_file


@pytest.mark.parametrize(
    ("accept", "filename"),
    [
        (None, "sample.png"),
        ("", "sample.png"),
        ("image/jpeg, image/png", "sample.png"),
        ("image/*", "sample.png"),
        (".PDF", "sample.pdf"),
        ("application/pdf", "sample.pdf"),
        (".doc,.docx", "sample.docx"),
        ("text/*", "sample.txt"),
        ("*/*", "sample.png"),
        (".csv", "sample.csv"),
    ],
)
def test_file_is_of_an_accepted_kind(accept: str | None, filename: str) -> None:
    """A kind is accepted by its extension, its content type or a pattern."""
    file = make_sample_file(accept)

    assert file is not None
    assert file.filename == filename


def test_no_file_of_an_unknown_kind_is_made() -> None:
    """Then there is no answer."""
    assert make_sample_file("video/mp4, .mov") is None


def test_files_are_valid() -> None:
    """A PDF has a cross-reference table, a DOCX its document."""
    pdf, docx = make_sample_file(".pdf"), make_sample_file(".docx")

    assert pdf is not None
    assert isinstance(pdf.content, bytes)
    offset = int(pdf.content.splitlines()[-2])
    assert pdf.content[offset:].startswith(b"xref")
    assert docx is not None
    assert isinstance(docx.content, bytes)
    with zipfile.ZipFile(BytesIO(docx.content)) as archive:
        assert b"some text" in archive.read("word/document.xml")
