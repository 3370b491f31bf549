"""Finds and runs the shell commands of README.md and docs/guide/*.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from attrs import frozen

from tests.guides import ROOT, matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CONSOLE_BLOCK = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"\$ (?P<text>.*)\n(?P<output>(?:(?!\$ ).*\n)*)")
_SEPARATOR = "\x1e"
# These would install something, or run for minutes; other tests run them.
_SKIPPED = ("nox", "pip", "python -m pip", "python examples/")
_TIMEOUT_SECONDS = 300


@frozen(kw_only=True)
class Command:
    """
    A shell command on a page.

    Attributes:
        place: Page and line of its block.
        text: The command.
        output: Output that the page shows, if any; … matches any text.
    """

    place: str
    text: str
    output: str

    @property
    def is_skipped(self) -> bool:
        """Whether it is not run."""
        return self.text.startswith(_SKIPPED)

    def matches_output(self, printed: str) -> bool:
        """Whether the output on the page matches this text; dactl must print what it shows."""
        has_output = self.output or self.text.startswith("dactl")
        return self.is_skipped or not has_output or matches(self.output, printed)


def find_commands(page: Path, replacements: Mapping[str, str]) -> list[Command]:
    """Find the shell commands of a page, and replace texts in them and their outputs."""
    text = page.read_text(encoding="utf-8")
    commands: list[Command] = []
    for block in CONSOLE_BLOCK.finditer(text):
        place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, block.start(1))}"
        content = block[1]
        for old, new in replacements.items():
            content = content.replace(old, new)
        found = [*_COMMAND.finditer(content)]
        assert "".join(match[0] for match in found) == content, place
        commands += [
            Command(place=place, text=match["text"], output=match["output"]) for match in found
        ]
    return commands


def run_commands(
    commands: Sequence[Command], programs: Path, environment: Mapping[str, str]
) -> list[str]:
    """
    Run commands in one bash in the current folder, as a user types them.

    Args:
        commands: The commands.
        programs: Folder for the programs `dactl` and `python`, those of this version.
        environment: Environment variables in addition to those of this process.

    Returns:
        The output of each command, stderr included.
    """
    _write_programs(programs)
    script = "".join(
        f"{'true' if command.is_skipped else command.text}\nstatus=$?\n"
        f"printf '{_SEPARATOR}'\n(exit $status)\n"
        for command in commands
    )
    # The server is that of the test, or of the commands.
    names = (name for name in os.environ if not name.startswith("DOCASSEMBLE"))
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    result = subprocess.run(  # noqa: S603 - our own text
        ["bash", "-c", script],  # noqa: S607 - any bash
        env={
            **{name: os.environ[name] for name in names},
            "PATH": path,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=_TIMEOUT_SECONDS,
    )
    return result.stdout.split(_SEPARATOR)[:-1]


def _write_programs(folder: Path) -> None:
    folder.mkdir()
    for name, arguments in (("dactl", " -m docassemble_client"), ("python", "")):
        program = folder / name
        text = f'#!/bin/sh\nexec {sys.executable}{arguments} "$@"\n'
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
