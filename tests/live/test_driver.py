"""The driver finishes example interviews of the real server without a person."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from docassemble_client import DocassembleError, Policy
from tests.live.conftest import numbers
from tests.live.interviews import BASE, DEMO

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Run, Server

pytestmark = pytest.mark.unrecorded

_LISTS = yaml.safe_load(Path(__file__).with_name("driven.yaml").read_text(encoding="utf-8"))
DRIVEN: list[str] = _LISTS["driven"].split()
NEW: dict[str, list[str]] = {version: names.split() for version, names in _LISTS["since"].items()}
UNDRIVEN: dict[str, list[str]] = {
    reason: names.split() for reason, names in _LISTS["undriven"].items()
}
FOLDERS = {"base": BASE, "demo": DEMO}
# Two workers answer on the server.
AT_ONCE = 3


async def outcomes(da: AsyncDocassemble, names: list[str]) -> dict[str, str]:
    """Drive interviews, and say how each ended."""
    gate = asyncio.Semaphore(AT_ONCE)
    ended: dict[str, str] = {}

    async def drive(name: str) -> None:
        package, _, file = name.partition("/")
        async with gate, asyncio.timeout(60):
            try:
                async with da.interview(f"{FOLDERS[package]}{file}.yml").session() as s:
                    done = await s.run(policy=Policy.generated, max_steps=40)
                ended[name] = done.ended
            except DocassembleError as error:
                ended[name] = type(error).__name__

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(drive(name))
    return ended


def since(name: str) -> str:
    """Return the first version that brings an example."""
    return next((version for version, names in NEW.items() if name in names), "0")


async def sessions(da: AsyncDocassemble) -> set[str]:
    """List every session of the client's owner."""
    return {one.session async for one in da.sessions.list_current()}


def test_examples_are_driven_to_their_end(run: Run, server: Server) -> None:
    """Generated data leads through interviews of every shape, and no session is left behind."""
    there = [name for name in DRIVEN if numbers(since(name)) <= numbers(server.version)]

    async def job(da: AsyncDocassemble) -> None:
        before = await sessions(da)
        ended = await outcomes(da, there)
        after = await sessions(da)

        ends = {"deadend", "exit", "restart", "leave", "response", "review", "redirect", "continue"}
        assert len(ended) >= 60
        assert {name: how for name, how in ended.items() if how not in ends} == {}
        assert after <= before

    run(job)


def test_endless_interviews_are_told_as_stuck(run: Run) -> None:
    """What asks the same forever is given up, and not asked forever."""
    names = UNDRIVEN["It is a menu or a form that comes back after every answer."]

    async def job(da: AsyncDocassemble) -> None:
        assert await outcomes(da, names) == dict.fromkeys(names, "StuckInterview")

    run(job)


def test_no_interview_is_both_driven_and_not() -> None:
    """Each example has one fate, under one reason."""
    undriven = [name for names in UNDRIVEN.values() for name in names]

    assert len({*DRIVEN, *undriven}) == len(DRIVEN) + len(undriven)
