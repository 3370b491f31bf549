"""The commands run and link: answers in, documents or a link out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client.testing import Field, ScriptedScreen
from tests.workflows.letters import PDF, I, count_sessions, make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


@pytest.fixture(autouse=True)
def letters(fake: FakeServer) -> None:
    """Add the interview that assembles a letter."""
    make_letter_server(fake=fake)


@pytest.mark.parametrize(
    ("name", "text"),
    [("answers.json", '{"name": "Ada"}'), ("answers.yml", "name: Ada\n"), ("-", '{"name": "Ada"}')],
)
def test_documents_are_saved(dactl: Dactl, fake: FakeServer, name: str, text: str) -> None:
    """Answers come from JSON, YAML or standard input; the session is deleted."""
    if name != "-":
        Path(name).write_text(text, encoding="utf-8")

    result = dactl("run", I, "-a", name, "--save", "out", "--format", "pdf", stdin=text)

    assert (result.code, result.out, result.err) == (0, "out/letter.pdf\n", "")
    assert Path("out/letter.pdf").read_bytes() == PDF
    assert count_sessions(fake) == 0


def test_paths_are_written_as_json(dactl: Dactl) -> None:
    """One object has all of them."""
    result = dactl("run", I, "-a", "-", "--json", stdin='{"name": "Ada"}')

    assert json.loads(result.out) == {"kind": "Files", "paths": ["letter.pdf", "letter.docx"]}


def test_missing_answer_fails_or_is_generated(dactl: Dactl) -> None:
    """The policy decides; an interview that cannot be completed is exit code 1."""
    refused = dactl("run", I)
    generated = dactl("run", I, "--policy", "generated")

    assert refused.code == 1
    assert refused.err.startswith("dactl: ")
    assert "'name'" in refused.err or "name" in refused.err
    assert generated.code == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("answers.json", b"{", "answers.json is not valid JSON (line 1)."),
        ("answers.yml", b"a: [", "answers.yml is not valid YAML."),
        ("answers.json", b"[]", "answers.json must contain an object: names with their values."),
        ("answers.json", b"\xff", "answers.json is not UTF-8."),
    ],
)
def test_invalid_answers_are_refused(
    dactl: Dactl, fake: FakeServer, name: str, content: bytes, message: str
) -> None:
    """Nothing of the file is quoted, nothing is sent, and the exit code is 2."""
    Path(name).write_bytes(content)

    result = dactl("run", I, "-a", name)

    assert (result.code, result.err.splitlines()[0]) == (2, f"dactl: {message}")
    assert fake.received_requests == []


def test_missing_file_is_wrong_usage(dactl: Dactl) -> None:
    """The error names it in one line."""
    result = dactl("run", I, "-a", "none.json")

    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert "none.json" in result.err


def test_link_is_hidden_or_revealed(dactl: Dactl, fake: FakeServer) -> None:
    """Only --reveal shows it, also in JSON."""
    screen = ScriptedScreen("Your name?", [Field("name")])
    fake.add_interview("docassemble.demo:data/questions/open.yml", screen, multi_user=True)
    link = ("link", "docassemble.demo:open.yml", "--expires", "2d", "--one-time")

    hidden = dactl(*link)
    revealed = dactl(*link, "-a", "-", "--reveal", stdin='{"name": "Ada"}')
    data = json.loads(dactl(*link, "--json").out)

    assert hidden.out == "created; the link is shown with --reveal\n"
    assert revealed.out.startswith(f"{fake.url}/")
    assert (data["kind"], data["url"]) == ("PrefilledURL", "***")


@pytest.mark.parametrize("text", ["2", "d", "2 d", "-1d", "1y", ""])
def test_wrong_duration_is_refused(dactl: Dactl, text: str) -> None:
    """A hint shows the form."""
    result = dactl("link", I, f"--expires={text}")

    assert result.code == 2
    assert result.err.splitlines()[0].startswith(("dactl: a duration is", "dactl: "))
