"""Finds the server of a command: a profile, a URL, or environment variables, never mixed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from attrs import frozen

from docassemble_client._environment import (
    KEY_VARIABLE,
    PROFILE_VARIABLE,
    PUBLIC_URL_VARIABLE,
    URL_VARIABLE,
)
from docassemble_client.cli.inputs import read_secret
from docassemble_client.cli.output import write_note
from docassemble_client.config import Secret, check_url
from docassemble_client.errors import UsageError

_VARIABLES = (
    (URL_VARIABLE, KEY_VARIABLE),
    # Those of other tools.
    ("DOCASSEMBLE_BASE_URL", KEY_VARIABLE),  # litigant-portal, mcp-docassemble
    ("DOCASSEMBLEAPIURL", "DOCASSEMBLEAPIKEY"),  # docassemblecli, docassemblecli3
    ("SERVER_URL", "DOCASSEMBLE_DEVELOPER_API_KEY"),  # ALActions, ALKiln
)


@frozen(kw_only=True)
class ServerChoice:
    """
    The server of a command, and how to get a key to it.

    Attributes:
        url: URL.
        fetch_api_key: Function that returns the API key; it may ask for it, or run a program.
        public_url: URL under which users reach the server, if it is another one.
        note: Message that names the variables, if they are those of another tool.
    """

    url: str
    fetch_api_key: Callable[[], Secret]
    public_url: str | None = None
    note: str = ""


def choose_server(profile: str | None, url: str | None, *, api_key_stdin: bool) -> ServerChoice:
    """
    Choose the server: an option, else the environment, else the default profile.

    Args:
        profile: Name of a profile.
        url: URL; its key is read from standard input or asked for.
        api_key_stdin: Whether to read the key from standard input.

    Returns:
        The server.

    Raises:
        UsageError: No server is known, or its settings are invalid.
    """
    if profile is not None and url is not None:
        message = "--profile and --url exclude each other"
        raise UsageError(message, hint="Pass only one of them")
    if url is not None:
        check_url(url, "--url")
        if not api_key_stdin:
            return ServerChoice(url=url, fetch_api_key=ask_api_key)
        # Read the key now: the command may read the other lines.
        api_key = read_secret("-")
        return ServerChoice(url=url, fetch_api_key=lambda: api_key)
    if api_key_stdin:
        message = "--api-key-stdin needs --url"
        raise UsageError(message, hint="A profile has its own key")
    name = os.environ.get(PROFILE_VARIABLE) if profile is None else profile
    choice = None if name else _find_in_environment()
    return choice or _find_profile(name)


def _find_profile(name: str | None) -> ServerChoice:
    from docassemble_client._profiles import read_profiles

    profiles = read_profiles()
    if name is None and profiles.default is None:
        message = "no server is known"
        hint = f"Add one with `dactl profile add`, or set {URL_VARIABLE} and {KEY_VARIABLE}"
        raise UsageError(message, hint=hint)
    profile = profiles.get(name)
    return ServerChoice(
        url=profile.url, fetch_api_key=profile.fetch_api_key, public_url=profile.public_url
    )


def _find_in_environment() -> ServerChoice | None:
    """Return the server of the environment variables, also of those of other tools."""
    pair = next((pair for pair in _VARIABLES if all(map(os.environ.get, pair))), None)
    if pair is None:
        return None
    url_variable, key_variable = pair
    is_own = url_variable == URL_VARIABLE
    note = f"using {url_variable} and {key_variable}; this client's own is {URL_VARIABLE}"
    return ServerChoice(
        url=os.environ[url_variable],
        fetch_api_key=lambda: Secret(os.environ[key_variable]),
        public_url=os.environ.get(PUBLIC_URL_VARIABLE) or None,
        note="" if is_own else note,
    )


def ask_api_key() -> Secret:
    """
    Ask for an API key on the terminal, without showing it.

    Returns:
        The key.

    Raises:
        UsageError: There is no terminal, or nothing was entered.
    """
    import getpass

    if not sys.stdin.isatty():
        message = "there is no terminal to ask for the API key"
        raise UsageError(message, hint="Pass it to --api-key-stdin through a pipe")
    try:
        api_key = getpass.getpass("API key (not shown): ").strip()
    except EOFError:
        write_note("")  # ends the line of the prompt
        api_key = ""
    if not api_key:
        message = "no API key was entered"
        raise UsageError(message, hint="Paste it, or pass it to --api-key-stdin through a pipe")
    return Secret(api_key)
