"""The command completion."""

from __future__ import annotations

from typing import Literal, TypeAlias

from cyclopts import App

from docassemble_client.cli.common_options import OUTPUT, OutputOptions
from docassemble_client.cli.output import write_line
from docassemble_client.errors import UsageError

app = App(name="completion")

Shell: TypeAlias = Literal["bash", "zsh", "fish", "powershell"]


@app.command
def install(shell: Shell | None = None, /, *, common: OutputOptions = OUTPUT) -> None:
    """
    Install the completion of commands, options and operations; new shells use it.

    $ dactl completion install bash

    Args:
        shell: Shell; by default the one that you use.
    """
    from cyclopts.completion.detect import ShellDetectionError

    from docassemble_client.cli.app import make_app

    try:
        path = make_app().install_completion(shell=shell)
    except ShellDetectionError:
        message = "the shell is not known"
        raise UsageError(message, hint="Pass it: dactl completion install bash") from None
    common.show({"kind": "File", "path": path.as_posix()}, path.as_posix())


@app.command
def show(shell: Shell, /) -> None:
    """
    Write the completion script of a shell.

    $ dactl completion show powershell

    Args:
        shell: Shell.
    """
    from docassemble_client.cli.app import make_app

    write_line(make_app().generate_completion(shell=shell))
