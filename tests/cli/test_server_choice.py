"""Which server a command calls, when its key is fetched, and what else standard input has."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.process import COMMAND, make_environment, start
from tests.cli.terminal import record_terminal
from tests.workflows.letters import I, make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
MAX_SECONDS = 20.0
_WRITE_AND_WAIT = "import os, time; os.write(2, b'asked\\n'); time.sleep(60)"


def add_profile(home: Path, *command: str) -> None:
    """Write a profile whose key comes from a program."""
    path = home / ".config/docassemble-client/config.toml"
    path.parent.mkdir(parents=True)
    lines = ['default = "a"', "[profiles.a]", 'url = "https://a"']
    lines.append(f"api_key_command = {json.dumps(command)}")
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(0o600)


def run_without(redirection: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command whose caller has closed a stream."""
    script = f'exec "$@" {redirection}'
    return subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments],
        env=make_environment(None, home),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", I, "-a", "missing.json"),
        ("batch", I, "missing.csv", "--save", "out"),
        ("user", "delete", "1"),
        ("call", "users.get", "user_id=abc"),
        ("server", "wait", "--timeout", "9x"),
    ],
    ids=" ".join,
)
def test_no_key_is_fetched_for_wrong_arguments(
    dactl: Dactl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A program such as that of a password manager may ask for a fingerprint."""
    monkeypatch.delenv("DOCASSEMBLE_URL")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    add_profile(tmp_path, sys.executable, "-c", "open('ran', 'w')")

    result = dactl(*arguments)

    assert result.code == 2
    assert "api_key_command" not in result.err
    assert not Path("ran").exists()


@ON_POSIX
def test_interruption_while_a_program_fetches_the_key(tmp_path: Path) -> None:
    """Ctrl+C ends the wait at once, also if only dactl gets the signal."""
    add_profile(tmp_path, sys.executable, "-c", _WRITE_AND_WAIT)

    with start(("doctor",), make_environment(None, tmp_path)) as process:
        process.stderr.readline()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    assert (process.returncode, errors) == (130, "")
    assert time.monotonic() - started < MAX_SECONDS


@ON_POSIX
def test_interruption_while_answers_are_read(fake: FakeServer, tmp_path: Path) -> None:
    """Nobody writes to standard input."""
    reader, writer = os.pipe()
    with start(("run", I, "-a", "-"), make_environment(fake, tmp_path), stdin=reader) as process:
        time.sleep(1)  # it reads then; earlier, Ctrl+C ends it too
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    os.close(reader)
    os.close(writer)

    assert (process.returncode, errors) == (130, "")


@ON_POSIX
def test_interruption_while_a_key_is_asked_for(fake: FakeServer, tmp_path: Path) -> None:
    """Ctrl+C ends the wait for the user at once."""
    import pty

    leader, follower = pty.openpty()
    arguments = ("doctor", "--url", fake.url)
    environment = make_environment(None, tmp_path)
    # In a session of its own, /dev/tty is not the terminal of the tests.
    with start(arguments, environment, stdin=follower, start_new_session=True) as process:
        prompt = process.stderr.read(len("API key"))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    os.close(leader)
    os.close(follower)

    assert (process.returncode, prompt) == (130, "API key")
    assert "Traceback" not in errors


@ON_POSIX
def test_the_end_of_the_input_is_no_key(fake: FakeServer, tmp_path: Path) -> None:
    """Ctrl+D at the prompt is wrong usage."""
    recording = record_terminal(
        ("doctor", "--url", fake.url),
        make_environment(None, tmp_path),
        answers={"API key": "\x04"},
    )

    assert recording.code == 2
    assert recording.screens[-1].endswith("\ndactl: no API key was entered.")


def test_a_wrong_url_is_refused_before_the_key_is_asked_for(dactl: Dactl) -> None:
    """Nobody types a key for nothing."""
    result = dactl("doctor", "--url", "da.example.com")
    added = dactl("profile", "add", "prod", "da.example.com")

    assert [result.code, added.code] == [2, 2]
    assert "--url needs a scheme" in result.err
    assert "needs a scheme" in added.err


@pytest.mark.parametrize("start_of_text", ["", "\ufeff"], ids=["plain", "byte order mark"])
def test_standard_input_has_the_key_before_the_answers(
    dactl: Dactl, fake: FakeServer, start_of_text: str
) -> None:
    """Its first line is the key; the command reads the rest."""
    make_letter_server(fake=fake)
    options = ("--url", fake.url, "--api-key-stdin", "-a", "-", "--json")
    stdin = f'{start_of_text}{fake.api_key}\n{{"name": "Ada"}}'

    result = dactl("run", I, *options, stdin=stdin)

    assert result.code == 0
    assert len(json.loads(result.out)["paths"]) == 2


def test_standard_input_has_the_key_before_a_secret(dactl: Dactl, fake: FakeServer) -> None:
    """The second line is the key that is deleted, not the one that deletes it."""
    created = dactl("key", "ensure", "ci", "--reveal").out
    options = ("--url", fake.url, "--api-key-stdin", "--yes")

    result = dactl("key", "delete", "-", *options, stdin=f"{fake.api_key}\n{created}")

    assert result.out == "deleted\n"
    assert [line.split()[0] for line in dactl("key", "list").lines] == ["default"]


@ON_POSIX
@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        ("<&-", ("doctor", "--url", "https://a"), 2),
        ("<&-", ("doctor", "--url", "https://a", "--api-key-stdin"), 2),
        ("2>&-", ("doctor",), 2),
        (">&-", ("profile", "list"), 0),
    ],
    ids=str,
)
def test_a_stream_can_be_closed(
    tmp_path: Path, redirection: str, arguments: tuple[str, ...], code: int
) -> None:
    """As in cron jobs: the exit code is the same, and there is no traceback."""
    result = run_without(redirection, *arguments, home=tmp_path)

    assert result.returncode == code
    assert "Traceback" not in result.stderr


def test_a_user_without_a_home_folder_can_set_one(
    dactl: Dactl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in some containers; the profiles are below it."""

    def fail() -> Path:
        message = "Could not determine home directory."
        raise RuntimeError(message)

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)

    result = dactl("profile", "list")

    assert result.code == 2
    assert "Set the environment variable HOME" in result.err
