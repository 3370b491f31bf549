"""Workflows of the blocking client, over sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docassemble_client import Docassemble, TaskEvent
from docassemble_client.testing import FakeServer
from tests.workflows.package_files import HELLO_INTERVIEW, PACKAGE_NAME, write_package

if TYPE_CHECKING:
    from pathlib import Path


def test_blocking_client_has_the_same_workflows(tmp_path: Path) -> None:
    """Deploy, check, sync, download, back up, export and uninstall; callbacks are functions."""
    folder = write_package(tmp_path / "mine")
    events: list[TaskEvent] = []
    fake = FakeServer()

    with fake.serve(), Docassemble(fake.url, fake.api_key) as da:
        report = da.deploy(folder, restart="auto", on_progress=events.append)
        check = da.check_interviews([HELLO_INTERVIEW])
        with da.project("mine", create=True, delete=True) as project:
            project.sync(folder)
            download = project.download(tmp_path / "download")
            backup = da.backup_playgrounds(tmp_path / "backup")
        rows = list(da.export_session_rows(["@session", "name"]))
        uninstalled = da.uninstall(PACKAGE_NAME, on_progress=events.append)

    assert (report.version, report.restarted) == ("0.1.0", False)
    assert check.failed == ()
    assert len(download.files) == 4
    assert backup.is_complete
    assert rows == []
    assert uninstalled.name == PACKAGE_NAME
    assert [event.state for event in events if event.state != "working"] == [
        *("sending", "completed") * 2
    ]
