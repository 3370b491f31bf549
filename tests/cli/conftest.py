"""Runs commands in this process, on a fake server and a virtual clock."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from docassemble_client._environment import KEY_VARIABLE, URL_VARIABLE
from docassemble_client.cli.app import run
from docassemble_client.testing import FakeServer
from tests.clock import VirtualClockLoop
from tests.testing.conftest import LoopClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Dactl = Callable[..., "Result"]

FOREIGN_VARIABLES = (
    *("DOCASSEMBLE_BASE_URL", "DOCASSEMBLEAPIURL", "DOCASSEMBLEAPIKEY", "SERVER_URL"),
    *("DOCASSEMBLE_DEVELOPER_API_KEY", "DOCASSEMBLE_PROFILE", "DOCASSEMBLE_PUBLIC_URL"),
)


class Result(NamedTuple):
    """The end of a command: its exit code, and its text on stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Lines on stdout."""
        return self.out.splitlines()


@pytest.fixture
def fake() -> FakeServer:
    """Make a server on which installations and restarts take time."""
    return FakeServer(clock=LoopClock(), restart_seconds=20.0, install_seconds=30.0)


@pytest.fixture(autouse=True)
def environment(
    fake: FakeServer,
    default_transport: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Connect every client to the fake server, in an empty folder and without a configuration."""
    monkeypatch.setitem(default_transport, "transport", fake.transport())
    make_real_loop = asyncio.new_event_loop

    def make_loop() -> asyncio.AbstractEventLoop:
        # A server that another process calls runs in a thread of its own, on sockets.
        is_main = threading.current_thread() is threading.main_thread()
        return VirtualClockLoop() if is_main else make_real_loop()

    monkeypatch.setattr("asyncio.events.new_event_loop", make_loop)
    for name in FOREIGN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(URL_VARIABLE, fake.url)
    monkeypatch.setenv(KEY_VARIABLE, fake.api_key)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def dactl(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Dactl:
    """Run a command, and return its end."""

    def run_command(*arguments: Any, stdin: str = "") -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return run_command
