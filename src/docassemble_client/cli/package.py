"""The commands deploy and package."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_duration
from docassemble_client.cli.output import write_note
from docassemble_client.errors import TaskFailed, UsageError

app = App(name="package")

Restart = Annotated[
    Literal["auto", "yes", "no"],
    Parameter(help="Restart the server: only for modules and new dependencies, always, or never."),
]
Timeout = Annotated[str, Parameter(help="Longest time for the command, such as 90s or 10m.")]
Log = Annotated[
    bool,
    Parameter(help="Show the end of pip's log after a failure; URLs in it may hold passwords."),
]
_RESTART: dict[str, Literal["auto"] | bool] = {"auto": "auto", "yes": True, "no": False}
_LOG_CHARACTERS = 5000


async def deploy(
    source: str | None = None,
    /,
    *,
    github: str | None = None,
    branch: str | None = None,
    pip: str | None = None,
    restart: Restart = "auto",
    timeout: Timeout = "10m",
    log: Log = False,
    common: Common = COMMON,
) -> None:
    """
    Install a package on the server, wait for the restart, and verify the installation.

    $ dactl deploy ./docassemble-MyForm
    $ dactl deploy --github https://github.com/acme/docassemble-MyForm --branch main

    Args:
        source: Folder of the package, or its ZIP file.
        github: Instead of a folder: URL of a repository that the server fetches.
        branch: Branch of the repository.
        pip: Instead of a folder: name on PyPI, optionally with a version (name==1.0).
    """
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da:
        with common.progress() as progress, _explain_failure(log=log):
            report = await da.deploy(
                source,
                github=github,
                branch=branch,
                pip=pip,
                restart=_RESTART[restart],
                timeout=seconds,
                on_progress=progress.on_task,
            )
    common.show(report, str(report))


@contextmanager
def _explain_failure(*, log: bool) -> Generator[None]:
    """Show the end of pip's log if the task in the block fails, or say how to see it."""
    try:
        yield
    except TaskFailed as error:
        if log:
            write_note(error.log[-_LOG_CHARACTERS:])
        else:
            error.hint = error.hint.replace("the error's log", "pip's log: add --log")
        raise


@app.command(name="list")
async def list_packages(*, common: Common = COMMON) -> None:
    """
    List the installed packages with their versions.

    $ dactl package list
    """
    async with common.connect() as da:
        packages = await da.packages.list()
    await common.show_list(packages, ("name", "version", "type"))


@app.command
async def uninstall(
    name: str,
    /,
    *,
    yes: bool = False,
    timeout: Timeout = "10m",
    log: Log = False,
    common: Common = COMMON,
) -> ExitCode:
    """
    Uninstall a package, and verify that it is gone.

    $ dactl package uninstall docassemble.MyForm --yes

    Args:
        name: Name of the package.
        yes: Uninstall it.
    """
    if not confirm(f"uninstall {name}", yes=yes):
        return ExitCode.WRONG_USAGE
    seconds = parse_duration(timeout).total_seconds()
    async with common.connect() as da:
        with common.progress() as progress, _explain_failure(log=log):
            report = await da.uninstall(name, timeout=seconds, on_progress=progress.on_task)
    common.show(report, str(report))
    return ExitCode.DONE


@app.command
async def download(
    name: str,
    /,
    *,
    output: Annotated[Path, Parameter(alias="-o")] = Path(),
    common: Common = COMMON,
) -> None:
    """
    Download the ZIP file from which a package was installed.

    $ dactl package download docassemble.MyForm -o backup

    Args:
        name: Name of the package.
        output: Path of the file, or an existing folder.
    """
    async with common.connect() as da:
        packages = [package for package in await da.packages.list() if package.name == name]
        if not packages:
            from docassemble_client.workflows.errors import PackageNotFound

            message = f"the server has no package {name}"
            raise PackageNotFound(message, hint="List the packages: dactl package list")
        if packages[0].zip_file_number is None:
            message = f"{name} was not installed from a ZIP file"
            raise UsageError(message, hint="Download it from its repository or from PyPI")
        path = await da.files.download(packages[0].zip_file_number).save(output)
    common.show({"kind": "File", "path": path.as_posix()}, path.as_posix())
