"""Rows of a batch whose start response is lost: their session is found again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from tests.workflows.flaky_server import FlakyServer, I, make_rows


async def test_session_whose_start_response_is_lost_is_recovered() -> None:
    """Only the session that its own secret opens is used; other sessions of the owner stay."""
    fake = FlakyServer()

    async with fake.client() as da, da.interview(I).session():
        fake.drop_connection("sessions.start", processed=True)
        results = da.interview(I).assemble_many(make_rows(1))
        async with aclosing(results):
            task = asyncio.ensure_future(anext(results))
            await asyncio.sleep(0.1)
            async with da.interview(I).session():
                result = await task
                session_count = fake.session_count

    assert result.outcome == "done"
    assert session_count == 2
    # The lost start is not recorded, and it was not sent again.
    starts = [call for call in fake.received_requests if call.operation == "sessions.start"]
    assert len(starts) == 2


async def test_rows_with_lost_starts_try_few_sessions() -> None:
    """They try the newest sessions of the owner, and none that another row has found."""
    fake = FlakyServer()
    async with fake.client() as da:
        for _ in range(60):
            await da.sessions.start(I)
        fake.drop_connection("sessions.start", processed=True, times=6)
        tries: list[str] = []
        async with fake.client() as batch_client:
            results = batch_client.interview(I).assemble_many(make_rows(6), concurrency=6)
            outcomes = [result.outcome async for result in results]
        for received in fake.received_requests:
            query = received.request.query
            if received.operation == "sessions.list_current" and "session" in query:
                tries.append(query["session"])

    assert outcomes == ["done"] * 6
    assert fake.session_count == 60
    assert len(tries) <= 6 * 6


async def test_lost_start_is_repeated_if_the_key_may_not_list_sessions() -> None:
    """At worst an empty session is left behind."""
    fake = FlakyServer()
    fake.drop_connection("sessions.start", processed=True)
    fake.fail("sessions.list_current", status=403, times=None)

    async with fake.client() as da:
        (result,) = [row async for row in da.interview(I).assemble_many(make_rows(1))]

    assert result.outcome == "done"
    assert fake.session_count == 1
