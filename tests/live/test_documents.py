"""Documents of interviews on the real server, for one row and many."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AnswerPolicy, NoDocuments, Secret
from tests.live.interviews import BASE, QUESTIONLESS, TEXT_FIELD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from docassemble_client import AsyncDocassemble

pytestmark = pytest.mark.unrecorded

ANSWER_COUNT = 12


@pytest.fixture
async def da(da: AsyncDocassemble) -> AsyncIterator[AsyncDocassemble]:
    """Check that a test leaves no session behind."""
    before = {summary.session async for summary in da.sessions.list()}
    yield da
    assert {summary.session async for summary in da.sessions.list()} <= before


async def test_interview_assembles_a_pdf(da: AsyncDocassemble, tmp_path: Path) -> None:
    """A form is filled in, and returned in memory, on disk and in chunks."""
    interview = f"{BASE}pdf-fill.yml"
    answers: dict[str, Any] = {
        "user.name.first": "Ada",
        "user.name.last": "Lovelace",
        "likes_apples": True,
    }

    assembly = da.interview(interview).assemble(answers, policy=AnswerPolicy.generated)
    document = (await assembly)["A filled-in form", "pdf"]
    (path,) = await assembly.save(tmp_path)
    async with assembly as documents, documents["filled-form.pdf"] as stream:
        size = sum([len(chunk) async for chunk in stream])

    assert document.content.startswith(b"%PDF-")
    assert b"%%EOF" in document.content[-1024:]
    assert (document.filename, document.content_type) == ("filled-form.pdf", "application/pdf")
    assert path.read_bytes().startswith(b"%PDF-")
    assert min(size, path.stat().st_size) > 10_000


@pytest.mark.parametrize(
    ("name", "format_", "start"),
    [("document-md", "md", b""), ("document-manual-jpg", "jpg", b"\xff\xd8\xff")],
)
async def test_interview_assembles_other_formats(
    da: AsyncDocassemble, name: str, format_: str, start: bytes
) -> None:
    """Documents have the format of the interview."""
    (document,) = await da.interview(f"{BASE}{name}.yml").assemble(formats=[format_])

    assert document.format == format_
    assert document.content.startswith(start)


async def test_interview_without_documents_raises_no_documents(da: AsyncDocassemble) -> None:
    """The error shows the last screen; the session is deleted."""
    with pytest.raises(NoDocuments) as caught:
        await da.interview(TEXT_FIELD).assemble(policy=AnswerPolicy.generated)

    assert caught.value.question
    assert caught.value.end_type == "deadend"


async def test_rows_are_processed_once(da: AsyncDocassemble, tmp_path: Path) -> None:
    """Each row has its result; a second run repeats only the failed row."""
    rows: list[dict[str, Any]] = [{"favorite_number": n} for n in (*range(10), 42)]
    options: dict[str, Any] = {
        "journal": tmp_path / "run.jsonl", "save_to": tmp_path, "key": "favorite_number"
    }  # fmt: skip

    interview = da.interview(QUESTIONLESS)
    first = {result.key: result async for result in interview.assemble_many(rows, **options)}
    rows[-1]["user_agrees_to_waive_penalties"] = True
    second = {result.key: result async for result in interview.assemble_many(rows, **options)}

    outcomes = {key: result.outcome for key, result in first.items()}
    assert outcomes == {**{f"{n}": "done" for n in range(10)}, "42": "failed"}
    assert b'"inhabitants": 2405}' in first["9"].paths[0].read_bytes()
    assert b'"inhabitants": 2}' in second["42"].paths[0].read_bytes()
    assert [key for key, result in second.items() if not result.from_journal] == ["42"]
    assert {result.outcome for result in second.values()} == {"done"}


async def test_each_row_is_assembled_to_a_pdf(da: AsyncDocassemble, tmp_path: Path) -> None:
    """Several rows are answered screen by screen at the same time."""
    rows = [{"user.name.first": f"Ada {n}"} for n in range(6)]

    batch = da.interview(f"{BASE}pdf-fill.yml").assemble_many(
        rows, policy=AnswerPolicy.generated, save_to=tmp_path, concurrency=3
    )
    results = [result async for result in batch]

    assert [(result.outcome, result.error) for result in results] == [("done", None)] * len(rows)
    assert len({result.paths[0] for result in results}) == len(rows)
    assert all(result.paths[0].read_bytes().startswith(b"%PDF-") for result in results)


async def test_secret_identifies_a_session_in_lists(da: AsyncDocassemble) -> None:
    """In a list with a secret, only the session of this secret is valid."""
    interview = da.interview(TEXT_FIELD)
    async with (
        interview.session(secret="k" * 16) as own_session,
        interview.session() as other_session,
    ):
        validity = {}
        for session in (own_session, other_session):
            page = await da.sessions.list_current(
                i=TEXT_FIELD, session=session.id, secret="k" * 16, include_dictionary=True
            )
            validity[session.id] = [(summary.encrypted, summary.valid) for summary in page.items]

        assert validity == {own_session.id: [(True, True)], other_session.id: [(True, False)]}


async def test_some_concurrent_raw_answers_are_lost(da: AsyncDocassemble) -> None:
    """The server does not lock sessions; `InterviewSession.answer` prevents this."""
    async with da.interview(TEXT_FIELD).session() as s:
        assert isinstance(s.secret, Secret)
        body: dict[str, Any] = {
            "i": s.i,
            "session": s.id,
            "secret": s.secret.reveal(),
            "question": 0,
        }
        bodies = [{**body, "variables": {f"answer_{n}": n}} for n in range(ANSWER_COUNT)]
        await asyncio.gather(*(da.request("POST", "/api/session", json=data) for data in bodies))
        saved = [name for name in await s.variables() if name.startswith("answer_")]

        assert 0 < len(saved) < ANSWER_COUNT
