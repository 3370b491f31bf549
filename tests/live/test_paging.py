"""
Lists of several pages on the real server, with pages of different sizes.

A list continues after the last row of a page: users by their number (which the client sees to, as
the server skips one where accounts were removed), sessions by the number of their newest step. So a
row that exists when a walk begins is never lost. A session that is answered
meanwhile gets a new step, moves to the end of the list, and comes a second time if it was on a page
before.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docassemble_client import Page, Paginator
    from tests.live.conftest import Run
    from tests.live.server import LiveServer

pytestmark = pytest.mark.unrecorded

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
EMAIL = "crowd-"  # how the addresses of the users begin
MANY = 253  # users, and as many sessions
REMOVED = 10  # users in between whose accounts are removed: the server stumbles over them
USUAL = 100  # what the server has for a page unless told otherwise
CHANGED = 5  # pages after which rows are added and answered

LISTS: dict[str, tuple[Callable[[AsyncDocassemble], Paginator[Any]], str]] = {
    "users.list": (lambda da: da.users.list(include_inactive=True), "id"),
    "sessions.list": (lambda da: da.sessions.list(i=TEXT_FIELD), "session"),
    "sessions.list_current": (lambda da: da.sessions.list_current(i=TEXT_FIELD), "session"),
    "sessions.list_for_user": (lambda da: da.sessions.list_for_user(1, i=TEXT_FIELD), "session"),
    "sessions.list_across_users": (
        lambda da: da.sessions.list_across_users(i=TEXT_FIELD),
        "session",
    ),
}
Crowd = dict[int | str, Session | None]  # users by number, sessions by ID


@pytest.fixture(scope="module")
def crowd(server: LiveServer) -> Iterator[Crowd]:
    """Make many users and sessions; they are gone afterwards, and the pages as they were."""
    try:
        yield asyncio.run(_assemble(server))
    finally:
        asyncio.run(_disperse(server))


@pytest.fixture(scope="module", params=[7, 1000, USUAL])
def page_size(server: LiveServer, request: pytest.FixtureRequest, crowd: Crowd) -> int:
    """Let the server make pages of this many rows."""
    size = int(request.param)
    asyncio.run(_set_page_size(server, size))
    return size


async def _assemble(server: LiveServer) -> Crowd:
    # A password costs the server a tenth of a second at least, so no call may wait for all of them.
    async with AsyncDocassemble(server.url, server.api_key, max_concurrency=8) as da:
        users = await asyncio.gather(*(da.users.create(_email()) for _ in range(MANY + REMOVED)))
        step = len(users) // REMOVED
        removed = users[step // 2 :: step]
        await asyncio.gather(*(da.users.delete(one.user_id, "account") for one in removed))
        sessions = await asyncio.gather(*(da.sessions.start(TEXT_FIELD) for _ in range(MANY)))
    left = (one.user_id for one in users if one not in removed)
    return dict.fromkeys(left) | {one.session: one for one in sessions}


async def _disperse(server: LiveServer) -> None:
    await _set_page_size(server, USUAL)
    async with AsyncDocassemble(server.url, server.api_key) as da:
        await da.sessions.delete_many_current(i=TEXT_FIELD)
        users = [one async for one in da.users.list(include_inactive=True)]
        mine = [one.id for one in users if (one.email or "").startswith(EMAIL)]
        await asyncio.gather(*(da.users.delete(one, "account") for one in mine))


async def _set_page_size(server: LiveServer, size: int) -> None:
    async with AsyncDocassemble(server.url, server.api_key) as da:
        if (await da.server.get_config())["pagination limit"] != size:
            handle = await da.server.update_config({"pagination limit": size})
            await da.wait_for_task(handle, timeout=180)


@pytest.mark.parametrize("name", LISTS)
def test_each_row_comes_exactly_once(run: Run, crowd: Crowd, page_size: int, name: str) -> None:
    """Nothing is lost or repeated, with and without prefetch, and from a kept position."""
    make, key = LISTS[name]

    async def job(da: AsyncDocassemble) -> None:
        rows = make(da)
        pages = [page async for page in rows.pages()]
        ahead = [getattr(one, key) async for one in rows.items(prefetch=True)]
        some = [getattr(one, key) async for one in rows.items(limit=page_size + 3)]
        middle = len(pages) // 2
        resumed = rows.pages(resume_from=pages[middle - 1].next_id if middle else None)
        rest = [_keys(page, key) async for page in resumed]

        each = [_keys(page, key) for page in pages]
        walked = [one for page in each for one in page]
        wanted = {one for one, session in crowd.items() if (session is None) == (key == "id")}
        assert wanted <= set(walked)
        assert len(walked) == len(set(walked))
        assert len(each) == math.ceil(len(walked) / page_size)
        assert {len(page) for page in each[:-1]} <= {page_size}
        assert ahead == walked
        assert some == walked[: page_size + 3]
        assert rest == each[middle:]

    run(job)


def test_no_session_is_lost_while_sessions_are_started_and_answered(
    run: Run, crowd: Crowd, page_size: int
) -> None:
    """All that were there come, the new ones too; what is answered after it came, comes again."""

    async def job(da: AsyncDocassemble) -> None:
        rows = da.sessions.list_current(i=TEXT_FIELD)
        before = [one.session async for one in rows]
        walked: Counter[str] = Counter()
        started: list[str] = []
        again: list[str] = []
        async for page in rows.pages():
            walked.update(one.session for one in page.items)
            if page.next_id and len(again) < CHANGED:
                new = await da.sessions.start(TEXT_FIELD)
                crowd[new.session] = new
                started.append(new.session)
                again.append(page.items[0].session)
                for session in (page.items[0].session, before[-len(again)]):
                    await _answer(da, crowd, session)

        assert len(again) == min(CHANGED, math.ceil(len(before) / page_size) - 1)
        assert walked == Counter([*before, *started, *again])

    run(job)


def test_no_user_is_lost_while_users_are_made_and_changed(
    run: Run, crowd: Crowd, page_size: int
) -> None:
    """All that were there come exactly once, whatever becomes of them, and the new ones too."""

    async def job(da: AsyncDocassemble) -> None:
        rows = da.users.list(include_inactive=True)
        before = [one.id async for one in rows]
        walked: list[int] = []
        made: list[int] = []
        async for page in rows.pages():
            walked += [one.id for one in page.items]
            if page.next_id and len(made) < CHANGED:
                made.append((await da.users.create(_email())).user_id)
                await da.users.update(page.items[-1].id, first_name="Ada")
                await da.users.deactivate(before[-len(made)])

        assert walked == before + made

    run(job)


def _email() -> str:
    return f"{EMAIL}{secrets.token_hex(8)}@example.com"


async def _answer(da: AsyncDocassemble, crowd: Crowd, session: str) -> None:
    mine = crowd[session]
    assert isinstance(mine, Session)
    answers = {"favorite_fruit": "apple"}
    await da.sessions.set_variables(
        mine.i, session, secret=mine.secret, variables=answers, question=False
    )


def _keys(page: Page[Any], key: str) -> list[object]:
    return [getattr(one, key) for one in page.items]
