"""What the page about documents needs: the example that fills in a form."""

from __future__ import annotations

from docassemble_client.testing import Document, FakeServer, Field, Screen

PDF = b"%PDF-1.6\na form that is filled in\n%%EOF\n"


def arrange(fake: FakeServer) -> None:
    """Add the interview."""
    fake.add_interview(
        "docassemble.base:data/questions/examples/pdf-fill.yml",
        Screen("Who are you?", [Field("who")]),
        Screen("Do you like apples?", [Field("likes_apples", datatype="boolean")], kind="yesno"),
        final=lambda _: Screen(
            "Your form", documents=[Document("A filled-in form", {"pdf": PDF})], name="The end"
        ),
    )
