"""Retries of a row in a batch: one kind of failure at a time, and the outcome after it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    BinaryContent,
    DecodeError,
    InvalidDocument,
    JournalError,
    MaybeSent,
    RedirectRefused,
    RowResult,
    ServerError,
    Upload,
)
from docassemble_client.testing import FakeServer, Field, ScriptedScreen
from docassemble_client.workflows.batch.adaptive_limit import AdaptiveLimit
from docassemble_client.workflows.batch.journal import Journal
from docassemble_client.workflows.batch.resilient_session import ResilientSession, RetryState
from tests.mock import get_loop_time
from tests.workflows.flaky_server import FlakyServer, I, make_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from docassemble_client import AsyncDocassemble

HTML: dict[str, Any] = {"content": b"<html>", "content_type": "text/html"}


async def run_row(fake: FakeServer, row: Any = None, **options: Any) -> RowResult:
    """Run a batch of one row."""
    async with fake.client() as da:
        results = da.interview(I).assemble_many([row or make_rows(1)[0]], **options)
        (result,) = [result async for result in results]
    return result


def count_calls(fake: FakeServer) -> Counter[str]:
    return Counter(
        received.operation.removeprefix("sessions.") for received in fake.received_requests
    )


async def test_a_row_waits_as_long_as_the_server_asks() -> None:
    """Retry-After sets the delay; the row ends if that is later than the outage timeout."""
    state = RetryState(100.0, AdaptiveLimit(1))
    error = ServerError("no", status=503)
    error.retry_after = 60.0
    assert state.should_retry(error)
    await state.back_off()
    assert (get_loop_time(), state.should_retry(error)) == (60.0, False)


FAILURES: dict[str, dict[str, Any]] = {
    "lost": {},
    "lost after processing": {"processed": True},
    "not sent": {"sent": False},
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(
    "operation",
    ["sessions.start", "sessions.set_variables", "sessions.get_question", "files.download"],
)
async def test_lost_connections_are_retried(operation: str, failure: str) -> None:
    """Whichever call fails, the row is processed once and leaves no session."""
    fake = FlakyServer()
    fake.drop_connection(operation, times=5, **FAILURES[failure])

    result = await run_row(fake)

    assert result.outcome == "done"
    assert fake.run_counts == {"row 0": 1}
    assert fake.session_count == 0


@pytest.mark.parametrize(
    ("status", "processed"),
    [
        (429, False),
        *((status, processed) for status in (502, 503, 504) for processed in (False, True)),
    ],
)
async def test_transient_statuses_are_retried(status: int, processed: bool) -> None:
    """The row is processed once, whether or not the server processed the failed call."""
    fake = FlakyServer()
    for operation in ("sessions.start", "sessions.set_variables", "sessions.get_question"):
        fake.fail(operation, status=status, times=4, processed=processed)

    assert (await run_row(fake)).outcome == "done"
    assert fake.run_counts == {"row 0": 1}
    assert fake.session_count == 0


@pytest.mark.parametrize("options", [{}, HTML])
@pytest.mark.parametrize("operation", ["sessions.set_variables", "sessions.get_question"])
async def test_invalid_response_is_retried(operation: str, options: dict[str, Any]) -> None:
    """An incomplete response and an HTML page are invalid."""
    fake = FlakyServer()
    fake.corrupt_response(operation, processed=True, **options)

    result = await run_row(fake)

    assert result.outcome == "done"
    assert fake.run_counts == {"row 0": 1}


async def test_invalid_document_is_requested_again_a_few_times() -> None:
    """A page in place of a document may be temporary or permanent."""
    fake = FlakyServer()
    fake.corrupt_response("files.download", times=4, **HTML)
    assert (await run_row(fake)).outcome == "done"

    fake.corrupt_response("files.download", times=None, **HTML)
    result = await run_row(fake)

    assert (result.outcome, type(result.error)) == ("unknown", InvalidDocument)
    assert fake.session_count == 0


async def test_html_page_that_the_interview_returns_is_a_document() -> None:
    """The interview returns it twice, so it is not a proxy's page."""
    fake = FlakyServer()
    page = BinaryContent(content=b"<html>yes", content_type="text/html")
    fake.add_interview(I, ScriptedScreen("Name?", [Field("name")]), final=lambda _: page)

    result = await run_row(fake)

    assert result.documents is not None
    assert result.documents["html"].content == b"<html>yes"


@pytest.mark.parametrize(
    ("operation", "outcome"),
    [
        ("sessions.start", "failed"),
        ("sessions.set_variables", "failed"),
        ("sessions.get_question", "failed"),
        ("files.download", "unknown"),
    ],
)
async def test_row_ends_after_the_outage_timeout(operation: str, outcome: str) -> None:
    """The row is failed if the interview never ran."""
    fake = FlakyServer()
    fake.fail(operation, times=None)

    result = await run_row(fake, outage_timeout=60.0)

    assert (result.outcome, type(result.error)) == (outcome, ServerError)
    assert fake.session_count == 0


@pytest.mark.parametrize("processed", [False, True])
async def test_row_is_unknown_if_the_last_response_is_lost(processed: bool) -> None:
    """Once the answers are saved, the interview may have finished."""
    fake = FlakyServer()

    original = fake.respond

    async def respond(request: Any, **options: Any) -> Any:
        response = await original(request, **options)
        if request.method == "POST":
            fake.fail("sessions.get_question", times=None, processed=processed)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake, "respond", respond)
        result = await run_row(fake, outage_timeout=30)

    assert (result.outcome, type(result.error)) == ("unknown", ServerError)


async def test_invalid_responses_are_retried_a_few_times_only() -> None:
    """They may be permanent, so the outage timeout does not apply."""
    fake = FlakyServer()
    fake.corrupt_response("sessions.start", times=None)

    result = await run_row(fake, outage_timeout=1e9)

    assert (result.outcome, type(result.error)) == ("failed", DecodeError)
    assert count_calls(fake)["start"] == 5


async def test_redirect_is_not_retried() -> None:
    """A redirect is permanent."""
    fake = FlakyServer()
    fake.fail("sessions.start", status=302, headers={"Location": "https://b.example"}, times=None)

    result = await run_row(fake, outage_timeout=1e9)

    assert isinstance(result.error, RedirectRefused)
    assert count_calls(fake)["start"] == 1


async def test_file_that_cannot_be_read_twice_is_not_sent_again() -> None:
    """The interview did not run, so the row is failed."""
    fake = FlakyServer()
    fake.drop_connection("sessions.set_variables")

    async def read_chunks() -> AsyncIterator[bytes]:
        yield b"x"

    result = await run_row(fake, {"name": Upload(read_chunks()), "age": "36"})

    assert (result.outcome, type(result.error)) == ("failed", MaybeSent)
    assert (await run_row(fake, {"name": Upload(b"x"), "age": "36"})).outcome == "done"


async def test_session_that_cannot_be_deleted_is_in_the_result() -> None:
    """The row is done nevertheless."""
    fake = FlakyServer()
    fake.fail("sessions.delete", status=501, times=None)

    result = await run_row(fake)

    assert (result.outcome, result.error) == ("done", None)
    sessions = [session.key for session, _ in fake._state.sessions.iter_rows()]
    assert sessions == [result.leftover_session]


async def test_leftover_session_is_deleted_by_a_later_run(tmp_path: Any) -> None:
    """The journal contains its ID until it is deleted."""
    fake, path = FlakyServer(), tmp_path / "run.jsonl"
    fake.fail("sessions.delete", status=501, times=2)
    await run_row(fake, journal=path)
    assert (await run_row(fake, journal=path)).from_journal
    assert fake.session_count == 1

    result = await run_row(fake, journal=path)

    assert (result.outcome, result.from_journal, fake.session_count) == ("done", True, 0)
    assert fake.run_counts == {"row 0": 1}
    delete_count = count_calls(fake)["delete"]
    await run_row(fake, journal=path)
    assert count_calls(fake)["delete"] == delete_count


@pytest.mark.parametrize("fails", [False, True])
async def test_row_in_progress_at_a_crash_is_unknown_and_its_session_is_deleted(
    tmp_path: Any, *, fails: bool
) -> None:
    """The row is repeated only on request."""
    fake, path = FlakyServer(), tmp_path / "run.jsonl"

    async with fake.client() as da:
        with Journal(path, interview=I, server=da.base_url) as journal:
            session = await da.sessions.start(I)
            digest = journal.compute_digest(make_rows(1)[0])
            await journal.record_start("0", digest, session.session)

    assert fake.session_count == 1
    if fails:
        fake.fail("sessions.delete", status=501)

    results = [
        await run_row(fake, journal=path, rerun_unknown=rerun) for rerun in (False, False, True)
    ]

    assert [
        (result.outcome, result.from_journal, bool(result.leftover_session)) for result in results
    ] == [("unknown", True, fails), ("unknown", True, False), ("done", False, False)]
    assert fake.session_count == 0


def make_session(
    da: AsyncDocassemble, on_start: Callable[[str], Awaitable[None]]
) -> ResilientSession:
    return ResilientSession(
        da,
        I,
        url_args=None,
        outage_timeout=1000,
        adaptive_limit=AdaptiveLimit(1),
        on_start=on_start,
        own_sessions=set(),
    )


async def test_session_is_deleted_if_its_start_cannot_be_recorded() -> None:
    """A later run could not find it in the journal."""
    fake = FlakyServer()

    async def raise_error(_: str) -> None:
        message = "full"
        raise JournalError(message)

    async with fake.client() as da:
        with pytest.raises(JournalError):
            await make_session(da, raise_error).__aenter__()

    assert fake.session_count == 0


async def do_nothing(_: str) -> None:
    """Record nothing."""


@pytest.mark.parametrize("moment", ["start", "body"])
async def test_cancelled_row_does_not_wait_for_the_server(moment: str) -> None:
    """The task ends at once, although the server is not available."""
    fake = FlakyServer()

    async def use_session(da: AsyncDocassemble) -> None:
        async with make_session(da, do_nothing) as session:
            fake.drop_connection(times=None, sent=False)
            await session.question()

    if moment == "start":
        fake.drop_connection(times=None, sent=False)
    async with fake.client() as da:
        task = asyncio.ensure_future(use_session(da))
        await asyncio.sleep(100)
        task.cancel()
        cancel_time = asyncio.get_running_loop().time()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - cancel_time < 10


async def test_reading_variables_is_retried() -> None:
    """A second deletion does nothing."""
    fake = FlakyServer()

    async with fake.client() as da, make_session(da, do_nothing) as session:
        fake.drop_connection("sessions.get_variables", times=5, sent=False)
        assert "url_args" in await session.variables()
        await session.delete()
        await session.delete()
