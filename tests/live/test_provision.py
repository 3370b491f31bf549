"""The jobs of administrators on the real server; whatever they make is gone afterwards."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from docassemble_client import AsyncDocassemble, BadRequest, HandoverRefused, Question
from docassemble_client.operations import OPERATIONS
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD, own_interview, session_of
from tests.live.people import limited, person, privilege

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.live.conftest import Connect, Run
    from tests.live.server import LiveServer

SHARED = """
metadata:
  tags: [{tag}]
---
initial: True
code: |
  multi_user = True
---
mandatory: True
question: Hello, ${{ name }}!
fields:
  - Fruit: fruit
"""
AT_ONCE = timedelta(microseconds=1)


@asynccontextmanager
async def no_trace(da: AsyncDocassemble, *emails: str) -> AsyncGenerator[None]:
    """Delete the accounts with these addresses afterwards."""
    try:
        yield
    finally:
        everyone = [one async for one in da.users.list(include_inactive=True)]
        for one in everyone:
            if one.email in emails:
                await da.users.delete(one.id, "account_and_shared")


def test_account_is_ensured_with_its_difference_only(
    run: Run, connect: Connect, unique: str
) -> None:
    """It is made once, changed by what differs, and then left alone; its password works."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        async with no_trace(da, email):
            made = await da.ensure_user(
                email, privileges=["user", "developer"], profile={"first_name": " Ana "}
            )
            changed = await da.ensure_user(
                email.upper(),
                privileges=["user", "advocate"],
                profile={"first_name": "Ana", "country": "DE", "timezone": "Europe/Berlin"},
            )
            same = await da.ensure_user(
                email, privileges=["advocate", "user"], profile={"country": "DE", "language": ""}
            )
            assert made.password is not None
            secret = await da.users.get_secret(email, made.password)

        assert made.created
        assert secret
        assert set(made.user.privileges) == {"user", "developer"}
        assert made.user.first_name == "Ana"
        assert (changed.granted, changed.revoked) == (("advocate",), ("developer",))
        assert changed.changed == ("country", "timezone")
        assert (changed.user.country, set(changed.user.privileges)) == ("DE", {"user", "advocate"})
        assert (same.granted, same.revoked, same.changed) == ((), (), ())
        assert same.user.id == made.user.id

    run(job)


def test_account_is_not_mistaken_for_another(run: Run, unique: str) -> None:
    """An underscore, any character to the server's look-up, brings nobody else's account."""
    other, email = f"{unique}xb@example.com", f"{unique}_b@example.com"

    async def job(da: AsyncDocassemble) -> None:
        async with no_trace(da, other, email):
            first = await da.ensure_user(email)
            second = await da.ensure_user(other)
            again = await da.ensure_user(email)
            await da.users.delete(first.user.id, "account")
            with pytest.raises(BadRequest, match="underscore"):
                await da.ensure_user(email, profile={"first_name": "Ada"})
            untouched = await da.users.get(second.user.id)

        assert first.created
        assert second.created
        assert (again.created, again.user.id) == (False, first.user.id)
        assert untouched == second.user

    run(job)


def test_account_that_many_ensure_at_once_is_made_once(run: Run, unique: str) -> None:
    """Whoever comes second finds the account of the first."""
    email = f"{unique}@example.com"

    async def job(da: AsyncDocassemble) -> None:
        async with no_trace(da, email):
            done = await asyncio.gather(*(da.ensure_user(email) for _ in range(4)))
            with pytest.raises(BadRequest):
                await da.ensure_user(f"x{email}", password="abc")

        assert len({one.user.id for one in done}) == 1
        assert sum(one.created for one in done) == 1

    run(job)


def test_key_is_ensured_once(run: Run, connect: Connect, unique: str) -> None:
    """A new key works; of one that is there only what differs is told."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as ada:
            made = await da.ensure_api_key(ada.id, unique, method="ip", allowed=["127.0.0.1"])
            same = await da.ensure_api_key(ada.id, unique, method="ip", allowed=["127.0.0.1"])
            other = await da.ensure_api_key(ada.id, unique, method="none", allowed=[])
            assert made.key is not None
            async with connect(made.key) as user:
                owner = await user.users.get_current()

        assert owner.id == ada.id
        assert (same.key, same.differs, same.info.last_four) == (None, (), made.info.last_four)
        assert other.differs == ("method", "allowed")

    run(job)


def test_sessions_are_exported_and_cleaned_up(run: Run, connect: Connect, unique: str) -> None:
    """Each session comes once, encrypted ones without answers; only those meant are deleted."""

    async def job(da: AsyncDocassemble) -> None:
        async with own_interview(da, SHARED.format(tag=unique)) as shared:
            await _exported(da, shared, unique)

    async def _exported(da: AsyncDocassemble, shared: str, tag: str) -> None:
        async with (
            person(da, connect) as ada,
            session_of(ada.da, shared) as first,
            session_of(ada.da, shared) as second,
            session_of(ada.da, TEXT_FIELD) as third,
        ):
            await ada.da.sessions.set_variables(
                shared, first.session, variables={"fruit": "fig"}, question=False
            )
            found = [one async for one in da.export_sessions(user_id=ada.id)]
            opened = [
                one
                async for one in da.export_sessions(
                    i=TEXT_FIELD, user_id=ada.id, secret=third.secret
                )
            ]
            young = await da.cleanup_sessions(older_than=timedelta(hours=1), i=shared)
            dry = await da.cleanup_sessions(older_than=AT_ONCE, i=shared, tag=tag)
            before = {one.session async for one in da.sessions.list(i=shared)}
            done = await da.cleanup_sessions(older_than=AT_ONCE, tag=tag, dry_run=False)
            left = {one.summary.session async for one in da.export_sessions(user_id=ada.id)}

        by_id = {one.summary.session: one for one in found}
        assert len(by_id) == len(found) == 3
        answers = by_id[first.session].variables
        assert answers is not None
        assert answers["fruit"] == "fig"
        assert (by_id[third.session].encrypted, by_id[third.session].variables) == (True, None)
        assert opened[0].variables is not None
        assert (young.listed, young.old) == (2, ())
        assert (dry.deleted, len(dry.old)) == ((), 2)
        assert before == {first.session, second.session}
        assert {one.session for one in done.deleted} == before
        assert (done.revived, done.failed) == ((), ())
        assert left == {third.session}

    run(job)


def test_doctor_tells_what_a_key_may(run: Run, connect: Connect, server: LiveServer) -> None:
    """An administrator may do everything, a person little, a limited key what it was given."""

    async def job(da: AsyncDocassemble) -> None:
        healthy = await da.doctor()
        async with person(da, connect) as ada:
            poor = await ada.da.doctor()
        async with limited(da, connect, "create_user", "access_user_info") as some:
            narrow = await some.doctor()
        async with privilege(da, "clerk"), person(da, connect, "clerk") as clerk:
            granted = await clerk.da.doctor()
        async with connect("no-such-key") as wrong:
            refused = await wrong.doctor()
        async with AsyncDocassemble("http://127.0.0.1:9", "key") as nowhere:
            unreachable = await nowhere.doctor()

        assert healthy.ok
        assert (healthy.version, set(healthy.allowed)) == (server.version, set(OPERATIONS))
        assert {"sessions.start", "users.get_current"} <= set(poor.allowed)
        assert {"users.list", "packages.list", "server.restart"} <= set(poor.refused)
        assert not poor.limited
        assert narrow.limited
        assert {"users.list", "users.get"} <= set(narrow.allowed)
        assert {"playground.list_files", "server.get_config"} <= set(narrow.refused)
        assert granted.privileges == ("clerk",)
        assert (refused.reachable, refused.key_valid) == (True, False)
        assert not unreachable.reachable

    run(job)


def test_prefilled_session_opens_under_the_public_address(
    run: Run, connect: Connect, server: LiveServer
) -> None:
    """A person who follows the link sees the answers in the interview, the first time only."""
    port = urlsplit(server.url).port
    public = f"http://localhost:{port}"

    async def job(da: AsyncDocassemble) -> None:
        async with (
            own_interview(da, SHARED.format(tag="handed")) as shared,
            connect(public_url=public) as inside,
            httpx.AsyncClient(follow_redirects=True) as browser,
        ):
            link = await inside.interview(shared).prefilled_url(
                {"name": "Ada"}, expires=timedelta(minutes=5), one_time=True
            )
            try:
                url = link.url.reveal()
                page = await browser.get(url)
                again = await browser.get(url)
                question = await da.sessions.get_question(link.i, link.session)
            finally:
                await da.sessions.delete(link.i, link.session)
                cleaned = await da.cleanup_sessions(older_than=AT_ONCE, i=shared, dry_run=False)
                left = await da.sessions.list(i=shared)

        assert url.startswith(f"{public}/")
        assert page.status_code == 200
        assert "Hello, Ada!" in page.text
        assert "Hello, Ada!" not in again.text
        assert isinstance(question, Question)
        assert question.question_text == "Hello, Ada!"
        # Those of the visitor, who is not logged in.
        assert link.session in {one.session for one in cleaned.deleted}
        assert cleaned.failed == ()
        assert left.items == []

    run(job)


def test_session_that_cannot_be_handed_over_is_gone(run: Run, connect: Connect) -> None:
    """An encrypted session is refused, and one whose answers are refused is deleted likewise."""

    async def job(da: AsyncDocassemble) -> None:
        async with person(da, connect) as ada, own_interview(da, SHARED.format(tag="x")) as shared:
            with pytest.raises(HandoverRefused):
                await ada.da.interview(QUESTIONLESS).prefilled_url({"favorite_number": 42})
            with pytest.raises(BadRequest):
                await ada.da.interview(shared).prefilled_url({"no_such.attribute": 1})
            left = await ada.da.sessions.list_current()

        assert left.items == []

    run(job)


def test_configuration_is_merged_and_the_server_restarted(run: Run, unique: str) -> None:
    """A value deep inside is added beside the others; afterwards the server is as it was."""

    async def job(da: AsyncDocassemble) -> None:
        original = await da.server.get_config()
        try:
            first = await da.config_patch({unique: {"a": {"b": 1}}})
            await da.wait_for_task(first.task)
            dry = await da.config_patch({unique: {"a": {"c": 2}}}, dry_run=True)
            nothing = await da.config_patch({unique: {"a": {"b": 1}}})
        finally:
            await da.server.replace_config(dict(original))
            before = await da.server.get_health()
            await da.restart()
        after = await da.server.get_health()
        restored = await da.server.get_config()

        assert (first.added, first.changed) == ((unique,), ())
        assert (dry.added, dry.task) == ((f"{unique}.a.c",), None)
        assert (nothing.added, nothing.changed, nothing.task) == ((), (), None)
        assert after.server_start_time > before.server_start_time
        assert dict(restored) == dict(original)

    run(job)
