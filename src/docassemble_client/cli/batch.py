"""The command batch."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from docassemble_client.cli.common_options import COMMON, INPUT_FILE, Common, Delimiter
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import parse_delimiter, read_rows
from docassemble_client.cli.output import count, format_error, write_note
from docassemble_client.cli.run import Formats, Policy

if TYPE_CHECKING:
    from docassemble_client.workflows.batch.results import BatchProgress


async def batch(
    interview: str,
    rows: Annotated[str, INPUT_FILE],
    /,
    *,
    save: Annotated[Path, Parameter(help="Folder for the documents, with one for each row.")],
    key: Annotated[
        str | None, Parameter(help="Variable or column whose value names a row; else its number.")
    ] = None,
    journal: Annotated[
        Path | None,
        Parameter(help="File that records each row, so that a second run continues the first."),
    ] = None,
    concurrency: Annotated[int, Parameter(alias="-c", help="Maximum rows at once.")] = 4,
    delimiter: Delimiter = None,
    formats: Formats = (),
    policy: Policy = "strict",
    rerun_unknown: bool = False,
    rerun_missing: bool = False,
    common: Common = COMMON,
) -> ExitCode:
    r"""
    Run an interview for each row of a file, and save the documents.

    With a journal you can stop it at any time, and run it again: each row is processed once.
    The exit code is 1 if a row failed, and 6 if it is unknown whether a row was processed.

    $ dactl batch docassemble.MyForm:main.yml clients.csv --key case --save out \
      --journal run.jsonl

    Args:
        interview: File name of the interview.
        rows: CSV file, JSON list, or file with a JSON object per line (`-`: standard input).
        rerun_unknown: Run rows again that may have been processed in an earlier run.
        rerun_missing: Run rows again whose documents are gone.
    """
    from docassemble_client.workflows.batch.results import BatchProgress
    from docassemble_client.workflows.interviews.policy_values import AnswerPolicy

    summary = BatchProgress()
    table = read_rows(rows, None if delimiter is None else parse_delimiter(delimiter))
    with common.progress() as progress:

        def on_progress(event: BatchProgress) -> None:
            nonlocal summary
            summary = event
            progress.on_batch(event)

        async with common.connect() as da:
            results = da.interview(interview).assemble_many(
                table,
                concurrency=concurrency,
                journal=journal,
                save_to=save,
                key=key,
                policy=AnswerPolicy[policy],
                formats=formats or None,
                rerun_unknown=rerun_unknown,
                rerun_missing=rerun_missing,
                on_progress=on_progress,
            )
            async with aclosing(results):
                async for result in results:
                    if common.json:
                        common.show(result)
                    elif result.outcome != "done":
                        reason = f": {format_error(result.error)}" if result.error else ""
                        write_note(f"row {result.key}: {result.outcome}{reason}")
    common.show(summary, summarize(summary, journal))
    if summary.unknown:
        common.note("hint: Check what these rows did; then add --rerun-unknown to run them again")
    if summary.missing:
        common.note("hint: Add --rerun-missing to run the rows again whose documents are gone")
    return choose_exit_code(summary)


def summarize(summary: BatchProgress, journal: Path | None) -> str:
    """Summarize a batch in a line."""
    counts = {
        "done": summary.done,
        "failed": summary.failed,
        "unknown": summary.unknown,
        "with missing documents": summary.missing,
    }
    parts = [f"{number} {name}" for name, number in counts.items() if number or name == "done"]
    text = f"{count(summary.completed, 'row')}: {', '.join(parts)}"
    return f"{text}; see {journal}" if journal and summary.completed > summary.done else text


def choose_exit_code(summary: BatchProgress) -> ExitCode:
    """Return the exit code of a batch; that a row failed counts more than that it is unknown."""
    if summary.failed or summary.missing:
        return ExitCode.WORK_FAILED
    return ExitCode.UNKNOWN if summary.unknown else ExitCode.DONE
