"""The command session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from docassemble_client.cli.output import align
from docassemble_client.cli.tables import open_table
from docassemble_client.testing import ScriptedScreen
from docassemble_client.workflows.accounts.session_rows import SessionRow
from tests.guides.sessions import SURVEY, prepare_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


SECRET = "docassemble.demo:data/questions/secret.yml"


@pytest.fixture(autouse=True)
def survey(fake: FakeServer, environment: None) -> None:
    """Add a survey with the answers of two users."""
    prepare_server(fake)


def test_sessions_are_listed(dactl: Dactl) -> None:
    """Without their answers."""
    result = dactl("session", "list", "-i", SURVEY)
    data = json.loads(dactl("session", "list", "-i", SURVEY, "--json").out)

    assert [line.split()[2] for line in result.lines] == ["ada@example.com", "alan@example.com"]
    assert data["items"][0]["filename"] == SURVEY
    assert dactl("session", "list", "-i", "docassemble.demo:none.yml").out == ""


def test_old_sessions_are_deleted_only_with_yes(dactl: Dactl) -> None:
    """Without --yes they are counted."""
    cleanup = ("session", "cleanup", "--older-than", "0s", "-i", SURVEY)

    report = dactl("session", "cleanup", "--older-than", "999999w", "-i", SURVEY)
    refused = dactl(*cleanup)
    data = json.loads(dactl("session", "cleanup", "--older-than", "1s", "--json").out)

    assert report.out == "0 of 2 sessions are stale; nothing was deleted (dry run)\n"
    assert report.err == "nothing was deleted; add --yes to do it\n"
    assert refused.code == 2
    assert (data["kind"], data["dry_run"], data["listed"]) == ("CleanupReport", True, 2)


def test_deletion_of_everything_is_explicit(dactl: Dactl) -> None:
    """Without a filter, --yes is not enough."""
    refused = dactl("session", "cleanup", "--older-than", "1s", "--yes")
    done = dactl("session", "cleanup", "--older-than", "6000w", "--yes", "--delete-all")

    assert refused.code == 2
    assert done.out == "0 of 2 sessions are stale: 0 deleted\n"


def test_empty_table_has_no_lines() -> None:
    """An empty list prints nothing."""
    assert align([]) == []


def test_sessions_are_exported_as_a_table(dactl: Dactl) -> None:
    """To a file, whose name decides the form."""
    export = ("session", "export", "-i", SURVEY, "--columns", "@email, rating")

    csv_file = dactl(*export, "-o", "out.csv")
    tab_file = dactl(*export, "-o", "tab.csv", "--delimiter", "tab")
    json_file = dactl(*export, "-o", "out.jsonl", "--json")

    assert csv_file.out == "2 sessions\n"
    assert Path("out.csv").read_text(encoding="utf-8") == (
        "@email,rating\nada@example.com,4\nalan@example.com,5\n"
    )
    assert Path("out.csv").stat().st_mode & 0o777 == 0o600
    assert tab_file.code == 0
    assert Path("tab.csv").read_text(encoding="utf-8").startswith("@email\trating\nada@")
    assert json.loads(json_file.out) == {"kind": "SessionExport", "sessions": 2, "readable": 2}
    first, _ = Path("out.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(first) == {
        "kind": "SessionRow",
        "status": "readable",
        "values": {"@email": "ada@example.com", "rating": 4},
    }


def test_table_is_written_to_standard_output(dactl: Dactl, fake: FakeServer) -> None:
    """The summary is a note; encrypted answers are empty."""
    fake.add_interview(SECRET, ScriptedScreen("Rating?", ["rating"]))
    dactl("call", "sessions.start", f"i={SECRET}")
    export = ("session", "export", "--columns", "@filename,rating")

    table = dactl(*export)
    rows = [json.loads(line) for line in dactl(*export, "--json", "--quiet").lines]
    default = dactl("session", "export", "-i", SURVEY)
    refused = dactl("session", "export", "--columns", "import os")

    assert table.lines == ["@filename,rating", f"{SURVEY},4", f"{SURVEY},5", f"{SECRET},"]
    assert table.err == "3 sessions, 1 encrypted and left empty\n"
    assert [row["status"] for row in rows] == ["readable", "readable", "encrypted"]
    assert default.lines[0] == "@session,@filename,@email,@utc_modtime"
    assert refused.code == 2


def test_failed_export_leaves_no_file(dactl: Dactl, fake: FakeServer) -> None:
    """A file is complete."""
    fake.fail("sessions.list_across_users", status=403, times=10)

    assert dactl("session", "export", "-o", "out.csv").code == 3
    assert not list(Path.cwd().glob("*out*"))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-2+3", "'-2+3"),
        ("+43 1 23", "'+43 1 23"),
        ("-2.5", "-2.5"),
        (-1e-7, "-1e-07"),
        ("a=1", "a=1"),
        ("\ud800", "\\ud800"),
    ],
)
def test_cells_are_no_formulas(value: Any, cell: str) -> None:
    """A spreadsheet that opens the file computes nothing; a number stays one."""
    row = SessionRow(session=cast("Any", None), status="readable", values={"a": value, "b": 1})

    with open_table(Path("out.csv"), ["a", "b"], is_json=False) as write:
        write(row)

    assert Path("out.csv").read_text(encoding="utf-8") == f"a,b\n{cell},1\n"


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        (("-o", "."), ". is a folder.", "Name a file in it, such as sessions.csv"),
        (("-o", "out.xlsx"), "the name out.xlsx does not end in .csv or .jsonl.", "Use .csv for"),
        (("--delimiter", ";;"), "--delimiter must be a single character, or tab.", "Write for"),
        (("--delimiter", '"'), "--delimiter must be a single character, or tab.", "Write for"),
    ],
)
def test_wrong_form_of_an_export_is_refused(
    dactl: Dactl, fake: FakeServer, options: tuple[str, ...], error: str, hint: str
) -> None:
    """Nothing is sent; the hint says what to pass."""
    number = len(fake.received_requests)

    result = dactl("session", "export", *options)

    assert (result.code, len(fake.received_requests)) == (2, number)
    assert result.err.startswith(f"dactl: {error}\nhint: {hint}")
