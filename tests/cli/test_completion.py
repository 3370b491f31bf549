"""Completion of commands, options and operations, and the fake server as a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import UsageError
from docassemble_client.cli import fake as fake_command

if TYPE_CHECKING:
    from tests.cli.conftest import Dactl


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_script_completes_commands_and_operations(dactl: Dactl, shell: str) -> None:
    """Also in PowerShell."""
    result = dactl("completion", "show", shell)

    assert result.code == 0
    assert [word for word in ("deploy", "users.get", "--restart") if word not in result.out] == []


def test_script_is_installed(dactl: Dactl) -> None:
    """Where the shell looks for it."""
    result = dactl("completion", "install", "fish", "--json")

    path = Path(json.loads(result.out)["path"])
    assert path.is_relative_to(Path.home())
    assert "users.get" in path.read_text(encoding="utf-8")


def test_unknown_shell_is_refused(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint says to name it."""

    def detect() -> str:
        message = "unknown"
        raise ShellDetectionError(message)

    from cyclopts.completion.detect import ShellDetectionError

    monkeypatch.setattr("cyclopts.completion.detect.detect_shell", detect)

    result = dactl("completion", "install")

    assert result.code == 2
    assert result.err.splitlines()[1] == "hint: Pass it: dactl completion install bash"


def test_fake_server_has_its_options(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those of `python -m docassemble_client.testing`."""
    served: list[dict[str, Any]] = []
    monkeypatch.setattr("uvicorn.run", lambda _, **options: served.append(options))
    Path("recordings").mkdir()

    result = dactl(
        *("fake", "serve", "--host", "0.0.0.0", "--port", "8001", "--version", "1.9.13"),  # noqa: S104 - not served
        *("--recordings", "recordings", "--restart-seconds", "0"),
    )

    assert result.out.startswith("export DOCASSEMBLE_URL=http://0.0.0.0:8001 DOCASSEMBLE_API_KEY=")
    assert (served[0]["host"], served[0]["port"]) == ("0.0.0.0", 8001)  # noqa: S104 - as above
    assert dactl("fake", "serve").code == 0


def test_missing_library_of_the_fake_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has an extra of its own."""
    monkeypatch.setitem(__import__("sys").modules, "docassemble_client.testing.__main__", None)

    with pytest.raises(UsageError, match="which is not installed") as caught:
        fake_command.serve()

    assert "docassemble-client[testing]" in caught.value.hint
