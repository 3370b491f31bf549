"""Workflows of administrators on the real server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from docassemble_client import (
    AsyncDocassemble,
    BadRequest,
    Question,
    ServerError,
    SessionNotShareable,
)
from docassemble_client.operations import OPERATIONS
from tests.live.accounts import limited_client, temporary_account, temporary_privilege
from tests.live.interviews import QUESTIONLESS, TEXT_FIELD, temporary_interview, temporary_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.live.conftest import Connect
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
MIN_AGE = timedelta(microseconds=1)


@asynccontextmanager
async def delete_accounts_afterwards(da: AsyncDocassemble, *emails: str) -> AsyncGenerator[None]:
    """Delete the accounts with these e-mail addresses afterwards."""
    try:
        yield
    finally:
        users = [user async for user in da.users.list(include_inactive=True)]
        for user in users:
            if user.email in emails:
                await da.users.delete(user.id, "account_and_shared")


async def test_ensure_user_updates_differences_only(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """ensure_user creates the account, updates differences, and then changes nothing."""
    email = f"{unique}@example.com"

    async with delete_accounts_afterwards(da, email):
        created = await da.ensure_user(
            email, privileges=["user", "developer"], profile={"first_name": " Ana "}
        )
        planned = await da.ensure_user(email, exact_privileges=["advocate"], dry_run=True)
        updated = await da.ensure_user(
            email.upper(),
            exact_privileges=["user", "advocate"],
            profile={"first_name": "Ana", "country": "DE", "timezone": "Europe/Berlin"},
        )
        unchanged = await da.ensure_user(
            email, privileges=["advocate"], profile={"country": "DE", "language": ""}
        )
        emptied = await da.ensure_user(email, exact_privileges=[])
        assert created.password is not None
        secret = await da.users.get_secret(email, created.password)

    assert created.created
    assert secret
    assert set(created.user.privileges) == {"user", "developer"}
    assert created.user.first_name == "Ana"
    assert (planned.granted, set(planned.revoked)) == (("advocate",), {"user", "developer"})
    assert (updated.granted, updated.revoked) == (("advocate",), ("developer",))
    assert updated.changed == ("country", "timezone")
    assert (updated.user.country, set(updated.user.privileges)) == ("DE", {"user", "advocate"})
    assert (unchanged.granted, unchanged.revoked, unchanged.changed) == ((), (), ())
    assert unchanged.user.id == created.user.id
    assert (set(emptied.revoked), emptied.user.privileges) == ({"user", "advocate"}, [])


async def test_ensure_user_distinguishes_similar_addresses(
    da: AsyncDocassemble, unique: str
) -> None:
    """In the server's search _ matches any character, but ensure_user updates no other account."""
    other_email, email = f"{unique}xb@example.com", f"{unique}_b@example.com"

    async with delete_accounts_afterwards(da, other_email, email):
        first = await da.ensure_user(email)
        second = await da.ensure_user(other_email)
        repeated = await da.ensure_user(email)
        await da.users.delete(first.user.id, "account")
        with pytest.raises(BadRequest, match="underscore"):
            await da.ensure_user(email, profile={"first_name": "Ada"})
        untouched = await da.users.get(second.user.id)

    assert first.created
    assert second.created
    assert (repeated.created, repeated.user.id) == (False, first.user.id)
    assert untouched == second.user


async def test_concurrent_ensure_user_calls_create_one_account(
    da: AsyncDocassemble, unique: str
) -> None:
    """Only one of the concurrent calls creates the account."""
    email = f"{unique}@example.com"

    async with delete_accounts_afterwards(da, email):
        results = await asyncio.gather(*(da.ensure_user(email) for _ in range(4)))
        with pytest.raises(BadRequest):
            await da.ensure_user(f"x{email}", password="abc")

    assert len({result.user.id for result in results}) == 1
    assert sum(result.created for result in results) == 1


async def test_ensure_api_key_creates_the_key_once(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """A new key works; for an existing key, only the differences are returned."""
    async with temporary_account(da, connect) as ada:
        created = await da.ensure_api_key(ada.id, unique, method="ip", allowed=["127.0.0.1"])
        unchanged = await da.ensure_api_key(ada.id, unique, method="ip", allowed=["127.0.0.1"])
        different = await da.ensure_api_key(ada.id, unique, method="none", allowed=[])
        assert created.key is not None
        async with connect(created.key) as user:
            owner = await user.users.get_current()

    assert owner.id == ada.id
    assert (unchanged.key, unchanged.differences, unchanged.info.last_four) == (
        None,
        (),
        created.info.last_four,
    )
    assert different.differences == ("method", "allowed")


async def test_sessions_are_exported_and_cleaned_up(
    da: AsyncDocassemble, connect: Connect, unique: str
) -> None:
    """Each session is exported once; only old sessions of the filter are deleted."""

    async def check_export(da: AsyncDocassemble, shared: str, tag: str) -> None:
        async with (
            temporary_account(da, connect) as ada,
            temporary_session(ada.da, shared) as first,
            temporary_session(ada.da, shared) as second,
            temporary_session(ada.da, TEXT_FIELD) as third,
        ):
            await ada.da.sessions.set_variables(
                shared, first.session, variables={"fruit": "fig"}, question=False
            )
            exported = [export async for export in da.export_sessions(user_id=ada.id)]
            decrypted = [
                export
                async for export in da.export_sessions(
                    i=TEXT_FIELD, user_id=ada.id, secret=third.secret
                )
            ]
            recent = await da.cleanup_sessions(older_than=timedelta(hours=1), i=shared)
            planned = await da.cleanup_sessions(older_than=MIN_AGE, i=shared, tag=tag)
            before = {summary.session async for summary in da.sessions.list(i=shared)}
            report = await da.cleanup_sessions(older_than=MIN_AGE, tag=tag, dry_run=False)
            remaining = {
                export.summary.session async for export in da.export_sessions(user_id=ada.id)
            }

        by_id = {export.summary.session: export for export in exported}
        assert len(by_id) == len(exported) == 3
        answers = by_id[first.session].variables
        assert answers is not None
        assert answers["fruit"] == "fig"
        assert (by_id[third.session].encrypted, by_id[third.session].variables) == (True, None)
        assert decrypted[0].variables is not None
        assert (recent.listed, recent.stale) == (2, ())
        assert (planned.deleted, len(planned.stale)) == ((), 2)
        assert before == {first.session, second.session}
        assert {summary.session for summary in report.deleted} == before
        assert (report.changed_since, report.failed) == ((), ())
        assert remaining == {third.session}

    async with temporary_interview(da, SHARED.format(tag=unique)) as shared:
        await check_export(da, shared, unique)


async def test_doctor_lists_permitted_operations(
    da: AsyncDocassemble, connect: Connect, server: LiveServer
) -> None:
    """Admins may call everything; other users and limited keys have fewer operations."""
    of_admin = await da.doctor()
    async with temporary_account(da, connect) as ada:
        of_user = await ada.da.doctor()
    async with limited_client(da, connect, "create_user", "access_user_info") as limited:
        of_limited_key = await limited.doctor()
    async with (
        temporary_privilege(da, "clerk"),
        temporary_account(da, connect, "clerk") as clerk,
    ):
        of_clerk = await clerk.da.doctor()
    async with connect("no-such-key") as stranger:
        of_unknown_key = await stranger.doctor()
    async with AsyncDocassemble("http://127.0.0.1:9", "key") as offline:
        unreachable = await offline.doctor()

    assert of_admin.ok
    assert (of_admin.version, set(of_admin.allowed)) == (server.version, set(OPERATIONS))
    assert {"sessions.start", "users.get_current"} <= set(of_user.allowed)
    assert {"users.list", "packages.list", "server.restart"} <= set(of_user.refused)
    assert not of_user.limited
    assert of_limited_key.limited
    assert {"users.list", "users.get"} <= set(of_limited_key.allowed)
    assert {"playground.list_files", "server.get_config"} <= set(of_limited_key.refused)
    assert of_clerk.privileges == ("clerk",)
    assert (of_unknown_key.reachable, of_unknown_key.key_valid) == (True, False)
    assert not unreachable.reachable


async def test_prefilled_url_opens_at_the_public_url(
    da: AsyncDocassemble, connect: Connect, server: LiveServer
) -> None:
    """A visitor of the link sees the prefilled answers, only the first time."""
    port = urlsplit(server.url).port
    public_url = f"http://localhost:{port}"

    async with (
        temporary_interview(da, SHARED.format(tag="handed")) as shared,
        connect(public_url=public_url) as client,
        httpx.AsyncClient(follow_redirects=True) as browser,
    ):
        link = await client.interview(shared).prefilled_url(
            {"name": "Ada"}, expires=timedelta(minutes=5), one_time=True
        )
        try:
            url = link.url.reveal()
            page = await browser.get(url)
            second_page = await browser.get(url)
            question = await da.sessions.get_question(link.i, link.session)
        finally:
            await da.sessions.delete(link.i, link.session)
            cleaned = await da.cleanup_sessions(older_than=MIN_AGE, i=shared, dry_run=False)
            remaining = await da.sessions.list(i=shared)

    assert url.startswith(f"{public_url}/")
    assert page.status_code == 200
    assert "Hello, Ada!" in page.text
    assert "Hello, Ada!" not in second_page.text
    assert isinstance(question, Question)
    assert question.question_text == "Hello, Ada!"
    # The sessions of the visitor, who is not logged in.
    assert link.session in {summary.session for summary in cleaned.deleted}
    assert cleaned.failed == ()
    assert remaining.items == []


async def test_session_that_cannot_be_shared_is_deleted(
    da: AsyncDocassemble, connect: Connect
) -> None:
    """An encrypted session is refused; a session whose answers fail is deleted."""
    async with (
        temporary_account(da, connect) as ada,
        temporary_interview(da, SHARED.format(tag="x")) as shared,
    ):
        with pytest.raises(SessionNotShareable):
            await ada.da.interview(QUESTIONLESS).prefilled_url({"favorite_number": 42})
        with pytest.raises(BadRequest):
            await ada.da.interview(shared).prefilled_url({"no_such.attribute": 1})
        remaining = await ada.da.sessions.list_current()

    assert remaining.items == []


async def test_configuration_is_merged_and_the_server_restarted(
    da: AsyncDocassemble, unique: str
) -> None:
    """A nested value is added; the restart restores the configuration."""
    original = await da.server.get_config()
    try:
        first = await da.patch_config({unique: {"a": {"b": 1}}})
        await da.wait_for_task(first.task)
        planned = await da.patch_config({unique: {"a": {"c": 2}}}, dry_run=True)
        unchanged = await da.patch_config({unique: {"a": {"b": 1}}})
    finally:
        await da.server.replace_config(dict(original))
        before = await da.server.get_health()
        await da.restart()
    after = await da.server.get_health()
    restored = await da.server.get_config()

    assert (first.added, first.changed) == ((unique,), ())
    assert (planned.added, planned.task) == ((f"{unique}.a.c",), None)
    assert (unchanged.added, unchanged.changed, unchanged.task) == ((), (), None)
    assert after.server_start_time > before.server_start_time
    assert dict(restored) == dict(original)


UNREADABLE_INTERVIEW = """
mandatory: True
code: |
  multi_user = True
  rent = float("nan")
  unsorted = {1: "a", None: "b"} if broken else {}
  final_screen
---
code: |
  broken = "broken" in url_args
---
event: final_screen
question: The end
"""


@pytest.mark.unrecorded
async def test_an_export_reports_a_session_that_the_server_cannot_serialize(
    connect: Connect,
) -> None:
    """The server responds with 501 to its whole page; NaN is a number."""
    async with (
        connect() as da,
        temporary_interview(da, UNREADABLE_INTERVIEW) as i,
        temporary_session(da, i) as first,
        temporary_session(da, i, url_args={"broken": "1"}) as broken,
        temporary_session(da, i) as last,
    ):
        for session in (first, broken, last):
            await da.sessions.get_question(i, session.session, secret=session.secret)

        exported = [session async for session in da.export_sessions(i=i)]

    by_id = {session.summary.session: session for session in exported}
    assert by_id.keys() == {first.session, broken.session, last.session}
    assert isinstance(by_id[broken.session].error, ServerError)
    for session in (first, last):
        variables = by_id[session.session].variables
        assert variables is not None
        assert str(variables["rent"]) == "nan"
