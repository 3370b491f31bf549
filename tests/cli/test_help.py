"""Every command explains itself, and refuses what it does not understand in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from docassemble_client._version import __version__
from docassemble_client.cli.commands import COMMANDS
from docassemble_client.cli.help import format_section
from docassemble_client.operations import OPERATIONS
from tests.cli.tree import find_examples, is_accepted, list_commands

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

_NAMED = r"  (-\w|--\w|[A-Z]{2})"
_TITLE = re.compile(r"^[A-Z][a-z ]+:$", re.MULTILINE)
COMMAND_PATHS = list_commands()
CASES = pytest.mark.parametrize("path", COMMAND_PATHS, ids=" ".join)


def test_tree_is_complete() -> None:
    """The tree has every command that the first help page lists."""
    assert {path[0] for path in COMMAND_PATHS} | {"call"} == COMMANDS.keys()


@CASES
def test_help_has_an_example(dactl: Dactl, path: tuple[str, ...]) -> None:
    """Each example is a command line of this command, and it parses."""
    result = dactl(*path, "--help")

    examples = find_examples(result.out)
    assert (result.code, result.err) == (0, "")
    assert result.lines[0].startswith(f"Usage: dactl {' '.join(path)}")
    assert [example[: len(path)] for example in examples] == [list(path)] * len(examples)
    assert examples
    assert all(map(is_accepted, examples))


@CASES
def test_every_option_is_described(dactl: Dactl, path: tuple[str, ...]) -> None:
    """No line of a section has only a name."""
    sections = _TITLE.split(dactl(*path, "--help").out)[1:]
    lines = [line for section in sections for line in section.splitlines()]
    rows = [line.strip() for line in lines if re.match(_NAMED, line)]

    assert rows
    assert [row for row in rows if not re.search(r"  [^ [](?!choices|default|required)", row)] == []


@CASES
def test_unknown_option_is_refused(dactl: Dactl, fake: FakeServer, path: tuple[str, ...]) -> None:
    """One line, exit code 2, and nothing is sent."""
    result = dactl(*path, "--no-such-option")

    assert (result.code, result.out, fake.received_requests) == (2, "", [])
    assert result.err.startswith("dactl: ")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("operation", OPERATIONS)
def test_example_of_an_operation_parses(dactl: Dactl, operation: str) -> None:
    """Also those of `call`."""
    examples = find_examples(dactl("call", operation, "--help").out)

    assert [example[:2] for example in examples] == [["call", operation]]
    assert all(map(is_accepted, examples))


@pytest.mark.parametrize("arguments", [(), ("user",), ("--help",), ("project", "-h")], ids=str)
def test_groups_list_their_commands(dactl: Dactl, arguments: tuple[str, ...]) -> None:
    """A group without a command shows its help."""
    result = dactl(*arguments)

    assert (result.code, result.err) == (0, "")
    assert "\nCommands:\n  " in result.out


@pytest.mark.parametrize("arguments", [("usr",), ("user", "lst"), ("call", "users.gt")], ids=str)
def test_unknown_command_suggests_another(dactl: Dactl, arguments: tuple[str, ...]) -> None:
    """The error has one line."""
    result = dactl(*arguments)

    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 1)
    assert "did you mean" in result.err


@pytest.mark.parametrize("arguments", [(), ("user",), ("user", "list")], ids=str)
def test_version_is_shown(dactl: Dactl, arguments: tuple[str, ...]) -> None:
    """Only the number, also after a command."""
    assert dactl(*arguments, "--version").out == f"{__version__}\n"


def test_unknown_word_without_a_similar_command_is_refused(dactl: Dactl) -> None:
    """The error suggests none."""
    assert dactl("xyzzy").err == "dactl: unknown command xyzzy\n"


def test_help_fits_the_terminal(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long descriptions are wrapped, and a default is one that you can type."""
    monkeypatch.setenv("COLUMNS", "60")

    lines = dactl("project", "sync", "--help").lines

    options = lines[lines.index("Parameters:") :]
    assert max(map(len, options)) <= 60
    assert "  -p, --project TEXT       Name of the project. [required]" in options
    assert "[default: --restart]" in " ".join(options)


def test_long_names_have_a_line_of_their_own() -> None:
    """The descriptions stay in one column."""
    section = format_section("Parameters", [("--short", "A."), (f"--{'x' * 40}", "B.")])

    assert [len(line) - len(line.lstrip()) for line in section.splitlines()] == [0, 2, 2, 32]


def test_argument_too_many_is_named(dactl: Dactl) -> None:
    """In one line."""
    result = dactl("doctor", "all", "servers")

    assert (result.code, result.err) == (2, "dactl: unexpected argument: all servers\n")
