"""The wait for a slot of the concurrency limit, and its time limit."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import (
    AsyncDocassemble,
    RequestTimeout,
    RetryEvent,
    RetryPolicy,
    Timeouts,
)
from tests.mock import MockServer, get_loop_time, get_other_tasks, settle
from tests.raw_server import KEY, NO_RETRIES, USER

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine

    from docassemble_client import Event


@asynccontextmanager
async def use_one_slot(**options: Any) -> AsyncGenerator[tuple[AsyncDocassemble, MockServer]]:
    """Use a client with one slot of a server that responds after 5 seconds."""
    server = MockServer(lambda _: (200, json.loads(USER)))
    server.delay = lambda _: 5.0
    options = {"retry": NO_RETRIES, "max_concurrency": 1, **options}

    async with AsyncDocassemble(server.url, KEY, transport=server.transport, **options) as da:
        yield da, server
        # The slot is not lost.
        await da.users.get_current(timeout=Timeouts(pool=0))
        assert get_other_tasks() == set()


def get_user(da: AsyncDocassemble, **limits: Any) -> Coroutine[Any, Any, object]:
    return da.users.get_current(timeout=Timeouts(**limits))


@pytest.mark.parametrize("seconds", [0, 3, 4.999])
async def test_the_wait_for_a_slot_ends_in_time(seconds: float) -> None:
    """The error says that nothing was sent."""
    async with use_one_slot() as (da, server):
        first = asyncio.create_task(get_user(da))
        await settle()
        with pytest.raises(RequestTimeout) as caught:
            await get_user(da, pool=seconds)
        assert get_loop_time() == pytest.approx(seconds)
        assert len(server.requests) == 1
        message = f"other calls used all slots: none was free within {seconds} s"
        assert caught.value.message == message
        assert caught.value.hint.startswith("Nothing was sent.")
        assert not caught.value.maybe_processed
        assert caught.value.is_transient
        assert caught.value.operation == "users.get_current"
        await first

    assert len(server.requests) == 2


@pytest.mark.parametrize("limits", [{"pool": 6}, {"pool": None}, {"pool": 0.5, "total": 60}])
async def test_a_free_slot_is_taken_at_once(limits: dict[str, Any]) -> None:
    """The limit is for the wait alone, not for the request."""
    async with use_one_slot() as (da, _):
        await get_user(da, **limits)
        assert get_loop_time() == 5


async def test_the_total_timeout_includes_the_wait_for_a_slot() -> None:
    """It may end the wait before the limit of the wait does."""
    async with use_one_slot() as (da, _):
        first = asyncio.create_task(get_user(da))
        await settle()
        with pytest.raises(RequestTimeout, match="longer than 2 s") as caught:
            await get_user(da, pool=4, total=2)
        assert not caught.value.maybe_processed
        await first


async def test_a_wait_that_ends_when_the_slot_is_released_loses_no_slot() -> None:
    """Either the call has the slot, or the next one can have it."""
    async with use_one_slot() as (da, _):
        first = asyncio.create_task(get_user(da))
        await settle()
        second = asyncio.create_task(get_user(da, pool=5))
        await asyncio.wait({first, second})
        assert second.exception() is None or isinstance(second.exception(), RequestTimeout)


async def test_waits_end_in_any_order_without_losing_their_place() -> None:
    """A call that gives up does not delay those behind it."""
    order: list[str] = []

    async with use_one_slot() as (da, _):

        async def call(name: str, pool: float | None) -> None:
            try:
                await get_user(da, pool=pool)
                order.append(name)
            except RequestTimeout:
                order.append(f"no {name}")

        async with asyncio.TaskGroup() as group:
            for name, pool in [("a", None), ("b", 4), ("c", 9), ("d", 2), ("e", None)]:
                group.create_task(call(name, pool))

    assert order == ["no d", "no b", "a", "c", "e"]


async def test_a_call_that_waited_too_long_is_retried() -> None:
    """Nothing was sent, so the policy retries any call, also one that is not safe to repeat."""
    events: list[Event] = []

    async with use_one_slot(on_event=events.append) as (da, _):
        first = asyncio.create_task(get_user(da))
        await settle()
        timeout = Timeouts(pool=3)
        await da.request("POST", "/x", timeout=timeout, retry=RetryPolicy(initial_delay=0))
        assert get_loop_time() == 10
        await first

    (retry,) = (event for event in events if isinstance(event, RetryEvent))
    assert (retry.operation, retry.reason) == ("request", "RequestTimeout")


async def test_a_view_can_wait_for_another_time() -> None:
    """The slots are those of the client."""
    async with use_one_slot(timeout=Timeouts(pool=30)) as (da, _):
        view = da.with_options(timeout=Timeouts(pool=1))
        first = asyncio.create_task(get_user(da))
        await settle()
        with pytest.raises(RequestTimeout, match="within 1 s"):
            await view.users.get_current()
        second = asyncio.create_task(da.users.get_current())
        await asyncio.wait({first, second})
        assert get_loop_time() == 10
