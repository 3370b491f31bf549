"""Screens as the server sends them, and a mock server that shows a list of screens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from docassemble_client import AsyncDocassemble, Question
from docassemble_client._core.deserialize import structure
from tests.mock import MockServer, get_loop_time

if TYPE_CHECKING:
    import httpx

    from docassemble_client import Transcript
    from tests.mock import MockResponse

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - docassemble's own name


def make_screen(*fields: dict[str, Any], kind: str = "fields", **properties: Any) -> dict[str, Any]:
    """Make the JSON of a screen with these fields."""
    numbered = [
        {"number": number, "active": True, "required": True, **field}
        for number, field in enumerate(fields)
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
        **properties,
    }


def make_field(name: str, **properties: Any) -> dict[str, Any]:
    """Make the JSON of a text field."""
    return {"variable_name": name, "datatype": "text", **properties}


def make_undefined_variable(name: str) -> dict[str, Any]:
    """Make the server's reply about a variable that no question asks for."""
    return {"questionType": "undefined_variable", "variable": name, "message_log": []}


END_SCREEN = make_screen(kind="deadend", questionName="End")


def decode_question(value: dict[str, Any]) -> Question:
    """Decode the JSON of a screen."""
    question: Question = structure(value, Question)
    return question


class ScriptedServer(MockServer):
    """
    A server that shows one screen after the other, and then repeats the last one.

    Attributes:
        screens: Screens or other replies; a number is the status of an error.
        values: Variables of the session; a number is the status of an error.
        run_seconds: Duration of the last run of `run_interview`.
    """

    def __init__(self, *screens: Any, values: dict[str, Any] | int | None = None) -> None:
        super().__init__(self._reply)
        self.screens = list(screens)
        self.values = values or {}
        self.run_seconds = 0.0

    def _reply(self, request: httpx.Request) -> MockResponse:
        path = request.url.path.removeprefix("/api/session")
        if path == "/new":
            return 200, {"i": I, "session": "s1", "encrypted": False}
        if request.method == "DELETE":
            return 204, None
        if request.method == "GET" and not path:
            values = self.values
            return (values, "broken") if isinstance(values, int) else (200, values)
        screen = self.screens.pop(0) if len(self.screens) > 1 else self.screens[0]
        return (screen, "broken: secret text") if isinstance(screen, int) else (200, screen)

    def get_sent_variables(self) -> list[dict[str, Any]]:
        """Return the variables of every answer."""
        return [json.loads(request.content)["variables"] for request in self._find_posts()]

    def get_question_names(self) -> list[str | None]:
        """Return the question name of every answer."""
        return [json.loads(request.content).get("question_name") for request in self._find_posts()]

    def _find_posts(self) -> list[httpx.Request]:
        return [request for request in self.requests if request.method == "POST"]


async def run_interview(server: ScriptedServer, answers: Any = None, **options: Any) -> Transcript:
    """Run the interview of a server to its end."""

    async def scenario() -> Transcript:
        async with (
            AsyncDocassemble(server.url, "key", transport=server.transport) as da,
            da.interview(I).session() as s,
        ):
            start = get_loop_time()
            try:
                return await s.run(answers, **options)
            finally:
                server.run_seconds = get_loop_time() - start

    return await scenario()
