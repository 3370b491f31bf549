"""The command tree, and how a command ends: with an exit code, never with a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

import docassemble_client.cli.output as output
from docassemble_client._version import __version__
from docassemble_client.cli.commands import COMMANDS
from docassemble_client.cli.exit_codes import ExitCode, get_exit_code
from docassemble_client.errors import DocassembleError

_HELP = """\
The workflows of docassemble's API on the command line.

Begin with a profile, then check it:

$ dactl profile add prod https://da.example.com
$ dactl doctor

Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 not allowed, 4 server or network, 5 not
there or switched off, 6 unknown whether it happened (look before you repeat), 130 interrupted.
"""


def make_app(used: str = "") -> App:
    """
    Create the command tree; the modules of the commands are not loaded.

    Args:
        used: Name of the command that is used. Its own docstring is its help; the help of the
            others is their description in the list.

    Returns:
        The tree.
    """
    app = App(
        name="dactl",
        version=__version__,
        help=_HELP,
        help_format="plaintext",
        default_parameter=Parameter(negative=(), show_default=_describe_default),
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for position, (name, (target, description)) in enumerate(COMMANDS.items()):
        path = f"docassemble_client.cli.{target}"
        is_documented = name == used and not target.endswith(":app")
        text = None if is_documented else description
        app.command(path, name=name, help=text, sort_key=position)
    return app


def run(arguments: Sequence[str]) -> int:
    """
    Run a command.

    Args:
        arguments: Arguments of the command line, without the name of the program.

    Returns:
        The exit code.
    """
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except CycloptsError as error:
        output.write_error(error)
        return ExitCode.WRONG_USAGE
    except DocassembleError as error:
        output.write_error(error)
        return get_exit_code(error)
    except BrokenPipeError:
        # The reader has read enough, as in `dactl user list | head`; nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except OSError as error:
        output.write_error(error)
        return ExitCode.WRONG_USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else ExitCode.DONE


def _run(arguments: Sequence[str]) -> object:
    if [*arguments] == ["--version"]:
        # cyclopts would load rich for it.
        output.write_line(__version__)
        return ExitCode.DONE
    app = make_app(arguments[0] if arguments else "")
    return app(list(arguments), exit_on_error=False, print_error=False)


def _describe_default(value: object) -> str | None:
    """Describe a default in the help; a switch and an empty value need no description."""
    return str(value) if value else None
