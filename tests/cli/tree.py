"""Walks the command tree, and checks lines that a user types."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from docassemble_client.cli.app import make_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclopts import App

_FLAGS = {"--help", "-h", "--version"}
_EXAMPLE = re.compile(r"^ *\$ (dactl(?:.*\\\n)*.*)$", re.MULTILINE)


def list_commands() -> list[tuple[str, ...]]:
    """List the words of each command, without the groups and the operations of `call`."""
    return [path for path in _walk(make_app(), ()) if path[:1] != ("call",)]


def _walk(app: App, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    names = [name for name in app if name not in _FLAGS]
    if not names:
        yield path
    for name in names:
        yield from _walk(app[name], (*path, name))


def find_examples(text: str) -> list[list[str]]:
    """Find the lines of a text that begin with `$ dactl`, and split them into words."""
    lines = (line.replace("\\\n", " ") for line in _EXAMPLE.findall(text))
    return [shlex.split(line, comments=True)[1:] for line in lines]


def is_accepted(arguments: list[str]) -> bool:
    """Whether the command line parses; raise the error if it does not."""
    make_app().parse_args(arguments, exit_on_error=False, print_error=False)
    return True
