"""Runs example interviews of the real server automatically."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from docassemble_client import AnswerPolicy, DocassembleError
from tests.live.conftest import parse_version
from tests.live.interviews import BASE, DEMO

if TYPE_CHECKING:
    from docassemble_client import AsyncDocassemble
    from tests.live.conftest import Server

pytestmark = pytest.mark.unrecorded

_LISTS = yaml.safe_load(
    Path(__file__).with_name("runnable_examples.yaml").read_text(encoding="utf-8")
)
RUNNABLE: list[str] = _LISTS["runnable"].split()
NEW_EXAMPLES: dict[str, list[str]] = {
    version: names.split() for version, names in _LISTS["since"].items()
}
NOT_RUNNABLE: dict[str, list[str]] = {
    reason: names.split() for reason, names in _LISTS["not_runnable"].items()
}
FOLDERS = {"base": BASE, "demo": DEMO}
CONCURRENCY = 3


async def run_interviews(da: AsyncDocassemble, names: list[str]) -> dict[str, str]:
    """Run interviews, and return their end types or errors by name."""
    semaphore = asyncio.Semaphore(CONCURRENCY)
    outcomes: dict[str, str] = {}

    async def run_interview(name: str) -> None:
        package, _, file = name.partition("/")
        async with semaphore, asyncio.timeout(60):
            try:
                async with da.interview(f"{FOLDERS[package]}{file}.yml").session() as s:
                    transcript = await s.run(policy=AnswerPolicy.generated, max_steps=40)
                outcomes[name] = transcript.end_type
            except DocassembleError as error:
                outcomes[name] = type(error).__name__

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(run_interview(name))
    return outcomes


def get_first_version(name: str) -> str:
    """Return the first version of docassemble that has an example."""
    return next((version for version, names in NEW_EXAMPLES.items() if name in names), "0")


async def list_sessions(da: AsyncDocassemble) -> set[str]:
    """List the sessions of the client's user."""
    return {summary.session async for summary in da.sessions.list_current()}


async def test_examples_run_to_their_end(da: AsyncDocassemble, server: Server) -> None:
    """Interviews run with generated answers; no session is left behind."""
    available = [
        name
        for name in RUNNABLE
        if parse_version(get_first_version(name)) <= parse_version(server.version)
    ]

    before = await list_sessions(da)
    outcomes = await run_interviews(da, available)
    after = await list_sessions(da)

    ends = {
        *("deadend", "buttons", "menu", "response", "review", "redirect"),
        *("exit", "restart", "leave", "continue"),
    }
    assert len(outcomes) >= 60
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in ends} == {}
    assert after <= before


async def test_endless_interviews_raise_interview_stuck(da: AsyncDocassemble) -> None:
    """Interviews that ask the same question forever are stopped."""
    names = NOT_RUNNABLE["It shows the same menu or form after every answer."]

    assert await run_interviews(da, names) == dict.fromkeys(names, "InterviewStuck")


def test_each_example_is_listed_once() -> None:
    """No example is listed twice."""
    not_runnable = [name for names in NOT_RUNNABLE.values() for name in names]

    assert len({*RUNNABLE, *not_runnable}) == len(RUNNABLE) + len(not_runnable)
