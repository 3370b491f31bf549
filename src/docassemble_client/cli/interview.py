"""The command interview."""

from __future__ import annotations

from cyclopts import App

from docassemble_client.cli.common import COMMON, Common

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
