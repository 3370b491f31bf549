"""Wrong input of any kind ends in exit code 2, and in a line that says what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workflows.package_files import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Dactl

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - docassemble's own name
BATCH = ("batch", I, "rows.csv", "--save", "out")
LINES: tuple[tuple[str, ...], ...] = (
    ("deploy",),
    ("deploy", "nosuch"),
    ("deploy", "bad.json"),
    ("deploy", "."),
    ("deploy", ".", "--timeout", "0s"),
    ("deploy", ".", "--restart", "maybe"),
    ("doctor", "bogus"),
    ("doctor", "--url", "notaurl", "--api-key-stdin"),
    ("doctor", "--api-key-stdin"),
    ("doctor", "--profile", "nosuch"),
    ("doctor", "--profile", "a", "--url", "https://a"),
    ("doctor", "--profile", "a", "--profile", "b"),
    ("user", "list", "--jsn"),
    ("run", I, "-a", "nosuch.json"),
    ("run", I, "-a", "bad.json"),
    ("run", I, "-a", "."),
    ("run", I, "-a"),
    ("batch", I, "nosuch.csv", "--save", "out"),
    ("batch", I, "empty.csv", "--save", "out"),
    ("batch", I, "rows.csv"),
    ("batch", I, "rows.csv", "--save", "bad.json"),
    (*BATCH, "-c", "0"),
    (*BATCH, "--key", "nosuch"),
    (*BATCH, "--journal", "."),
    (*BATCH, "--journal", "bad.json"),
    (*BATCH, "--journal", "nosuch/run.jsonl"),
    ("link", I, "--expires", "forever"),
    ("session", "cleanup"),
    ("session", "export", "--columns", ","),
    ("session", "export", "-o", "nosuch/out.csv"),
    ("interview", "check", "--junit", "nosuch/out.xml"),
    ("project", "pull"),
    ("project", "sync", ".", "-p", "a_b"),
    ("user", "ensure", "a@example.com", "--set", "first_name=A", "--set", "first_name=B"),
    ("config", "patch", "nosuch.yml"),
    ("key", "delete", "nosuch.txt", "--yes"),
    ("task", "wait", "nosuch"),
    ("file", "get", "x"),
    ("file", "fields", "nosuch.docx"),
    ("call", "nosuch"),
    ("call", "users.get", "user_id=x"),
    ("api", "GET", "nosuch"),
    ("profile", "add", "a b", "https://a"),
    ("profile", "import", "bad.json"),
)


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
def test_wrong_usage_has_one_line_and_a_hint(
    dactl: Dactl, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """No traceback, no temporary name, and no argument of Python."""
    write_files(tmp_path / "work", {"bad.json": "{", "empty.csv": "", "rows.csv": "name\nAda\n"})

    result = dactl(*arguments, stdin="key\n")

    first, *hints = result.err.splitlines()
    assert (result.code, result.out) == (2, "")
    assert first.startswith("dactl: ")
    assert [line[:6] for line in hints] in ([], ["hint: "])
    assert ".part" not in result.err
    assert "base_url" not in result.err
    assert "pip=" not in result.err
