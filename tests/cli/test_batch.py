"""The command batch in one process; test_interruption.py stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client import BatchProgress
from docassemble_client.cli.batch import choose_exit_code, summarize
from tests.workflows.letters import I, make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

CSV = 'case,name\na-1,Ada\nb-2,"Grace\nHopper"\n'
LINES = '{"case": "a-1", "name": "Ada"}\n\n{"case": "b-2", "name": "Grace"}\n'


@pytest.fixture(autouse=True)
def names(fake: FakeServer) -> list[object]:
    """Add the interview that assembles a letter."""
    return make_letter_server(fake=fake)[1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", CSV),
        ("rows.csv", f"\ufeff{CSV}"),
        ("rows.csv", CSV.replace(",", ";")),
        ("rows.jsonl", LINES),
        ("rows.jsonl", LINES.replace("Ada", "Ada\u2028\x85Lovelace")),
        ("rows.json", '[{"case": "a-1", "name": "Ada"}, {"case": "b-2", "name": "Grace"}]'),
        ("rows.yaml", "- {case: a-1, name: Ada}\n- {case: b-2, name: Grace}\n"),
        ("-", LINES),
    ],
)
def test_each_row_gets_a_folder(dactl: Dactl, names: list[object], name: str, text: str) -> None:
    """Its name is the key of the row."""
    if name != "-":
        Path(name).write_text(text, encoding="utf-8")

    result = dactl("batch", I, name, "--key", "case", "--save", "out", stdin=text)

    assert (result.code, result.out, result.err) == (0, "2 rows: 2 done\n", "")
    assert sorted(path.name for path in Path("out").iterdir()) == ["a-1", "b-2"]
    assert len(names) == 2


def test_delimiter_of_the_rows_is_an_option(dactl: Dactl, names: list[object]) -> None:
    """With it the file is CSV, whatever its name is; standard input too."""
    text = CSV.replace(",", "|")
    Path("rows.txt").write_text(text, encoding="utf-8")

    for path in ("rows.txt", "-"):
        result = dactl("batch", I, path, "--save", "out", "--delimiter", "|", stdin=text)
        assert (result.code, result.out) == (0, "2 rows: 2 done\n")
    assert len(names) == 4


def test_second_run_continues_the_first(
    dactl: Dactl, fake: FakeServer, names: list[object]
) -> None:
    """A row that failed runs again; one that is done does not."""
    Path("rows.csv").write_text("case,name\na-1,Ada\nb-2,\n", encoding="utf-8")
    arguments = ("batch", I, "rows.csv", "--key", "case", "--save", "out", "--journal", "run.jsonl")

    first = dactl(*arguments)
    second = dactl(*arguments, "--json")

    assert (first.code, first.out) == (1, "2 rows: 1 done, 1 failed; see run.jsonl\n")
    assert first.err.startswith("row b-2: failed: ")
    results = [json.loads(line) for line in second.lines]
    assert [(row["kind"], row.get("key")) for row in results] == [
        ("RowResult", "a-1"),
        ("RowResult", "b-2"),
        ("BatchProgress", None),
    ]
    assert "Ada" not in second.out
    assert names.count("Ada") == 1


@pytest.mark.parametrize("options", [(), ("--json",)], ids=str)
def test_closed_pipe_hides_no_failed_row(
    dactl: Dactl, names: list[object], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """All rows run, and the exit code is theirs, as in `dactl batch ... --json | head -1`."""
    Path("rows.csv").write_text('name\n""\nAda\nGrace\n', encoding="utf-8")

    def write(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("docassemble_client.cli.output.write_line", write)

    assert dactl("batch", I, "rows.csv", "--save", "out", *options).code == 1
    assert names == ["Ada", "Grace"]


def test_rows_without_their_files_are_reported(dactl: Dactl) -> None:
    """They run again with --rerun-missing."""
    Path("rows.csv").write_text("name\nAda\n", encoding="utf-8")
    arguments = ("batch", I, "rows.csv", "--save", "out", "--journal", "run.jsonl")
    dactl(*arguments)
    for path in Path("out").rglob("*.*"):
        path.unlink()

    missing = dactl(*arguments)
    again = dactl(*arguments, "--rerun-missing")

    assert (missing.code, missing.lines) == (
        1,
        ["1 row: 0 done, 1 with missing documents; see run.jsonl"],
    )
    assert "hint: Add --rerun-missing" in missing.err
    assert again.code == 0


def test_unknown_row_says_what_to_do(dactl: Dactl) -> None:
    """The first run was killed while the row ran, as its journal shows."""
    Path("rows.csv").write_text("name\nAda\n", encoding="utf-8")
    arguments = ("batch", I, "rows.csv", "--save", "out", "--journal", "run.jsonl")
    dactl(*arguments)
    journal = Path("run.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if "outcome" not in line), encoding="utf-8")

    result = dactl(*arguments)
    again = dactl(*arguments, "--rerun-unknown")

    assert (result.code, result.out) == (6, "1 row: 0 done, 1 unknown; see run.jsonl\n")
    assert "hint: Check what these rows did; then add --rerun-unknown" in result.err
    assert again.code == 0


def test_unknown_rows_have_their_own_exit_code() -> None:
    """6 means: look before you repeat. A failed row is more important."""
    unknown = BatchProgress(done=1, unknown=1)

    assert [
        choose_exit_code(unknown),
        choose_exit_code(BatchProgress(failed=1, unknown=1)),
        choose_exit_code(BatchProgress()),
    ] == [
        6,
        1,
        0,
    ]
    assert summarize(unknown, None) == "2 rows: 1 done, 1 unknown"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rows.csv", "a,b\n1,2,3\n", "rows.csv has a row with more cells than the header."),
        ("rows.csv", "", "rows.csv is empty."),
        ("rows.csv", "a,b,a\n1,2,3\n", "rows.csv has two columns of the same name."),
        ("rows.csv", f"a\n{'b' * 200_000}\n", "rows.csv is not valid CSV (after line 1)."),
        ("rows.yml", "- born: 2026-02-30\n", "rows.yml is not valid YAML."),
        ("rows.yml", "- a: !!bool x\n", "rows.yml is not valid YAML."),
        ("rows.yml", "- a: !!int ''\n", "rows.yml is not valid YAML."),
        ("rows.yml", "- a: !!timestamp x\n", "rows.yml is not valid YAML."),
        ("rows.yml", "[" * 100_000, "rows.yml is not valid YAML."),
        ("rows.json", "[" * 100_000, "rows.json is not valid JSON."),
        ("rows.json", '{"a": 1}', "rows.json must contain a list of objects."),
        ("rows.jsonl", "{}\n1\n", "rows.jsonl must contain a list of objects."),
        ("rows.jsonl", "{}\n{\n", "rows.jsonl is not valid JSON (line 1)."),
    ],
)
def test_invalid_rows_are_refused(
    dactl: Dactl, fake: FakeServer, name: str, text: str, message: str
) -> None:
    """Nothing is sent, and the exit code is 2."""
    Path(name).write_text(text, encoding="utf-8")

    result = dactl("batch", I, name, "--save", "out")

    assert (result.code, result.err.splitlines()[0]) == (2, f"dactl: {message}")
    assert fake.received_requests == []
