"""The fake server runs interviews in YAML as a real server does, or refuses them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import APIError, AsyncDocassemble
from docassemble_client.testing import FakeServer
from docassemble_client.testing._yaml.document_templates import extract_text
from docassemble_client.testing._yaml.reserved_names import RESERVED_NAMES
from tests.live.interviews import temporary_interview, temporary_interview_session
from tests.testing.field_shapes import SCREENS, SHAPES, make_interview, select_shape
from tests.testing.yaml_interviews import REFUSED_BY_DOCASSEMBLE, SUPPORTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docassemble_client import Response, Session

pytestmark = pytest.mark.unrecorded
EXAMPLE_COUNT = 50
MAX_ANSWERS = 10
VALUES = {
    **dict.fromkeys(("number", "integer", "currency"), 5),
    "float": 5.5,
    "boolean": True,
    "threestate": None,
    "date": "2026-03-14",
    "time": "15:09:00",
    "email": "ada@example.com",
}
VOLATILE_KEYS = ("source", "menu", "default_email")
REFUSAL = re.compile(r"The fake server does not support .+: NAME, line \d+\. Script the interview")
NAMES = """
imports:
  - builtins
  - docassemble.base.parse
---
mandatory: True
code: |
  json_response([*globals(), *dir(docassemble.base.parse), *dir(builtins)])
"""


class Run:
    """
    A run of an interview.

    Attributes:
        events: Responses, variables and documents, without what differs from server to server.
        answers: Bodies of the answers that were sent.
        refusal: Why the fake server refused the interview, if it did.
    """

    def __init__(self) -> None:
        self.events: list[object] = []
        self.answers: list[dict[str, Any]] = []
        self.refusal = ""


class InterviewDriver:
    """Runs an interview with raw calls."""

    def __init__(self, da: AsyncDocassemble, filename: str) -> None:
        self.da = da
        self.filename = filename
        self.run = Run()
        self.session: dict[str, Any] = {"i": filename}

    async def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Call the server, and note the response; return its JSON, if it is a question."""
        try:
            response = await self.da.request(method, path, **arguments)
        except APIError as error:
            # The body of a long error is cut off, so it is not valid JSON.
            text = re.split(r"(?:\\n|\n)Traceback", str(error.body).strip('"'))[0].strip()
            text = text.replace(self.filename, "NAME")
            if "fake server" in text:
                self.run.refusal = text
            self.run.events.append((error.status, text))
            return None
        self.run.events.append((response.status, self.read(response)))
        return response.json() if response.content_type.startswith("application/json") else None

    def read(self, response: Response) -> object:
        """Read a response, without what differs from server to server."""
        if not response.content_type.startswith("application/json"):
            return response.content_type, response.text
        data: Any = json.loads(response.text.replace(self.filename, "NAME"))
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if key not in VOLATILE_KEYS}
            for document in data.get("attachments", []):
                document |= {"url": sorted(document["url"]), "number": sorted(document["number"])}
        return data

    async def note_variables(self) -> None:
        """Note the interview's own variables."""
        variables: Any = (await self.da.request("GET", "/api/session", params=self.session)).json()
        self.run.events.append({name: variables[name] for name in variables if name[0] != "_"})

    async def note_documents(self, question: object) -> None:
        """Note the texts of the documents of a question."""
        documents: Any = question.get("attachments", []) if isinstance(question, dict) else []
        for document in documents:
            file = await self.da.files.download(document["number"]["docx"])
            self.run.events.append(extract_text(file.content))

    async def drive(self, answers: list[dict[str, Any]] | None) -> Run:
        """Start the interview and send these answers, or else answers of the right types."""
        started = await self.call("GET", "/api/session/new", params={"i": self.filename})
        if not isinstance(started, dict):
            return self.run
        self.run.events[0] = sorted(started)
        self.session |= {key: started[key] for key in ("session", "secret") if key in started}
        try:
            question = await self.call("GET", "/api/session/question", params=self.session)
            await self.note_variables()
            for _ in range(MAX_ANSWERS if answers is None else len(answers)):
                answer = choose_answer(question) if answers is None else answers.pop(0)
                if answer is None:
                    break
                self.run.answers.append(answer)
                body = {**self.session, **answer}
                question = await self.call("POST", "/api/session", json=body)
                await self.note_variables()
            await self.note_documents(question)
            question = await self.call("GET", "/api/session/question", params=self.session)
            await self.note_documents(question)
            await self.call("POST", "/api/session/back", json=self.session)
            await self.note_variables()
        finally:
            await self.da.sessions.delete(self.filename, self.session["session"])
        return self.run


def choose_answer(question: object) -> dict[str, Any] | None:
    """Choose the body of an answer to a question; None if it needs no answer."""
    if not isinstance(question, dict) or question.get("questionType", "deadend") == "deadend":
        return None
    if question["questionType"] == "undefined_variable":
        return {"variables": {question["variable"]: "something"}}
    variables: dict[str, Any] = {}
    for field in question.get("fields", []):
        name = field.get("variable_name")
        if field.get("choices"):
            choice = field["choices"][0]
            variables[choice.get("variable_name", name)] = choice["value"]
        elif name and question["questionType"] in {"yesno", "noyes", "settrue"}:
            variables[name] = True
        elif name:
            variables[name] = VALUES.get(field.get("datatype", "text"), "some text")
    if "question_variable_name" in question:
        variables[question["question_variable_name"]] = True
    body: dict[str, Any] = {"variables": variables}
    if question.get("mandatory"):
        body["question_name"] = question["questionName"]
    if "event_list" in question:
        body["event_list"] = question["event_list"]
    return body if len(body) > 1 or variables else None


async def drive(
    da: AsyncDocassemble, text: str, answers: list[dict[str, Any]] | None = None
) -> Run:
    """Upload an interview and run it, with these answers or with answers of the right types."""
    async with temporary_interview(da, text) as filename:
        return await InterviewDriver(da, filename).drive(answers)


async def compare(da: AsyncDocassemble, text: str) -> str:
    """Run an interview on both servers and compare; return the fake server's refusal, if any."""
    async with FakeServer().client() as fake:
        refusal = (await drive(fake, text)).refusal
        if refusal:
            return refusal
        real = await drive(da, text)
        imitated = await drive(fake, text, list(real.answers))
        if not imitated.refusal:
            assert imitated.events == real.events
        return imitated.refusal


def list_examples(site_packages: Path) -> list[Path]:
    """List every n-th question file of docassemble.base and docassemble.demo, in order."""
    paths = [
        path
        for package in ("base", "demo")
        for path in sorted(
            (site_packages / "docassemble" / package).glob("data/questions/**/*.yml")
        )
    ]
    return paths[:: len(paths) // EXAMPLE_COUNT][:EXAMPLE_COUNT]


@pytest.fixture(scope="module")
def example_texts(pytestconfig: pytest.Config) -> dict[str, str]:
    """Read the examples in the environment of the real server."""
    from tests.live.server.environment import get_site_packages
    from tests.live.server.paths import get_layout

    site_packages = get_site_packages(get_layout(str(pytestconfig.getoption("--server"))))
    return {
        str(path.relative_to(site_packages)): path.read_text(encoding="utf-8")
        for path in list_examples(site_packages)
    }


async def test_no_example_of_docassemble_is_silently_wrong(
    da: AsyncDocassemble, example_texts: dict[str, str]
) -> None:
    """Each of 50 examples has the same questions, variables and documents, or is refused."""
    refusals = {name: await compare(da, text) for name, text in example_texts.items()}

    assert len(refusals) == EXAMPLE_COUNT
    assert {name for name, text in refusals.items() if text and not REFUSAL.match(text)} == set()
    assert sum(not text for text in refusals.values()) >= 2


@pytest.mark.parametrize("name", SUPPORTED)
async def test_supported_interview_runs_as_on_a_real_server(
    da: AsyncDocassemble, name: str
) -> None:
    """The same questions, fields, variables and documents with the same answers."""
    assert await compare(da, SUPPORTED[name]) == ""


@pytest.mark.parametrize("name", REFUSED_BY_DOCASSEMBLE)
async def test_interview_is_refused_with_the_text_of_a_real_server(
    da: AsyncDocassemble, name: str
) -> None:
    """Errors in YAML, Python and the combination of keys."""
    assert await compare(da, REFUSED_BY_DOCASSEMBLE[name]) == ""


@pytest.mark.parametrize("name", SCREENS)
async def test_recorded_shapes_are_those_of_a_real_server(da: AsyncDocassemble, name: str) -> None:
    """The fake server's scripted interviews send these shapes."""
    async with temporary_interview_session(da, make_interview(name)) as s:
        question = await _get_json(da, s)

    assert select_shape(question) == SHAPES[name]


async def test_names_of_docassemble_are_reserved(da: AsyncDocassemble) -> None:
    """Variables with these names would have another meaning on a real server."""
    async with temporary_interview_session(da, NAMES) as s:
        names: Any = await _get_json(da, s)

    assert set(_iterate_lower_case(names)) - RESERVED_NAMES == set()


async def _get_json(da: AsyncDocassemble, s: Session) -> Any:
    assert s.secret is not None
    params = {"i": s.i, "session": s.session, "secret": s.secret.reveal()}
    return (await da.request("GET", "/api/session/question", params=params)).json()


def _iterate_lower_case(names: list[str]) -> Iterator[str]:
    return (name for name in names if name[0].islower())
