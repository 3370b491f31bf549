"""Exit codes say whether a script may repeat a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import docassemble_client
from docassemble_client import APIError, DocassembleError
from docassemble_client.cli.exit_codes import ExitCode, get_exit_code
from docassemble_client.errors import get_error_class
from tests.cli.process import make_environment, start
from tests.workflows.package_files import write_files

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

# Errors with another code than 1, "the work failed".
CODES = {
    2: ("UsageError", "InvalidAnswer", "JournalError"),
    3: ("AccessDenied",),
    4: ("NotSent", "RateLimited", "PaginationError", "TaskTimeout", "TaskLost"),
    5: ("NotFound", "ProjectNotFound", "PackageNotFound"),
    # Those of a call that changes something.
    6: ("MaybeSent", "RequestTimeout", "ServerError", "DecodeError", "CleanupFailed"),
}
ERRORS = [
    error
    for name in docassemble_client.__all__
    if isinstance(error := getattr(docassemble_client, name), type)
    and issubclass(error, DocassembleError)
]


@pytest.mark.parametrize("error_class", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_a_code(error_class: type[DocassembleError]) -> None:
    """1 unless it is listed; a base class and a redirect have the code of their default."""
    expected = next((code for code, names in CODES.items() if error_class.__name__ in names), 1)

    error = error_class("it failed", operation="users.create", method="POST", path="/api/users")
    if issubclass(error_class, APIError):
        status = next((s for s in (*range(400, 501),) if get_error_class(s) is error_class), 418)
        error = error_class("it failed", status=status, operation="users.create", method="POST")

    if error_class.__name__ in {"TransportError", "RedirectRefused"}:
        expected = 6 if error.maybe_processed else 4
    assert get_exit_code(error) == expected


@pytest.mark.parametrize(
    ("context", "code"),
    [
        ({"operation": "users.create", "method": "POST"}, 6),
        ({"operation": "users.list", "method": "GET"}, 4),
        # A GET that starts a session, and a PATCH that can be repeated.
        ({"operation": "sessions.start", "method": "GET"}, 6),
        ({"operation": "users.update", "method": "PATCH"}, 4),
        ({"method": "GET"}, 4),
        ({"method": "POST"}, 6),
    ],
)
def test_unknown_is_only_what_must_not_be_repeated(context: dict[str, str], code: int) -> None:
    """The table of operations says whether a call may be repeated."""
    error = docassemble_client.MaybeSent("lost", **context)

    assert get_exit_code(error) == code


def test_lost_response_is_unknown(dactl: Dactl, fake: FakeServer) -> None:
    """The error has two lines, the second of which is the hint."""
    fake.drop_connection("users.create", processed=True)

    result = dactl("call", "users.create", "username=ana@example.com")

    assert (result.code, result.out) == (ExitCode.UNKNOWN, "")
    assert result.err.startswith("dactl: users.create")
    assert "Traceback" not in result.err


def test_refused_call_names_the_privilege(
    dactl: Dactl, fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 403 is exit code 3."""
    user = fake.add_user("ana@example.com", "user")
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", user.api_key)

    result = dactl("user", "list")

    assert result.code == ExitCode.NOT_ALLOWED
    assert "privilege" in result.err


def test_interruption_has_its_code(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no output."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("docassemble_client.cli.output.write_line", interrupt)

    assert dactl("user", "list") == (ExitCode.INTERRUPTED, "", "")


def test_closed_pipe_is_no_error(dactl: Dactl, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `dactl user list | head -1`."""
    descriptors: list[int] = []

    def write(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("os.dup2", lambda _, descriptor: descriptors.append(descriptor))
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    monkeypatch.setattr(sys.stdout, "write", write)

    assert dactl("user", "list") == (ExitCode.DONE, "", "")
    assert set(descriptors) == {1}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FileNotFoundError(2, "No such file or directory", "rows.csv"), ExitCode.WRONG_USAGE),
        (PermissionError(13, "Permission denied", "rows.csv"), ExitCode.WRONG_USAGE),
        (OSError(28, "No space left on device", "out"), ExitCode.WORK_FAILED),
        (OSError("the terminal is gone"), ExitCode.WORK_FAILED),
    ],
    ids=str,
)
def test_wrong_path_is_wrong_usage_but_a_full_disk_is_not(error: OSError, code: ExitCode) -> None:
    """A script that repeats the command after 1 may succeed; after 2 it cannot."""
    assert get_exit_code(error) == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device of Linux")
@pytest.mark.parametrize("arguments", [("profile", "list"), ("completion", "show", "fish")])
def test_output_to_a_full_disk_fails(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """The error has one line, and Python adds none at its end."""
    environment = make_environment(None, tmp_path)
    profile = 'default = "a"\n[profiles.a]\nurl = "https://a"\napi_key = "k"\n'
    write_files(tmp_path, {".config/docassemble-client/config.toml": profile})
    (tmp_path / ".config/docassemble-client/config.toml").chmod(0o600)

    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        start(arguments, environment, stdout=full) as process,
    ):
        _, errors = process.communicate()

    assert process.returncode == ExitCode.WORK_FAILED
    assert errors == "dactl: [Errno 28] No space left on device\n"
