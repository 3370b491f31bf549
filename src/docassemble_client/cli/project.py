"""The command project."""

from __future__ import annotations

from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_duration

if TYPE_CHECKING:
    from docassemble_client.workflows.playground.backup import BackupReport
    from docassemble_client.workflows.playground.download import ProjectDownload
    from docassemble_client.workflows.playground.sync import SyncReport
    from docassemble_client.workflows.playground.watch import WatchEvent

app = App(name="project")

Project = Annotated[str, Parameter(alias="-p", help="Name of the project.")]
UserID = Annotated[
    int | None,
    Parameter(name="--user", help="ID of the user who owns the Playground; by default yourself."),
]
Restart = Annotated[
    bool, Parameter(negative="--no-restart", help="Restart the server if modules changed.")
]
Timeout = Annotated[str, Parameter(help="Longest time for the command, such as 90s or 10m.")]
Delete = Annotated[bool, Parameter(help="Delete files that are only on the server.")]


@app.command(name="list")
async def list_projects(*, user: UserID = None, common: Common = COMMON) -> None:
    """
    List the projects of a Playground, besides `default`.

    $ dactl project list
    """
    async with common.connect() as da:
        await common.show_list(await da.playground.list_projects(user_id=user))


@app.command
async def create(name: str, /, *, user: UserID = None, common: Common = COMMON) -> None:
    """
    Create a project, unless it exists.

    $ dactl project create review42

    Args:
        name: Name of the project: ASCII letters and digits.
    """
    async with common.connect() as da, da.project(name, create=True, user_id=user):
        common.show({"kind": "Project", "name": name}, name)


@app.command
async def delete(
    name: str, /, *, user: UserID = None, yes: bool = False, common: Common = COMMON
) -> ExitCode:
    """
    Delete a project with all its files.

    $ dactl project delete review42 --yes

    Args:
        name: Name of the project.
        yes: Delete it.
    """
    if not confirm(f"delete the project {name} with all its files", yes=yes):
        return ExitCode.WRONG_USAGE
    async with common.connect() as da, da.project(name, delete=True, user_id=user):
        pass
    common.show(None, "deleted")
    return ExitCode.DONE


@app.command
async def install(
    source: str,
    /,
    *,
    project: Project = "default",
    user: UserID = None,
    restart: Restart = True,
    timeout: Timeout = "10m",
    common: Common = COMMON,
) -> None:
    """
    Unpack a package into a project; no file is deleted.

    $ dactl project install ./docassemble-MyForm -p review42

    Args:
        source: Folder of the package, or its ZIP file.
    """
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da, da.project(project, user_id=user) as playground:
        with common.progress() as progress:
            restarted = await playground.install(
                source,
                restart=restart,
                timeout=seconds,
                on_progress=progress.on_task,
            )
    _show_restart(restarted, common)


@app.command
async def pull(
    *,
    github: str | None = None,
    branch: str | None = None,
    pip: str | None = None,
    project: Project = "default",
    user: UserID = None,
    restart: Restart = True,
    timeout: Timeout = "10m",
    common: Common = COMMON,
) -> None:
    """
    Let the server fetch a package into a project.

    $ dactl project pull --github https://github.com/acme/docassemble-MyForm -p review42

    Args:
        github: URL of a repository.
        branch: Branch of the repository.
        pip: Instead of a repository: name of a package on PyPI.
    """
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da, da.project(project, user_id=user) as playground:
        with common.progress() as progress:
            restarted = await playground.pull(
                github=github,
                branch=branch,
                pip=pip,
                restart=restart,
                timeout=seconds,
                on_progress=progress.on_task,
            )
    _show_restart(restarted, common)


def _show_restart(restarted: bool, common: Common) -> None:
    text = "installed, and the server restarted" if restarted else "installed"
    common.show({"kind": "ProjectInstallation", "restarted": restarted}, text)


@app.command
async def sync(
    folder: Path,
    /,
    *,
    project: Project,
    user: UserID = None,
    create: bool = False,
    delete: Delete = False,
    dry_run: bool = False,
    restart: Restart = True,
    timeout: Timeout = "10m",
    common: Common = COMMON,
) -> None:
    """
    Make a project equal to a folder; only differences are sent.

    $ dactl project sync ./docassemble-MyForm -p review42 --delete --dry-run

    Args:
        folder: Folder of a package, or with the folders of the Playground.
        create: Create the project if it does not exist.
        dry_run: Compare only.
    """
    seconds = parse_duration(timeout).total_seconds()
    async with (
        common.connect() as da,
        da.project(project, create=create, user_id=user) as playground,
    ):
        with common.progress() as progress:
            progress.show("comparing")
            report = await playground.sync(
                folder,
                delete=delete,
                dry_run=dry_run,
                restart=restart,
                timeout=seconds,
            )
    common.show(report, _describe_sync(report, restart=restart))


@app.command
async def watch(
    folder: Path,
    /,
    *,
    project: Project,
    user: UserID = None,
    create: bool = False,
    delete: Delete = False,
    restart: Restart = True,
    common: Common = COMMON,
) -> None:
    """
    Sync a folder now and after each change, until you press Ctrl+C.

    $ dactl project watch ./docassemble-MyForm -p dev

    Args:
        folder: Folder of a package, or with the folders of the Playground.
        create: Create the project if it does not exist.
    """
    async with (
        common.connect() as da,
        da.project(project, create=create, user_id=user) as playground,
        aclosing(playground.watch(folder, delete=delete, restart=restart)) as events,
    ):
        async for event in events:  # pragma: no branch - it has no end
            now = datetime.now().astimezone()
            if not common.show(event, f"{now:%H:%M:%S}  {_describe_event(event)}"):
                break


@app.command
async def download(
    folder: Path,
    /,
    *,
    project: Project = "default",
    user: UserID = None,
    all_users: bool = False,
    overwrite: bool = False,
    common: Common = COMMON,
) -> ExitCode:
    """
    Download all files of a project, or the Playgrounds of all users.

    `dactl project sync` sends them back.

    $ dactl project download ./backup -p review42
    $ dactl project download ./backup --all-users

    Args:
        folder: Folder for the files.
        all_users: Download all projects of all users, or of --user, to FOLDER/USER_ID/PROJECT.
        overwrite: Replace files that exist.
    """
    report: BackupReport | ProjectDownload
    async with common.connect() as da:
        with common.progress() as progress:
            progress.show("downloading")
            if all_users:
                users = None if user is None else [user]
                report = await da.backup_playgrounds(folder, user_ids=users, overwrite=overwrite)
            else:
                async with da.project(project, user_id=user) as playground:
                    report = await playground.download(folder, overwrite=overwrite)
    common.show(report, str(report))
    return ExitCode.WORK_FAILED if getattr(report, "failed", ()) else ExitCode.DONE


def _describe_sync(report: SyncReport, *, restart: bool) -> str:
    if not report.dry_run:
        return f"{report}\nrestarted the server" if report.restarted else str(report)
    would_restart = restart and any(change.folder == "modules" for change in report.changes)
    return f"{report}\nwould restart the server: {'yes' if would_restart else 'no'}"


def _describe_event(event: WatchEvent) -> str:
    if event.report is None:
        return str(event)
    deleted = sum(change.kind == "deleted" for change in event.report.changes)
    sent = len(event.report.changes) - deleted
    counts = [f"{sent} file{'' if sent == 1 else 's'} sent"]
    counts += [f"{deleted} deleted"] if deleted else []
    counts.append("restarted" if event.report.restarted else "no restart")
    return ", ".join(counts)
