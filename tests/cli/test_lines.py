"""The lines that users type most, as processes, on a fake server that is served."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from docassemble_client.testing import FakeServer
from tests.cli.lines import LINES, CommandLine, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX"),
]


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Serve a fake server, and prepare the files."""
    fake = FakeServer(restart_seconds=0.1, install_seconds=0.1, outage="waiting")
    fake.add_package("docassemble.helloworld", "0.0.1")
    with fake.serve() as url:
        yield prepare(url, fake.api_key, tmp_path_factory.mktemp("lines"), "lines42")


@pytest.mark.parametrize("check", LINES, ids=lambda check: check.__name__)
def test_line_works(command_line: CommandLine, check: Callable[[CommandLine], None]) -> None:
    """Its output, its exit code, and no key in it; each line needs those before it."""
    check(command_line)
