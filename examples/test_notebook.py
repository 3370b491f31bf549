"""Runs the cells of the notebook, as Jupyter does: in the thread of a running event loop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client.testing import FakeServer

if TYPE_CHECKING:
    from collections.abc import Generator

NOTEBOOK = Path(__file__).with_name("notebook.ipynb")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Generator[FakeServer]:
    """Return a fake server, which the environment names."""
    fake = FakeServer()
    with fake.serve() as url:
        monkeypatch.setenv("DOCASSEMBLE_URL", url)
        monkeypatch.setenv("DOCASSEMBLE_API_KEY", fake.api_key)
        yield fake


@pytest.mark.sockets
async def test_cells_run_in_a_running_event_loop(
    fake: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each cell runs, and the session of the interview is deleted."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}

    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102 - our own text

    printed = capsys.readouterr().out
    assert "What are your favorite things to eat?" in printed
    assert "Counter({'admin': " in printed
    operations = [request.operation for request in fake.received_requests]
    assert operations.count("sessions.start") == operations.count("sessions.delete") == 1
