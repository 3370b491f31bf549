"""Runs the interviews of the corpus and checks every screen that they show."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client import (
    AnswerPolicy,
    AsyncDocassemble,
    DocassembleError,
    NoDocuments,
    NotFound,
    Timeouts,
)
from docassemble_client._core.deserialize import strict_mode, structure
from docassemble_client._core.error_mapping import StructureError
from docassemble_client.operation import DiscriminatedUnion
from docassemble_client.operations import OPERATIONS
from tests.corpus.answers import make_answers
from tests.corpus.server import get_packages_folder, report_progress
from tests.live.exchange_log import ExchangeLog

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tests.corpus.answers import AnswerFunction
    from tests.corpus.server import Corpus
    from tests.live.exchange_log import Exchange
    from tests.live.server import LiveServer

CONCURRENCY = 3
INTERVIEW_SECONDS = 600
MAX_STEPS = 150
MAX_REASON_LENGTH = 300
# What differs in each run: paths of the server, dates, and the numbers of files without a name.
_PATH = re.compile(r"(?<![\w/:])/(?:[\w.+-]+/)+[\w.+-]*")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FILE_NUMBER = re.compile(r"^\d+(?=\.\w+$)", re.ASCII)


@frozen(kw_only=True)
class Outcome:
    """
    How a run of an interview ended.

    Attributes:
        interview: Name of the interview.
        screens: Number of different screens that the server showed.
        documents: File names of its documents.
        end_type: Type of the last screen of an interview without documents.
        error: Type of the error; empty if it finished.
        reason: Why it did not finish; empty if it did.
        problems: Where screens differ from their models.
        seconds: Duration.
    """

    interview: str
    screens: int = 0
    documents: tuple[str, ...] = ()
    end_type: str = ""
    error: str = ""
    reason: str = ""
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def has_finished(self) -> bool:
        """Whether the interview reached its end."""
        return not self.error and self.end_type != "menu"


@frozen
class _Run:
    """What one run has reached; updated in place."""

    documents: list[str] = field(factory=list[str])
    end_types: list[str] = field(factory=list[str])
    errors: list[str] = field(factory=list[str])
    reasons: list[str] = field(factory=list[str])


async def run_interviews(server: LiveServer, corpus: Corpus, names: list[str]) -> list[Outcome]:
    """Run interviews, a few at a time, and return their outcomes in order."""
    semaphore = asyncio.Semaphore(CONCURRENCY)

    async def run_next(name: str) -> Outcome:
        async with semaphore:
            outcome = await run_interview(server, corpus, name)
            report_progress(_describe(outcome))
            return outcome

    return await asyncio.gather(*(run_next(name) for name in names))


async def run_interview(server: LiveServer, corpus: Corpus, name: str) -> Outcome:
    """Run one interview with generated answers and return its outcome."""
    log, started, run = ExchangeLog(), time.monotonic(), _Run()
    answers = make_answers(corpus, name, get_packages_folder(server))
    async with (
        log.make_transport() as transport,
        AsyncDocassemble(
            server.url,
            server.api_key,
            transport=transport,
            on_event=log.on_event,
            timeout=Timeouts(read=INTERVIEW_SECONDS),
        ) as da,
    ):
        try:
            async with asyncio.timeout(INTERVIEW_SECONDS):
                await _assemble(da, name, answers, run)
        except TimeoutError:
            run.errors.append("TimeoutError")
            run.reasons.append(f"it took longer than {INTERVIEW_SECONDS} s")
    screens, problems = _check_screens(log, corpus.custom_keys)
    if run.end_types and _shows_documents(log):
        problems += ("documents are shown, but not returned",)
    return Outcome(
        interview=name,
        screens=screens,
        documents=tuple(run.documents),
        end_type="".join(run.end_types),
        error="".join(run.errors),
        reason=" ".join(" ".join(run.reasons).split())[:MAX_REASON_LENGTH],
        problems=problems,
        seconds=time.monotonic() - started,
    )


async def _assemble(da: AsyncDocassemble, name: str, answers: AnswerFunction, run: _Run) -> None:
    # A browser always has a key, with which an interview creates other sessions.
    secret = secrets.token_urlsafe(12)
    assembly = da.interview(name).assemble(
        answers, policy=AnswerPolicy.generated, max_steps=MAX_STEPS, secret=secret
    )
    try:
        documents = await assembly
    except NoDocuments as error:
        run.end_types.append(error.end_type)
    except DocassembleError as error:
        run.errors.append(type(error).__name__)
        run.reasons.append(_describe_error(error))
    else:
        run.documents.extend(
            hide_file_number(document.filename or document.name) for document in documents
        )


def hide_file_number(filename: str) -> str:
    """Replace the number of a file without a name, which differs in each run."""
    return _FILE_NUMBER.sub("NUMBER", filename)


def _describe_error(error: DocassembleError) -> str:
    """Describe an error with the server's words: generated answers hold no personal data."""
    text = f"{type(error).__name__}: {error.message}"
    if isinstance(error, NotFound):
        return f"{text} (a dead link, in a browser too)"
    body = getattr(error, "body", None)
    if not isinstance(body, str):
        return text
    words = body.rpartition("failure to assemble interview: ")[2].partition("Traceback (most")[0]
    words = _DATE.sub("…", _PATH.sub("…", words.strip()))
    return text if words in text else f"{text} ({words})"


def _check_screens(
    log: ExchangeLog, custom_keys: Mapping[str, frozenset[str]]
) -> tuple[int, tuple[str, ...]]:
    """Count the different screens, and compare them with their model."""
    results = OPERATIONS["sessions.get_question"].results.values()
    union = next(item.json for item in results if isinstance(item.json, DiscriminatedUnion))
    names: set[object] = set()
    problems: set[str] = set()
    for exchange in log.exchanges:
        screen = _read_screen(exchange)
        if not screen:
            continue
        names.add(screen.get("questionName"))
        for question_field in screen.get("fields", []):
            _remove_keys(question_field, custom_keys.get(question_field.get("datatype"), ()))
        try:
            with strict_mode():
                structure(screen, union.cases.get(screen["questionType"], union.default))
        except StructureError as error:
            problems.add(str(error))
    return len(names), tuple(sorted(problems))


def _read_screen(exchange: Exchange) -> dict[str, Any]:
    """Read the screen that a response describes; empty if it describes none."""
    try:
        screen = json.loads(exchange.response or b"null")
    except ValueError:
        return {}
    return screen if isinstance(screen, dict) and "questionType" in screen else {}


def _shows_documents(log: ExchangeLog) -> bool:
    """Whether a screen has attachments, or a link to a file of the server."""
    texts = (exchange.response or b"" for exchange in log.exchanges)
    return any(b'"attachments":[' in text or b"/uploadedfile/" in text for text in texts)


def _remove_keys(question_field: dict[str, Any], keys: Collection[str]) -> None:
    """Remove the keys that a custom datatype adds to its fields and their choices."""
    for item in (question_field, *question_field.get("choices", [])):
        for key in keys:
            item.pop(key, None)


def _describe(outcome: Outcome) -> str:
    result = outcome.reason or ", ".join(outcome.documents) or f"finished: {outcome.end_type}"
    problems = "".join(f"\n  {problem}" for problem in outcome.problems)
    seconds = f"{outcome.seconds:.0f} s"
    return f"{outcome.interview}: {outcome.screens} screens, {seconds}: {result}{problems}"
