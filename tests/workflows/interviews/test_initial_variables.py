"""Variables that are set before the first question."""

from __future__ import annotations

import random
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import InterviewFailed, JournalError, MissingAnswer, UsageError
from docassemble_client.events import RequestEvent
from docassemble_client.testing import Field, ScriptedScreen
from tests.workflows.flaky_server import FlakyServer, make_rows
from tests.workflows.flaky_server import I as FLAKY_INTERVIEW
from tests.workflows.letters import LETTER, I, count_sessions, make_letter_server

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client.testing import FakeServer

CALLS = ["sessions.start", "sessions.set_variables"]
DOCUMENT_CALLS = ["files.download", "files.download", "sessions.delete"]
ROWS: list[dict[str, Any]] = [{"name": "Ada"}, {"name": "Bob"}]


class CallLog:
    """
    Logs the operations of a client.

    Attributes:
        operations: Names of the operations, one for every request.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []

    def __call__(self, event: object) -> None:
        """Log the operation of a request."""
        if isinstance(event, RequestEvent):
            self.operations.append(event.operation)


def make_two_screen_server() -> FakeServer:
    """Make a server whose interview asks for a name, and then for a date."""
    fake, _ = make_letter_server()
    fake.add_interview(
        I,
        ScriptedScreen("Your name?", [Field("name")]),
        ScriptedScreen("Your age?", [Field("age", datatype="integer")]),
        final=lambda _: ScriptedScreen("Done", documents=[LETTER]),
    )
    return fake


async def test_question_of_an_initial_variable_is_not_asked() -> None:
    """One call sets all variables; only the other questions are answered."""
    fake, log = make_two_screen_server(), CallLog()
    async with fake.client(on_event=log) as da, da.interview(I).session() as s:
        transcript = await s.run({"age": "30"}, initial={"name": "Ada"})
        variables = await s.variables()

    assert [dict(step.answers) for step in transcript.steps] == [{"age": 30}]
    assert (variables["name"], variables["age"]) == ("Ada", 30)
    assert log.operations[:3] == [*CALLS, "sessions.set_variables"]
    assert count_sessions(fake) == 0


async def test_assemble_with_initial_answers_needs_no_other_calls() -> None:
    """Start, set and run, a call for each file, and delete."""
    (fake, names), log = make_letter_server(), CallLog()
    async with fake.client(on_event=log) as da:
        documents = await da.interview(I).assemble(initial={"name": "Ada"})

    assert len(documents) == 2
    assert names == ["Ada"]
    assert log.operations == [*CALLS, *DOCUMENT_CALLS]


async def test_raw_and_converted_values_need_two_calls() -> None:
    """Text that looks like a date is set in a call of its own."""
    (fake, names), log = make_letter_server(), CallLog()
    async with fake.client(on_event=log) as da:
        values: dict[str, Any] = {"name": "2026-01-02", "signed": date(2026, 1, 2)}
        await da.interview(I).assemble(initial=values)

    assert log.operations.count("sessions.set_variables") == 2
    assert names == ["2026-01-02"]


@pytest.mark.parametrize("initial", [{"name": "Ada"}, lambda row: row])
async def test_batch_sets_initial_variables_of_every_row(initial: Any) -> None:
    """They are the same for every row, or made from the row; a row takes no more calls."""
    (fake, names), log = make_letter_server(), CallLog()
    async with fake.client(on_event=log) as da:
        results = da.interview(I).assemble_many(ROWS, initial=initial, concurrency=1)
        outcomes = [result.outcome async for result in results]

    assert outcomes == ["done", "done"]
    assert names == (["Ada", "Bob"] if callable(initial) else ["Ada", "Ada"])
    assert log.operations == [*CALLS, *DOCUMENT_CALLS] * 2


async def test_initial_answers_are_not_reported_as_unused() -> None:
    """Answers that are also initial variables were used, although no screen asked for them."""
    fake, _ = make_letter_server()
    async with fake.client() as da, da.interview(I).session() as s:
        transcript = await s.run({"name": "Ada", "other": 1}, initial={"name": "Ada"})

    assert transcript.unused == ("other",)


@pytest.mark.parametrize("name", ["2x", "a b", "f()", "x; y"])
async def test_names_of_initial_variables_are_checked(name: str) -> None:
    """A name that is no variable is refused, and the session deleted."""
    (fake, _), log = make_letter_server(), CallLog()
    async with fake.client(on_event=log) as da:
        with pytest.raises(UsageError):
            await da.interview(I).assemble(initial={name: 1})

    assert log.operations == ["sessions.start", "sessions.delete"]


async def test_refused_initial_variable_fails_the_run() -> None:
    """The error has the server's message, as for a refused answer."""
    fake, _ = make_letter_server()
    async with fake.client() as da:
        with pytest.raises(InterviewFailed) as caught:
            await da.interview(I).assemble(initial={"client.name": "Ada"})

    assert "name 'client' is not defined" in str(caught.value.body)
    assert count_sessions(fake) == 0


async def test_variables_are_set_without_an_answer_to_the_question() -> None:
    """`set_variables` marks no question as answered; answers still belong to the question."""
    fake = make_two_screen_server()
    async with fake.client() as da, da.interview(I).session() as s:
        await s.question()
        assert await s.set_variables({"age": 30}) is None
        question = await s.answer({"name": "Ada"})

    assert question is not None
    assert getattr(question, "question_text", "") == "Done"


async def test_journal_tells_rows_with_other_initial_variables_apart(tmp_path: Path) -> None:
    """A row is the same only if its initial variables are."""
    fake, names = make_letter_server()

    async def assemble(initial: dict[str, Any]) -> list[tuple[str, bool]]:
        async with fake.client() as da:
            results = da.interview(I).assemble_many(
                [{"name": "Ada"}], initial=initial, journal=tmp_path / "run.jsonl"
            )
            return [(result.outcome, result.from_journal) async for result in results]

    assert await assemble({"place": "Bonn"}) == [("done", False)]
    assert await assemble({"place": "Bonn"}) == [("done", True)]
    with pytest.raises(JournalError, match="differs from the journal's row"):
        await assemble({"place": "Rome"})
    with pytest.raises(JournalError, match="differs from the journal's row"):
        await assemble({})
    assert names == ["Ada"]


async def test_row_whose_answers_are_incomplete_fails() -> None:
    """Questions that the initial variables leave open need answers."""
    fake = make_two_screen_server()
    async with fake.client() as da:
        results = da.interview(I).assemble_many([{"name": "Ada"}], initial=lambda row: row)
        (result,) = [result async for result in results]

    assert result.outcome == "failed"
    assert isinstance(result.error, MissingAnswer)
    assert result.error.variable == "age"


async def test_initial_variables_survive_failing_calls() -> None:
    """Setting them is repeated while the server fails; every row runs exactly once."""
    fake = FlakyServer(4)
    random.seed(7)  # so that delays are reproducible
    async with fake.client() as da:
        results = da.interview(FLAKY_INTERVIEW).assemble_many(
            make_rows(40), initial=lambda row: row
        )
        outcomes = [result.outcome async for result in results]

    assert outcomes == ["done"] * 40
    assert fake.run_counts == {row["name"]: 1 for row in make_rows(40)}
    assert fake.session_count == 0
