"""Sessions at large: what an export brings, and what a cleanup deletes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, UsageError
from tests.mock import run, settle
from tests.workflows.routes import REFUSED, Routes

if TYPE_CHECKING:
    from docassemble_client import CleanupReport, ExportedSession
    from tests.mock import Answer

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - as everybody calls it
LIST = "GET /api/users/interviews"
DELETE = "DELETE /api/users/interviews"
OLD = "2020-03-14T15:09:26.535898"
DAY = timedelta(days=1)


def summary(session: str, *, user: int | None = 1, modified: str | None = OLD, **more: Any) -> Any:
    """Make the JSON of a session in a list."""
    texts = dict.fromkeys(("title", "subtitle", "modtime", "starttime"), "")
    who = {"email": None, "user_id": user, "temp_user_id": None if user else 5}
    rest = {"metadata": {}, "tags": [], "valid": True, "utc_starttime": None}
    return {
        "filename": I, "session": session, "utc_modtime": modified, **texts, **who, **rest, **more
    }  # fmt: skip


def page(*sessions: Any, next_id: str | None = None) -> Answer:
    """Make the JSON of a page."""
    return 200, {"items": list(sessions), "next_id": next_id}


def export(server: Routes, **wanted: Any) -> list[ExportedSession]:
    """Export all there is."""

    async def job() -> list[ExportedSession]:
        async with server.client() as da:
            return [one async for one in da.export_sessions(**wanted)]

    return run(job())


def test_export_walks_all_pages_and_brings_each_session_of_a_user_once() -> None:
    """One that is listed again is left out; one of two users comes for both."""
    answers: dict[str, Any] = {"encrypted": False, "dict": {"fruit": "fig"}}
    server = Routes(
        {
            LIST: [
                page(summary("a", **answers), summary("a", user=None, **answers), next_id="MQ"),
                page(summary("b", **answers), summary("a", **answers)),
            ]
        }
    )

    found = export(server, i=I, tag="t", user_id=3, secret="exampleSecret123")

    sessions = [(one.summary.session, one.summary.user_id) for one in found]
    assert sessions == [("a", 1), ("a", None), ("b", 1)]
    assert found[0].variables == {"fruit": "fig"}
    assert found[0].encrypted is False
    assert "fig" not in repr(found[0])
    assert server.sent[0] == {
        "i": I, "tag": "t", "user_id": "3", "secret": "exampleSecret123", "include_dictionary": "1"
    }  # fmt: skip


def test_export_flags_what_is_encrypted() -> None:
    """What cannot be read has no answers, although the server sends those of an empty interview."""
    locked = summary("a", encrypted=True, valid=False, dict={"_internal": {}}, modified=None)
    opened = summary("b", encrypted=True, dict={"fruit": "fig"})
    server = Routes({LIST: page(locked, opened)})

    first, second = export(server)

    assert (first.encrypted, first.variables) == (True, None)
    assert (second.encrypted, second.variables) == (True, {"fruit": "fig"})


def test_export_without_answers_asks_for_none() -> None:
    """Then it is not known whether they are encrypted."""
    server = Routes({LIST: page(summary("a"))})

    (one,) = export(server, variables=False, resume_from="MQ")

    assert (one.encrypted, one.variables) == (None, None)
    assert server.sent == [{"next_id": "MQ"}]


def clean(server: Routes, **wanted: Any) -> CleanupReport:
    """Clean up this server."""
    filters: dict[str, Any] = {"older_than": DAY, "i": I}

    async def job() -> CleanupReport:
        async with server.client() as da:
            return await da.cleanup_sessions(**filters | wanted)

    return run(job())


def test_cleanup_without_a_word_deletes_nothing() -> None:
    """It lists what it would delete: the old ones, not the new ones nor those without a time."""
    today = datetime.now(UTC)
    server = Routes(
        {
            LIST: page(
                summary("old"),
                summary("old", user=2),
                summary("zoned", modified="2020-03-14T15:09:26+01:00"),
                summary("new", modified=today.replace(tzinfo=None).isoformat()),
                summary("undated", modified=None),
            )
        }
    )

    report = clean(server)

    assert [(one.session, one.modified) for one in report.old] == [
        ("old", datetime(2020, 3, 14, 15, 9, 26, 535898, UTC)),
        ("zoned", datetime(2020, 3, 14, 14, 9, 26, tzinfo=UTC)),
    ]
    assert (report.listed, report.undated, report.deleted) == (4, 1, ())
    assert str(report) == (
        "2 of 4 sessions are old enough (1 without a time); nothing was deleted (dry run)"
    )
    assert server.calls == [LIST]


def test_cleanup_deletes_one_by_one_what_is_still_old() -> None:
    """One somebody came back to stays, one that cannot be deleted is told, the others go."""
    listed = page(*(summary(name) for name in ("a", "revived", "gone", "stuck", "b")))
    later = {"revived": page(summary("revived", modified="2021-01-01T00:00:00")), "gone": page()}

    def look(sent: dict[str, Any]) -> Answer:
        session = sent.get("session")
        return later.get(session, page(summary(session))) if session else listed

    def delete(sent: dict[str, Any]) -> Answer:
        return REFUSED if sent["session"] == "stuck" else (204, None)

    server = Routes({LIST: look, DELETE: delete})

    report = clean(server, dry_run=False, user_id=3)

    assert {one.session for one in report.deleted} == {"a", "b"}
    assert {one.session for one in report.revived} == {"revived", "gone"}
    ((stuck, error),) = report.failed
    assert (stuck.session, type(error)) == ("stuck", AccessDenied)
    assert str(report) == "5 of 5 sessions are old enough: 2 deleted, 2 in use again, 1 failed"
    deletions = [sent for _, sent in server.those("DELETE")]
    assert {"i": I, "session": "a", "user_id": "3"} in deletions
    assert len(deletions) == 3


def test_cleanup_deletes_a_few_at_a_time() -> None:
    """No more requests are under way than were allowed."""
    names = [f"s{number}" for number in range(9)]

    def look(sent: dict[str, Any]) -> Answer:
        chosen = [sent["session"]] if "session" in sent else names
        return page(*(summary(name) for name in chosen))

    # Without a user, those of people who are not logged in are deleted too.
    server = Routes({LIST: look, "DELETE /api/interviews": (204, None)})
    busiest = 0

    async def job() -> CleanupReport:
        nonlocal busiest
        server.gate = asyncio.Event()
        async with server.client() as da:
            cleaning = asyncio.ensure_future(
                da.cleanup_sessions(older_than=DAY, tag="t", dry_run=False, concurrency=3)
            )
            while not cleaning.done():
                await settle()
                busiest = max(busiest, server.busy)
                server.gate.set()
                server.gate.clear()
            return await cleaning

    report = run(job())

    assert len(report.deleted) == 9
    assert busiest == 3


@pytest.mark.parametrize(
    ("wanted", "deleted"), [({}, 0), ({"dry_run": False, "delete_all": True}, 1)], ids=repr
)
def test_cleanup_of_every_interview_needs_a_word(wanted: dict[str, Any], deleted: int) -> None:
    """Without a filter it only reports, unless it is told to delete all that is old."""
    server = Routes({LIST: page(summary("a")), "DELETE /api/interviews": (204, None)})

    report = clean(server, i=None, **wanted)

    assert (len(report.old), len(report.deleted)) == (1, deleted)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"older_than": timedelta()}, "timedelta above zero"),
        ({"i": None}, "every session of the server"),
        ({"i": ""}, "every session of the server"),
        ({"concurrency": 0}, "whole number from 1"),
        ({"concurrency": True}, "whole number from 1"),
    ],
)
def test_cleanup_without_filter_or_age_is_refused(wanted: dict[str, Any], message: str) -> None:
    """Nothing is deleted, or even listed, unless it is said what and how old."""
    server = Routes({})

    with pytest.raises(UsageError, match=message):
        clean(server, dry_run=False, **wanted)

    assert server.calls == []
