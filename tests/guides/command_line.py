"""Prepares docs/guide/command-line.md: a package, answers, and two interviews."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import tests.guides.deploy as deploy
import tests.guides.sessions as sessions
from tests.workflows.letters import make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

_FILES = {
    "answers.json": '{"name": "Ada"}\n',
    "clients.csv": "case,name\na-1,Ada\na-2,Grace\na-3,\n",
}


def prepare_server(fake: FakeServer) -> None:
    """Write the files, and add the interviews."""
    deploy.prepare_server(fake)
    for path, text in _FILES.items():
        Path(path).write_text(text, encoding="utf-8")
    make_letter_server(fake=fake)
    sessions.prepare_server(fake)
