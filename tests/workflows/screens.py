"""Screens as the server sends them, and a server that shows one after the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble, Question
from docassemble_client._core.deserialize import structure
from tests.mock import Mock, now, run

if TYPE_CHECKING:
    import httpx

    from docassemble_client import Transcript
    from tests.mock import Answer

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as everybody calls it


def screen(*fields: dict[str, Any], kind: str = "fields", **more: Any) -> dict[str, Any]:
    """Make the JSON of a screen with these fields."""
    numbered = [
        {"number": number, "active": True, "required": True, **one}
        for number, one in enumerate(fields)
    ]
    return {
        "allow_going_back": True,
        "browser_title": "T",
        "continueLabel": "Continue",
        "display_section": None,
        "display_title": "T",
        "exit_label": "Exit",
        "exit_link": "leave",
        "exit_url": None,
        "interview_options": {},
        "lang": "en",
        "language": "*",
        "menu": {"items": [], "top": {"anchor": "x"}},
        "message_log": [],
        "navbarVariant": "dark",
        "progress": 0,
        "questionName": "Question_0",
        "questionText": "What?",
        "questionType": kind,
        "section": None,
        "sections": [],
        "short_title": "T",
        "steps": 1,
        "title": "T",
        "validation_messages": {},
        **({"fields": numbered} if numbered else {}),
        **more,
    }


def text(name: str, **more: Any) -> dict[str, Any]:
    """Make a field for text."""
    return {"variable_name": name, "datatype": "text", **more}


def undefined(name: str) -> dict[str, Any]:
    """Make what the server says of a variable that no question asks for."""
    return {"questionType": "undefined_variable", "variable": name, "message_log": []}


END = screen(kind="deadend", questionName="End")


def question(value: dict[str, Any]) -> Question:
    """Decode a screen."""
    decoded: Question = structure(value, Question)
    return decoded


class Script(Mock):
    """
    A server that shows one screen after the other, and stays at the last.

    Attributes:
        screens: What is shown; a number is a status it refuses with.
        values: The variables of the session.
        seconds: How long the interview was driven.
    """

    def __init__(self, *screens: Any, values: dict[str, Any] | None = None) -> None:
        super().__init__(self._reply)
        self.screens = list(screens)
        self.values = values or {}
        self.seconds = 0.0

    def _reply(self, request: httpx.Request) -> Answer:
        path = request.url.path.removeprefix("/api/session")
        if path == "/new":
            return 200, {"i": I, "session": "s1", "encrypted": False}
        if request.method == "DELETE":
            return 204, None
        if request.method == "GET" and not path:
            return 200, self.values
        shown = self.screens.pop(0) if len(self.screens) > 1 else self.screens[0]
        return (shown, "broken: secret text") if isinstance(shown, int) else (200, shown)

    def sent(self) -> list[dict[str, Any]]:
        """Return the variables of every answer."""
        return [json.loads(one.content)["variables"] for one in self._posts()]

    def names(self) -> list[str | None]:
        """Return the name of the question of every answer."""
        return [json.loads(one.content).get("question_name") for one in self._posts()]

    def _posts(self) -> list[httpx.Request]:
        return [one for one in self.requests if one.method == "POST"]


def drive(server: Script, answers: Any = None, **options: Any) -> Transcript:
    """Drive the interview of a server to its end."""

    async def job() -> Transcript:
        async with (
            AsyncDocassemble(server.url, "key", transport=server.http) as da,
            da.interview(I).session() as s,
        ):
            began = now()
            try:
                return await s.run(answers, **options)
            finally:
                server.seconds = now() - began

    return run(job())
