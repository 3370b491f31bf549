"""The command interview."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from docassemble_client._atomic_file import AtomicFileWriter
from docassemble_client.cli.common_options import COMMON, Common
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_duration

app = App(name="interview")


@app.command(name="list")
async def list_interviews(*, tag: str | None = None, common: Common = COMMON) -> None:
    """
    List the interviews that the server advertises.

    $ dactl interview list --tag housing

    Args:
        tag: Only interviews with this tag.
    """
    async with common.connect() as da:
        interviews = await da.interviews.list(tag=tag)
    await common.show_list(interviews, ("filename", "title"))


@app.command
async def check(
    *interviews: str,
    tag: str | None = None,
    junit: Annotated[
        Path | None, Parameter(help="File for the report in JUnit's form, which CI systems show.")
    ] = None,
    concurrency: Annotated[int, Parameter(alias="-c", help="Maximum interviews at once.")] = 4,
    timeout: Annotated[str, Parameter(help="Longest time for an interview.")] = "60s",
    common: Common = COMMON,
) -> ExitCode:
    """
    Start interviews, and report which of them load and reach a screen.

    The exit code is 1 if an interview failed, and 4 if one could not be checked.

    $ dactl interview check --junit interviews.xml
    $ dactl interview check docassemble.MyForm:data/questions/main.yml

    Args:
        interviews: File names; by default all that the server advertises.
        tag: Only advertised interviews with this tag.
    """
    seconds = parse_duration(timeout).total_seconds()
    with ExitStack() as stack:
        # If it cannot be written, nothing is checked.
        file = None if junit is None else stack.enter_context(AtomicFileWriter(junit, None))
        async with common.connect() as da:
            with common.progress() as progress:
                progress.show("checking")
                report = await da.check_interviews(
                    interviews or None,
                    tag=tag,
                    concurrency=concurrency,
                    timeout=seconds,
                    on_result=lambda result: progress.show("checking", result.i),
                )
        if file is not None:
            file.write(report.to_junit().encode())
            file.commit()
    common.show({"kind": "InterviewCheckReport", **report.to_json()}, str(report))
    if any(interview.outcome == "failed" for interview in report.interviews):
        return ExitCode.WORK_FAILED
    return ExitCode.SERVER_OR_NETWORK if report.failed else ExitCode.DONE


@app.command
async def fields(interview: str, /, *, common: Common = COMMON) -> None:
    """
    List the names of the variables that an interview uses.

    $ dactl interview fields docassemble.MyForm:data/questions/main.yml

    Args:
        interview: File name of the interview.
    """
    async with common.connect() as da:
        data = await da.interviews.get_data(interview)
    variables = [item.var for item in data.names.var_list]
    common.show(
        {
            "kind": "InterviewFields",
            "variables": variables,
            "undefined": data.names.undefined_names,
        },
        "\n".join([*variables, *(f"{name}  (undefined)" for name in data.names.undefined_names)]),
    )


@app.command(name="clear-cache")
async def clear_cache(*, common: Common = COMMON) -> None:
    """
    Let the server read all interviews again.

    $ dactl interview clear-cache
    """
    async with common.connect() as da:
        await da.interviews.clear_cache()
    common.show(None, "cleared")
