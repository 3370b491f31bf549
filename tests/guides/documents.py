"""Prepares docs/guide/documents.md: the example that fills in a form."""

from __future__ import annotations

from docassemble_client.testing import FakeDocument, FakeServer, Field, ScriptedScreen

PDF = b"%PDF-1.6\na form that is filled in\n%%EOF\n"


def prepare_server(fake: FakeServer) -> None:
    """Add the interview."""
    fake.add_interview(
        "docassemble.base:data/questions/examples/pdf-fill.yml",
        ScriptedScreen("Who are you?", [Field("who")]),
        ScriptedScreen(
            "Do you like apples?", [Field("likes_apples", datatype="boolean")], kind="yesno"
        ),
        final=lambda _: ScriptedScreen(
            "Your form", documents=[FakeDocument("A filled-in form", {"pdf": PDF})], name="The end"
        ),
    )
