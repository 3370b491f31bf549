"""The commands deploy and package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.guides.deploy import prepare_server
from tests.workflows.package_files import write_broken_package

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

FOLDER = "docassemble-MyForm"


@pytest.fixture(autouse=True)
def package(fake: FakeServer, environment: None) -> None:
    """Write a package."""
    prepare_server(fake)


def test_folder_is_deployed(dactl: Dactl) -> None:
    """The report is that of the library, also as JSON."""
    first = dactl("deploy", FOLDER)
    second = json.loads(dactl("deploy", FOLDER, "--restart", "yes", "--json").out)

    assert (first.code, first.out, first.err) == (
        0,
        "docassemble.MyForm 1.2.0 is installed, for the first time.\n",
        "",
    )
    assert {**second, "log": ""} == {
        "kind": "DeployReport",
        "name": "docassemble.MyForm",
        "version": "1.2.0",
        "previous_version": "1.2.0",
        "restarted": True,
        "restart_reason": "",
        "cache_cleared": False,
        "failed_packages": [],
        "ignored": [".env"],
        "log": "",
        "has_changed": False,
    }


def test_failed_installation_is_exit_code_1(dactl: Dactl, tmp_path: Path) -> None:
    """Pip's log is shown only if you ask for it."""
    folder = write_broken_package(tmp_path / "broken")

    plain = dactl("deploy", folder)
    with_log = dactl("deploy", folder, "--log")

    assert (plain.code, plain.out, len(plain.err.splitlines())) == (1, "", 2)
    assert "add --log" in plain.err
    assert len(with_log.err) > len(plain.err)


def test_source_is_required(dactl: Dactl, fake: FakeServer) -> None:
    """Exactly one of a folder, --github and --pip."""
    assert [dactl("deploy").code, dactl("deploy", FOLDER, "--pip", "x").code] == [2, 2]
    assert dactl("deploy", "none").code == 2
    assert fake.received_requests == []


def test_packages_are_listed(dactl: Dactl) -> None:
    """Name, version and origin."""
    dactl("deploy", FOLDER)

    assert ["docassemble.MyForm", "1.2.0", "zip"] in [
        line.split() for line in dactl("package", "list").lines
    ]


def test_package_is_downloaded(dactl: Dactl) -> None:
    """If it was installed from a ZIP file."""
    dactl("deploy", FOLDER)

    saved = dactl("package", "download", "docassemble.MyForm")
    missing = dactl("package", "download", "docassemble.none")
    not_a_zip = dactl("package", "download", "docassemble.base")

    assert Path(saved.out.strip()).read_bytes().startswith(b"PK")
    assert (missing.code, not_a_zip.code) == (5, 2)


def test_package_is_uninstalled_only_with_yes(dactl: Dactl) -> None:
    """The command verifies that it is gone."""
    dactl("deploy", FOLDER)

    refused = dactl("package", "uninstall", "docassemble.MyForm")
    done = dactl("package", "uninstall", "docassemble.MyForm", "--yes")
    missing = dactl("package", "uninstall", "docassemble.MyForm", "--yes")

    assert (refused.code, missing.code) == (2, 5)
    assert done.out == "docassemble.MyForm 1.2.0 is uninstalled.\n"
    assert "docassemble.MyForm" not in dactl("package", "list").out
