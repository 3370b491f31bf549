"""What a row of a batch bears: one kind of trouble at a time, and what is known after it."""

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
from docassemble_client.testing import FakeServer, Field, Screen
from docassemble_client.workflows.batch.adaptive_limit import Pace
from docassemble_client.workflows.batch.journal import Journal
from docassemble_client.workflows.batch.resilient_session import CarefulSession
from tests.mock import run
from tests.workflows.outages import I, Weather, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from docassemble_client import AsyncDocassemble

HTML: dict[str, Any] = {"content": b"<html>", "content_type": "text/html"}


def one(fake: FakeServer, row: Any = None, **options: Any) -> RowResult:
    """Run a batch of one row."""

    async def job() -> RowResult:
        async with fake.client() as da:
            many = da.interview(I).assemble_many([row or rows(1)[0]], **options)
            (result,) = [each async for each in many]
        return result

    return run(job())


def calls(fake: FakeServer) -> Counter[str]:
    return Counter(each.operation.removeprefix("sessions.") for each in fake.received)


TROUBLE: dict[str, dict[str, Any]] = {
    "lost": {},
    "lost after work": {"done": True},
    "not sent": {"sent": False},
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize(
    "operation",
    ["sessions.start", "sessions.set_variables", "sessions.get_question", "files.download"],
)
def test_broken_connections_change_nothing(operation: str, trouble: str) -> None:
    """Whichever call breaks, several times, the row is done once and leaves nothing."""
    fake = Weather()
    fake.reset(operation, times=5, **TROUBLE[trouble])

    result = one(fake)

    assert result.outcome == "done"
    assert fake.done == {"row 0": 1}
    assert fake.sessions == 0


@pytest.mark.parametrize(
    ("status", "worked"),
    [(429, False), *((status, worked) for status in (502, 503, 504) for worked in (False, True))],
)
def test_busy_server_is_waited_for(status: int, worked: bool) -> None:
    """Statuses of a proxy that pass, whether or not the call was worked on."""
    fake = Weather()
    for operation in ("sessions.start", "sessions.set_variables", "sessions.get_question"):
        fake.fail(operation, status=status, times=4, done=worked)

    assert one(fake).outcome == "done"
    assert fake.done == {"row 0": 1}
    assert fake.sessions == 0


@pytest.mark.parametrize("what", [{}, HTML])
@pytest.mark.parametrize("operation", ["sessions.set_variables", "sessions.get_question"])
def test_garbage_is_not_believed(operation: str, what: dict[str, Any]) -> None:
    """Half of an answer, or a page in place of one, is asked for again."""
    fake = Weather()
    fake.garbage(operation, done=True, **what)

    result = one(fake)

    assert result.outcome == "done"
    assert fake.done == {"row 0": 1}


def test_page_in_place_of_a_document_is_asked_for_again() -> None:
    """Unless it stays so."""
    fake = Weather()
    fake.garbage("files.download", times=4, **HTML)
    assert one(fake).outcome == "done"

    fake.garbage("files.download", times=None, **HTML)
    result = one(fake)

    assert (result.outcome, type(result.error)) == ("unknown", InvalidDocument)
    assert fake.sessions == 0


def test_file_that_the_interview_answers_is_believed() -> None:
    """What it answers in place of a screen it answers again."""
    fake = Weather()
    page = BinaryContent(content=b"<html>yes", content_type="text/html")
    fake.add_interview(I, Screen("Name?", [Field("name")]), final=lambda _: page)

    result = one(fake)

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
def test_server_that_stays_away_is_given_up(operation: str, outcome: str) -> None:
    """After the patience the row has its outcome: failed as long as nothing was run."""
    fake = Weather()
    fake.fail(operation, times=None)

    result = one(fake, patience=60.0)

    assert (result.outcome, type(result.error)) == (outcome, ServerError)
    assert fake.sessions == 0


@pytest.mark.parametrize("worked", [False, True])
def test_end_without_an_answer_is_unknown(worked: bool) -> None:
    """Once the answers are saved, whoever does not hear how the run ended cannot know."""
    fake = Weather()

    original = fake.answer

    async def answer(request: Any, **more: Any) -> Any:
        reply = await original(request, **more)
        if request.method == "POST":
            fake.fail("sessions.get_question", times=None, done=worked)
        return reply

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake, "answer", answer)
        result = one(fake, patience=30)

    assert (result.outcome, type(result.error)) == ("unknown", ServerError)


def test_endless_garbage_is_told() -> None:
    """It is tried a few times, and not for as long as the patience lasts."""
    fake = Weather()
    fake.garbage("sessions.start", times=None)

    result = one(fake, patience=1e9)

    assert (result.outcome, type(result.error)) == ("failed", DecodeError)
    assert calls(fake)["start"] == 5


def test_redirect_is_told_at_once() -> None:
    """Waiting does not change an address."""
    fake = Weather()
    fake.fail("sessions.start", status=302, headers={"Location": "https://b.example"}, times=None)

    result = one(fake, patience=1e9)

    assert isinstance(result.error, RedirectRefused)
    assert calls(fake)["start"] == 1


def test_lost_start_is_found_again() -> None:
    """Only the session that its own secret opens is taken; others of the owner stay."""
    fake = Weather()

    async def job() -> tuple[RowResult, int]:
        async with fake.client() as da, da.interview(I).session():
            fake.reset("sessions.start", done=True)
            many = da.interview(I).assemble_many(rows(1))
            row = asyncio.ensure_future(anext(many))
            await asyncio.sleep(0.1)
            async with da.interview(I).session():
                return await row, fake.sessions

    result, left = run(job())

    assert result.outcome == "done"
    assert left == 2
    # What was lost is not counted: it was not sent a second time.
    assert calls(fake)["start"] == 2


def test_lost_start_of_a_key_that_may_not_list_is_repeated() -> None:
    """The row is done all the same; at worst an empty session is left behind."""
    fake = Weather()
    fake.reset("sessions.start", done=True)
    fake.fail("sessions.list_current", status=403, times=None)

    assert one(fake).outcome == "done"
    assert fake.sessions == 1


def test_file_that_can_be_sent_once_is_sent_once() -> None:
    """A stream whose sending broke cannot be repeated; the interview was not run."""
    fake = Weather()
    fake.reset("sessions.set_variables")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x"

    result = one(fake, {"name": Upload(pieces()), "age": "36"})

    assert (result.outcome, type(result.error)) == ("failed", MaybeSent)
    assert one(fake, {"name": Upload(b"x"), "age": "36"}).outcome == "done"


def test_session_that_cannot_be_deleted_is_told() -> None:
    """The row is done; which session is left stands in its result."""
    fake = Weather()
    fake.fail("sessions.delete", status=501, times=None)

    result = one(fake)

    assert (result.outcome, result.error) == ("done", None)
    assert [result.left] == [session.key for session, _ in fake._world.sessions.rows()]


def test_left_session_is_deleted_by_the_next_run(tmp_path: Any) -> None:
    """Its ID stands in the journal until it is gone."""
    fake, path = Weather(), tmp_path / "run.jsonl"
    fake.fail("sessions.delete", status=501, times=2)
    one(fake, journal=path)
    assert one(fake, journal=path).earlier
    assert fake.sessions == 1

    result = one(fake, journal=path)

    assert (result.outcome, result.earlier, fake.sessions) == ("done", True, 0)
    assert fake.done == {"row 0": 1}
    before = calls(fake)["delete"]
    one(fake, journal=path)
    assert calls(fake)["delete"] == before


@pytest.mark.parametrize("stuck", [False, True])
def test_row_that_was_begun_is_unknown_and_its_session_deleted(
    tmp_path: Any, *, stuck: bool
) -> None:
    """After a crash the session in the journal goes, and the row is repeated if asked."""
    fake, path = Weather(), tmp_path / "run.jsonl"

    async def job(da: AsyncDocassemble) -> None:
        with Journal(path, interview=I, server=da.base_url) as journal:
            session = await da.sessions.start(I)
            await journal.began("0", journal.digest(rows(1)[0]), session.session)

    async def crash() -> None:
        async with fake.client() as da:
            await job(da)

    run(crash())
    assert fake.sessions == 1
    if stuck:
        fake.fail("sessions.delete", status=501)

    results = [one(fake, journal=path, repeat_unknown=repeat) for repeat in (False, False, True)]

    assert [(each.outcome, each.earlier, bool(each.left)) for each in results] == [
        ("unknown", True, stuck), ("unknown", True, False), ("done", False, False)
    ]  # fmt: skip
    assert fake.sessions == 0


def careful(da: AsyncDocassemble, began: Any) -> CarefulSession:
    return CarefulSession(da, I, url_args=None, patience=1000, pace=Pace(1), began=began)


def test_session_is_deleted_where_its_beginning_cannot_be_written() -> None:
    """What the journal does not know of would never be deleted."""
    fake = Weather()

    async def began(_: str) -> None:
        message = "full"
        raise JournalError(message)

    async def job() -> None:
        async with fake.client() as da:
            with pytest.raises(JournalError):
                await careful(da, began).__aenter__()

    run(job())
    assert fake.sessions == 0


async def nothing(_: str) -> None:
    """Write nothing."""


@pytest.mark.parametrize("moment", ["start", "body"])
def test_cancelled_row_does_not_wait_for_the_server(moment: str) -> None:
    """While it waits for a server that is away, it can be cancelled at once."""
    fake = Weather()

    async def use(da: AsyncDocassemble) -> None:
        async with careful(da, nothing) as session:
            fake.reset(times=None, sent=False)
            await session.question()

    async def job() -> float:
        if moment == "start":
            fake.reset(times=None, sent=False)
        async with fake.client() as da:
            task = asyncio.ensure_future(use(da))
            await asyncio.sleep(100)
            task.cancel()
            cancelled = asyncio.get_running_loop().time()
            with pytest.raises(asyncio.CancelledError):
                await task
            return asyncio.get_running_loop().time() - cancelled

    assert run(job()) < 10


def test_variables_are_read_until_they_come() -> None:
    """Reading is repeated too."""
    fake = Weather()

    async def job() -> None:
        async with fake.client() as da, careful(da, nothing) as session:
            fake.reset("sessions.get_variables", times=5, sent=False)
            assert "url_args" in await session.variables()
            await session.delete()
            await session.delete()

    run(job())
