"""Lists of sessions, and deleting many at once, on the real server."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from docassemble_client import AccessDenied, APIError, AsyncDocassemble, Session, SessionSummary
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD, own_interview, session_of
from tests.live.people import Person, limited, person

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.live.conftest import Connect, Run

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
class Scene:
    """Somebody's sessions: one without encryption and with tags, one with and without."""

    admin: AsyncDocassemble
    ada: Person
    tag: str
    tagged: Session
    plain: Session

    async def call(self, name: str, **filters: Any) -> Any:
        """Call an operation of the list and deletion family, so that it is about Ada's sessions."""
        owner = {"user_id": self.ada.id} if name.endswith(("_for_user", "_across_users")) else {}
        da = self.ada.da if name.endswith("_current") else self.admin
        return await getattr(da.sessions, name)(**owner, **filters)

    async def found(self, name: str, **filters: Any) -> dict[str, SessionSummary]:
        """Which of the two are in a list, by their names here."""
        page = await self.call(name, **filters)
        names = {self.tagged.session: "tagged", self.plain.session: "plain"}
        return {names[one.session]: one for one in page.items if one.session in names}


@asynccontextmanager
async def scene(da: AsyncDocassemble, connect: Connect, tag: str) -> AsyncGenerator[Scene]:
    """Make somebody with two sessions; all is gone afterwards."""
    async with (
        own_interview(da, TAGGED.format(tag=tag)) as i,
        person(da, connect) as ada,
        session_of(ada.da, i) as tagged,
        session_of(ada.da, TEXT_FIELD) as plain,
    ):
        yield Scene(da, ada, tag, tagged, plain)


@pytest.mark.parametrize("name", LISTS)
def test_sessions_are_found_by_each_filter(
    run: Run, connect: Connect, unique: str, name: str
) -> None:
    """Every filter narrows the list, and all that are given must match."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here:
            mine = f"DA.Sessions.user_id == {here.ada.id}"
            found = [
                set(await here.found(name, **filters))
                for filters in (
                    {"query": mine},
                    {"i": here.tagged.i},
                    {"session": here.plain.session},
                    {"tag": unique},
                    {"query": f"DA.And({mine}, DA.Sessions.filename.Like('%text-field%'))"},
                    {"i": here.plain.i, "session": here.tagged.session},
                )
            ]

        assert found == [{"tagged", "plain"}, {"tagged"}, {"plain"}, {"tagged"}, {"plain"}, set()]

    run(job)


@pytest.mark.parametrize("name", LISTS)
def test_answers_are_listed_on_request(run: Run, connect: Connect, unique: str, name: str) -> None:
    """With include_dictionary come answers, start and encryption, if they can be decrypted."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here:
            query = {"query": f"DA.Sessions.user_id == {here.ada.id}"}
            brief = await here.found(name, **query)
            locked = await here.found(name, include_dictionary=True, **query)
            opened = await here.found(
                name, include_dictionary=True, secret=here.plain.secret, **query
            )

        for one in brief.values():
            assert (one.email, one.user_id, one.temp_user_id) == (here.ada.email, here.ada.id, None)
            assert (one.valid, one.variables, one.encrypted) == (True, None, None)
            assert (one.starttime, one.utc_starttime) == ("", None)
            assert one.utc_modtime
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

    run(job)


@pytest.mark.parametrize("name", DELETIONS)
def test_sessions_are_deleted_by_each_filter(
    run: Run, connect: Connect, unique: str, name: str
) -> None:
    """What a filter matches goes, and nothing else."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here, AsyncExitStack() as stack:
            questionless, kept = [
                await stack.enter_async_context(session_of(here.ada.da, i))
                for i in (QUESTIONLESS, TEXT_FIELD)
            ]
            left = []
            for filters in (
                {"tag": unique},
                {"i": QUESTIONLESS, "query": f"DA.Sessions.user_id == {here.ada.id}"},
                {"session": here.plain.session},
                {"i": TEXT_FIELD, "session": "nosuchsession"},
            ):
                assert await here.call(name, **filters) is None
                page = await da.sessions.list_for_user(here.ada.id)
                left.append({one.session for one in page.items})

        assert left == [
            {here.plain.session, questionless.session, kept.session},
            {here.plain.session, kept.session},
            {kept.session},
            {kept.session},
        ]

    run(job)


def test_all_sessions_of_somebody_are_deleted_on_demand(
    run: Run, connect: Connect, unique: str
) -> None:
    """delete_all, or the user as the only filter, deletes all sessions of that user only."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here, session_of(da, TEXT_FIELD) as mine:
            for name, word in (
                ("delete_many_current", {"delete_all": True}),
                ("delete_many_for_user", {"delete_all": True}),
                ("delete_many_across_users", {}),
            ):
                async with session_of(here.ada.da, QUESTIONLESS):
                    before = await da.sessions.list_for_user(here.ada.id)
                    await here.call(name, **word)
                    after = await da.sessions.list_for_user(here.ada.id)
                assert (bool(before.items), after.items) == (True, [])
            others = await da.sessions.list_current(session=mine.session)

        assert [one.session for one in others.items] == [mine.session]

    run(job)


def test_session_is_deleted_for_its_owner_only(run: Run, connect: Connect, unique: str) -> None:
    """Deleting somebody else's session changes nothing, though the answer is the same."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here:
            s = here.plain
            await da.sessions.delete(s.i, s.session)
            kept = await here.found("list_for_user")
            await here.ada.da.sessions.delete(s.i, s.session)
            left = await here.found("list_for_user")
            await here.ada.da.sessions.delete(s.i, s.session)

        assert set(kept) == {"tagged", "plain"}
        assert set(left) == {"tagged"}

    run(job)


TYPE_ERRORS = {
    "list": "Error reading interview list: Textual SQL expression 'abc'",
    "list_across_users": "Error getting interview list.  Textual SQL expression 'abc'",
}


@pytest.mark.parametrize("name", LISTS + DELETIONS)
def test_bad_query_is_refused(run: Run, connect: Connect, unique: str, name: str) -> None:
    """A query that is no expression of sessions fails, and deletes nothing."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here:
            bodies = []
            for query in ("DA.Sessions.nothing == 1", "DA.Sessions.user_id ==", "'abc'"):
                with pytest.raises(APIError) as error:
                    await here.call(name, i=TEXT_FIELD, query=query)
                assert (error.value.status, bool(error.value.hint)) == (400, True)
                bodies.append(str(error.value.body))
            kept = await here.found("list_for_user")

        assert bodies[:2] == ["Invalid query parameter"] * 2
        assert bodies[2].startswith(TYPE_ERRORS.get(name, "Error reading interview list."))
        assert set(kept) == {"tagged", "plain"}

    run(job)


def test_sessions_of_others_need_a_privilege(run: Run, connect: Connect, unique: str) -> None:
    """Without privileges only one's own sessions can be listed and deleted; an advocate may all."""

    async def job(da: AsyncDocassemble) -> None:
        async with scene(da, connect, unique) as here, person(da, connect, "advocate") as advocate:
            everybody = {"session": "nosuchsession"}
            for name in LISTS + DELETIONS:
                owner = {"user_id": 1} if name.endswith("_for_user") else {}
                if not name.endswith("_current"):
                    with pytest.raises(AccessDenied):
                        await getattr(here.ada.da.sessions, name)(**owner, **everybody)
            own = await here.ada.da.sessions.list_for_user(here.ada.id)
            listed = await advocate.da.sessions.list(session=here.plain.session)
            await advocate.da.sessions.delete_many(session=here.plain.session)
            left = await here.found("list")

        assert len(own.items) == 2
        assert [one.user_id for one in listed.items] == [here.ada.id]
        assert set(left) == {"tagged"}

    run(job)


@pytest.mark.since("1.10")
def test_limited_key_needs_permissions_for_sessions(
    run: Run, connect: Connect, unique: str
) -> None:
    """access_sessions opens the lists and, but for delete_many, all deletions."""

    async def job(da: AsyncDocassemble) -> None:
        me = await da.users.get_current()
        async with (
            scene(da, connect, unique) as here,
            limited(da, connect, "access_user_info") as few,
            limited(da, connect, "access_sessions") as some,
            limited(da, connect, "access_sessions", "edit_sessions") as more,
        ):
            for name in ("list_current", "list_for_user"):
                owner = {"user_id": me.id} if name == "list_for_user" else {}
                for call in (name, name.replace("list", "delete_many")):
                    with pytest.raises(APIError) as unread:
                        await getattr(few.sessions, call)(session="nosuchsession", **owner)
                    assert unread.value.body == "Error reading interview list."
            listed = await some.sessions.list(i=here.tagged.i)
            with pytest.raises(AccessDenied):
                await some.sessions.delete_many(session=here.tagged.session)
            await some.sessions.delete_many_across_users(session=here.tagged.session)
            await more.sessions.delete_many(session=here.plain.session)
            left = await here.found("list")

        assert [one.session for one in listed.items] == [here.tagged.session]
        assert left == {}

    run(job)


def test_nobody_has_no_sessions(run: Run) -> None:
    """The list of an unknown user is empty; a position that cannot be read is the first page."""

    async def job(da: AsyncDocassemble) -> None:
        async with session_of(da, TEXT_FIELD) as s:
            nobody = await da.sessions.list_for_user(999_999)
            first = await da.sessions.list_current(session=s.session, resume_from="not-a-position")

        assert nobody.items == []
        assert [one.session for one in first.items] == [s.session]

    run(job)
