"""Runs the examples of the README and the guide, and the quickstart, on the real server."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest

from docassemble_client import Secret
from docassemble_client._profiles import Profiles, ServerProfile, write_profiles
from docassemble_client.testing import FakeServer
from tests.guides import GUIDE, README, ROOT, Block, find_blocks, prepare_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Server

# Pages whose examples run on every docassemble server.
PAGES = [
    README,
    *(
        GUIDE / f"{name}.md"
        for name in (
            *("answers", "client", "documents", "files", "interviews", "lists"),
            *("prefilled-links", "run-interviews"),
        )
    ),
]


@pytest.fixture(autouse=True)
def environment(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the environment variables of the server, and a folder for profiles."""
    monkeypatch.setenv("DOCASSEMBLE_URL", server.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", server.api_key)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("block", [block for page in PAGES for block in find_blocks(page)], ids=str)
def test_block_runs(block: Block, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Each example runs and prints the output on the page."""
    if isinstance(server, FakeServer):
        prepare_server(block.page, server)
    profile = ServerProfile(url=server.url, api_key=Secret(server.api_key))
    write_profiles(Profiles(default="test", by_name={"test": profile}))

    block.run()

    printed = capsys.readouterr().out
    assert block.output is None or block.matches_output(printed), printed


def test_quickstart_prints_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """The quickstart answers the interview and prints its result."""
    runpy.run_path(str(ROOT / "examples" / "quickstart.py"), run_name="__main__")

    assert "{'final': True, 'inhabitants': 2}" in capsys.readouterr().out
