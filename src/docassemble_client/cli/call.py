"""
The command call: a command for every operation of the table, made when it is used.

`dactl call users.get` is the attribute `users_get` of this module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from docassemble_client._types import is_json_array
from docassemble_client.api import Namespaces
from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.help import find_arguments
from docassemble_client.cli.named_values import KINDS, parse_arguments
from docassemble_client.operation import Operation, Param
from docassemble_client.operations import OPERATIONS
from docassemble_client.responses import BinaryContent
from docassemble_client.tasks import TaskHandle

if TYPE_CHECKING:
    from docassemble_client.transfer import Download

app = App(name="call")

_EXAMPLES = {
    "file": "letter.docx",
    "files": "main.yml",
    "int": "7",
    "list[str]": "TEXT",
    "object": "@changes.json",
    "secret": "@secret.txt",
    "str": "TEXT",
}


def __getattr__(name: str) -> App:
    """Make the command of an operation."""
    for operation_id in OPERATIONS:
        if operation_id.replace(".", "_") == name:
            return _make_app(OPERATIONS[operation_id])
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


for _row in OPERATIONS.values():
    app.command(f"{__name__}:{_row.id.replace('.', '_')}", name=_row.id, help=_row.summary)


def _make_app(operation: Operation[Any]) -> App:
    operation_app = App(name=operation.id, help_epilogue=_describe(operation))

    @operation_app.default
    async def command(
        *arguments: Annotated[str, Parameter(help="NAME=VALUE; see below.")],
        output: Annotated[
            Path | None, Parameter(alias="-o", help="Path or folder for the file of a download.")
        ] = None,
        yes: Annotated[bool, Parameter(help="Call it, if it deletes something.")] = False,
        common: Common = COMMON,
    ) -> ExitCode:
        return await _call(operation, arguments, output=output, yes=yes, common=common)

    return operation_app


async def _call(
    operation: Operation[Any],
    arguments: tuple[str, ...],
    *,
    output: Path | None,
    yes: bool,
    common: Common,
) -> ExitCode:
    values = parse_arguments(operation, arguments)
    is_destructive = operation.method == "DELETE"
    if is_destructive and not confirm(f"call {operation.id}", yes=yes):
        return ExitCode.WRONG_USAGE
    from docassemble_client.transfer import Download

    async with common.connect() as da:
        result: Any = getattr(getattr(da, operation.tag), operation.name)(**values)
        if operation.paging is not None:
            await common.show_list(result)
        elif isinstance(result, Download):
            await _save(result, output, common)
        else:
            _show(await result, common)
    return ExitCode.DONE


async def _save(download: Download, output: Path | None, common: Common) -> None:
    if output is None:
        sys.stdout.buffer.write((await download.read()).content)
    else:
        path = await download.save(output)
        common.show({"kind": "File", "path": path.as_posix()}, path.as_posix())


def _show(value: Any, common: Common) -> None:
    if is_json_array(value) and not isinstance(value, tuple):
        common.show_items(value)
    elif isinstance(value, BinaryContent) and not common.json:
        sys.stdout.buffer.write(value.content)
    elif isinstance(value, TaskHandle) and not common.json:
        common.show(value, value.to_token())
    else:
        common.show(value)


def _describe(operation: Operation[Any]) -> str:
    """Describe the command of an operation: what it does, an example, its arguments."""
    # The methods of a namespace have the docstrings; no call is made.
    namespace = getattr(Namespaces(_get_no_runner), operation.tag)
    text = inspect.getdoc(getattr(namespace, operation.name)) or ""
    descriptions = find_arguments(text)
    required = [
        f" {param.name}={param.values[0] if param.values else _EXAMPLES[param.kind]}"
        for param in operation.params
        if param.required
    ]
    details = text.partition("\n\nArgs:\n")[0].partition("\n\n")[2]
    parts = [
        details,
        f"$ dactl call {operation.id}{''.join(required)}",
        "\n".join(_describe_parameter(param, descriptions) for param in operation.params),
    ]
    return "\n\n".join(part for part in parts if part)


def _describe_parameter(param: Param, descriptions: Mapping[str, str]) -> str:
    kind = " or ".join(param.values) or KINDS[param.kind]
    required = ", required" if param.required else ""
    # `python -OO` removes docstrings.
    return f"{param.name}= ({kind}{required}): {descriptions.get(param.name, '')}"


def _get_no_runner() -> Any:
    return None
