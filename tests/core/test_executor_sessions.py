"""Calls that change one session wait for each other; all other calls do not."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.config import Timeouts
from docassemble_client.errors import BadRequest, RequestTimeout, UsageError
from tests.mock import MockServer, build_response, settle

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import httpx

    from docassemble_client import AsyncDocassemble
    from tests.mock import MockResponse

INTERVIEW = "docassemble.demo:data/questions/questions.yml"
QUESTION = {"questionType": "deadend"}
LIMITED = Timeouts(total=5)


def change(da: AsyncDocassemble, session: str = "s", **options: Any) -> Coroutine[Any, Any, object]:
    """Make a call that must not overlap with another one of its session."""
    return da.sessions.set_variables(INTERVIEW, session, variables={"a": 1}, **options)


def count_locks(da: AsyncDocassemble) -> int:
    gc.collect()  # a finished call may be part of a reference cycle until then
    return len(da._shared.session_locks._locks)


async def test_a_call_waits_for_the_other_calls_of_its_session() -> None:
    """The server loses answers that arrive at the same time; other sessions do not wait."""
    server = MockServer(lambda _: build_response(200, QUESTION))

    async with server.make_client() as da:
        server.gate = asyncio.Event()
        calls = [
            change(da),
            change(da),
            da.sessions.go_back(INTERVIEW, "s"),
            change(da, "other"),
            da.sessions.set_variables("other:x.yml", "s", variables={"a": 1}),
        ]
        tasks = [asyncio.create_task(call) for call in calls]
        await settle()
        assert server.active_requests == len(server.requests) == 3
        server.gate.set()
        await asyncio.gather(*tasks)

    assert len(server.requests) == 5


async def test_calls_of_one_session_run_in_order() -> None:
    """The calls run in the order in which they were made, each after the end of the last one."""
    names = ["a", "b", "c"]
    received: list[str] = []

    def respond(request: httpx.Request) -> MockResponse:
        assert server.active_requests == 0
        received.append(json.loads(request.content)["question_name"])
        return build_response(200, QUESTION)

    server = MockServer(respond)
    server.delay = lambda _: 1.0

    async with server.make_client() as da:
        await asyncio.gather(
            *(da.sessions.set_variables(INTERVIEW, "s", question_name=name) for name in names)
        )

    assert received == names


async def test_views_of_a_client_share_the_locks() -> None:
    """A view with other options changes the same sessions."""
    server = MockServer(lambda _: build_response(200, QUESTION))

    async with server.make_client() as da:
        server.gate = asyncio.Event()
        clients = (da, da.with_options(timeout=5), da.as_key("other"))
        tasks = [asyncio.create_task(change(client)) for client in clients]
        await settle()
        assert len(server.requests) == 1
        server.gate.set()
        await asyncio.gather(*tasks)

    assert len(server.requests) == 3


async def test_reads_of_one_session_do_not_wait() -> None:
    """A call that changes nothing does not wait for one that changes the session."""
    server = MockServer(lambda _: build_response(200, {}))

    async with server.make_client() as da:
        server.gate = gate = asyncio.Event()
        task = asyncio.create_task(da.sessions.delete(INTERVIEW, "s"))
        await settle()
        server.gate = None
        assert await da.sessions.get_variables(INTERVIEW, "s") == {}
        gate.set()
        await task


@pytest.mark.parametrize("ending", ["error", "cancelled", "timeout", "refused"])
async def test_the_next_call_runs_after_any_end_of_the_last_one(ending: str) -> None:
    """An error, a cancellation or a timeout releases the session for the next call."""
    responses = iter([build_response(400, "no")] if ending in {"error", "refused"} else [])
    server = MockServer(lambda _: next(responses, build_response(200, QUESTION)))

    async with server.make_client() as da:
        server.gate = asyncio.Event()
        timeout = LIMITED if ending == "timeout" else None
        task = asyncio.create_task(change(da, timeout=timeout))
        await settle()
        if ending == "cancelled":
            task.cancel()
        elif ending == "refused":
            with pytest.raises(UsageError):
                await da.sessions.set_variables(INTERVIEW, "s", variables={"": 1})
        if ending != "timeout":
            server.gate.set()
        with pytest.raises((asyncio.CancelledError, RequestTimeout, BadRequest)):
            await task
        server.gate.set()
        await change(da, timeout=LIMITED)

    assert len(server.requests) == 2


async def test_locks_do_not_accumulate() -> None:
    """A client keeps the lock of a session only during a call."""
    server = MockServer(lambda _: build_response(200, QUESTION))

    async with server.make_client() as da:
        for number in range(20):
            await change(da, str(number))
        assert count_locks(da) == 0
        server.gate = asyncio.Event()
        task = asyncio.create_task(change(da))
        await settle()
        assert count_locks(da) == 1
        server.gate.set()
        await task
        del task
        assert count_locks(da) == 0
