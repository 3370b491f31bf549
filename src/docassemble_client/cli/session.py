"""The command session."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from docassemble_client.cli.common import COMMON, Common
from docassemble_client.cli.inputs import parse_duration

app = App(name="session")

Interview = Annotated[str | None, Parameter(alias="-i", help="Only sessions of this interview.")]
Tag = Annotated[str | None, Parameter(help="Only sessions of interviews with this tag; slow.")]
UserID = Annotated[int | None, Parameter(name="--user", help="Only sessions of this user ID.")]


@app.command(name="list")
async def list_sessions(
    *,
    interview: Interview = None,
    tag: Tag = None,
    user: UserID = None,
    common: Common = COMMON,
) -> None:
    """
    List the sessions of all users, without their answers.

        $ dactl session list -i docassemble.MyForm:data/questions/main.yml
    """
    async with common.connect() as da:
        sessions = da.sessions.list_across_users(i=interview, tag=tag, user_id=user)
        await common.show_list(sessions, ("session", "filename", "email", "modified_at", "title"))


@app.command
async def cleanup(
    *,
    older_than: Annotated[str, Parameter(help="Time since the last change, such as 90d.")],
    interview: Interview = None,
    tag: Tag = None,
    user: UserID = None,
    all: bool = False,
    yes: bool = False,
    common: Common = COMMON,
) -> int:
    """
    Delete sessions that have not changed for a given time.

    Without --yes it reports how many there are, and deletes nothing.

        $ dactl session cleanup --older-than 90d --tag intake

    Args:
        all: Allow the deletion without a filter: of the sessions of every interview.
        yes: Delete the sessions.
    """
    async with common.connect() as da:
        report = await da.cleanup_sessions(
            older_than=parse_duration(older_than),
            i=interview,
            tag=tag,
            user_id=user,
            dry_run=not yes,
            delete_all=all,
        )
    common.show(report, str(report))
    if not yes:
        common.note("nothing was deleted; add --yes to do it")
    return 1 if report.failed else 0
