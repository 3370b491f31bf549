"""A fake server with an interview that assembles a letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import FakeDocument, FakeServer, Field, ManualClock, ScriptedScreen

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing import SessionVariables

I = "docassemble.demo:data/questions/letter.yml"  # noqa: E741 - docassemble's own name
PDF = b"%PDF-1.7\nDear Ada"
DOCX = b"PK\x03\x04Dear Ada"
LETTER = FakeDocument("Letter", {"pdf": PDF, "docx": DOCX}, variable="letter")


def make_letter_server(
    *documents: FakeDocument,
    final: Callable[[SessionVariables], object] | None = None,
    fake: FakeServer | None = None,
) -> tuple[FakeServer, list[object]]:
    """
    Make a server with an interview that asks for a name and returns documents (default: a letter).

    Args:
        documents: The documents.
        final: Makes the last screen instead.
        fake: Server that gets the interview; a new one by default.

    Returns:
        The server, and the list of names to which every finished session adds its own.
    """
    fake = fake or FakeServer(clock=ManualClock())
    finished_names: list[object] = []

    def finish(answers: SessionVariables) -> object:
        finished_names.append(answers["name"])
        return final(answers) if final else ScriptedScreen("Done", documents=documents or [LETTER])

    fake.add_interview(I, ScriptedScreen("Your name?", [Field("name")]), final=finish)
    return fake, finished_names


def count_sessions(fake: FakeServer) -> int:
    """Count the sessions that are on the server."""
    return len([*fake._state.sessions.iter_rows()])
