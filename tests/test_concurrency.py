"""The limit of requests under way: order, and turns that nobody loses."""

from __future__ import annotations

import asyncio

import pytest

from docassemble_client._concurrency import Turns
from tests.mock import run, settle


def test_turns_are_taken_until_none_is_left() -> None:
    """As many turns are free as were promised, and each can be given back."""
    turns = Turns(2)

    assert [turns.take() for _ in range(3)] == [True, True, False]
    turns.give()
    assert [turns.take() for _ in range(2)] == [True, False]


def test_who_waits_is_served_in_order() -> None:
    """A turn that is given back goes to the first who waits, and nobody can take it before."""

    async def scenario() -> None:
        turns = Turns(1)
        assert turns.take()
        waiting = [asyncio.create_task(turns.wait()) for _ in range(2)]
        await settle()
        turns.give()
        assert not turns.take()
        await settle()
        assert [task.done() for task in waiting] == [True, False]
        turns.give()
        await settle()
        assert waiting[1].done()
        turns.give()
        assert turns.take()

    run(scenario())


def test_who_gave_up_is_passed_over() -> None:
    """A turn goes to the next one if the first does not wait any more."""

    async def scenario() -> None:
        turns = Turns(1)
        assert turns.take()
        first, second = (asyncio.create_task(turns.wait()) for _ in range(2))
        await settle()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        turns.give()
        await settle()
        assert second.done()

    run(scenario())


def test_a_turn_that_comes_too_late_is_not_lost() -> None:
    """Who is cancelled in the moment in which the turn comes gives it back."""

    async def scenario() -> None:
        turns = Turns(1)
        assert turns.take()
        task = asyncio.create_task(turns.wait())
        await settle()
        turns.give()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert turns.take()

    run(scenario())
