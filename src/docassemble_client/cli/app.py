"""The command tree, and how a command ends: with an exit code, never with a traceback."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, UnknownCommandError, UnusedCliTokensError

import docassemble_client.cli.output as output
from docassemble_client._version import __version__
from docassemble_client.cli.commands import COMMANDS
from docassemble_client.cli.exit_codes import ExitCode, get_exit_code
from docassemble_client.cli.help import VersionConsole, format_help, list_commands
from docassemble_client.errors import DocassembleError

_HELP = """\
The workflows of docassemble's API on the command line.

Begin with a profile, then check it:

$ dactl profile add prod https://da.example.com
$ dactl doctor

Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 not allowed, 4 server or network, 5 not
there or switched off, 6 unknown whether it happened (look before you repeat), 130 interrupted.
"""


class CommandTree(App):
    """The root of the command tree; cyclopts calls its methods for all commands."""

    def help_print(self, tokens: Any = None, *, console: Any = None) -> None:  # noqa: ARG002
        """Write the help of the command that the words name."""
        path, apps, _ = self.parse_commands(tokens)
        output.write_line(format_help(path, apps[-1]))

    def parse_args(self, tokens: Any = None, **options: Any) -> Any:
        """Parse a command, and choose its server before cyclopts loads asyncio to run it."""
        command, bound, ignored = super().parse_args(tokens, **options)
        bound.apply_defaults()
        common = bound.arguments.get("common")
        if common is not None:
            bound.arguments["common"] = common.with_server()
        return command, bound, ignored


def make_app(used: str = "") -> App:
    """
    Create the command tree; the modules of the commands are not loaded.

    Args:
        used: Name of the command that is used. Its own docstring is its help; the help of the
            others is their description in the list.

    Returns:
        The tree.
    """
    console: Any = VersionConsole()
    app = CommandTree(
        name="dactl",
        version=__version__,
        help=_HELP,
        help_format="plaintext",
        console=console,
        error_console=console,
        default_parameter=Parameter(negative=()),
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
    except (CycloptsError, DocassembleError, OSError) as error:
        return _report(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return code if isinstance(code, int) else ExitCode.DONE


def _report(error: Exception) -> ExitCode:
    """Write an error, and return its exit code."""
    if isinstance(error, BrokenPipeError):
        # The reader has read enough, as in `dactl user list | head`.
        output.discard_stdout()
        return ExitCode.DONE
    if isinstance(error, UnusedCliTokensError):
        words = " ".join(error.unused_tokens or ())
        output.write_note(f"dactl: unexpected argument: {words}")
    elif isinstance(error, UnknownCommandError):
        output.write_note(f"dactl: {_describe_unknown(error)}")
    else:
        output.write_error(error)
    return get_exit_code(error)


def _run(arguments: Sequence[str]) -> object:
    if [*arguments] == ["--version"]:
        # cyclopts would load rich for it.
        output.write_line(__version__)
        return ExitCode.DONE
    app = make_app(arguments[0] if arguments else "")
    return app(list(arguments), exit_on_error=False, print_error=False)


def _describe_unknown(error: UnknownCommandError) -> str:
    """Describe an unknown command; cyclopts would load all commands to suggest another."""
    from difflib import get_close_matches

    app: Any = error.app
    word = (error.unused_tokens or [""])[0]
    names = [name for name, _ in list_commands(error.command_chain or (), app)]
    similar = get_close_matches(word, names, n=1)
    return f"unknown command {word}" + (f"; did you mean {similar[0]}?" if similar else "")
