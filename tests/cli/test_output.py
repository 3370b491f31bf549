"""How results are written: text, JSON, and progress on a terminal."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from docassemble_client import (
    BatchProgress,
    BinaryContent,
    Confidential,
    JSONReply,
    NotFound,
    Package,
    Secret,
    TaskEvent,
    TaskHandle,
    UsageError,
    User,
)
from docassemble_client._atomic_file import AtomicFileWriter
from docassemble_client.cli.common_options import OutputOptions
from docassemble_client.cli.json_values import to_json
from docassemble_client.cli.output import format_error, to_text, write_error, write_line

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Dactl


class Color(Enum):
    """An enumeration."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (1.5, 1.5),
        (Secret("canary"), "***"),
        (Confidential({"a": 1}), {"a": "***"}),
        (JSONReply([1]), {"kind": "JSONReply", "data": [1], "status": 200}),
        ([date(2026, 1, 2)], ["2026-01-02"]),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ((timedelta(minutes=1), PurePosixPath("a/b")), ["0:01:00", "a/b"]),
        (Color.RED, "Color.RED"),
        (NotFound("gone"), {"kind": "NotFound", "message": "gone."}),
        (
            BinaryContent(content=b"abc", content_type="", filename="a.txt"),
            {"kind": "BinaryContent", "filename": "a.txt", "size": 3},
        ),
        (
            Package(name="a", type="git", can_update=True, can_uninstall=True, git_url="https://x"),
            {
                "kind": "Package",
                "name": "a",
                "type": "git",
                "can_update": True,
                "can_uninstall": True,
                "version": None,
                "git_url": "***",
                "branch": None,
                "zip_file_number": None,
            },
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_results_as_json(value: object, expected: object) -> None:
    """Secrets are hidden; so is what the repr of an object hides."""
    assert to_json(value) == expected


def test_task_has_a_token() -> None:
    """`dactl task wait` takes it."""
    handle = TaskHandle("x", "restart", "server.restart")

    data = to_json(handle)

    assert isinstance(data, dict)
    assert TaskHandle.from_token(str(data["token"])) == handle


def test_reveal_shows_what_is_hidden() -> None:
    """Secrets, the configuration, and addresses that may have a password."""
    package = Package(
        name="a", type="git", can_update=True, can_uninstall=True, git_url="https://x"
    )
    values = [Secret("a"), Confidential({"b": 1}), package]

    first, second, third = (to_json(value, reveal=True) for value in values)

    assert (first, second) == ("a", {"b": 1})
    assert isinstance(third, dict)
    assert third["git_url"] == "https://x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Secret("canary"), "*** (add --reveal to show it)"),
        ("text", "text"),
        (None, ""),
        (True, "true"),
        ([{"a": 1}, "b", None], '{"a": 1}\nb\n-'),
        (
            {"kind": "X", "names": ["a", "b"], "none": None, "more": {"c": 1}},
            'names: a, b\nnone: -\nmore: {"c": 1}',
        ),
    ],
)
def test_results_as_text(value: object, text: str) -> None:
    """An object is a line per attribute."""
    assert to_text(value, reveal=False) == text


def test_value_has_a_kind(capsys: pytest.CaptureFixture[str]) -> None:
    """So that every line of JSON has one."""
    for value in (None, "text", User):
        OutputOptions(json=True).show(value)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == ["value"] * 3
    assert [line["value"] for line in lines][:2] == [None, "text"]


def test_error_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """And a second one with the hint."""
    write_error(NotFound("it is\nnot there", hint="Look\nelsewhere"))
    write_error(OSError("a\nb"))

    assert capsys.readouterr().err.splitlines() == [
        "dactl: it is not there.",
        "hint: Look elsewhere",
        "dactl: a b",
    ]


def test_words_of_python_are_those_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No error tells you to set an argument that dactl does not have."""
    write_error(UsageError("base_url needs a host; pass create=True or pip=.", hint="Ask, …"))
    write_error(UsageError("save_to cannot be a folder"))

    assert capsys.readouterr().err.splitlines() == [
        "dactl: the URL needs a host; pass --create or --pip.",
        "hint: Ask, …",
        "dactl: --save cannot be a folder.",
    ]


def test_file_that_cannot_be_written_is_named_by_its_folder(tmp_path: Path) -> None:
    """A temporary name says nothing."""
    with pytest.raises(OSError, match="part") as caught, AtomicFileWriter(tmp_path / "a/b", None):
        pass

    assert format_error(caught.value) == f"{tmp_path / 'a'}: No such file or directory"


class Terminal(io.StringIO):
    """A text stream that is a terminal."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return True


def test_terminal_gets_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name from the server cannot change the terminal; a file gets it as it is."""
    terminal, file = Terminal(), io.StringIO()

    for stream in (terminal, file):
        monkeypatch.setattr("sys.stdout", stream)
        write_line("a\tb\x1b]0;title\x07\x9b2J")

    assert terminal.getvalue() == "a\tb\\u001b]0;title\\u0007\\u009b2J\n"
    assert file.getvalue() == "a\tb\x1b]0;title\x07\x9b2J\n"


def test_output_that_cannot_be_encoded_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server can send any character."""
    buffer = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(buffer, encoding="latin-1"))

    write_line("é ẞ \ud800")

    assert buffer.getvalue() == "é \\u1e9e \\ud800\n".encode("latin-1")


@pytest.mark.parametrize("quiet", [False, True])
def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> None:
    """The state of a task, and the rows of a batch; nothing with --quiet."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Terminal())
    import sys

    options = OutputOptions(quiet=quiet)
    with options.progress() as progress:
        progress.on_task(TaskEvent("restarting", 1, "502", 31.0))
        progress.on_task(TaskEvent("completed", 2))
    with options.progress() as progress:
        progress.on_batch(BatchProgress(done=1, failed=2, total=10, active=3))
    options.note("a note")

    assert isinstance(sys.stderr, Terminal)
    shown = sys.stderr.getvalue()
    expected = (
        "restarting",
        "(502)",
        "3/10",
        "done 1 · failed 2 · unknown 0 · at once 3",
        "a note",
    )
    assert [text in shown for text in expected] == [not quiet] * 5


def test_verbose_logs_requests(dactl: Dactl, caplog: pytest.LogCaptureFixture) -> None:
    """On standard error, without the key."""
    caplog.set_level("NOTSET", "docassemble_client")  # so that the level is reset after the test

    dactl("user", "show", "-v")

    assert "GET /api/user" in caplog.text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Pass create=True, or the name", "Pass --create, or the name"),
        ("pass policy= to generate a value", "pass --policy to generate a value"),
        (
            "github=, with or without branch=, or pip=",
            "--github, with or without --branch, or --pip",
        ),
        ("Write for example user_id=7", "Write for example user_id=7"),
    ],
)
def test_arguments_of_python_are_options(text: str, line: str) -> None:
    """The errors are those of the library, whose arguments have the names of the options."""
    assert format_error(ValueError(text)) == line
