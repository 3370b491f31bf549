"""Which server a command calls, when its key is fetched, and who reads standard input."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

import docassemble_client.cli.inputs as inputs
from docassemble_client.__main__ import main
from docassemble_client.cli.app import run
from docassemble_client.cli.interruption import end_on_interrupt
from tests.cli.process import (
    COMMAND,
    TIMEOUT_SECONDS,
    communicate,
    make_environment,
    start,
)
from tests.cli.terminal import record_terminal
from tests.workflows.letters import I, make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
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


def run_with_closed_stream(
    redirection: str, *arguments: str, home: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command whose caller has closed a stream."""
    script = f'exec "$@" {redirection}'
    return subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", script, "sh", *COMMAND, *arguments],
        env=make_environment(None, home),
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", I, "-a", "missing.json"),
        ("batch", I, "missing.csv", "--save", "out"),
        ("user", "delete", "1"),
        ("call", "users.get", "user_id=abc"),
        ("server", "wait", "--timeout", "9x"),
        ("deploy", ".", "--timeout", "9x"),
        ("config", "patch", "missing.yml"),
        ("link", I, "--expires", "x"),
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


def test_arguments_are_read_before_a_command_connects() -> None:
    """No function of inputs.py is called in a block with the client."""
    readers = {name for name in vars(inputs) if name.startswith(("parse_", "read_", "split_"))}
    blocks = [
        (path.name, block)
        for path in Path(inputs.__file__).parent.glob("*.py")
        for block in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(block, ast.AsyncWith)
        and any("common.connect()" in ast.unparse(item) for item in block.items)
    ]

    assert {"project.py", "user.py", "run.py"} <= {name for name, _ in blocks}
    assert {
        name
        for name, block in blocks
        for node in ast.walk(block)
        if isinstance(node, ast.Name) and node.id in readers
    } == set()


@POSIX_ONLY
def test_interruption_while_a_program_fetches_the_key(tmp_path: Path) -> None:
    """Ctrl+C ends the wait at once, also if only dactl gets the signal."""
    add_profile(tmp_path, sys.executable, "-c", _WRITE_AND_WAIT)

    with start(("doctor",), make_environment(None, tmp_path)) as process:
        process.stderr.readline()
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = communicate(process)

    assert (process.returncode, errors) == (130, "")
    assert time.monotonic() - started < MAX_SECONDS


@POSIX_ONLY
def test_interruption_while_answers_are_read(fake: FakeServer, tmp_path: Path) -> None:
    """Ctrl+C ends the wait for the rest of standard input."""
    import fcntl
    import termios

    reader, writer = os.pipe()
    with start(("run", I, "-a", "-"), make_environment(fake, tmp_path), stdin=reader) as process:
        os.write(writer, b"{")
        while fcntl.ioctl(reader, termios.FIONREAD, bytes(4)) != bytes(4):
            time.sleep(0.01)  # until it has read the byte
        process.send_signal(signal.SIGINT)
        _, errors = communicate(process)
    os.close(reader)
    os.close(writer)

    assert (process.returncode, errors) == (130, "")


@POSIX_ONLY
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
        _, errors = communicate(process)
    os.close(leader)
    os.close(follower)

    assert (process.returncode, prompt) == (130, "API key")
    assert "Traceback" not in errors


@POSIX_ONLY
def test_ctrl_d_at_the_prompt_is_wrong_usage(fake: FakeServer, tmp_path: Path) -> None:
    """It means that there is no key."""
    recording = record_terminal(
        ("doctor", "--url", fake.url),
        make_environment(None, tmp_path),
        answers={"API key": "\x04"},
    )

    assert recording.code == 2
    assert recording.screens[-1].split("\n")[1] == "dactl: no API key was entered."


@pytest.mark.parametrize("entered", ["", EOFError()], ids=["empty line", "Ctrl+D"])
def test_an_entered_key_is_not_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], entered: str | EOFError
) -> None:
    """The hint says what else you can do."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", Mock(side_effect=[entered]))

    code = run(["doctor", "--url", "https://da.example.com"])

    assert code == 2
    assert capsys.readouterr().err.strip().splitlines() == [
        "dactl: no API key was entered.",
        "hint: Paste it, or pass it to --api-key-stdin through a pipe",
    ]


@POSIX_ONLY
def test_an_ignored_interruption_stays_ignored() -> None:
    """As in a program that a shell started in the background."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with end_on_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
        inside = signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, handler)

    assert inside == signal.SIG_IGN


def test_a_closed_stream_is_replaced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python sets it to None."""
    monkeypatch.setattr("sys.argv", ["dactl", "--version"])
    monkeypatch.setattr("sys.stdin", None)

    code = main()
    with sys.stdin as replacement:
        content = replacement.read()

    assert (code, content) == (0, "")
    assert capsys.readouterr().out


def test_interruption_while_modules_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the exit code of any other interruption."""
    monkeypatch.setattr("docassemble_client.cli.app.run", Mock(side_effect=KeyboardInterrupt))

    assert main() == 130


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


@POSIX_ONLY
@pytest.mark.parametrize(
    ("redirection", "arguments", "code"),
    [
        ("<&-", ("doctor", "--url", "https://a"), 2),
        ("<&-", ("doctor", "--url", "https://a", "--api-key-stdin"), 2),
        ("2>&-", ("doctor",), 2),
        (">&-", ("profile", "show"), 0),
    ],
    ids=str,
)
def test_a_stream_can_be_closed(
    tmp_path: Path, redirection: str, arguments: tuple[str, ...], code: int
) -> None:
    """As in cron jobs: the exit code is the same, and there is no traceback."""
    if "profile" in arguments:
        add_profile(tmp_path, "true")

    result = run_with_closed_stream(redirection, *arguments, home=tmp_path)

    assert result.returncode == code
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [("profile", "list"), ("profile", "import")], ids=" ".join)
def test_a_missing_home_folder_is_wrong_usage(
    dactl: Dactl, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """As in some containers; the profiles are below it."""

    def fail() -> Path:
        message = "Could not determine home directory."
        raise RuntimeError(message)

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)

    result = dactl(*arguments)

    assert result.code == 2
    assert "Traceback" not in result.err
