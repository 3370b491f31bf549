"""The lines that users type most, as processes, on a real server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.lines import LINES, CommandLine, deploy_repository, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.conftest import Server

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX")


@pytest.fixture(scope="module")
def command_line(server: Server, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Prepare the files."""
    return prepare(server.url, server.api_key, tmp_path_factory.mktemp("lines"), "dactl42")


@pytest.mark.parametrize(
    "check",
    # The test server has no connection to GitHub; test_packages.py installs from a repository.
    [check for check in LINES if check is not deploy_repository],
    ids=lambda check: check.__name__,
)
def test_line_works(command_line: CommandLine, check: Callable[[CommandLine], None]) -> None:
    """Its output, its exit code, and no key in it; each line needs those before it."""
    check(command_line)
