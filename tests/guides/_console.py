"""Finds and runs the shell commands of README.md and docs/guide/*.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from tests.guides import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK = re.compile(r"^```console\n(?P<code>.*?)^```\n", re.MULTILINE | re.DOTALL)
_SEPARATOR = "\x1e"
# These would install something, or run for minutes; others test them.
_SKIPPED = ("nox", "pip", "python -m pip", "python examples/")
_TIMEOUT_SECONDS = 300


@frozen(kw_only=True)
class ConsoleBlock:
    """
    Shell commands on a page, with their output.

    Attributes:
        page: File of the page.
        line: Number of the line before the first command.
        commands: The commands, and the output that the page shows after each; … matches any text.
    """

    page: Path
    line: int
    commands: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def replace(self, texts: Mapping[str, str]) -> ConsoleBlock:
        """Return the block with other texts in its commands and outputs."""
        commands = self.commands
        for old, new in texts.items():
            commands = tuple(
                (command.replace(old, new), output.replace(old, new))
                for command, output in commands
            )
        return evolve(self, commands=commands)

    def run(self, programs: Path, environment: dict[str, str]) -> list[str]:
        """
        Run the commands in one bash in the current folder, as a user types them.

        Args:
            programs: Folder of the programs `dactl` and `python`, from `write_programs`.
            environment: Environment variables in addition to those of this process.

        Returns:
            The output of each command, stderr included.
        """
        script = "".join(
            f"{'true' if is_skipped(command) else command}\nstatus=$?\n"
            f"printf '{_SEPARATOR}'\n(exit $status)\n"
            for command, _ in self.commands
        )
        python_path = os.pathsep.join([str(ROOT), *sys.path])
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        # The server is that of the test, or of the commands.
        names = (name for name in os.environ if not name.startswith("DOCASSEMBLE"))
        outer = {name: os.environ[name] for name in names}
        result = subprocess.run(  # noqa: S603 - our own text
            ["bash", "-c", script],  # noqa: S607 - any bash
            env={**outer, "PATH": path, "PYTHONPATH": python_path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        return result.stdout.split(_SEPARATOR)[:-1]


def write_programs(folder: Path) -> Path:
    """Write the programs that the commands run: those of this version."""
    folder.mkdir()
    for name, arguments in (("dactl", " -m docassemble_client"), ("python", "")):
        program = folder / name
        text = f'#!/bin/sh\nexec {sys.executable}{arguments} "$@"\n'
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
    return folder


def is_skipped(command: str) -> bool:
    """Whether a command is not run."""
    return command.startswith(_SKIPPED)


def find_console_blocks(page: Path) -> list[ConsoleBlock]:
    """Find the blocks of shell commands of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        ConsoleBlock(
            page=page,
            line=text.count("\n", 0, match.start("code")),
            commands=tuple(_split(match["code"])),
        )
        for match in _BLOCK.finditer(text)
    ]


def _split(code: str) -> list[tuple[str, str]]:
    """Split a block into commands and their outputs."""
    parts = re.split(r"^\$ ", code, flags=re.MULTILINE)
    assert not parts[0], "a block begins with a command"
    commands = (part.partition("\n") for part in parts[1:])
    return [(command, output) for command, _, output in commands]
