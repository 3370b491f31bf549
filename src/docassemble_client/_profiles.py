"""Profiles of servers in the user's config.toml: their addresses, and where their keys are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from docassemble_client._atomic_file import AtomicFileWriter
from docassemble_client._checks import PATH, TEXT, TEXTS, Kind, check_arguments
from docassemble_client._environment import PROFILE_VARIABLE
from docassemble_client._types import is_json_array, is_mapping
from docassemble_client.config import Secret, check_api_key, check_url
from docassemble_client.errors import UsageError

if TYPE_CHECKING:
    from typing import NoReturn

_FOLDER = "docassemble-client"
_FILENAME = "config.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_NAME_HINT = "Use ASCII letters, digits, _ . and -"
_KEY_SOURCES = ("api_key", "api_key_env", "api_key_command")
_FIELDS = ("url", "public_url", *_KEY_SOURCES)
_COMMAND_TIMEOUT_SECONDS = 60.0
_PRIVATE_FOLDER, _FORBIDDEN_MODE = 0o700, 0o077
_COMMAND = Kind("a list of strings, not empty", lambda value: bool(value) and TEXTS.is_valid(value))


@frozen(kw_only=True)
class ServerProfile:
    """
    A server, and where its API key is; exactly one of the three sources of the key is set.

    Attributes:
        url: URL of the server.
        public_url: URL under which users reach the server, if it differs.
        api_key: The API key.
        api_key_env: Name of the environment variable with the API key.
        api_key_command: Program and arguments; the program prints the API key.
    """

    url: str
    public_url: str | None = None
    api_key: Secret | None = None
    api_key_env: str | None = None
    api_key_command: tuple[str, ...] | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        check_url(self.url, "url")
        if self.public_url is not None:
            check_url(self.public_url, "public_url")
        if self.api_key is not None:
            check_api_key(self.api_key)
        check_arguments(TEXT, optional=True, api_key_env=self.api_key_env)
        check_arguments(_COMMAND, optional=True, api_key_command=self.api_key_command)
        sources = [name for name in _KEY_SOURCES if getattr(self, name) is not None]
        if len(sources) != 1:
            message = f"a profile needs exactly one of {', '.join(_KEY_SOURCES)}"
            raise UsageError(message)

    def fetch_api_key(self) -> Secret:
        """
        Get the API key from its source; may run the command.

        Returns:
            The key.

        Raises:
            UsageError: The variable is not set, the command failed, or the key is not valid.
        """
        if self.api_key is not None:
            return self.api_key
        if self.api_key_env is not None:
            api_key = os.environ.get(self.api_key_env)
            if not api_key:
                message = f"the environment variable {self.api_key_env} is not set"
                raise UsageError(message, hint="Set it to the API key: api_key_env names it")
            return check_api_key(api_key)
        return check_api_key(_run_command(self.api_key_command or ()))


@frozen(kw_only=True)
class Profiles:
    """
    The content of the file.

    Attributes:
        default: Name of the profile to use without a name; None for no default.
        by_name: The profiles.
    """

    default: str | None = None
    by_name: Mapping[str, ServerProfile] = field(factory=dict[str, ServerProfile])

    def __attrs_post_init__(self) -> None:
        for name in self.by_name:
            check_profile_name(name)
        if self.default is not None and self.default not in self.by_name:
            message = "the default profile does not exist"
            raise UsageError(message, hint="Set `default` to the name of a profile")

    def get(self, name: str | None = None) -> ServerProfile:
        """
        Return a profile.

        Args:
            name: Its name; by default the one that DOCASSEMBLE_PROFILE names, or `default`.

        Returns:
            The profile.

        Raises:
            UsageError: There is no such profile.
        """
        check_arguments(TEXT, optional=True, name=name)
        name = name or os.environ.get(PROFILE_VARIABLE) or self.default
        hint = f"The profiles are: {', '.join(self.by_name) or 'none'}"
        if name is None:
            message = "no profile is named, and there is no default"
            raise UsageError(message, hint=hint)
        if name not in self.by_name:
            shown = f" {name}" if _NAME.fullmatch(name) else ""
            message = f"there is no profile{shown}"
            raise UsageError(message, hint=hint)
        return self.by_name[name]


def check_profile_name(name: str) -> str:
    """Return the name of a profile; raise UsageError if it is not valid."""
    check_arguments(TEXT, name=name)
    if not _NAME.fullmatch(name):
        message = "the name of a profile is not valid"
        raise UsageError(message, hint=_NAME_HINT)
    return name


def get_config_path() -> Path:
    """Return the path of the file in the platform's folder for configuration."""
    try:
        if sys.platform == "win32":  # pragma: no cover
            folder = os.environ.get("APPDATA") or Path.home() / "AppData/Roaming"
        elif sys.platform == "darwin":  # pragma: no cover
            folder = Path.home() / "Library/Application Support"
        else:
            folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    except RuntimeError:
        message = "the folder of config.toml is unknown: you have no home folder"
        raise UsageError(message, hint="Set the environment variable HOME to a folder") from None
    return Path(folder) / _FOLDER / _FILENAME


def read_profiles(path: str | os.PathLike[str] | None = None) -> Profiles:
    """
    Read the file.

    Args:
        path: Path of the file; by default that of `get_config_path`.

    Returns:
        The profiles; empty without a file.

    Raises:
        UsageError: Other users can read or change the file, it is not valid, or you have no home
            folder.
        OSError: The file cannot be read.
    """
    check_arguments(PATH, optional=True, path=path)
    path = get_config_path() if path is None else Path(path)
    try:
        with path.open("rb") as file:
            _check_mode(os.fstat(file.fileno()).st_mode, path)
            content = file.read()
    except FileNotFoundError:
        return Profiles()
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        _refuse(path, "is not valid TOML")
    default: Any = table.pop("default", None)
    profiles: object = table.pop("profiles", {})
    if table or not is_mapping(profiles):
        _refuse(path, "may only contain `default`, and a table [profiles.NAME] for each profile")
    try:
        check_arguments(TEXT, optional=True, default=default)
        return Profiles(
            default=default,
            by_name={name: _parse_profile(name, fields) for name, fields in profiles.items()},
        )
    except UsageError as error:
        _refuse(path, f"is not valid: {error.message}", error.hint)


def write_profiles(profiles: Profiles, path: str | os.PathLike[str] | None = None) -> Path:
    """
    Replace the file by one that only its owner can read.

    Args:
        profiles: The profiles.
        path: Path of the file; by default that of `get_config_path`. Its folder is created.

    Returns:
        The path of the file.

    Raises:
        UsageError: You have no home folder.
        OSError: The file cannot be written.
    """
    check_arguments(PATH, optional=True, path=path)
    path = get_config_path() if path is None else Path(path)
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    with AtomicFileWriter(path, None, is_private=True) as writer:
        writer.write(_format(profiles).encode())
        return writer.commit()


def _parse_profile(name: str, table: object) -> ServerProfile:
    check_profile_name(name)
    if not is_mapping(table) or not set(table) <= set(_FIELDS):
        message = f"the profile {name} may only contain {', '.join(_FIELDS)}"
        raise UsageError(message)
    fields: dict[str, Any] = {"url": None, **table}
    try:
        if "api_key" in fields:
            fields["api_key"] = check_api_key(fields["api_key"])
        if is_json_array(fields.get("api_key_command")):
            fields["api_key_command"] = tuple(fields["api_key_command"])
        return ServerProfile(**fields)
    except UsageError as error:
        message = f"in the profile {name}, {error.message}"
        raise UsageError(message, hint=error.hint) from None


def _format(profiles: Profiles) -> str:
    lines = [f"default = {_quote(profiles.default)}"] if profiles.default else []
    for name, profile in profiles.by_name.items():
        lines += ["", f"[profiles.{_quote(name)}]"]
        for key in _FIELDS:
            value: Any = getattr(profile, key)
            if isinstance(value, Secret):
                value = value.reveal()
            if is_json_array(value):
                lines.append(f"{key} = [{', '.join(map(_quote, value))}]")
            elif value is not None:
                lines.append(f"{key} = {_quote(value)}")
    return "\n".join(lines).lstrip() + "\n"


def _quote(text: str) -> str:
    # TOML's basic strings are those of JSON, but for one character that JSON does not escape.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _check_mode(mode: int, path: Path) -> None:
    if sys.platform != "win32" and mode & _FORBIDDEN_MODE:
        message = f"other users can read or change {shorten_path(path)}, which may contain API keys"
        raise UsageError(message, hint=f"Run: chmod 600 {shorten_path(path)}")


def shorten_path(path: Path) -> str:
    """Return a path as text, with ~ for the home folder."""
    try:
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    except (RuntimeError, ValueError):  # no home folder, or not in it
        return str(path)


def _refuse(path: Path, problem: str, hint: str = "") -> NoReturn:
    message = f"{shorten_path(path)} {problem}"
    raise UsageError(message, hint=hint or "Correct the file") from None


def _run_command(command: tuple[str, ...]) -> str:
    """Run the command of a profile, and return what it prints."""
    hint = "Run the command of api_key_command yourself: it must print the API key, and no more"
    try:
        result = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            command,
            # Standard input may be the input of the program that uses the profile.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
            timeout=_COMMAND_TIMEOUT_SECONDS,
        )
        output = result.stdout.decode()
    except subprocess.TimeoutExpired:
        problem = f"did not end within {_COMMAND_TIMEOUT_SECONDS:g} s"
    except (OSError, ValueError):
        problem = "cannot be run, or does not print text"
    else:
        if result.returncode == 0:
            return output.rstrip("\r\n")
        problem = f"failed with exit status {result.returncode}"
    message = f"the command of api_key_command {problem}"
    raise UsageError(message, hint=hint) from None
