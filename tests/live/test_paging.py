"""Lists of several pages on the real server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run

TEXT_FIELD = "docassemble.base:data/questions/examples/text-field.yml"
MANY = 130  # more than the server's page of 100


def test_sessions_are_walked_over_several_pages(run: Run) -> None:
    """Each session comes exactly once, with and without prefetch, and from a kept position."""

    async def job(da: AsyncDocassemble) -> None:
        started = await asyncio.gather(*(da.sessions.start(TEXT_FIELD) for _ in range(MANY)))
        mine = {one.session for one in started}
        query = da.sessions.list_current(i=TEXT_FIELD)

        plain = [one.session async for one in query]
        ahead = [one.session async for one in query.items(prefetch=True)]
        pages = [page async for page in query.pages()]
        rest = [page async for page in query.pages(resume_from=pages[0].next_id)]
        some = [one async for one in query.items(limit=MANY - 7)]
        await asyncio.gather(*(da.sessions.delete(one.i, one.session) for one in started))

        assert mine <= set(plain)
        assert len(plain) == len(set(plain))
        assert plain == ahead == [one.session for page in pages for one in page.items]
        assert len(pages) > 1
        assert [one.session for page in rest for one in page.items] == plain[len(pages[0].items) :]
        assert len(some) == MANY - 7

    run(job)
