"""Lists of sessions, and deletion of many sessions, on the real server."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from docassemble_client import AccessDenied, APIError, AsyncDocassemble, Session, SessionSummary
from tests.live.accounts import Account, limited_client, temporary_account
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD, temporary_interview, temporary_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.live.conftest import Connect

TAGGED = """
metadata:
  title: Tagged
  tags: [{tag}, live]
---
mandatory: True
code: |
  multi_user = True
  session_tags().add("later")
  the_end
---
event: the_end
question: The end
"""
LISTS = ("list", "list_current", "list_for_user", "list_across_users")
DELETIONS = (
    *("delete_many", "delete_many_current", "delete_many_for_user"),
    "delete_many_across_users",
)


@frozen
class SessionPair:
    """Two sessions of a user: one unencrypted with tags, one encrypted without tags."""

    admin: AsyncDocassemble
    ada: Account
    tag: str
    tagged: Session
    plain: Session

    async def call(self, name: str, **filters: Any) -> Any:
        """Call an operation that lists or deletes sessions, if possible only those of Ada."""
        owner = {"user_id": self.ada.id} if name.endswith(("_for_user", "_across_users")) else {}
        da = self.ada.da if name.endswith("_current") else self.admin
        return await getattr(da.sessions, name)(**owner, **filters)

    async def list_known(self, name: str, **filters: Any) -> dict[str, SessionSummary]:
        """List sessions, and return those of the pair by attribute name."""
        page = await self.call(name, **filters)
        names = {self.tagged.session: "tagged", self.plain.session: "plain"}
        return {
            names[summary.session]: summary for summary in page.items if summary.session in names
        }


@asynccontextmanager
async def temporary_session_pair(
    da: AsyncDocassemble, connect: Connect, tag: str
) -> AsyncGenerator[SessionPair]:
    """Create a user with two sessions; delete all afterwards."""
    async with (
        temporary_interview(da, TAGGED.format(tag=tag)) as i,
        temporary_account(da, connect) as ada,
        temporary_session(ada.da, i) as tagged,
        temporary_session(ada.da, TEXT_FIELD) as plain,
    ):
        yield SessionPair(da, ada, tag, tagged, plain)


@pytest.mark.parametrize("name", LISTS)
async def test_sessions_are_listed_by_each_filter(
    da: AsyncDocassemble, connect: Connect, unique: str, name: str
) -> None:
    """Each filter restricts the list; all filters must match."""
    async with temporary_session_pair(da, connect, unique) as pair:
        of_ada = f"DA.Sessions.user_id == {pair.ada.id}"
        matches = [
            set(await pair.list_known(name, **filters))
            for filters in (
                {"query": of_ada},
                {"i": pair.tagged.i},
                {"session": pair.plain.session},
                {"tag": unique},
                {"query": f"DA.And({of_ada}, DA.Sessions.filename.Like('%text-field%'))"},
                {"i": pair.plain.i, "session": pair.tagged.session},
            )
        ]

    assert matches == [{"tagged", "plain"}, {"tagged"}, {"plain"}, {"tagged"}, {"plain"}, set()]


@pytest.mark.parametrize("name", LISTS)
async def test_variables_are_listed_on_request(
    da: AsyncDocassemble, connect: Connect, unique: str, name: str
) -> None:
    """include_dictionary adds variables, start time and encryption, if they can be decrypted."""
    async with temporary_session_pair(da, connect, unique) as pair:
        query = {"query": f"DA.Sessions.user_id == {pair.ada.id}"}
        brief = await pair.list_known(name, **query)
        locked = await pair.list_known(name, include_dictionary=True, **query)
        opened = await pair.list_known(
            name, include_dictionary=True, secret=pair.plain.secret, **query
        )

    for summary in brief.values():
        assert (summary.email, summary.user_id, summary.temp_user_id) == (
            pair.ada.email,
            pair.ada.id,
            None,
        )
        assert (summary.valid, summary.variables, summary.encrypted) == (True, None, None)
        assert (summary.starttime, summary.utc_starttime) == ("", None)
        assert summary.utc_modtime
    assert set(brief["tagged"].tags) == {unique, "live"}
    assert brief["tagged"].metadata["title"] == brief["tagged"].title == "Tagged"
    assert (locked["plain"].valid, locked["plain"].encrypted) == (False, True)
    assert "cannot be decrypted" in locked["plain"].title
    assert (locked["tagged"].valid, locked["tagged"].encrypted) == (True, False)
    assert set(locked["tagged"].tags) == {unique, "live", "later"}
    assert (opened["plain"].valid, opened["plain"].encrypted) == (True, True)
    assert opened["plain"].utc_starttime
    assert opened["plain"].variables
    assert "_internal" in opened["plain"].variables
    assert "_internal" not in repr(opened)


@pytest.mark.parametrize("name", DELETIONS)
async def test_sessions_are_deleted_by_each_filter(
    da: AsyncDocassemble, connect: Connect, unique: str, name: str
) -> None:
    """Only sessions that match the filter are deleted."""
    async with temporary_session_pair(da, connect, unique) as pair, AsyncExitStack() as stack:
        questionless, text_field = [
            await stack.enter_async_context(temporary_session(pair.ada.da, i))
            for i in (QUESTIONLESS, TEXT_FIELD)
        ]
        remaining = []
        for filters in (
            {"tag": unique},
            {"i": QUESTIONLESS, "query": f"DA.Sessions.user_id == {pair.ada.id}"},
            {"session": pair.plain.session},
            {"i": TEXT_FIELD, "session": "nosuchsession"},
        ):
            assert await pair.call(name, **filters) is None
            page = await da.sessions.list_for_user(pair.ada.id)
            remaining.append({summary.session for summary in page.items})

    assert remaining == [
        {pair.plain.session, questionless.session, text_field.session},
        {pair.plain.session, text_field.session},
        {text_field.session},
        {text_field.session},
    ]


async def test_all_sessions_of_a_user_are_deleted_on_request(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """delete_all, or only a user ID, deletes all sessions of the user and no others."""
    async with (
        temporary_session_pair(da, connect, unique) as pair,
        temporary_session(da, TEXT_FIELD) as own_session,
    ):
        for name, options in (
            ("delete_many_current", {"delete_all": True}),
            ("delete_many_for_user", {"delete_all": True}),
            ("delete_many_across_users", {}),
        ):
            async with temporary_session(pair.ada.da, QUESTIONLESS):
                before = await da.sessions.list_for_user(pair.ada.id)
                await pair.call(name, **options)
                after = await da.sessions.list_for_user(pair.ada.id)
            assert (bool(before.items), after.items) == (True, [])
        others = await da.sessions.list_current(session=own_session.session)

    assert [summary.session for summary in others.items] == [own_session.session]


async def test_session_is_deleted_by_its_owner_only(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Deleting another user's session succeeds, but changes nothing."""
    async with temporary_session_pair(da, connect, unique) as pair:
        s = pair.plain
        await da.sessions.delete(s.i, s.session)
        before = await pair.list_known("list_for_user")
        await pair.ada.da.sessions.delete(s.i, s.session)
        after = await pair.list_known("list_for_user")
        await pair.ada.da.sessions.delete(s.i, s.session)

    assert set(before) == {"tagged", "plain"}
    assert set(after) == {"tagged"}


TYPE_ERRORS = {
    "list": "Error reading interview list: Textual SQL expression 'abc'",
    "list_across_users": "Error getting interview list.  Textual SQL expression 'abc'",
}


@pytest.mark.parametrize("name", LISTS + DELETIONS)
async def test_invalid_query_is_refused(
    da: AsyncDocassemble, connect: Connect, unique: str, name: str
) -> None:
    """An invalid query is an error and deletes nothing."""
    async with temporary_session_pair(da, connect, unique) as pair:
        bodies = []
        for query in ("DA.Sessions.nothing == 1", "DA.Sessions.user_id ==", "'abc'"):
            with pytest.raises(APIError) as error:
                await pair.call(name, i=TEXT_FIELD, query=query)
            assert (error.value.status, bool(error.value.hint)) == (400, True)
            bodies.append(str(error.value.body))
        remaining = await pair.list_known("list_for_user")

    assert bodies[:2] == ["Invalid query parameter"] * 2
    assert bodies[2].startswith(TYPE_ERRORS.get(name, "Error reading interview list."))
    assert set(remaining) == {"tagged", "plain"}


async def test_sessions_of_others_need_a_privilege(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Without privileges, only own sessions can be listed and deleted; advocates access all."""
    async with (
        temporary_session_pair(da, connect, unique) as pair,
        temporary_account(da, connect, "advocate") as advocate,
    ):
        session_filter = {"session": "nosuchsession"}
        for name in LISTS + DELETIONS:
            owner = {"user_id": 1} if name.endswith("_for_user") else {}
            if not name.endswith("_current"):
                with pytest.raises(AccessDenied):
                    await getattr(pair.ada.da.sessions, name)(**owner, **session_filter)
        own = await pair.ada.da.sessions.list_for_user(pair.ada.id)
        page = await advocate.da.sessions.list(session=pair.plain.session)
        await advocate.da.sessions.delete_many(session=pair.plain.session)
        remaining = await pair.list_known("list")

    assert len(own.items) == 2
    assert [summary.user_id for summary in page.items] == [pair.ada.id]
    assert set(remaining) == {"tagged"}


@pytest.mark.since("1.10")
async def test_limited_key_needs_permissions_for_sessions(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """access_sessions permits the lists and all deletions except delete_many."""
    me = await da.users.get_current()
    async with (
        temporary_session_pair(da, connect, unique) as pair,
        limited_client(da, connect, "access_user_info") as without_access,
        limited_client(da, connect, "access_sessions") as reader,
        limited_client(da, connect, "access_sessions", "edit_sessions") as editor,
    ):
        for name in ("list_current", "list_for_user"):
            owner = {"user_id": me.id} if name == "list_for_user" else {}
            for call in (name, name.replace("list", "delete_many")):
                with pytest.raises(APIError) as error:
                    await getattr(without_access.sessions, call)(session="nosuchsession", **owner)
                assert error.value.body == "Error reading interview list."
        page = await reader.sessions.list(i=pair.tagged.i)
        with pytest.raises(AccessDenied):
            await reader.sessions.delete_many(session=pair.tagged.session)
        await reader.sessions.delete_many_across_users(session=pair.tagged.session)
        await editor.sessions.delete_many(session=pair.plain.session)
        remaining = await pair.list_known("list")

    assert [summary.session for summary in page.items] == [pair.tagged.session]
    assert remaining == {}


async def test_unknown_user_has_no_sessions(da: AsyncDocassemble) -> None:
    """The list of an unknown user is empty; an invalid page token returns the first page."""
    async with temporary_session(da, TEXT_FIELD) as s:
        page = await da.sessions.list_for_user(999_999)
        first = await da.sessions.list_current(session=s.session, page_token="not-a-position")

    assert page.items == []
    assert [summary.session for summary in first.items] == [s.session]
