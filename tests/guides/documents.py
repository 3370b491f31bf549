"""Prepares docs/guide/documents.md: the example that fills in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import FakeDocument, FakeServer, Field, ScriptedScreen

if TYPE_CHECKING:
    from docassemble_client import JSON
    from docassemble_client.testing import SessionVariables

PDF = b"%PDF-1.6\na form that is filled in\n%%EOF\n"
NAMES = ("user.name.first", "user.name.last", "user.organization")
FOODS = ("likes_apples", "likes_oranges", "likes_pears", "likes_toast")


def prepare_server(fake: FakeServer) -> None:
    """Add the interview."""
    fake.add_interview(
        "docassemble.base:data/questions/examples/pdf-fill.yml",
        final=_fill_in,
        on_demand=(
            ScriptedScreen("Who are you?", [*NAMES]),
            *(
                ScriptedScreen(f"Is {name} true?", [Field(name, datatype="boolean")], kind="yesno")
                for name in FOODS
            ),
        ),
    )


def _fill_in(answers: SessionVariables) -> ScriptedScreen:
    if "user" not in answers:
        name: dict[str, JSON] = {
            "_class": "docassemble.base.util.IndividualName",
            "instanceName": "user.name",
        }
        individual = "docassemble.base.util.Individual"
        answers.set("user", {"_class": individual, "instanceName": "user", "name": name})
    for variable in (*NAMES, *FOODS):
        answers[variable]
    return ScriptedScreen(
        "Your form", documents=[FakeDocument("A filled-in form", {"pdf": PDF})], name="The end"
    )
