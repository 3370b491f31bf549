"""Prepares docs/guide/server.md: an interview that reaches a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import Field, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer


def prepare_server(fake: FakeServer) -> None:
    """Add the interview."""
    screen = ScriptedScreen("What is your name?", [Field("name")])
    fake.add_interview("docassemble.MyForm:data/questions/main.yml", screen)
