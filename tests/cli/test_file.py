"""The command file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.live.documents import make_docx

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


def test_file_is_downloaded(dactl: Dactl, fake: FakeServer) -> None:
    """Into a folder, or under a name."""
    file = fake.add_file("letter.txt", b"Dear Ada")

    saved = dactl("file", "get", file.number)
    named = json.loads(dactl("file", "get", file.number, "-o", "copy.txt", "--json").out)

    assert saved.out == "file\n"
    assert named == {"kind": "File", "path": "copy.txt"}
    assert Path("copy.txt").read_bytes() == b"Dear Ada"


def test_template_is_inspected(dactl: Dactl) -> None:
    """Fields as YAML or JSON, text as Markdown."""
    Path("letter.docx").write_bytes(make_docx("Dear {{ client }}"))

    fields = dactl("file", "fields", "letter.docx")
    data = json.loads(dactl("file", "fields", "letter.docx", "--json").out)
    markdown = dactl("file", "markdown", "letter.docx")

    assert fields.code == markdown.code == 0
    assert data["kind"] == "TemplateFields"
