"""Writes docs/corpus.md from the outcomes of the runs."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from docassemble_client import __version__
from tests.corpus.runs import INTERVIEW_SECONDS, MAX_STEPS
from tests.corpus.server import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.corpus.runs import Outcome
    from tests.corpus.server import Corpus
    from tests.live.server import LiveServer

REPORT = Path(__file__).parents[2] / "docs" / "corpus.md"
_INTRODUCTION = """\
<!-- written by nox -s corpus: do not edit -->
# Public interviews

`nox -s corpus` installs {packages} public packages on a real server and runs their interviews with
generated answers. Then it writes this page. It compares each screen with its model: a key that the
model does not know is an error. The keys of the packages' own datatypes are listed in
`tests/corpus/packages.yaml`.

The run of {date}: docassemble {server}, docassemble-client {client}, up to {seconds} s and
{steps} screens for each interview.

| | |
| --- | ---: |
| interviews that show a screen | {shown} |
| finished | {finished} |
| with documents | {with_documents} |
| documents | {documents} |
| not finished | {unfinished} |
| screens that differ from their model | {problems} |
| files without a screen | {without_screen} |

A file without a screen is a part of other interviews, or the server reports an error before the
first screen.
"""


def write_report(
    server: LiveServer,
    corpus: Corpus,
    stand_ins: list[str],
    failures: Mapping[str, str],
    outcomes: list[Outcome],
) -> None:
    """Write the page."""
    shown = [outcome for outcome in outcomes if outcome.screens or outcome.documents]
    finished = [outcome for outcome in shown if outcome.has_finished]
    parts = [
        _INTRODUCTION.format(
            packages=len(corpus.packages) - len(failures),
            date=datetime.now(UTC).date(),
            server=server.version,
            client=__version__,
            seconds=INTERVIEW_SECONDS,
            steps=MAX_STEPS,
            shown=len(shown),
            finished=len(finished),
            with_documents=sum(bool(outcome.documents) for outcome in finished),
            documents=sum(len(outcome.documents) for outcome in finished),
            unfinished=len(shown) - len(finished),
            problems=sum(len(outcome.problems) for outcome in outcomes),
            without_screen=len(outcomes) - len(shown),
        ),
        _describe_stand_ins(stand_ins),
        "## Interviews\n",
        _make_table(
            ("package", "version", "interview", "finished", "documents or reason"),
            (_make_row(corpus, outcome) for outcome in shown),
        ),
        "## Reasons\n",
        _make_table(
            ("reason", "interviews"),
            Counter(
                describe_cause(outcome.reason) for outcome in shown if outcome.error
            ).most_common(),
        ),
    ]
    if corpus.excluded:
        parts += [
            "## Interviews that are not run\n",
            _make_table(("interview", "reason"), corpus.excluded.items()),
        ]
    if failures:
        parts += [
            "## Packages that cannot be installed\n",
            _make_table(("package", "reason"), failures.items()),
        ]
    REPORT.write_text("\n".join(parts), encoding="utf-8")


def describe_cause(reason: str) -> str:
    """Describe the kind of a reason, so that reasons can be counted."""
    error = reason.partition(":")[0]
    raised = re.search(r"raised (\w+)", reason)
    if "which no question asks for" in reason:
        return "The interview needs a variable that no question asks for"
    if "has no end screen" in reason:
        return "The interview has no end screen"
    if "could not describe" in reason:
        return "The server cannot describe a screen"
    if raised:
        return f"The interview's code, or a template in it, raised {raised[1]}"
    return error


def _describe_stand_ins(names: list[str]) -> str:
    if not names:
        return ""
    rows = ((f"`{name}`", PROGRAMS[name]) for name in names)
    return (
        "The machine lacks these programs. `tests/corpus/stand_in.py` takes their place. It copies"
        " a document or writes a\nsmall one, so the content of these documents proves nothing."
        " `tests/corpus/stand_in_locale.py` takes the place of the\nlocale en_US.\n\n"
        + _make_table(("program", "what a server does with it"), rows)
    )


def _make_row(corpus: Corpus, outcome: Outcome) -> tuple[str, ...]:
    package, _, path = outcome.interview.partition(":")
    return (
        package.removeprefix("docassemble."),
        corpus.packages[package],
        path.removeprefix("data/questions/"),
        "yes" if outcome.has_finished else "no",
        outcome.reason or ", ".join(outcome.documents) or outcome.end_type,
    )


def _make_table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |\n"
        for line in lines
    )
