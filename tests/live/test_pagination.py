"""
Lists with several pages on the real server, with different page sizes.

A page continues after the last item of the previous page: users by ID, sessions by the ID of their
last step. The client corrects the token of users, because the server skips a user after deleted
accounts. So items that exist at the start are always returned. A session that is answered during
the iteration gets a new step and moves to the end of the list. It is returned twice if it was on an
earlier page.
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
    from tests.live.server import LiveServer

pytestmark = pytest.mark.unrecorded

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
EMAIL_PREFIX = "crowd-"
ITEM_COUNT = 253  # of users, and of sessions
DELETED_COUNT = 10  # of users between the others: the server skips users after them
DEFAULT_PAGE_SIZE = 100
CHANGED_PAGES = 5  # pages after which items are added and changed

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
Items = dict[int | str, Session | None]  # users by number, sessions by ID


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """Run the coroutines of fixtures that several tests share; each test has its own loop."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def items(server: LiveServer, runner: asyncio.Runner) -> Iterator[Items]:
    """Create many users and sessions; delete them and restore the page size afterwards."""
    try:
        yield runner.run(_create_items(server))
    finally:
        runner.run(_delete_items(server))


@pytest.fixture(scope="module", params=[7, 1000, DEFAULT_PAGE_SIZE])
def page_size(
    server: LiveServer, request: pytest.FixtureRequest, items: Items, runner: asyncio.Runner
) -> int:
    """Set the page size of the server."""
    size = int(request.param)
    runner.run(_set_page_size(server, size))
    return size


async def _create_items(server: LiveServer) -> Items:
    # Hashing a password takes 0.1 s, so limit the concurrency to avoid timeouts.
    async with AsyncDocassemble(server.url, server.api_key, max_concurrency=8) as da:
        users = await asyncio.gather(
            *(da.users.create(_make_email()) for _ in range(ITEM_COUNT + DELETED_COUNT))
        )
        step = len(users) // DELETED_COUNT
        deleted = users[step // 2 :: step]
        await asyncio.gather(*(da.users.delete(user.user_id, "account") for user in deleted))
        sessions = await asyncio.gather(*(da.sessions.start(TEXT_FIELD) for _ in range(ITEM_COUNT)))
    remaining = (user.user_id for user in users if user not in deleted)
    return dict.fromkeys(remaining) | {session.session: session for session in sessions}


async def _delete_items(server: LiveServer) -> None:
    await _set_page_size(server, DEFAULT_PAGE_SIZE)
    async with AsyncDocassemble(server.url, server.api_key) as da:
        await da.sessions.delete_many_current(i=TEXT_FIELD)
        users = [user async for user in da.users.list(include_inactive=True)]
        user_ids = [user.id for user in users if (user.email or "").startswith(EMAIL_PREFIX)]
        await asyncio.gather(*(da.users.delete(user_id, "account") for user_id in user_ids))


async def _set_page_size(server: LiveServer, size: int) -> None:
    async with AsyncDocassemble(server.url, server.api_key) as da:
        if (await da.server.get_config())["pagination limit"] != size:
            handle = await da.server.update_config({"pagination limit": size})
            await da.wait_for_task(handle, timeout=180)


@pytest.mark.parametrize("name", LISTS)
async def test_each_item_is_returned_once(
    da: AsyncDocassemble, items: Items, page_size: int, name: str
) -> None:
    """No item is lost or repeated, also with prefetch, max_items and page_token."""
    list_items, key = LISTS[name]

    paginator = list_items(da)
    pages = [page async for page in paginator.pages()]
    prefetched = [getattr(item, key) async for item in paginator.items(prefetch=True)]
    limited = [getattr(item, key) async for item in paginator.items(max_items=page_size + 3)]
    middle = len(pages) // 2
    resumed = paginator.pages(page_token=pages[middle - 1].next_page_token if middle else None)
    rest = [_list_keys(page, key) async for page in resumed]

    keys_by_page = [_list_keys(page, key) for page in pages]
    all_keys = [item_key for page in keys_by_page for item_key in page]
    expected = {
        item_key for item_key, session in items.items() if (session is None) == (key == "id")
    }
    assert expected <= set(all_keys)
    assert len(all_keys) == len(set(all_keys))
    assert len(keys_by_page) == math.ceil(len(all_keys) / page_size)
    assert {len(page) for page in keys_by_page[:-1]} <= {page_size}
    assert prefetched == all_keys
    assert limited == all_keys[: page_size + 3]
    assert rest == keys_by_page[middle:]


async def test_no_session_is_lost_while_sessions_are_started_and_answered(
    da: AsyncDocassemble, items: Items, page_size: int
) -> None:
    """All sessions are returned, also new ones; sessions answered later are returned twice."""
    paginator = da.sessions.list_current(i=TEXT_FIELD)
    before = [summary.session async for summary in paginator]
    sessions: Counter[str] = Counter()
    started: list[str] = []
    repeated: list[str] = []
    async for page in paginator.pages():
        sessions.update(summary.session for summary in page.items)
        if page.next_page_token and len(repeated) < CHANGED_PAGES:
            new = await da.sessions.start(TEXT_FIELD)
            items[new.session] = new
            started.append(new.session)
            repeated.append(page.items[0].session)
            for session in (page.items[0].session, before[-len(repeated)]):
                await _answer(da, items, session)

    assert len(repeated) == min(CHANGED_PAGES, math.ceil(len(before) / page_size) - 1)
    assert sessions == Counter([*before, *started, *repeated])


async def test_no_user_is_lost_while_users_are_created_and_updated(
    da: AsyncDocassemble, items: Items, page_size: int
) -> None:
    """All users are returned once, also changed and new ones."""
    paginator = da.users.list(include_inactive=True)
    before = [user.id async for user in paginator]
    user_ids: list[int] = []
    created: list[int] = []
    async for page in paginator.pages():
        user_ids += [user.id for user in page.items]
        if page.next_page_token and len(created) < CHANGED_PAGES:
            created.append((await da.users.create(_make_email())).user_id)
            await da.users.update(page.items[-1].id, first_name="Ada")
            await da.users.deactivate(before[-len(created)])

    assert user_ids == before + created


def _make_email() -> str:
    return f"{EMAIL_PREFIX}{secrets.token_hex(8)}@example.com"


async def _answer(da: AsyncDocassemble, items: Items, session: str) -> None:
    started = items[session]
    assert isinstance(started, Session)
    answers = {"favorite_fruit": "apple"}
    await da.sessions.set_variables(
        started.i, session, secret=started.secret, variables=answers, question=False
    )


def _list_keys(page: Page[Any], key: str) -> list[object]:
    return [getattr(item, key) for item in page.items]
