"""Runs dactl as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 300
COMMAND = (sys.executable, "-m", "docassemble_client")


def make_environment(fake: FakeServer | None, home: Path) -> dict[str, str]:
    """Make the environment of a process: this package, a server or none, and an empty home."""
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "HOME": str(home), "NO_COLOR": "1"}
    environment |= {"XDG_CONFIG_HOME": str(home / ".config"), "COLUMNS": "100"}
    for name in (URL_VARIABLE, KEY_VARIABLE):
        environment.pop(name, None)
    if fake is not None:
        environment |= {URL_VARIABLE: fake.url, KEY_VARIABLE: fake.api_key}
    return environment


def communicate(process: Any) -> tuple[str, str]:
    """Return what a process writes until its end; kill it if it does not end."""
    try:
        output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return output, errors


def start(arguments: tuple[str, ...], environment: dict[str, str], **options: Any) -> Any:
    """Start dactl; its output is text, in pipes."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(  # noqa: S603 - our own program
        [*COMMAND, *arguments], env=environment, **{**pipes, **options}
    )


def run_process(
    *arguments: str, environment: dict[str, str], stdin: str = "", **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run dactl to its end."""
    return subprocess.run(  # noqa: S603 - our own program
        [*COMMAND, *arguments],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        **options,
    )
