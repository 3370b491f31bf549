"""An interview that makes a letter, on a fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client.testing import Document, FakeServer, Field, ManualClock, Screen

if TYPE_CHECKING:
    from collections.abc import Callable

    from docassemble_client.testing import Answers

I = "docassemble.demo:data/questions/letter.yml"  # noqa: E741 - as everybody calls it
PDF = b"%PDF-1.7\nDear Ada"
DOCX = b"PK\x03\x04Dear Ada"
LETTER = Document("Letter", {"pdf": PDF, "docx": DOCX}, variable="letter")


def letters(
    *documents: Document, final: Callable[[Answers], object] | None = None
) -> tuple[FakeServer, list[object]]:
    """
    Serve an interview that asks for a name and brings these documents, by default a letter.

    Returns:
        The server, and the names in every session that came to its end.
    """
    fake = FakeServer(clock=ManualClock())
    ended: list[object] = []

    def end(answers: Answers) -> object:
        ended.append(answers["name"])
        return final(answers) if final else Screen("Done", documents=documents or [LETTER])

    fake.add_interview(I, Screen("Your name?", [Field("name")]), final=end)
    return fake, ended


def sessions(fake: FakeServer) -> int:
    """Count the sessions that are on the server."""
    return len([*fake._world.sessions.rows()])
