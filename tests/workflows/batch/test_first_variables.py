"""The call that sets the first variables of a row and runs the interview, and its failures."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.testing import FakeDocument, FakeServer, ScriptedScreen
from tests.workflows.flaky_server import FlakyServer, I, make_rows

if TYPE_CHECKING:
    from docassemble_client import RowResult
    from docassemble_client.testing import SessionVariables

HTML: dict[str, Any] = {"content": b"<html>", "content_type": "text/html"}
SET = "sessions.set_variables"
ROW_CALLS = {"start": 1, "set_variables": 1, "files.download": 1, "delete": 1}


async def run_row(fake: FakeServer, **options: Any) -> RowResult:
    """Run a batch of one row, whose answers are all set at once."""
    async with fake.client() as da:
        options = {"initial": lambda row: row, **options}
        results = da.interview(I).assemble_many(make_rows(1), **options)
        (result,) = [result async for result in results]
    return result


def count_calls(fake: FakeServer) -> Counter[str]:
    return Counter(
        received.operation.removeprefix("sessions.") for received in fake.received_requests
    )


async def test_a_row_takes_four_calls() -> None:
    """Start, set and run, download, delete: no row can take fewer."""
    fake = FlakyServer()

    assert (await run_row(fake)).outcome == "done"
    assert count_calls(fake) == ROW_CALLS


@pytest.mark.parametrize("processed", [False, True])
async def test_lost_response_is_found_by_the_number_of_steps(processed: bool) -> None:
    """If the server saved them, they are not set again; otherwise they are saved first."""
    fake = FlakyServer()
    fake.drop_connection(SET, processed=processed)

    assert (await run_row(fake)).outcome == "done"
    assert fake.run_counts == {"row 0": 1}
    assert fake.session_count == 0
    calls = count_calls(fake)
    # The fake server does not count requests whose connection it drops.
    assert calls["set_variables"] == (0 if processed else 1)
    assert calls["get_question"] == 1
    assert calls["get_variables"] >= 1


@pytest.mark.parametrize("options", [{}, HTML])
async def test_invalid_response_counts_as_lost(options: dict[str, Any]) -> None:
    """An incomplete response and an HTML page may come from a proxy."""
    fake = FlakyServer()
    fake.corrupt_response(SET, processed=True, **options)

    assert (await run_row(fake)).outcome == "done"
    assert fake.run_counts == {"row 0": 1}
    assert count_calls(fake)["set_variables"] == 1


async def test_request_that_was_not_sent_is_repeated() -> None:
    """Nothing has to be found out then."""
    fake = FlakyServer()
    fake.drop_connection(SET, times=5, sent=False)

    assert (await run_row(fake)).outcome == "done"
    assert count_calls(fake) == ROW_CALLS


@pytest.mark.parametrize("processed", [False, True])
async def test_row_is_unknown_if_its_variables_cannot_be_read(processed: bool) -> None:
    """Without them, nobody knows whether the interview ran."""
    fake = FlakyServer()
    fake.drop_connection(SET, processed=processed)
    fake.fail("sessions.get_variables", status=501, times=None)

    assert (await run_row(fake)).outcome == "unknown"
    assert fake.session_count == 0


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        ({"status": 503}, "unknown"),
        ({"status": 501}, "failed"),
        ({"status": 400}, "failed"),
    ],
)
async def test_outcome_after_a_failure(failure: dict[str, Any], outcome: str) -> None:
    """It is unknown only if the server may have carried out the call."""
    fake = FlakyServer()
    fake.fail(SET, times=None, **failure)

    assert (await run_row(fake, outage_timeout=1.0)).outcome == outcome


async def test_values_of_both_kinds_are_saved_before_the_interview_runs() -> None:
    """They take two calls, and the second would not add a step."""
    fake = FlakyServer()
    values = {**make_rows(1)[0], "place": "2026-01-02", "signed": date(2026, 1, 2)}

    assert (await run_row(fake, initial=values)).outcome == "done"
    assert count_calls(fake)["set_variables"] == 2
    assert count_calls(fake)["get_question"] == 1


async def test_variables_are_kept_if_the_interview_needs_another() -> None:
    """If no question sets it, the server saves nothing; all are saved together then."""
    fake = FakeServer()

    def finish(answers: SessionVariables) -> ScriptedScreen:
        text = f"{answers['name']} {answers['title']}"
        return ScriptedScreen("Done", documents=[FakeDocument(text, {"pdf": b"%PDF-"})])

    fake.add_interview(I, final=finish)
    async with fake.client() as da:
        results = da.interview(I).assemble_many([{"title": "Dr"}], initial={"name": "Ada"})
        (result,) = [result async for result in results]

    assert result.documents is not None
    assert result.documents[0].name == "Ada Dr"
