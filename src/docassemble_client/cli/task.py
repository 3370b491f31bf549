"""The command task."""

from __future__ import annotations

from cyclopts import App

from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.inputs import parse_duration
from docassemble_client.cli.server import Timeout

app = App(name="task")


@app.command(name="wait")
async def wait_for_task(
    token: str, /, *, timeout: Timeout = "10m", common: Common = COMMON
) -> None:
    """
    Wait for a restart or an installation, and verify its result.

    $ dactl task wait "$(dactl call server.restart)"

    Args:
        token: Token of the task, as a command that starts a task writes it.
        timeout: Longest time to wait.
    """
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da:
        with common.progress() as progress:
            result = await da.wait_for_task(token, timeout=seconds, on_progress=progress.on_task)
    common.show(result, "completed")
