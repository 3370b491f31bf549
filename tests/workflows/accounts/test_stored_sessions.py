"""Export and cleanup of the sessions of all users."""

from __future__ import annotations

import asyncio
import math
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, APIError, DecodeError, UsageError
from tests.mock import settle
from tests.workflows.routes import ACCESS_DENIED, RouteServer

if TYPE_CHECKING:
    from docassemble_client import CleanupReport, ExportedSession
    from tests.mock import MockResponse

I = "docassemble.demo:data/questions/questions.yml"  # noqa: E741 - the usual name
LIST = "GET /api/users/interviews"
DELETE = "DELETE /api/users/interviews"
OLD = "2020-03-14T15:09:26.535898"
DAY = timedelta(days=1)
MAX_BYTES_PER_SESSION = 150  # a digest of 49 bytes, and its place in a set that grows in steps


def make_session_json(
    session: str, *, user: int | None = 1, modified: str | None = OLD, **fields: Any
) -> Any:
    """Make the JSON of a session in a list."""
    texts = dict.fromkeys(("title", "subtitle", "modtime", "starttime"), "")
    owner = {"email": None, "user_id": user, "temp_user_id": None if user else 5}
    rest = {"metadata": {}, "tags": [], "valid": True, "utc_starttime": None, **fields}
    return {"filename": I, "session": session, "utc_modtime": modified, **texts, **owner, **rest}


def make_page(*sessions: Any, next_id: str | None = None) -> MockResponse:
    """Make the JSON of a list page."""
    return 200, {"items": list(sessions), "next_id": next_id}


async def export_sessions(server: RouteServer, **options: Any) -> list[ExportedSession]:
    """Export all sessions of this server."""
    async with server.client() as da:
        return [session async for session in da.export_sessions(**options)]


async def test_export_returns_each_session_of_each_user_once() -> None:
    """A session that is listed twice is returned once; a session of two users, for both."""
    answers: dict[str, Any] = {"encrypted": False, "dict": {"fruit": "fig"}}
    server = RouteServer(
        {
            LIST: [
                make_page(
                    make_session_json("a", **answers),
                    make_session_json("a", user=None, **answers),
                    next_id="MQ",
                ),
                make_page(make_session_json("b", **answers), make_session_json("a", **answers)),
            ]
        }
    )

    sessions = await export_sessions(server, i=I, tag="t", user_id=3, secret="exampleSecret123")

    summaries = [session.summary for session in sessions]
    assert [(summary.session, summary.user_id) for summary in summaries] == [
        ("a", 1), ("a", None), ("b", 1)
    ]  # fmt: skip
    assert sessions[0].variables == {"fruit": "fig"}
    assert sessions[0].encrypted is False
    assert "fig" not in repr(sessions[0])
    assert server.payloads[0] == {
        "i": I, "tag": "t", "user_id": "3", "secret": "exampleSecret123", "include_dictionary": "1"
    }  # fmt: skip


async def test_session_that_cannot_be_decrypted_has_no_variables() -> None:
    """The server returns the variables of an empty interview instead."""
    encrypted = make_session_json(
        "a", encrypted=True, valid=False, dict={"_internal": {}}, modified=None
    )
    decrypted = make_session_json("b", encrypted=True, dict={"fruit": "fig"})
    server = RouteServer({LIST: make_page(encrypted, decrypted)})

    first, second = await export_sessions(server)

    assert (first.encrypted, first.variables) == (True, None)
    assert (second.encrypted, second.variables) == (True, {"fruit": "fig"})


async def test_export_without_variables_does_not_request_them() -> None:
    """Then `encrypted` is unknown."""
    server = RouteServer({LIST: make_page(make_session_json("a"))})

    (session,) = await export_sessions(server, variables=False, page_token="MQ")

    assert (session.encrypted, session.variables) == (None, None)
    assert server.payloads == [{"next_id": "MQ"}]


VARIABLES = "GET /api/session"
UNREADABLE_PAGES = {"not serializable": (501, "TypeError"), "not JSON": (200, "<html>")}


def make_export_server(page: MockResponse, variables: MockResponse) -> RouteServer:
    """Serve two pages; with answers, the first one responds with `page`."""
    first = make_page(make_session_json("a"), make_session_json("b"), next_id="MQ")
    last = make_page(make_session_json("c", dict={"fruit": "fig"}))

    def respond(payload: dict[str, Any]) -> MockResponse:
        if "next_id" in payload:
            return last
        return page if "include_dictionary" in payload else first

    def get_variables(payload: dict[str, Any]) -> MockResponse:
        return variables if payload["session"] == "b" else (200, {"fruit": "kiwi"})

    return RouteServer({LIST: respond, VARIABLES: get_variables})


@pytest.mark.parametrize("page", UNREADABLE_PAGES.values(), ids=UNREADABLE_PAGES)
@pytest.mark.parametrize("variables", [(501, "TypeError"), (400, "Unable to decrypt"), (200, 7)])
async def test_an_unreadable_session_does_not_end_the_export(
    page: MockResponse, variables: MockResponse
) -> None:
    """The sessions of its page are read one by one; only this one has an error."""
    server = make_export_server(page, variables)

    sessions = await export_sessions(server, secret="exampleSecret123")

    assert [session.variables for session in sessions] == [
        {"fruit": "kiwi"}, None, {"fruit": "fig"}
    ]  # fmt: skip
    first, failed, last = sessions
    assert (first.error, last.error) == (None, None)
    assert isinstance(failed.error, (APIError, DecodeError))
    assert failed.error.operation == "sessions.get_variables"


async def test_a_page_above_the_size_limit_is_read_session_by_session() -> None:
    """So is a session whose answers alone are too large; the limit can be set."""
    large = {"text": "x" * 1000}
    page = make_page(make_session_json("a", dict={}), make_session_json("b", dict=large))

    server = make_export_server(page, (200, large))

    async with server.client(max_response_size=1000) as da:
        _, failed, last = [session async for session in da.export_sessions()]
    async with server.client(max_response_size=5000) as da:
        readable = [session.variables async for session in da.export_sessions()]

    assert (failed.variables, last.variables) == (None, {"fruit": "fig"})
    assert "larger than 1000 bytes. Raise max_response_size" in str(failed.error)
    assert readable == [{}, large]


@pytest.mark.parametrize(
    ("page", "variables"), [((503, ""), (200, {})), ((501, ""), (503, "")), ((403, ""), (200, {}))]
)
async def test_an_outage_or_a_missing_privilege_ends_the_export(
    page: MockResponse, variables: MockResponse
) -> None:
    """The error has the token of the page, to continue with."""
    server = make_export_server(page, variables)

    with pytest.raises(APIError) as caught:
        await export_sessions(server)

    assert caught.value.status in {403, 503}
    assert caught.value.page_token is None


async def test_numbers_that_are_not_finite_are_exported() -> None:
    """The server writes NaN and infinity as Python does."""
    session = make_session_json("a", dict={"rent": math.nan, "limit": math.inf})

    (exported,) = await export_sessions(RouteServer({LIST: make_page(session)}))

    assert repr(exported.variables) == "{'rent': nan, 'limit': inf}"


async def test_export_remembers_each_session_in_few_bytes() -> None:
    """A server may have millions of sessions, and any of them may be listed again."""
    session_count, page_size = 10_000, 500

    def respond(payload: dict[str, Any]) -> MockResponse:
        start = int(payload.get("next_id", 0))
        end = start + page_size
        sessions = [make_session_json(f"{number:032}") for number in range(start, end)]
        return make_page(*sessions, next_id=str(end) if end < session_count else None)

    sizes: list[int] = []
    tracemalloc.start()
    async with RouteServer({LIST: respond}).client() as da:
        number = 0
        async for _ in da.export_sessions(variables=False):
            number += 1
            if number % page_size == 1:  # the same position on each page
                sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert number == session_count
    assert (sizes[-1] - sizes[0]) / session_count < MAX_BYTES_PER_SESSION


async def cleanup_sessions(server: RouteServer, **options: Any) -> CleanupReport:
    """Delete stale sessions of this server."""
    defaults: dict[str, Any] = {"older_than": DAY, "i": I}

    async with server.client() as da:
        return await da.cleanup_sessions(**defaults | options)


async def test_cleanup_is_a_dry_run_by_default() -> None:
    """It reports stale sessions, but not new sessions or sessions without a time."""
    today = datetime.now(UTC)
    server = RouteServer(
        {
            LIST: make_page(
                make_session_json("old"),
                make_session_json("old", user=2),
                make_session_json("zoned", modified="2020-03-14T15:09:26+01:00"),
                make_session_json("new", modified=today.replace(tzinfo=None).isoformat()),
                make_session_json("without_time", modified=None),
                make_session_json("invalid_time", modified="yesterday"),
            )
        }
    )

    report = await cleanup_sessions(server)

    assert [(session.session, session.modified) for session in report.stale] == [
        ("old", datetime(2020, 3, 14, 15, 9, 26, 535898, UTC)),
        ("zoned", datetime(2020, 3, 14, 14, 9, 26, tzinfo=UTC)),
    ]
    assert (report.listed, report.without_time, report.deleted) == (5, 2, ())
    assert str(report) == (
        "2 of 5 sessions are stale (2 without a time); nothing was deleted (dry run)"
    )
    assert server.calls == [LIST]


async def test_cleanup_uses_the_last_time_of_a_session() -> None:
    """A session that is answered during the listing moves to its end and is not stale."""
    today = datetime.now(UTC).isoformat()
    pages = [
        make_page(make_session_json("a"), make_session_json("b", modified=None), next_id="MQ"),
        make_page(make_session_json("a", modified=today), make_session_json("b", modified=today)),
    ]

    report = await cleanup_sessions(RouteServer({LIST: pages}))

    assert (report.listed, report.without_time, report.stale) == (2, 0, ())


async def test_cleanup_remembers_each_recent_session_in_few_bytes() -> None:
    """Only the stale sessions are kept whole."""
    page_count = 20
    sizes: list[int] = []
    now = datetime.now(UTC).isoformat()

    def respond(payload: dict[str, Any]) -> MockResponse:
        page = int(payload.get("next_id", 0))
        sizes.append(tracemalloc.get_traced_memory()[0])
        names = (f"{page:016}{number:016}" for number in range(500))
        sessions = [make_session_json(name, modified=now) for name in names]
        return make_page(*sessions, next_id=str(page + 1) if page + 1 < page_count else None)

    tracemalloc.start()
    async with RouteServer({LIST: respond}).client() as da:
        report = await da.cleanup_sessions(older_than=DAY, i=I)
    tracemalloc.stop()

    assert report.listed == 500 * page_count
    assert (sizes[-1] - sizes[1]) / (500 * (page_count - 2)) < MAX_BYTES_PER_SESSION


async def test_cleanup_deletes_sessions_that_are_still_stale() -> None:
    """Sessions that changed meanwhile are kept, and errors are reported."""
    first_page = make_page(
        *(make_session_json(name) for name in ("a", "changed", "gone", "refused", "b"))
    )
    changed = make_session_json("changed", modified="2021-01-01T00:00:00")
    later_pages = {"changed": make_page(changed), "gone": make_page()}

    def list_sessions(payload: dict[str, Any]) -> MockResponse:
        session = payload.get("session")
        if not session:
            return first_page
        return later_pages.get(session, make_page(make_session_json(session)))

    def delete(payload: dict[str, Any]) -> MockResponse:
        return ACCESS_DENIED if payload["session"] == "refused" else (204, None)

    server = RouteServer({LIST: list_sessions, DELETE: delete})

    report = await cleanup_sessions(server, dry_run=False, user_id=3)

    assert {session.session for session in report.deleted} == {"a", "b"}
    assert {session.session for session in report.changed_since} == {"changed", "gone"}
    ((session, error),) = report.failed
    assert (session.session, type(error)) == ("refused", AccessDenied)
    assert str(report) == "5 of 5 sessions are stale: 2 deleted, 2 changed since, 1 failed"
    deletions = [payload for _, payload in server.find_calls("DELETE")]
    assert {"i": I, "session": "a", "user_id": "3"} in deletions
    assert len(deletions) == 3


async def test_concurrency_limits_the_deletions() -> None:
    """No more requests are in progress than `concurrency` allows."""
    names = [f"s{number}" for number in range(9)]

    def list_sessions(payload: dict[str, Any]) -> MockResponse:
        sessions = [payload["session"]] if "session" in payload else names
        return make_page(*(make_session_json(session) for session in sessions))

    # Without a user, sessions of people who are not logged in are deleted too.
    server = RouteServer({LIST: list_sessions, "DELETE /api/interviews": (204, None)})
    max_active = 0

    server.gate = asyncio.Event()
    async with server.client() as da:
        task = asyncio.ensure_future(
            da.cleanup_sessions(older_than=DAY, tag="t", dry_run=False, concurrency=3)
        )
        while not task.done():
            await settle()
            max_active = max(max_active, server.active_requests)
            server.gate.set()
            server.gate.clear()
        report = await task

    assert len(report.deleted) == 9
    assert max_active == 3


@pytest.mark.parametrize(
    ("options", "deleted"), [({}, 0), ({"dry_run": False, "delete_all": True}, 1)], ids=repr
)
async def test_cleanup_without_a_filter_needs_delete_all(
    options: dict[str, Any], deleted: int
) -> None:
    """By default it only reports."""
    server = RouteServer(
        {LIST: make_page(make_session_json("a")), "DELETE /api/interviews": (204, None)}
    )

    report = await cleanup_sessions(server, i=None, **options)

    assert (len(report.stale), len(report.deleted)) == (1, deleted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"older_than": timedelta()}, "must be a positive timedelta"),
        ({"i": None}, "stale sessions of every interview"),
        ({"i": ""}, "stale sessions of every interview"),
        ({"concurrency": 0}, "a whole number from 1"),
        ({"concurrency": True}, "a whole number from 1"),
    ],
)
async def test_invalid_arguments_are_refused_without_a_request(
    options: dict[str, Any], message: str
) -> None:
    """Nothing is deleted without a filter and an age."""
    server = RouteServer({})

    with pytest.raises(UsageError, match=message):
        await cleanup_sessions(server, dry_run=False, **options)

    assert server.calls == []
