"""Documents on the real server: one interview, many rows, and nothing left behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import NoDocuments, Policy, Secret
from tests.live.interviews import BASE, QUESTIONLESS, TEXT_FIELD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run

pytestmark = pytest.mark.unrecorded

ANSWERS = 12


def clean(run: Run, job: Callable[[AsyncDocassemble], Awaitable[None]]) -> None:
    """Run a job, after which there are no more sessions on the server than before."""

    async def counted(da: AsyncDocassemble) -> None:
        before = {one.session async for one in da.sessions.list()}
        await job(da)
        assert {one.session async for one in da.sessions.list()} <= before

    run(counted)


def test_interview_makes_a_pdf(run: Run, tmp_path: Path) -> None:
    """A form is filled in, and comes in memory, to disk and in pieces, the same each time."""
    interview = f"{BASE}pdf-fill.yml"
    answers: dict[str, Any] = {
        "user.name.first": "Ada",
        "user.name.last": "Lovelace",
        "likes_apples": True,
    }

    async def job(da: AsyncDocassemble) -> None:
        assembly = da.interview(interview).assemble(answers, policy=Policy.generated)
        document = (await assembly)["A filled-in form", "pdf"]
        (path,) = await assembly.save(tmp_path)
        async with assembly as documents, documents["filled-form.pdf"] as stream:
            size = sum([len(chunk) async for chunk in stream])

        assert document.content.startswith(b"%PDF-")
        assert b"%%EOF" in document.content[-1024:]
        assert (document.filename, document.content_type) == ("filled-form.pdf", "application/pdf")
        assert path.read_bytes().startswith(b"%PDF-")
        assert min(size, path.stat().st_size) > 10_000

    clean(run, job)


@pytest.mark.parametrize(
    ("name", "kind", "beginning"),
    [("document-md", "md", b""), ("document-manual-jpg", "jpg", b"\xff\xd8\xff")],
)
def test_interview_makes_documents_of_other_kinds(
    run: Run, name: str, kind: str, beginning: bytes
) -> None:
    """Documents come in whatever format the interview makes them."""

    async def job(da: AsyncDocassemble) -> None:
        (document,) = await da.interview(f"{BASE}{name}.yml").assemble(formats=[kind])

        assert document.format == kind
        assert document.content.startswith(beginning)

    clean(run, job)


def test_interview_without_documents_says_where_it_ended(run: Run) -> None:
    """The last screen is named, and its session is gone."""

    async def job(da: AsyncDocassemble) -> None:
        with pytest.raises(NoDocuments) as caught:
            await da.interview(TEXT_FIELD).assemble(policy=Policy.generated)

        assert caught.value.question
        assert caught.value.ended == "deadend"

    clean(run, job)


def test_rows_bring_their_own_results_once(run: Run, tmp_path: Path) -> None:
    """Each row has its result; a second run does only the one that failed, which was mended."""
    rows: list[dict[str, Any]] = [{"favorite_number": n} for n in (*range(10), 42)]
    options: dict[str, Any] = {
        "journal": tmp_path / "run.jsonl", "save_to": tmp_path, "key": "favorite_number"
    }  # fmt: skip

    async def job(da: AsyncDocassemble) -> None:
        interview = da.interview(QUESTIONLESS)
        first = {one.key: one async for one in interview.assemble_many(rows, **options)}
        rows[-1]["user_agrees_to_waive_penalties"] = True
        second = {one.key: one async for one in interview.assemble_many(rows, **options)}

        outcomes = {key: one.outcome for key, one in first.items()}
        assert outcomes == {**{f"{n}": "done" for n in range(10)}, "42": "failed"}
        assert b'"inhabitants": 2405}' in first["9"].paths[0].read_bytes()
        assert b'"inhabitants": 2}' in second["42"].paths[0].read_bytes()
        assert [key for key, one in second.items() if not one.earlier] == ["42"]
        assert {one.outcome for one in second.values()} == {"done"}

    clean(run, job)


def test_many_rows_make_a_pdf_each(run: Run, tmp_path: Path) -> None:
    """Screen by screen, several at a time: saved first and run then, which leads to the same."""
    rows = [{"user.name.first": f"Ada {n}"} for n in range(6)]

    async def job(da: AsyncDocassemble) -> None:
        many = da.interview(f"{BASE}pdf-fill.yml").assemble_many(
            rows, policy=Policy.generated, save_to=tmp_path, concurrency=3
        )
        results = [one async for one in many]

        assert [(one.outcome, one.error) for one in results] == [("done", None)] * len(rows)
        assert len({one.paths[0] for one in results}) == len(rows)
        assert all(one.paths[0].read_bytes().startswith(b"%PDF-") for one in results)

    clean(run, job)


def test_lost_session_is_told_by_its_secret(run: Run) -> None:
    """Only the session that a secret opens is valid with it in the list of sessions."""

    async def job(da: AsyncDocassemble) -> None:
        interview = da.interview(TEXT_FIELD)
        async with interview.session(secret="k" * 16) as mine, interview.session() as other:
            valid = {}
            for session in (mine, other):
                listed = await da.sessions.list_current(
                    i=TEXT_FIELD, session=session.id, secret="k" * 16, include_dictionary=True
                )
                valid[session.id] = [(one.encrypted, one.valid) for one in listed.items]

            assert valid == {mine.id: [(True, True)], other.id: [(True, False)]}

    clean(run, job)


def test_raw_answers_at_the_same_time_lose_some(run: Run) -> None:
    """The server takes no lock: what `InterviewSession.answer` prevents does happen."""

    async def job(da: AsyncDocassemble) -> None:
        async with da.interview(TEXT_FIELD).session() as s:
            assert isinstance(s.secret, Secret)
            body: dict[str, Any] = {
                "i": s.i,
                "session": s.id,
                "secret": s.secret.reveal(),
                "question": 0,
            }
            calls = [{**body, "variables": {f"answer_{n}": n}} for n in range(ANSWERS)]
            await asyncio.gather(*(da.request("POST", "/api/session", json=one) for one in calls))
            kept = [one for one in await s.variables() if one.startswith("answer_")]

            assert 0 < len(kept) < ANSWERS

    clean(run, job)
