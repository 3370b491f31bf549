"""Profiles of servers: the user's config.toml."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from docassemble_client import AsyncDocassemble, Secret, UsageError
from docassemble_client import _profiles as profiles_module
from docassemble_client._profiles import (
    Profiles,
    ServerProfile,
    get_config_path,
    read_profiles,
    write_profiles,
)
from tests.mock import MockServer

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "canarykey7hG2"
URL = "https://da.example.com"
PYTHON = sys.executable


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that writes the user's file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("DOCASSEMBLE_PROFILE", raising=False)

    def write_file(text: str | bytes, mode: int = 0o600) -> Path:
        path = get_config_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    return write_file


def make_text(**fields: Any) -> str:
    """Write a file with the default profile `prod`."""
    lines = [f"{name} = {value}" for name, value in {"url": f'"{URL}"', **fields}.items()]
    return "\n".join(['default = "prod"', "[profiles.prod]", *lines])


def read_error() -> UsageError:
    """Return the error of creating a client, which shows no key."""
    with pytest.raises(UsageError) as caught:
        AsyncDocassemble.from_profile()
    assert KEY not in f"{caught.value!s}{caught.value!r}"
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


async def test_client_uses_the_url_and_the_key_of_the_profile(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither comes from the environment; options are passed on, also for subclasses."""

    class Subclass(AsyncDocassemble):
        pass

    monkeypatch.setenv("DOCASSEMBLE_URL", "https://other.example.com")
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", "otherkey")
    monkeypatch.setenv("DOCASSEMBLE_PUBLIC_URL", "https://other.example.com")
    write(make_text(api_key=f'"{KEY}"'))
    server = MockServer(lambda _: (200, "9"))

    async with Subclass.from_profile("prod", transport=server.transport, timeout=5) as da:
        await da.request("GET", "/api/user")

    [request] = server.requests
    assert (repr(da), da.public_url) == (f"Subclass({URL!r})", None)
    assert request.headers["x-api-key"] == KEY
    assert request.extensions["timeout"]["read"] == 5


@pytest.mark.parametrize(
    ("options", "expected"), [({}, "https://forms.example.org"), ({"public_url": None}, None)]
)
def test_profile_sets_the_public_url(
    write: Callable[..., Path], options: Any, expected: str | None
) -> None:
    """Unless you pass it."""
    write(make_text(api_key=f'"{KEY}"', public_url='"https://forms.example.org/"'))

    assert AsyncDocassemble.from_profile(**options).public_url == expected


def test_name_comes_from_the_argument_the_variable_or_the_file(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order."""
    names = ("first", "second", "third")
    write(
        'default = "third"\n'
        + "".join(
            f'[profiles.{name}]\nurl = "https://{name}.example.com"\napi_key = "k"\n'
            for name in names
        )
    )

    third = AsyncDocassemble.from_profile()
    monkeypatch.setenv("DOCASSEMBLE_PROFILE", "second")
    second = AsyncDocassemble.from_profile()
    first = AsyncDocassemble.from_profile("first")

    for client, name in zip((first, second, third), names, strict=True):
        assert f"https://{name}.example.com" in repr(client)


@pytest.mark.parametrize("name", ["nosuch", "x" * 300 + "\n", 7])
def test_unknown_profile_is_refused(write: Callable[..., Path], name: Any) -> None:
    """The hint lists the profiles; text that cannot be a name is not shown."""
    write(make_text(api_key=f'"{KEY}"'))

    with pytest.raises(UsageError) as caught:
        AsyncDocassemble.from_profile(name)

    assert "xxx" not in str(caught.value)
    assert name == 7 or caught.value.hint == "The profiles are: prod"


def test_missing_file_has_no_profiles(write: Callable[..., Path]) -> None:
    """The error says so."""
    assert read_profiles() == Profiles()
    error = read_error()
    assert error.message == "no profile is named, and there is no default"
    assert error.hint == "The profiles are: none"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o777])
def test_file_that_others_can_read_or_change_is_refused(
    write: Callable[..., Path], mode: int
) -> None:
    """Others could read the keys, or choose the command that is run."""
    path = write(make_text(api_key=f'"{KEY}"'), mode)

    error = read_error()

    assert "other users can read or change" in error.message
    assert error.hint == f"Run: chmod 600 {path}"


def test_path_is_shown_without_the_name_of_the_user(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own folder is `~`."""
    write("x", 0o644)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert read_error().hint == "Run: chmod 600 ~/docassemble-client/config.toml"


def test_folder_is_that_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without XDG_CONFIG_HOME it is ~/.config."""
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    assert get_config_path() == Path.home() / ".config/docassemble-client/config.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"api_key = {KEY}", "is not valid TOML"),
        (f'api_key = "{KEY}'.encode() + b"\xff", "is not valid TOML"),
        ("a=" + "[" * 100_000, "is not valid TOML"),
        (f'api_key = "{KEY}"', "may only contain `default`, and a table"),
        ("profiles = 3", "may only contain `default`, and a table"),
        ("default = 3", "default must be a string, or None"),
        ('default = "x"', "the default profile does not exist"),
        ('[profiles."a b"]', "the name of a profile is not valid"),
        ("[profiles]\nprod = 3", "the profile prod may only contain url, public_url, api_key"),
        (make_text(key=f'"{KEY}"'), "the profile prod may only contain"),
        (make_text(), "in the profile prod, a profile needs exactly one of api_key"),
        (make_text(api_key='"a"', api_key_env='"A"'), "in the profile prod, a profile needs"),
        (make_text(url='"da.example.com"', api_key='"a"'), "in the profile prod, url needs"),
        (make_text(url="3", api_key='"a"'), "in the profile prod, url must be a string"),
        (make_text(public_url='"x"', api_key='"a"'), "in the profile prod, public_url needs"),
        (make_text(api_key=f'"{KEY} "'), "in the profile prod, api_key contains whitespace"),
        (make_text(api_key="3"), "in the profile prod, api_key must be a string"),
        (make_text(api_key_env="3"), "in the profile prod, api_key_env must be a string"),
        (make_text(api_key_command="[]"), "in the profile prod, api_key_command must be a list"),
        (make_text(api_key_command='"op"'), "in the profile prod, api_key_command must be a list"),
        (make_text(api_key_command="[3]"), "in the profile prod, api_key_command must be a list"),
        ('[profiles.prod]\napi_key = "a"', "in the profile prod, url must be a string"),
    ],
)  # fmt: skip
def test_invalid_file_is_refused(
    write: Callable[..., Path], text: str | bytes, message: str
) -> None:
    """The error names the file and the profile, and shows no value."""
    write(text)

    error = read_error()

    assert message in error.message
    assert "docassemble-client/config.toml" in error.message
    assert error.hint


@pytest.mark.parametrize("value", [None, ""])
def test_variable_of_the_key_must_be_set(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """The error names the variable."""
    write(make_text(api_key_env='"PROD_KEY"'))
    monkeypatch.setenv("PROD_KEY", KEY)
    AsyncDocassemble.from_profile()
    if value is None:
        monkeypatch.delenv("PROD_KEY")
    else:
        monkeypatch.setenv("PROD_KEY", value)

    assert read_error().message == "the environment variable PROD_KEY is not set"


def fetch(*code: str, interpreter: str = PYTHON) -> str:
    """Return the key that a command prints."""
    profile = ServerProfile(url=URL, api_key_command=(interpreter, "-c", *code))
    return profile.fetch_api_key().reveal()


@pytest.mark.parametrize("end", ["", "\\n", "\\r\\n"])
def test_command_prints_the_key(end: str) -> None:
    """Without a shell; the end of its line is cut."""
    assert fetch(f"print('{KEY}', end='{end}')", "$(touch x); `id`") == KEY


def test_command_gets_no_standard_input() -> None:
    """It may be the input of the program that uses the profile, such as rows of a batch."""
    assert fetch(f"import sys; print('{KEY}' + sys.stdin.read())") == KEY


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (f"print('{KEY}'); raise SystemExit(3)", "failed with exit status 3"),
        (f"print('{KEY}'); print('{KEY}')", "api_key contains whitespace"),
        ("pass", "api_key is empty"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "cannot be run, or does not print text"),
    ],
)
def test_command_that_prints_no_key_is_refused(
    code: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What it printed is not shown."""
    with pytest.raises(UsageError, match=message) as caught:
        fetch(code)

    assert KEY not in str(caught.value)
    assert KEY not in "".join(capfd.readouterr())


def test_command_that_cannot_be_run_is_refused() -> None:
    """The error says what to do."""
    with pytest.raises(UsageError, match=r"cannot be run.*Run the command of api_key_command"):
        fetch("", interpreter="no-such-program")


def test_command_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a minute, for a password or a fingerprint."""
    monkeypatch.setattr(profiles_module, "_COMMAND_TIMEOUT_SECONDS", 0.1)

    with pytest.raises(UsageError, match=r"did not end within 0\.1 s"):
        fetch("import time; time.sleep(60)")


def test_written_file_is_private_and_can_be_read(tmp_path: Path) -> None:
    """Its folder is created; every text survives; an existing file is replaced."""
    path = tmp_path / "a/b/config.toml"
    profiles = Profiles(
        default="prod-1",
        by_name={
            "prod-1": ServerProfile(url=URL, api_key=Secret(KEY), public_url=f"{URL}/x"),
            "a.b": ServerProfile(url=URL, api_key_env='"ö\\\n'),
            "c": ServerProfile(url=URL, api_key_command=("op", "a b\t\x7f\x00😀", "")),
        },
    )

    write_profiles(Profiles(), path)
    path.chmod(0o644)
    written = write_profiles(profiles, path)

    assert (written, read_profiles(path)) == (path, profiles)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert KEY not in repr(profiles)


def test_no_profiles_can_be_written(tmp_path: Path) -> None:
    """For example after the last one was removed."""
    path = write_profiles(Profiles(), tmp_path / "config.toml")

    assert read_profiles(path) == Profiles()


@pytest.mark.parametrize("name", ["", "a b", "-x", "ö", "a\n"])
def test_name_of_a_profile_is_checked(name: str) -> None:
    """It can be typed on a command line."""
    with pytest.raises(UsageError, match="the name of a profile is not valid"):
        Profiles(by_name={name: ServerProfile(url=URL, api_key=Secret(KEY))})


def test_file_that_cannot_be_read_is_the_system_s_error(tmp_path: Path) -> None:
    """For example because it is a folder."""
    (tmp_path / "config.toml").mkdir(mode=0o700)

    with pytest.raises(OSError, match="config"):
        read_profiles(tmp_path / "config.toml")
