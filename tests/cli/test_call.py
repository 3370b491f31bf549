"""The commands call and api, made from the operations table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client.cli import call
from docassemble_client.operations import OPERATIONS
from docassemble_client.testing import ScriptedScreen
from tests.guides import matches

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

BYTES = "docassemble.demo:data/questions/bytes.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=str)
def test_every_operation_has_help(dactl: Dactl, operation: object) -> None:
    """It describes the operation and each argument, and has an example."""
    table_row = OPERATIONS[str(operation)]

    result = dactl("call", table_row.id, "--help")

    assert result.code == 0
    assert f"{table_row.method} {table_row.path}" in result.out
    assert f"$ dactl call {table_row.id}" in result.out
    assert [
        param.name for param in table_row.params if f"\n{param.name}= (" not in result.out
    ] == []


def test_operations_are_listed(dactl: Dactl) -> None:
    """`dactl call --help` has a line for each."""
    out = dactl("call", "--help").out

    assert [name for name in OPERATIONS if f"\n  {name}" not in out] == []
    assert "Get a user by number" in out


def test_list_is_written_whole(dactl: Dactl, fake: FakeServer) -> None:
    """All pages, as one object."""
    for number in range(150):
        fake.add_user(f"{number}@example.com")

    data = json.loads(dactl("call", "users.list", "include_inactive=true", "--json").out)

    assert data["kind"] == "list"
    assert len(data["items"]) == 152


def test_values_are_converted(dactl: Dactl, fake: FakeServer) -> None:
    """Numbers, switches, repeated texts and objects."""
    created = dactl(
        *("call", "users.create", "username=ana@example.com", "privileges=user"),
        *("privileges=advocate", "first_name=Ana", "--json"),
    )
    user_id = json.loads(created.out)["user_id"]
    dactl("call", "server.update_config", 'config_changes={"debug": false}', "--yes")

    assert dactl("call", "users.get", f"user_id={user_id}").lines[2:4] == [
        "first_name: Ana",
        "last_name: ",
    ]
    assert "advocate" in dactl("call", "privileges.list_for_user", f"user_id={user_id}").lines
    assert fake.config["debug"] is False


def test_session_is_run(dactl: Dactl) -> None:
    """Secrets are read from files, and objects too."""
    started = dactl("call", "sessions.start", f"i={QUESTIONLESS}", "--json", "--reveal")
    session = json.loads(started.out)
    Path("secret.txt").write_text(session["secret"] + "\n", encoding="utf-8")
    Path("answers.yml").write_text(
        "favorite_number: 42\nuser_agrees_to_waive_penalties: true\n", encoding="utf-8"
    )
    place = (f"i={session['i']}", f"session={session['session']}")

    answered = dactl(
        *("call", "sessions.set_variables", *place, "secret=@secret.txt"),
        *("variables=@answers.yml", "--json"),
    )

    assert json.loads(answered.out)["data"] == {"final": True, "inhabitants": 2}


def test_files_are_uploaded_and_downloaded(dactl: Dactl) -> None:
    """A path is a file to upload; a download is a file, or goes to stdout."""
    Path("main.yml").write_text("question: Hello\n", encoding="utf-8")

    dactl("call", "playground.upload_files", "files=main.yml")
    saved = dactl("call", "playground.download_file", "filename=main.yml", "-o", "copy.yml")

    assert saved.out == "copy.yml\n"
    assert Path("copy.yml").read_text(encoding="utf-8") == "question: Hello\n"
    assert dactl("call", "playground.download_file", "filename=main.yml").out == "question: Hello\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("users.get",), "users.get needs user_id."),
        (("users.get", "user_id=x"), "user_id must be: number."),
        (("users.get", "user_id=1", "user_id=2"), "user_id is passed twice."),
        (("users.get", "id=1"), "users.get has no argument id."),
        (("users.get", "user_id"), "each argument must be NAME=VALUE."),
        (("users.list", "include_inactive=maybe"), "include_inactive must be: true or false."),
        (
            ("server.update_config", "config_changes=[]"),
            "config_changes must be: JSON …",
        ),
        (
            ("server.update_config", "config_changes=" + "[" * 100_000),
            "config_changes must be: JSON …",
        ),
        (("users.get_secret", "username=a", "password=b"), "password must be: …"),
        (("sessions.delete_many", "--yes"), "…"),
        (("server.get_health", "now=1"), "server.get_health has no argument now."),
    ],
)
def test_wrong_arguments_are_refused(
    dactl: Dactl, fake: FakeServer, arguments: tuple[str, ...], message: str
) -> None:
    """One line says what is wrong, nothing is sent, and the exit code is 2."""
    result = dactl("call", *arguments)

    assert (result.code, result.out) == (2, "")
    assert matches(f"dactl: {message}", result.err.splitlines()[0])
    assert fake.received_requests == []


def test_deletion_needs_yes(dactl: Dactl, fake: FakeServer) -> None:
    """Every operation with the method DELETE does."""
    refused = dactl("call", "sessions.delete_many", "delete_all=true")
    sent = len(fake.received_requests)
    done = dactl("call", "sessions.delete_many", "delete_all=true", "--yes")

    assert (refused.code, sent) == (2, 0)
    assert refused.err.startswith("dactl: this would call sessions.delete_many;")
    assert done.code == 0


def test_any_endpoint_is_called(dactl: Dactl, fake: FakeServer) -> None:
    """`api` sends arguments in the query, or as JSON, and writes the body as it is."""
    Path("body.json").write_text('{"privilege": "tester"}', encoding="utf-8")

    health = dactl("api", "get", "/health_status", "ready=1")
    twice = dactl("api", "get", "/health_status", "ready=1", "ready=0")
    created = dactl("api", "POST", "/api/privileges", "--data", "body.json")
    dactl("api", "POST", "/api/privileges", "privilege=other")
    refused = dactl("api", "DELETE", "/api/privileges", "privilege=tester")
    deleted = dactl("api", "DELETE", "/api/privileges", "privilege=tester", "--yes")

    assert json.loads(health.out)["ok"] is True
    assert (twice.code, twice.err) == (2, "dactl: ready is passed twice.\n")
    assert (created.code, refused.code, deleted.code) == (0, 2, 0)
    assert "other" in dactl("call", "privileges.list").lines
    assert "tester" not in dactl("call", "privileges.list").lines


def test_file_of_an_interview_is_written_as_it_is(dactl: Dactl, fake: FakeServer) -> None:
    """Its bytes go to stdout; JSON only describes them. Files are uploaded by variable."""
    fake.add_interview(BYTES, ScriptedScreen("A file?", ["scan"]), final=lambda _: b"PDF bytes")
    started = json.loads(dactl("call", "sessions.start", f"i={BYTES}", "--json", "--reveal").out)
    Path("secret.txt").write_text(started["secret"], encoding="utf-8")
    Path("scan.pdf").write_bytes(b"%PDF-1.7")
    place = (f"i={BYTES}", f"session={started['session']}", "secret=@secret.txt")

    asked = dactl("call", "sessions.get_question", *place, "--json")
    uploaded = dactl("call", "sessions.set_variables", *place, 'files={"scan": "scan.pdf"}')
    described = dactl("call", "sessions.get_question", *place, "--json")

    assert json.loads(asked.out)["kind"] == "Question"
    assert uploaded.out == "PDF bytes"
    assert json.loads(described.out) == {"kind": "BinaryContent", "filename": None, "size": 9}


def test_object_of_a_file_must_be_one(dactl: Dactl) -> None:
    """The error names the file."""
    Path("list.json").write_text("[]", encoding="utf-8")

    result = dactl("call", "server.update_config", "config_changes=@list.json")

    assert result.code == 2
    assert result.err.startswith("dactl: list.json must contain an object")


def test_module_has_a_command_for_each_operation() -> None:
    """And no other attributes."""
    assert call.users_get.name == ("users.get",)
    with pytest.raises(AttributeError, match="users_nothing"):
        call.users_nothing  # noqa: B018
