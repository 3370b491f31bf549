"""The command project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.guides.deploy import prepare_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

FOLDER = "docassemble-MyForm"


@pytest.fixture(autouse=True)
def package(fake: FakeServer, environment: None) -> None:
    """Write a package."""
    prepare_server(fake)


def test_project_is_created_and_deleted(dactl: Dactl) -> None:
    """Deletion needs --yes."""
    created = dactl("project", "create", "review42")
    listed = dactl("project", "list")
    refused = dactl("project", "delete", "review42")
    deleted = dactl("project", "delete", "review42", "--yes")

    assert (created.out, listed.out) == ("review42\n", "review42\n")
    assert (refused.code, deleted.out) == (2, "deleted\n")
    assert dactl("project", "list").out == ""
    assert dactl("project", "delete", "review42", "--yes").code == 5
    assert dactl("project", "delete", "default", "--yes").code == 2


def test_folder_is_synced(dactl: Dactl) -> None:
    """A dry run shows the same changes, and whether the server would restart."""
    sync = ("project", "sync", FOLDER, "-p", "review42")

    missing = dactl(*sync)
    dactl("project", "create", "review42")
    plan = dactl(*sync, "--dry-run")
    plan_without_restart = dactl(*sync, "--dry-run", "--no-restart")
    done = dactl(*sync)
    again = json.loads(dactl(*sync, "--json").out)

    assert missing.code == 5
    assert plan.lines[:3] == [
        "+ templates/Cover_letter.docx",
        "+ questions/main.yml",
        "+ modules/rules.py",
    ]
    assert plan.lines[-1] == "would restart the server: yes"
    assert plan_without_restart.lines[-1] == "would restart the server: no"
    assert done.lines[-1] == "restarted the server"
    assert (again["kind"], again["changes"], again["unchanged"]) == ("SyncReport", [], 3)
    assert dactl(*sync).lines[-1].endswith("is stored as Cover_letter.docx on the server")


def test_package_is_installed_and_pulled(dactl: Dactl) -> None:
    """Both unpack a package into a project."""
    dactl("project", "create", "review42")

    installed = dactl("project", "install", FOLDER, "-p", "review42")
    pulled = dactl(
        "project", "pull", "--pip", "docassemble.AssemblyLine", "-p", "review42", "--json"
    )
    refused = dactl("project", "pull", "-p", "review42")

    assert installed.out == "installed, and the server restarted\n"
    assert json.loads(pulled.out)["kind"] == "ProjectInstallation"
    assert refused.code == 2


def test_folder_is_watched_until_it_is_interrupted(
    dactl: Dactl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sync is a line; the file that changes is sent."""
    syncs: list[str] = []

    def note_sync(line: str) -> None:
        syncs.append(line)
        if len(syncs) == 1:
            (Path(FOLDER) / "docassemble/MyForm/data/questions/main.yml").unlink()
        elif len(syncs) == 2:
            Path(FOLDER).rename("gone")
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("docassemble_client.cli.output.write_line", note_sync)

    result = dactl("project", "watch", FOLDER, "-p", "dev", "--create", "--delete")

    assert result.code == 130
    assert [line[8:] for line in syncs[:2]] == [
        "  3 files sent, restarted",
        "  0 files sent, 1 deleted, no restart",
    ]
    assert syncs[2][8:].startswith("  not synced: ")


def test_project_is_downloaded(dactl: Dactl, fake: FakeServer) -> None:
    """What sync has sent comes back, byte for byte; --all-users has a folder for each project."""
    dactl("project", "sync", FOLDER, "-p", "review42", "--create")

    report = dactl("project", "download", "backup", "-p", "review42")
    refused = dactl("project", "download", "backup", "-p", "review42")
    everything = dactl("project", "download", "all", "--all-users")
    fake.fail("playground.download_file", status=500, times=100)
    failed = dactl("project", "download", "some", "--all-users", "--user", "1", "--json")

    question = Path(FOLDER, "docassemble/MyForm/data/questions/main.yml").read_bytes()
    assert Path("backup/questions/main.yml").read_bytes() == question
    assert report.out.startswith(
        "modules 1, questions 1, templates 1, static 0, sources 0: 3 files"
    )
    assert refused.code == 2
    assert everything.code == 0
    assert Path("all/1/review42/questions/main.yml").read_bytes() == question
    assert (failed.code, json.loads(failed.out)["kind"]) == (1, "BackupReport")


def test_watch_ends_when_nobody_reads_it(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `dactl project watch ... | head -1`."""

    def write(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("docassemble_client.cli.output.write_line", write)

    assert dactl("project", "watch", FOLDER, "-p", "dev", "--create").code == 0
