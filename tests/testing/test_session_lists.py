"""Lists of sessions on the fake server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.testing import FakeServer
from tests.testing.conftest import get_error_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from docassemble_client import AsyncDocassemble
    from docassemble_client.testing import FakeUser

    Call = Callable[[AsyncDocassemble], Awaitable[Any]]

TEXT = "docassemble.base:data/questions/examples/text-field.yml"
QUESTIONLESS = "docassemble.demo:data/questions/examples/questionless.yml"
LISTS = ("list", "list_current", "list_for_user", "list_across_users")


@pytest.fixture
def ada(fake: FakeServer) -> FakeUser:
    """Add a user without privileges."""
    return fake.add_user("ada@example.com", timezone="Europe/London")


def limit_admin_key(fake: FakeServer, *permissions: str) -> None:
    """Limit the administrator's key."""
    fake._state.users.keys[0].permissions = list(permissions)


async def start_sessions(da: AsyncDocassemble) -> str:
    """Start two sessions, and return the ID of the tagged session."""
    await da.sessions.start(TEXT)
    return (await da.sessions.start(QUESTIONLESS)).session


def call(da: AsyncDocassemble, name: str, user: int, **filters: Any) -> Any:
    """Call a list or delete operation for a user."""
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
        {"query": f"DA.Sessions.filename.In('{QUESTIONLESS}') & ~DA.Or(DA.Sessions.user_id == 9)"},
        {"query": "DA.And(DA.Sessions.filename.Like('%less%'), DA.Sessions.encrypted) ^ False"},
        {"query": "(DA.Sessions.filename != 'x') & DA.Sessions.filename.Like('%less%') | False"},
    ],
)
async def test_every_list_accepts_every_filter(
    da: AsyncDocassemble, fake: FakeServer, ada: FakeUser, name: str, filters: dict[str, Any]
) -> None:
    """The list contains only matching sessions, and only those of the requested users."""
    fake.add_interview(QUESTIONLESS, "favorite_number", tags=["demo"])
    await start_sessions(da)
    async with fake.client(ada) as client:
        tagged_session = await start_sessions(client)

    caller = ada if name == "list_current" else None
    async with fake.client(caller) as client:
        page = await call(client, name, ada.id, **filters)

    sessions = {(item.session, item.user_id) for item in page.items}
    assert (tagged_session, ada.id) in sessions
    assert {item.filename for item in page.items} == {QUESTIONLESS}
    assert name == "list" or len(sessions) == 1


async def test_answers_are_listed_on_request(ada: FakeUser, fake: FakeServer) -> None:
    """Only then the start time is included; without the secret the answers are empty."""
    async with fake.client(ada) as da:
        s = await da.sessions.start(TEXT, secret="x" * 16)
        without_answers = (await da.sessions.list_current()).items[0]
        with_secret = (
            await da.sessions.list_current(include_dictionary=True, secret="x" * 16)
        ).items[0]
        without_secret = (await da.sessions.list_current(include_dictionary=True)).items[0]

        assert (without_answers.session, without_answers.valid, without_answers.variables) == (
            s.session,
            True,
            None,
        )
        assert (
            without_answers.starttime,
            without_answers.utc_starttime,
            without_answers.email,
        ) == ("", None, ada.email)
        assert without_answers.utc_modtime == "2026-05-28T20:26:40"
        assert without_answers.modtime == with_secret.starttime == "05/28/26 21:26:40"
        assert (with_secret.valid, with_secret.encrypted) == (True, True)
        assert with_secret.variables is not None
        assert without_secret.variables is not None
        assert with_secret.variables["_internal"] != without_secret.variables["_internal"]
        assert (without_secret.valid, without_secret.modtime, without_secret.utc_modtime) == (
            False,
            "",
            None,
        )
        assert without_secret.title == "Text - interview answers cannot be decrypted"


async def test_session_of_a_deleted_interview_is_listed(
    da: AsyncDocassemble, fake: FakeServer
) -> None:
    """It is not valid, and only its title explains why."""
    fake.add_interview("docassemble.demo:old.yml", "a", metadata={"subtitle": "Old"})

    await da.sessions.start("docassemble.demo:old.yml")
    before = (await da.sessions.list()).items[0]
    del fake._state.interviews["docassemble.demo:old.yml"]
    after = (await da.sessions.list()).items[0]
    error = await get_error_text(
        da.sessions.set_variables(before.filename, before.session, secret="x")
    )
    tagged = await da.sessions.list(tag="x")

    assert (before.title, before.subtitle, before.valid) == ("Untitled", "Old", True)
    assert (after.valid, after.metadata, after.subtitle) == (False, {}, None)
    assert after.title.startswith("Error: interview not found")
    assert error == "400 Unable to decrypt interview dictionary."
    assert tagged.items == []


async def test_sessions_are_deleted_by_filter_and_user(
    da: AsyncDocassemble, fake: FakeServer, ada: FakeUser
) -> None:
    """Deleting a shared session for one user keeps it for the other users."""
    admin_session = await start_sessions(da)
    async with fake.client(ada) as client:
        ada_session = await start_sessions(client)
    shared_session = fake._state.sessions.find(QUESTIONLESS, ada_session)
    assert shared_session is not None
    shared_session.users.append(1)

    await da.sessions.delete_many_for_user(ada.id, session=ada_session)
    await da.sessions.delete_many_across_users(i=TEXT, user_id=1)
    remaining = [(item.session, item.user_id) async for item in da.sessions.list(i=QUESTIONLESS)]
    await da.sessions.delete_many_current(session=admin_session)
    await da.sessions.delete_many(delete_all=True)
    no_sessions = await da.sessions.list_across_users()

    assert remaining == [(admin_session, 1), (ada_session, 1)]
    assert no_sessions.items == []


@pytest.mark.parametrize("query", ["DA.", "DA.Sessions.key == 1", "a.like()", "DA.Not(1)", "f(1)"])
@pytest.mark.parametrize("name", [*LISTS, "delete_many"])
async def test_invalid_query_is_refused(da: AsyncDocassemble, name: str, query: str) -> None:
    """Syntax errors, unknown columns and unknown functions cause the same error."""
    error = await get_error_text(call(da, name, 1, query=query))

    assert error == "400 Invalid query parameter"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list", "400 Error reading interview list: Textual SQL"),
        ("list_current", "400 Error reading interview list."),
        ("list_across_users", "400 Error getting interview list.  Textual SQL"),
        ("delete_many", "400 Error reading interview list."),
    ],
)
async def test_query_that_is_not_boolean_is_refused(
    da: AsyncDocassemble, name: str, expected: str
) -> None:
    """The error text depends on the operation; a blank query is ignored."""
    await start_sessions(da)

    text_error = await get_error_text(call(da, name, 1, query="'abc'"))
    type_error = await get_error_text(call(da, name, 1, query="DA.Sessions.user_id < 'a'"))
    page = await da.sessions.list(query=" ")

    assert text_error.startswith(expected)
    assert type_error.startswith(expected[:30])
    assert len(page.items) == 2


@pytest.mark.parametrize(
    ("permissions", "name", "expected"),
    [
        (["access_user_info"], "list", "403 Access denied."),
        (["access_user_info"], "list_current", "400 Error reading interview list."),
        (["access_user_info"], "list_for_user", "400 Error reading interview list."),
        (["access_sessions"], "delete_many", "403 Access denied."),
    ],
)
async def test_limited_key_needs_permissions_for_sessions(
    da: AsyncDocassemble, fake: FakeServer, permissions: list[str], name: str, expected: str
) -> None:
    """This includes the sessions of its owner, with a different error text."""
    limit_admin_key(fake, *permissions)

    error = await get_error_text(call(da, name, 1, i=TEXT))

    assert error == expected


async def test_sessions_of_others_need_a_privilege(ada: FakeUser, fake: FakeServer) -> None:
    """Users can always list their own sessions."""
    async with fake.client(ada) as da:
        assert await get_error_text(da.sessions.list_for_user(1)) == "403 Access denied."
        assert (await da.sessions.list_for_user(ada.id)).items == []


async def test_invalid_owner_and_time_zone_are_refused(
    da: AsyncDocassemble, fake: FakeServer, ada: FakeUser
) -> None:
    """The error texts come from the server's database and time zone library."""
    async with fake.client(ada) as client:
        await start_sessions(client)

    fake._state.admin.timezone = "Europe/Atlantis"

    path = "/api/users/interviews"
    owner = await get_error_text(da.request("GET", path, params={"user_id": "x"}))
    zone = await get_error_text(da.sessions.list_for_user(ada.id))

    assert owner.startswith("400 Error getting interview list.  (psycopg2")
    assert zone.startswith("400 Error reading interview list: 'No time zone found")


async def test_old_servers_send_plain_lists_and_ignore_queries() -> None:
    """Pages exist since 1.2.0 and queries since 1.4.0."""
    fake = FakeServer(version="1.1.9", page_size=1)

    async with fake.client() as da:
        await start_sessions(da)
        page = await da.sessions.list(query="DA.Sessions.user_id == 99")
        assert (len(page.items), page.next_page_token) == (2, None)
        assert "Not Found" in await get_error_text(da.server.restart())
