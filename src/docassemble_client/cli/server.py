"""The commands doctor and server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from docassemble_client._types import parse_unix_time
from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_duration
from docassemble_client.errors import TaskTimeout

if TYPE_CHECKING:
    from docassemble_client.workflows.server.doctor import ServerReport

app = App(name="server")

Timeout = Annotated[str, Parameter(help="Longest time to wait, such as 90s or 10m.")]


async def doctor(*, common: Common = COMMON) -> ExitCode:
    """
    Check the server, its address and your API key, without changing anything.

    The exit code is 0 if the server can be used, 3 if the key is not accepted, else 4.

    $ dactl doctor
    """
    async with common.connect() as da:
        report = await da.doctor()
    common.show(report, str(report))
    return choose_exit_code(report)


def choose_exit_code(report: ServerReport) -> ExitCode:
    """Return the exit code of a report."""
    if report.ok:
        return ExitCode.DONE
    return ExitCode.NOT_ALLOWED if report.key_valid is False else ExitCode.SERVER_OR_NETWORK


@app.command
async def health(*, common: Common = COMMON) -> None:
    """
    Show whether the server works, its version, and when it started.

    $ dactl server health
    """
    async with common.connect() as da:
        status = await da.server.get_health()
    state = "works" if status.ok else "does not work"
    time = parse_unix_time(status.server_start_time)
    started = "an unknown time" if time is None else f"{time:%Y-%m-%d %H:%M:%S} UTC"
    common.show(status, f"docassemble {status.version} {state}, up since {started}")


@app.command
async def restart(*, timeout: Timeout = "10m", common: Common = COMMON) -> None:
    """
    Restart the server, and wait until it is stable.

    $ dactl server restart
    """
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da:
        with common.progress() as progress:
            progress.show("restarting")
            handle = await da.restart(timeout=seconds)
    common.show(handle, "restarted")


@app.command(name="wait")
async def wait_for_server(*, timeout: Timeout = "10m", common: Common = COMMON) -> None:
    """
    Wait until the server responds, for example after you started it.

    $ dactl server wait --timeout 5m
    """
    from docassemble_client._concurrency import time_limit
    from docassemble_client.workflows.server.restart import wait_until_stable

    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da:
        with common.progress() as progress:
            progress.show("waiting for the server")
            async with time_limit(seconds, _make_timeout):
                await wait_until_stable(da, since=0.0)
        status = await da.server.get_health()
    common.show(status, f"docassemble {status.version} responds")


def _make_timeout() -> TaskTimeout:
    message = "the server did not respond in time"
    return TaskTimeout(message, hint="Look at its logs, or wait longer with --timeout")
