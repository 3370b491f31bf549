"""Writes the help of a command as plain text; cyclopts would load rich for it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from cyclopts import App
from cyclopts.argument import Argument

from docassemble_client._version import __version__
from docassemble_client.cli.commands import COMMANDS
from docassemble_client.cli.output import write_line

_MAX_WIDTH = 100
_MAX_LABEL_WIDTH = 28
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_METAVARS: dict[object, str] = {int: "INT", float: "FLOAT", Path: "PATH"}


class VersionConsole:
    """Takes the place of rich's console; cyclopts writes only the version to it."""

    def print(self, _: object) -> None:
        """Write the version."""
        write_line(__version__)


def find_arguments(docstring: str) -> dict[str, str]:
    """Find the descriptions of the arguments in a docstring in Google style without indentation."""
    return {name: " ".join(text.split()) for name, text in _ARGUMENT.findall(docstring)}


def format_help(path: Sequence[str], app: App) -> str:
    """
    Format the help of a command.

    Args:
        path: Words of the command, such as project, sync.
        app: The command.

    Returns:
        Usage, description and example, then a section for each group of parameters.
    """
    docstring = inspect.cleandoc(app.help or "")
    description = docstring.partition("\n\nArgs:\n")[0].rstrip()
    words = ["Usage: dactl", *path]
    if app.default_command is None:
        parts = [" ".join([*words, "COMMAND"]), description]
        parts.append(format_section("Commands", list_commands(path, app)))
    else:
        arguments = app.assemble_argument_collection().filter_by(show=True)
        descriptions = find_arguments(docstring)
        parts = [" ".join([*words, *_list_usage(arguments)]), description]
        groups: dict[str, list[tuple[str, str]]] = {}
        for argument in arguments:
            group: Any = argument.parameter.group
            row = (_format_label(argument), _describe(argument, descriptions))
            groups.setdefault(group[0].name, []).append(row)
        parts += [format_section(name, rows) for name, rows in groups.items()]
    return "\n\n".join([*parts, app.help_epilogue or ""]).rstrip()


def list_commands(path: Sequence[str], app: App) -> list[tuple[str, str]]:
    """
    List the commands of a group with their descriptions.

    Args:
        path: Words of the group.
        app: The group.

    Returns:
        Names with descriptions. No command is loaded if a table has the descriptions.
    """
    if not path:
        return [(name, description) for name, (_, description) in COMMANDS.items()]
    if [*path] == ["call"]:
        from docassemble_client.operations import OPERATIONS

        return [(row.id, row.summary) for row in OPERATIONS.values()]
    names = [name for name in app if not name.startswith("-")]
    return [(name, inspect.cleandoc(app[name].help or "").partition("\n")[0]) for name in names]


def _list_usage(arguments: Iterable[Argument]) -> Iterator[str]:
    optional = False
    for argument in arguments:
        label = _format_label(argument)
        if argument.index is not None:
            yield label if argument.required else f"[{label}]"
        elif argument.required:
            yield label.rpartition(", ")[2]
        else:
            optional = True
    if optional:
        yield "[OPTIONS]"


def _format_label(argument: Argument) -> str:
    """Format the name of a parameter, such as `FOLDER`, or `-p, --project STR`."""
    if argument.index is not None:
        name = argument.name.lstrip("-").upper()
        return f"{name}..." if argument.field_info.kind.name == "VAR_POSITIONAL" else name
    names = ", ".join(sorted(argument.names, key=lambda name: name.startswith("--")))
    return names if argument.is_flag() else f"{names} {_choose_metavar(argument)}"


def _choose_metavar(argument: Argument) -> str:
    if argument.get_choices():
        return "CHOICE"
    types = get_args(argument.hint) or (argument.hint,)
    return next((_METAVARS[kind] for kind in types if kind in _METAVARS), "TEXT")


def _describe(argument: Argument, descriptions: Mapping[str, str]) -> str:
    # `python -OO` removes docstrings.
    parts = [argument.parameter.help or descriptions.get(argument.field_info.name, "")]
    choices = argument.get_choices()
    if choices:
        parts.append(f"[choices: {', '.join(choices)}]")
    default = argument.field_info.default
    if not argument.required and default and isinstance(default, (str, int, float)):
        parts.append(f"[default: {argument.name if default is True else default}]")
    if argument.required:
        parts.append("[required]")
    return " ".join(parts)


def format_section(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Format names with descriptions as two columns that fit the terminal."""
    # Imported here: only help needs them.
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size().columns, _MAX_WIDTH)
    indent = min(max(len(label) for label, _ in rows), _MAX_LABEL_WIDTH) + 4
    lines = [f"{title}:"]
    for label, description in rows:
        start = f"  {label}"
        if len(start) + 2 > indent:
            lines.append(start)
            start = ""
        lines += textwrap.wrap(
            description,
            max(width, indent * 2),
            initial_indent=start.ljust(indent),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
