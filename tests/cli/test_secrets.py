"""No key is in an argument, an output, a log or a file that others can read."""

from __future__ import annotations

import json
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.process import make_environment, start
from tests.cli.terminal import record_terminal
from tests.cli.tree import list_commands
from tests.testing.letter_interview import I

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

# Commands that cannot end by themselves, or need no server.
_OTHERS = {("project", "watch"), ("fake", "serve"), ("completion", "install")}
_ARGUMENTS = {
    ("api",): ["GET", "/api/user"],
    ("batch",): [I, "rows.csv", "--save", "out"],
    ("completion", "show"): ["bash"],
    ("config", "patch"): ["changes.json", "--yes"],
    ("deploy",): ["."],
    ("file", "fields"): ["changes.json"],
    ("file", "get"): ["1"],
    ("file", "markdown"): ["changes.json"],
    ("interview", "fields"): [I],
    ("key", "delete"): ["changes.json", "--yes"],
    ("key", "ensure"): ["ci"],
    ("link",): [I],
    ("package", "download"): ["docassemble.base"],
    ("package", "uninstall"): ["docassemble.base", "--yes"],
    ("profile", "add"): ["new", "https://docassemble.test", "--api-key-env", "DOCASSEMBLE_API_KEY"],
    ("profile", "import"): [],
    ("profile", "remove"): ["saved", "--yes"],
    ("profile", "use"): ["saved"],
    ("project", "create"): ["review42"],
    ("project", "delete"): ["review42", "--yes"],
    ("project", "install"): ["."],
    ("project", "pull"): ["--pip", "docassemble.none"],
    ("project", "sync"): [".", "-p", "review42"],
    ("run",): [I],
    ("session", "cleanup"): ["--older-than", "1d"],
    ("task", "wait"): ["token"],
    ("user", "deactivate"): ["2", "--yes"],
    ("user", "delete"): ["2", "--yes"],
    ("user", "ensure"): ["ana@example.com"],
    ("user", "invite"): ["ana@example.com", "--no-mail"],
}


@pytest.fixture
def canaries(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make secrets: the API key, a value of the configuration, a key in a file."""
    keys = [f"canary{secrets.token_hex(12)}" for _ in range(3)]
    fake._state.users.add_key(fake.admin.id, "canary").key = keys[0]
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", keys[0])
    fake.config["mail"] = {"password": keys[1]}
    Path("changes.json").write_text(json.dumps({"a": keys[2]}), encoding="utf-8")
    Path("rows.csv").write_text("name\nAda\n", encoding="utf-8")
    return keys


@pytest.mark.parametrize(
    "path", [path for path in list_commands() if path not in _OTHERS], ids=" ".join
)
@pytest.mark.parametrize("option", [(), ("--json",)], ids=["text", "json"])
def test_no_command_shows_a_secret(
    dactl: Dactl,
    canaries: list[str],
    caplog: pytest.LogCaptureFixture,
    path: tuple[str, ...],
    option: tuple[str, ...],
) -> None:
    """Not in text, JSON, errors or the log, whatever happens."""
    Path("home").mkdir(exist_ok=True)
    options = [] if path in {("fake", "serve"), ("completion", "show")} else [*option]
    verbose = ["-v"] if path[0] not in {"completion", "profile"} else []
    caplog.set_level("DEBUG", logger="docassemble_client")

    result = dactl(*path, *_ARGUMENTS.get(path, []), *options, *verbose)

    text = result.out + result.err + caplog.text
    assert [key for key in canaries if key[:14] in text or key[-10:] in text] == []
    assert "Traceback" not in text


def test_key_is_not_in_the_process_list(fake: FakeServer, tmp_path: Path) -> None:
    """Neither its arguments nor its title have it, also when it comes through a pipe."""
    fake.latency = 5
    with fake.serve() as url:
        environment = make_environment(None, tmp_path)
        arguments = ("user", "show", "--url", url, "--api-key-stdin", "-v")
        import subprocess

        with start(arguments, environment, stdin=subprocess.PIPE) as process:
            process.stdin.write(f"{fake.api_key}\n")
            process.stdin.close()
            process.stderr.readline()
            command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
            process.kill()

    assert "--api-key-stdin" in command_line
    assert fake.api_key not in command_line


@pytest.mark.parametrize("option", ["--api-key", "--key"])
def test_key_is_no_argument(dactl: Dactl, option: str) -> None:
    """An attempt is refused, and the key not repeated."""
    result = dactl("doctor", option, "canary0123456789")

    assert (result.code, result.out) == (2, "")
    assert "canary" not in result.err


def test_key_is_asked_for_without_echo(fake: FakeServer, tmp_path: Path) -> None:
    """`profile add` tests it, and saves it in a file that only its owner can read."""
    with fake.serve() as url:
        recording = record_terminal(
            ("profile", "add", "prod", url),
            make_environment(None, tmp_path),
            answers={"API key": fake.api_key},
            has_output=True,
        )

    shown = "\n".join(recording.screens)
    path = tmp_path / ".config/docassemble-client/config.toml"
    assert recording.code == 0
    assert fake.api_key not in shown
    assert f"Key of {fake.admin_email} (admin). Saved as profile prod in ~/.config/" in shown
    assert fake.api_key in path.read_text(encoding="utf-8")
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
