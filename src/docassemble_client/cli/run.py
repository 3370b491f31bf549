"""The commands run and link."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from docassemble_client.cli.common_options import COMMON, INPUT_FILE, Common
from docassemble_client.cli.inputs import parse_duration, read_object

Answers = Annotated[
    str | None,
    INPUT_FILE,
    Parameter(alias="-a", help="JSON or YAML file with answers by variable (`-`: standard input)."),
]
Policy = Annotated[
    Literal["strict", "defaults", "first_choice", "generated"],
    Parameter(help="What to do about fields that have no answer."),
]
Formats = Annotated[
    tuple[str, ...], Parameter(name="--format", help="Only documents of this format, such as pdf.")
]


async def run(
    interview: str,
    /,
    *,
    answers: Answers = None,
    save: Annotated[Path, Parameter(help="Folder for the documents.")] = Path(),
    formats: Formats = (),
    policy: Policy = "strict",
    common: Common = COMMON,
) -> None:
    """
    Run an interview with answers, and save its documents.

    $ dactl run docassemble.MyForm:main.yml -a answers.json --save out --format pdf

    Args:
        interview: File name of the interview.
    """
    from docassemble_client.workflows.interviews.policy_values import AnswerPolicy

    values = read_object(answers) if answers else {}
    async with common.connect() as da:
        with common.progress() as progress:
            progress.show("running the interview")
            assembly = da.interview(interview).assemble(
                values, policy=AnswerPolicy[policy], formats=formats or None
            )
            paths = await assembly.save(save)
    names = [path.as_posix() for path in paths]
    common.show({"kind": "Files", "paths": names}, "\n".join(names))


async def link(
    interview: str,
    /,
    *,
    answers: Answers = None,
    expires: Annotated[str, Parameter(help="Lifetime of the link, such as 2d.")] = "1h",
    one_time: bool = False,
    common: Common = COMMON,
) -> None:
    """
    Create a link to a session with known answers, for a person who continues it.

    Anyone with the link can open the session; it is shown only with --reveal.

    $ dactl link docassemble.MyForm:main.yml -a known.json --expires 2d --one-time --reveal

    Args:
        interview: File name of the interview.
        one_time: The link works only once.
    """
    values: dict[str, Any] = read_object(answers) if answers else {}
    lifetime = parse_duration(expires)
    async with common.connect() as da:
        created = await da.interview(interview).prefilled_url(
            values, expires=lifetime, one_time=one_time
        )
    text = created.url.reveal() if common.reveal else "created; the link is shown with --reveal"
    common.show(created, text)
