"""The README's Python blocks and the quickstart, on the real server."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.live.server import LiveServer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def environment(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the server as a user would."""
    monkeypatch.setenv("DOCASSEMBLE_URL", server.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", server.api_key)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_of_the_readme_runs(number: int) -> None:
    """Each Python block runs as it stands, in an interpreter that allows await at the top."""
    code = compile(BLOCKS[number], "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)

    result = eval(code, {"__name__": "__readme__"})  # noqa: S307 - our own text

    assert inspect.iscoroutine(result)
    asyncio.run(result)


def test_readme_has_blocks() -> None:
    """The pattern finds the blocks it is meant to run."""
    assert len(BLOCKS) == README.count("```python") > 4


def test_quickstart_reaches_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """The example drives the interview to the end and prints its result."""
    runpy.run_path(str(ROOT / "examples" / "quickstart.py"), run_name="__main__")

    assert "{'final': True, 'inhabitants': 2}" in capsys.readouterr().out
