"""Lists of sessions on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.testing import FakeServer
from tests.mock import run as run_job
from tests.testing.conftest import said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import User
    from tests.testing.conftest import Run

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

TEXT = "docassemble.base:data/questions/examples/text-field.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
LISTS = ("list", "list_current", "list_for_user", "list_across_users")


@pytest.fixture
def ada(fake: FakeServer) -> User:
    """Somebody without privileges."""
    return fake.add_user("ada@example.com", timezone="Europe/London")


def limit(fake: FakeServer, *permissions: str) -> None:
    """Limit the administrator's key."""
    fake._world.people.keys[0].permissions = list(permissions)


async def start(da: AsyncDocassemble) -> str:
    """Start two sessions, and return the ID of the one with a tag."""
    await da.sessions.start(TEXT)
    return (await da.sessions.start(QUESTIONLESS)).session


def call(da: AsyncDocassemble, name: str, user: int, **filters: Any) -> Any:
    """Call one of the lists or deletions for a user."""
    owner = {"user_id": user} if name.endswith(("_for_user", "_across_users")) else {}
    return getattr(da.sessions, name)(**owner, **filters)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "filters",
    [
        {"i": QUESTIONLESS},
        {"tag": "demo"},
        {"query": f"DA.Sessions.filename == '{QUESTIONLESS}'"},
        {"query": "DA.Sessions.filename.Like('%questionless_yml')"},
        {"query": "DA.Sessions.indexno.In(2, 4) & ~DA.Or(DA.Sessions.user_id == 9)"},
        {"query": "DA.And(DA.Sessions.filename.Like('%less%'), DA.Sessions.encrypted) ^ False"},
        {"query": "(DA.Sessions.indexno != 1) & (DA.Sessions.indexno != 3) | False"},
    ],
)
def test_each_filter_finds_its_sessions(
    run: Run, fake: FakeServer, ada: User, name: str, filters: dict[str, Any]
) -> None:
    """Every list takes every filter, and shows no session of others than its own."""
    fake.add_interview(QUESTIONLESS, "favorite_number", tags=["demo"])
    run(start)
    tagged = run(start, ada)
    caller = ada if name == "list_current" else None

    page = run(lambda da: call(da, name, ada.id, **filters), caller)

    found = {(one.session, one.user_id) for one in page.items}
    assert (tagged, ada.id) in found
    assert {one.filename for one in page.items} == {QUESTIONLESS}
    assert name == "list" or len(found) == 1


def test_answers_are_listed_on_request(run: Run, ada: User) -> None:
    """Only with them the start is known; without the secret they are an empty interview."""

    async def job(da: AsyncDocassemble) -> None:
        s = await da.sessions.start(TEXT, secret="x" * 16)
        plain = (await da.sessions.list_current()).items[0]
        opened = (await da.sessions.list_current(include_dictionary=True, secret="x" * 16)).items[0]
        closed = (await da.sessions.list_current(include_dictionary=True)).items[0]

        assert (plain.session, plain.valid, plain.variables) == (s.session, True, None)
        assert (plain.starttime, plain.utc_starttime, plain.email) == ("", None, ada.email)
        assert plain.utc_modtime == "2026-05-28T20:26:40"
        assert plain.modtime == opened.starttime == "05/28/26 21:26:40"
        assert (opened.valid, opened.encrypted) == (True, True)
        assert opened.variables is not None
        assert closed.variables is not None
        assert opened.variables["_internal"] != closed.variables["_internal"]
        assert (closed.valid, closed.modtime, closed.utc_modtime) == (False, "", None)
        assert closed.title == "Text - interview answers cannot be decrypted"

    run(job, ada)


def test_session_of_a_lost_interview_is_listed(run: Run, fake: FakeServer) -> None:
    """It is not valid, and only its title says why."""
    fake.add_interview("docassemble.demo:old.yml", "a", metadata={"subtitle": "Old"})

    async def job(da: AsyncDocassemble) -> None:
        await da.sessions.start("docassemble.demo:old.yml")
        before = (await da.sessions.list()).items[0]
        del fake._world.interviews["docassemble.demo:old.yml"]
        after = (await da.sessions.list()).items[0]
        lost = await said(da.sessions.set_variables(before.filename, before.session, secret="x"))
        tagged = await da.sessions.list(tag="x")

        assert (before.title, before.subtitle, before.valid) == ("Untitled", "Old", True)
        assert (after.valid, after.metadata, after.subtitle) == (False, {}, None)
        assert after.title.startswith("Error: interview not found")
        assert lost == "400 Unable to decrypt interview dictionary."
        assert tagged.items == []

    run(job)


def test_sessions_are_deleted_by_filter_for_whom_they_belong_to(
    run: Run, fake: FakeServer, ada: User
) -> None:
    """A session goes from the user it is taken from; the others keep it."""
    mine, hers = run(start), run(start, ada)
    both = fake._world.sessions.find(QUESTIONLESS, hers)
    assert both is not None
    both.users.append(1)

    async def job(da: AsyncDocassemble) -> None:
        await da.sessions.delete_many_for_user(ada.id, session=hers)
        await da.sessions.delete_many_across_users(i=TEXT, user_id=1)
        kept = [(one.session, one.user_id) async for one in da.sessions.list(i=QUESTIONLESS)]
        await da.sessions.delete_many_current(session=mine)
        await da.sessions.delete_many(delete_all=True)
        none = await da.sessions.list_across_users()

        assert kept == [(mine, 1), (hers, 1)]
        assert none.items == []

    run(job)


@pytest.mark.parametrize("query", ["DA.", "DA.Sessions.key == 1", "a.like()", "DA.Not(1)", "f(1)"])
@pytest.mark.parametrize("name", [*LISTS, "delete_many"])
def test_query_that_is_none_is_refused(run: Run, name: str, query: str) -> None:
    """A wrong word, column or function is told as one and the same."""
    words = run(lambda da: said(call(da, name, 1, query=query)))

    assert words == "400 Invalid query parameter"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list", "400 Error reading interview list: Textual SQL"),
        ("list_current", "400 Error reading interview list."),
        ("list_across_users", "400 Error getting interview list.  Textual SQL"),
        ("delete_many", "400 Error reading interview list."),
    ],
)
def test_query_without_a_truth_value_is_refused(run: Run, name: str, expected: str) -> None:
    """Each call has words of its own for it; a blank query is none."""
    run(start)

    words = run(lambda da: said(call(da, name, 1, query="'abc'")))
    odd = run(lambda da: said(call(da, name, 1, query="DA.Sessions.user_id < 'a'")))
    blank = run(lambda da: da.sessions.list(query=" "))

    assert words.startswith(expected)
    assert odd.startswith(expected[:30])
    assert len(blank.items) == 2


@pytest.mark.parametrize(
    ("permissions", "name", "expected"),
    [
        (["access_user_info"], "list", "403 Access denied."),
        (["access_user_info"], "list_current", "400 Error reading interview list."),
        (["access_user_info"], "list_for_user", "400 Error reading interview list."),
        (["access_sessions"], "delete_many", "403 Access denied."),
    ],
)
def test_limited_key_needs_permissions_for_sessions(
    run: Run, fake: FakeServer, permissions: list[str], name: str, expected: str
) -> None:
    """Also for its owner's own ones, in other words."""
    limit(fake, *permissions)

    words = run(lambda da: said(call(da, name, 1, i=TEXT)))

    assert words == expected


def test_sessions_of_others_need_a_privilege(run: Run, ada: User) -> None:
    """One's own are always there."""
    assert run(lambda da: said(da.sessions.list_for_user(1)), ada) == "403 Access denied."
    assert run(lambda da: da.sessions.list_for_user(ada.id), ada).items == []


def test_bad_owner_and_bad_zone_are_refused(run: Run, fake: FakeServer, ada: User) -> None:
    """The server's own words are those of its database and of its clock."""
    run(start, ada)
    fake._world.admin.timezone = "Europe/Atlantis"

    async def job(da: AsyncDocassemble) -> None:
        path = "/api/users/interviews"
        owner = await said(da.request("GET", path, params={"user_id": "x"}))
        zone = await said(da.sessions.list_for_user(ada.id))

        assert owner.startswith("400 Error getting interview list.  (psycopg2")
        assert zone.startswith("400 Error reading interview list: 'No time zone found")

    run(job)


def test_old_servers_send_bare_lists_and_know_no_query() -> None:
    """So they do before 1.2.0 and 1.4.0."""
    fake = FakeServer(version="1.1.9", page_size=1)

    async def job() -> None:
        async with fake.client() as da:
            await start(da)
            page = await da.sessions.list(query="DA.Sessions.user_id == 99")
            assert (len(page.items), page.next_id) == (2, None)
            assert "Not Found" in await said(da.server.restart())

    run_job(job())
