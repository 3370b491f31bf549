"""A terminal for tests: it shows what a command writes, and types what a user types."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pyte

from tests.cli.process import start

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS, LINES = 100, 12


class Recording(NamedTuple):
    """What a terminal showed, one screen for each write; stdout, if it is a pipe; the exit code."""

    screens: list[str]
    output: str
    code: int


def record_terminal(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    *,
    answers: Mapping[str, str] | None = None,
    has_output: bool = False,
) -> Recording:
    """
    Run dactl on a terminal.

    Args:
        arguments: Arguments of the command.
        environment: Environment of the process.
        answers: Lines to type when a text is on the screen.
        has_output: Whether stdout is the terminal too.

    Returns:
        The recording.
    """
    import pty

    leader, follower = pty.openpty()
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    screens: list[str] = []
    waiting = dict(answers or {})
    output = follower if has_output else subprocess.PIPE
    # A session of its own, whose terminal is this one.
    with start(
        arguments,
        {**environment, "TERM": "xterm"},
        stdin=follower,
        stdout=output,
        stderr=follower,
        start_new_session=True,
    ) as process:
        os.close(follower)
        while chunk := _read(leader):
            stream.feed(chunk)
            screens.append("\n".join(line.rstrip() for line in screen.display).strip())
            for prompt in [prompt for prompt in waiting if prompt in screens[-1]]:
                os.write(leader, f"{waiting.pop(prompt)}\n".encode())
        text = "" if has_output else process.stdout.read()
    os.close(leader)
    return Recording(screens, text, process.returncode)


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # the terminal is closed
        return b""
