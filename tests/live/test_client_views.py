"""Views of a client, headers and responses of calls on the real server."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AccessDenied, AsyncDocassemble, NotFound, Secret
from tests.live.accounts import temporary_account
from tests.live.interviews import TEXT_FIELD
from tests.live.known_errors import ACCESS_DENIED, assert_error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.live.conftest import Connect

SITE = "app.example.com"


@asynccontextmanager
async def temporary_key(
    da: AsyncDocassemble, name: str, *permissions: str, **options: Any
) -> AsyncGenerator[Secret]:
    """Create an API key of the administrator; delete it afterwards."""
    key = await da.api_keys.create(name, **options)
    try:
        # Servers before 1.10 ignore permissions at creation.
        await da.api_keys.update(api_key=key, permissions=list(permissions))
        yield key
    finally:
        await da.api_keys.delete(key)


async def test_view_acts_as_a_limited_key(da: AsyncDocassemble, unique: str) -> None:
    """The view has the rights of its key; the client keeps its own."""
    async with temporary_key(da, unique, "access_user_info") as key:
        limited = da.as_key(key)
        me = await limited.users.get_current()
        await assert_error(limited.server.get_config(), 403, ACCESS_DENIED)
        config = await da.server.get_config()

    await assert_error(limited.users.get_current(), 403, ACCESS_DENIED)
    assert me == await da.users.get_current()
    assert config


async def test_view_acts_as_another_user(da: AsyncDocassemble, connect: Connect) -> None:
    """Also in workflows: a session that the view starts belongs to its user."""
    async with temporary_account(da, connect) as account:
        user = da.as_key(account.api_key)
        assert (await user.users.get_current()).id == account.id
        assert (await da.users.get_current()).id == 1
        async with user.interview(TEXT_FIELD).session() as s:
            own = await user.sessions.list_current(session=s.id)
            others = await da.sessions.list_current(session=s.id)
            assert (len(own.items), len(others.items)) == (1, 0)


async def test_headers_of_a_view_reach_the_server(da: AsyncDocassemble, unique: str) -> None:
    """A key that is bound to a site works with its Referer, from the view or from the call."""
    async with temporary_key(da, unique, method="referer", allowed=[SITE]) as key:
        view = da.as_key(key)
        good, bad = {"Referer": f"https://{SITE}/"}, {"Referer": "https://other.example.org/"}
        with pytest.raises(AccessDenied):
            await view.users.get_current()
        assert (await view.users.get_current(headers=good)).id == 1
        site = view.with_options(headers=lambda: good)
        assert (await site.users.get_current()).id == 1
        with pytest.raises(AccessDenied):
            await site.users.get_current(headers=bad)


async def test_calls_return_their_responses(da: AsyncDocassemble, unique: str) -> None:
    """The response of a call, of a list and of a file have status, headers and content."""
    user = await da.with_response(da.users.get_current())
    page = await da.with_response(da.users.list())
    stash = await da.with_response(da.stash.store({"a": 1}))
    with pytest.raises(NotFound) as caught:
        await da.with_response(da.api_keys.get(name=unique))

    assert (user.status, user.headers["content-type"]) == (200, "application/json")
    assert json.loads(user.content)["email"] == user.value.email
    assert len(json.loads(page.content)["items"]) == len(page.value)
    assert json.loads(stash.content)["secret"] == stash.value.secret.reveal()
    assert "set-cookie" not in user.headers
    assert caught.value.headers["date"]
    assert caught.value.request_number is not None
