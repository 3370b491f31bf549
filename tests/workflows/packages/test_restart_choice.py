"""Deployments with restart="auto"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docassemble_client import UsageError
from docassemble_client.workflows.packages.module_checks import is_loaded_module
from docassemble_client.workflows.packages.pip_log import PipLog
from docassemble_client.workflows.packages.restart_choice import find_reason_after
from tests.workflows.package_files import count_calls, deploy, write_files, write_package

if TYPE_CHECKING:
    from pathlib import Path

    from docassemble_client import JSONInput
    from docassemble_client.testing import FakeServer

INCOMPLETE = "pip's log is incomplete, so dependencies may have changed"
MINE = "Successfully installed docassemble-mine-1.0"
OTHER = "other: pip install command returned success code.\n"
TRUNCATION = "\n\nTRUNCATED\n\n"
SUCCESS = "docassemble.mine: pip install command returned success code.\npip log:\n"


def set_log(fake: FakeServer, log: str) -> None:
    """Let the installation end at once with this log."""
    status: dict[str, JSONInput] = {"status": "completed", "ok": True, "log": log}
    fake.fail("packages.get_update_status", status=200, body=status)
    fake._state.tasks.install_seconds = 0


async def test_package_without_modules_needs_no_restart(fake: FakeServer, tmp_path: Path) -> None:
    """Interviews, templates and static files are read again after the cache was cleared."""
    first = await deploy(fake, write_package(tmp_path, "1.0"), restart="auto")
    second = await deploy(fake, write_package(tmp_path, "1.1"), restart="auto")

    for report in (first, second):
        assert (report.restarted, report.restart_reason) == (False, "")
        assert report.cache_cleared
    assert (first.version, second.version) == ("1.0", "1.1")
    assert count_calls(fake, "server.restart") == 0


async def test_package_with_modules_restarts_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """The installation itself restarts it, as with restart=True."""
    report = await deploy(fake, write_package(tmp_path, modules=True), restart="auto")

    assert (report.restarted, report.restart_reason) == (True, "the package has modules")
    assert not report.cache_cleared
    assert count_calls(fake, "server.restart") == 0


async def test_new_dependencies_restart_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """Pip's log names them; processes may have loaded their old versions."""
    set_log(fake, f"{SUCCESS}Successfully installed docassemble.mine-0.1.0 PyJokes-0.8 cowsay-6.1")

    report = await deploy(fake, write_package(tmp_path), restart="auto")

    assert (report.restarted, report.cache_cleared) == (True, True)
    assert report.restart_reason == "pip installed cowsay, pyjokes"
    assert count_calls(fake, "server.restart") == 1


async def test_incomplete_log_restarts_the_server(fake: FakeServer, tmp_path: Path) -> None:
    """Without the log nobody knows whether dependencies changed."""
    fake.drop_connection("packages.install", processed=True)

    report = await deploy(fake, write_package(tmp_path), restart="auto")

    assert report.restarted
    assert "log is incomplete" in report.restart_reason


async def test_package_that_the_server_fetches_restarts_it(fake: FakeServer) -> None:
    """The client does not see whether it has modules."""
    report = await deploy(fake, pip="pyjokes", restart="auto")

    assert (report.restarted, report.restart_reason) == (
        True,
        "only the server has seen the package",
    )


async def test_key_that_may_not_clear_the_cache_restarts_the_server(
    fake: FakeServer, tmp_path: Path
) -> None:
    """Otherwise the running processes would keep using the old interviews."""
    folder = write_package(tmp_path)

    async with fake.client() as da:
        key = await da.api_keys.create("deploy", permissions=["manage_packages"])
        report = await da.as_key(key).deploy(folder, restart="auto")

    assert (report.restarted, report.cache_cleared) == (True, False)
    assert report.restart_reason == "the key may not clear the cache of interviews"


async def test_other_values_of_restart_are_refused(fake: FakeServer, tmp_path: Path) -> None:
    """A text other than "auto" is not true."""
    with pytest.raises(UsageError, match=r'restart must be True, False or "auto"'):
        await deploy(fake, write_package(tmp_path), restart="no")

    assert not fake.received_requests


async def test_code_in_the_package_file_counts_as_a_module(
    fake: FakeServer, tmp_path: Path
) -> None:
    """`__init__.py` is in every package; it counts only if it does more than set constants."""
    write_package(tmp_path)
    write_files(tmp_path, {"docassemble/mine/__init__.py": "def f():\n    return 1\n"})

    report = await deploy(fake, tmp_path, restart="auto")

    assert report.restart_reason == "the package has modules"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("docassemble/mine/rules.py", "", True),
        ("src/docassemble/mine/deep/rules.py", "", True),
        ("docassemble/mine/fast.so", "", True),
        ("library/tool.py", "", True),
        ("docassemble/mine/__init__.py", "", False),
        ("docassemble/mine/__init__.py", "'''Text.'''\n__version__ = '1.0'\nX = [1, -2]\n", False),
        ("docassemble/mine/__init__.py", "x = f()\n", True),
        ("docassemble/mine/__init__.py", "from .rules import *\n", True),
        ("docassemble/mine/__init__.py", "no python", True),
        ("docassemble/__init__.py", "__import__('pkg_resources')\n", False),
        ("docassemble/mine/data/questions/main.yml", "", False),
        ("setup.py", "import setuptools\n", False),
        ("tests/test_rules.py", "", False),
        ("docs/conf.py", "", False),
    ],
)
def test_module_is_code_that_a_process_may_have_loaded(
    path: str, text: str, *, expected: bool
) -> None:
    """Scripts, tests and constants do not count."""
    assert is_loaded_module(path, text.encode) is expected


@pytest.mark.parametrize(
    ("before", "output", "reason"),
    [
        ("", MINE, ""),
        ("", f"{MINE} a-1 b-1 c-1 d-1 e-1 f-1", "pip installed a, b, c, d, e and 1 more"),
        ("", f"Successfully installed setuptools-80.9{TRUNCATION}{MINE}", ""),
        ("other: install failed\n", f"{TRUNCATION}{MINE}", INCOMPLETE),
        (OTHER, f"Successfully installed other-1 x-2\n{MINE}", "pip installed other, x"),
        ("", TRUNCATION, INCOMPLETE),
    ],
)
def test_reason_is_what_pip_installed_besides(before: str, output: str, reason: str) -> None:
    """The server cuts the middle out of nearly every log; tools of a build are not installed."""
    log = PipLog(f"{before}{SUCCESS}{output}")

    assert find_reason_after(log, "docassemble.mine") == reason
    assert find_reason_after(PipLog(""), "docassemble.mine") == INCOMPLETE
