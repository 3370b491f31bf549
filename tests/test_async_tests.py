"""Tests of async code are coroutines: few files run an event loop themselves."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
RUNNERS = {"asyncio.run", "asyncio.Runner", "asyncio.new_event_loop"}
# Files that may call them, and why.
PROGRAMS = {
    "blocking/test_event_loops.py": "a callback of a blocking client runs a loop of its own",
    "corpus/__main__.py": "a command",
    "guides/__init__.py": "a block of the guide is a program of its own",
    "guides/sessions.py": "prepares the server of such a block",
    "live/browser_posts.py": "a command",
    "live/conftest.py": "a fixture of the whole run",
    "live/test_pagination.py": "fixtures of the whole module",
    "openapi/example_server.py": "prepares the server of tests without a loop",
    "test_clock.py": "tests the loops",
    "test_guides.py": "runs the blocks of the guide",
    "testing/replay_report.py": "a command",
    "workflows/batch_process.py": "a command",
}


def calls_runner(path: Path) -> bool:
    """Whether a file runs an event loop; text of other programs does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(ast.unparse(call.func) in RUNNERS for call in calls)


def test_only_programs_run_an_event_loop() -> None:
    """pytest-asyncio runs all other coroutines."""
    paths = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py")}

    assert sorted(name for name in paths if calls_runner(TESTS / name)) == sorted(PROGRAMS)
