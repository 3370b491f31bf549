"""The command session."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from docassemble_client.cli.common_options import COMMON, Common, Delimiter
from docassemble_client.cli.inputs import parse_delimiter, parse_duration
from docassemble_client.cli.output import count

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
async def export(
    *,
    columns: Annotated[
        str,
        Parameter(help="Variables, and attributes of the session with an @, separated by commas."),
    ] = "@session,@filename,@email,@utc_modtime",
    output: Annotated[
        Path | None, Parameter(alias="-o", help="CSV file, or file with JSON per line (.jsonl).")
    ] = None,
    delimiter: Delimiter = None,
    interview: Interview = None,
    tag: Tag = None,
    user: UserID = None,
    common: Common = COMMON,
) -> None:
    """
    Export the sessions of all users as a table.

    Without --output the table is written to standard output: as CSV, or with --json as JSON per
    line. Answers that are encrypted are left empty. In CSV, text that a spreadsheet would read as
    a formula, such as =A1, begins with an apostrophe. Only you can read the file: it has answers.

    $ dactl session export -i docassemble.MyForm:main.yml --columns @email,rating -o out.csv
    """
    from docassemble_client.cli.tables import is_json_file, open_table

    names = [name.strip() for name in columns.split(",")]
    is_json = common.json if output is None else is_json_file(output)
    separator = "," if delimiter is None else parse_delimiter(delimiter)
    counts: Counter[str] = Counter()
    async with common.connect() as da:
        rows = da.export_session_rows(names, i=interview, tag=tag, user_id=user)
        async with aclosing(rows):
            with (
                common.progress() as progress,
                open_table(output, names, is_json=is_json, delimiter=separator) as write,
            ):
                async for row in rows:
                    write(row)
                    counts[row.status] += 1
                    progress.show("exporting", count(counts.total(), "session"))
    text = count(counts.total(), "session")
    for status in ("encrypted", "unreadable"):
        text += f", {counts[status]} {status} and left empty" if counts[status] else ""
    if output is None:
        common.note(text)
    else:
        common.show({"kind": "SessionExport", "sessions": counts.total(), **counts}, text)


@app.command
async def cleanup(
    *,
    older_than: Annotated[str, Parameter(help="Time since the last change, such as 90d.")],
    interview: Interview = None,
    tag: Tag = None,
    user: UserID = None,
    delete_all: bool = False,
    yes: bool = False,
    common: Common = COMMON,
) -> int:
    """
    Delete sessions that have not changed for a given time.

    Without --yes it reports how many there are, and deletes nothing.

    $ dactl session cleanup --older-than 90d --tag intake

    Args:
        delete_all: Allow the deletion without a filter: of the sessions of every interview.
        yes: Delete the sessions.
    """
    age = parse_duration(older_than)
    async with common.connect() as da:
        report = await da.cleanup_sessions(
            older_than=age,
            i=interview,
            tag=tag,
            user_id=user,
            dry_run=not yes,
            delete_all=delete_all,
        )
    common.show(report, str(report))
    if not yes:
        common.note("nothing was deleted; add --yes to do it")
    return 1 if report.failed else 0
