"""The blocks of the README, of pages of the guide, and the quickstart, on the real server."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest

from docassemble_client.testing import FakeServer
from tests.guides import GUIDE, README, ROOT, Block, arrange, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Server

# Those that use nothing but what every docassemble has.
PAGES = [
    README,
    *(
        GUIDE / f"{name}.md"
        for name in ("documents", "driving", "files", "handover", "interviews", "lists", "values")
    ),
]


@pytest.fixture(autouse=True)
def environment(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Name the server as a user would."""
    monkeypatch.setenv("DOCASSEMBLE_URL", server.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", server.api_key)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("block", [one for page in PAGES for one in blocks(page)], ids=str)
def test_block_runs(block: Block, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Each block runs as it stands, and prints what the page shows."""
    if isinstance(server, FakeServer):
        arrange(block.page, server)

    block.run()

    printed = capsys.readouterr().out
    assert block.output is None or block.explains(printed), printed


def test_quickstart_reaches_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """The example drives the interview to the end and prints its result."""
    runpy.run_path(str(ROOT / "examples" / "quickstart.py"), run_name="__main__")

    assert "{'final': True, 'inhabitants': 2}" in capsys.readouterr().out
