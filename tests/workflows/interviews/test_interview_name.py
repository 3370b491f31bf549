"""Full names of interviews, under which workflows start sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from docassemble_client.workflows.interviews.interview_name import complete_interview_name
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx

    from docassemble_client import Interview
    from tests.mock import MockResponse

SHORT = "docassemble.mine:letter.yml"
FULL = "docassemble.mine:data/questions/letter.yml"


class StartingServer(MockServer):
    """A server that starts sessions and ends every interview at once."""

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, request: httpx.Request) -> MockResponse:
        if request.url.path.endswith("/new"):
            i = request.url.params["i"]
            return 200, {"i": i, "session": "s1", "encrypted": False}
        if request.url.path.endswith("/question"):
            return 200, {"total": 3}
        if request.url.path.endswith("/resume_url"):
            return 200, f"{self.url}/launch?c=abc"
        return 204, None

    def get_names(self) -> list[str]:
        """Return the interview name of every request."""
        queries = [parse_qs(request.url.query.decode()) for request in self.requests]
        bodies = [json.loads(request.content or b"{}") for request in self.requests]
        return [
            query["i"][0] if "i" in query else body["i"]
            for query, body in zip(queries, bodies, strict=True)
        ]


@pytest.mark.parametrize(
    ("i", "name"),
    [
        (SHORT, FULL),
        (FULL, FULL),
        ("docassemble.base:examples/text-field.yml", "docassemble.base:examples/text-field.yml"),
        ("docassemble.playground1:letter.yml", "docassemble.playground1:letter.yml"),
        (
            "docassemble.playground12Project:letter.yml",
            "docassemble.playground12Project:letter.yml",
        ),
        ("letter.yml", "letter.yml"),
        ("", ""),
        ("docassemble.mine:", "docassemble.mine:"),
        (":letter.yml", ":letter.yml"),
        ("a:b:letter.yml", "a:b:letter.yml"),
    ],
)
def test_short_name_gets_its_folder(i: str, name: str) -> None:
    """Only the name of a file in a package, without a folder, is completed."""
    assert complete_interview_name(i) == name


async def start_session(interview: Interview, _folder: Path) -> None:
    async with interview.session() as s:
        assert s.i == FULL


async def assemble(interview: Interview, _folder: Path) -> None:
    await interview.assemble()


async def assemble_many(interview: Interview, folder: Path) -> None:
    results = interview.assemble_many([{}], journal=folder / "run.jsonl")
    assert [result.outcome async for result in results] == ["done"]


async def create_prefilled_url(interview: Interview, _folder: Path) -> None:
    link = await interview.prefilled_url({"name": "Ada"})
    assert link.i == FULL


@pytest.mark.parametrize("start", [start_session, assemble, assemble_many, create_prefilled_url])
async def test_workflows_start_sessions_under_the_full_name(
    start: Callable[[Interview, Path], Awaitable[None]], tmp_path: Path
) -> None:
    """All calls of the session have its full name: start, answers, links and deletion."""
    server = StartingServer()
    async with server.make_client() as da:
        await start(da.interview(SHORT), tmp_path)

    assert set(server.get_names()) == {FULL}


async def test_exact_name_is_sent() -> None:
    """`exact_name` starts a session under the name as it is."""
    server = StartingServer()
    async with server.make_client() as da, da.interview(SHORT, exact_name=True).session() as s:
        assert s.i == SHORT

    assert set(server.get_names()) == {SHORT}


async def test_names_of_existing_sessions_are_sent_unchanged() -> None:
    """Resumed sessions, deletions and calls of the API keep the name that they are given."""
    server = StartingServer()
    async with server.make_client() as da:
        async with da.interview(SHORT).resume("s1", keep=False) as s:
            await s.question()
        await da.sessions.start(SHORT)
        await da.sessions.delete(SHORT, "s1")

    assert set(server.get_names()) == {SHORT}
