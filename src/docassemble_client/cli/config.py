"""The command config."""

from __future__ import annotations

from cyclopts import App

from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import read_object
from docassemble_client.cli.output import write_note
from docassemble_client.config import Confidential

app = App(name="config")


@app.command
async def get(*names: str, common: Common = COMMON) -> ExitCode:
    """
    Show the directives of the configuration; their values only with --reveal.

    $ dactl config get debug --reveal

    Args:
        names: Directives to show; all by default.
    """
    async with common.connect() as da:
        config = await da.server.get_config()
    chosen = {name: config[name] for name in names or config if name in config}
    common.show(Confidential(chosen))
    missing = [name for name in names if name not in config]
    if missing:
        write_note(f"dactl: the configuration does not contain {', '.join(missing)}")
        return ExitCode.NOT_THERE
    return ExitCode.DONE


@app.command
async def patch(changes: str, /, *, yes: bool = False, common: Common = COMMON) -> None:
    """
    Change single directives, keep all others, and restart the server.

    Without --yes it only shows the names of what differs.

    $ dactl config patch changes.yml --yes

    Args:
        changes: JSON or YAML file with the directives to change.
        yes: Change the configuration.
    """
    directives = read_object(changes)
    async with common.connect() as da:
        report = await da.patch_config(directives, dry_run=not yes)
        with common.progress() as progress:
            await da.wait_for_task(report.task, on_progress=progress.on_task)
    common.show(report, str(report))
    if not yes:
        common.note("nothing was changed; add --yes to do it")
