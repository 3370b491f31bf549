"""The command profile."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any

from attrs import evolve
from cyclopts import App, Parameter

import docassemble_client.cli.output as output
from docassemble_client._profiles import (
    Profiles,
    ServerProfile,
    check_profile_name,
    read_profiles,
    shorten_path,
    write_profiles,
)
from docassemble_client._types import is_mapping
from docassemble_client.cli.common_options import OUTPUT, OutputOptions
from docassemble_client.cli.confirmation import confirm
from docassemble_client.cli.exit_codes import ExitCode
from docassemble_client.cli.inputs import read_secret, read_yaml
from docassemble_client.cli.interruption import end_on_interrupt
from docassemble_client.config import Secret, check_url
from docassemble_client.errors import UsageError

app = App(name="profile")

_FOREIGN_FILE = "~/.docassemblecli"


@app.command
async def add(
    name: str,
    url: str,
    /,
    *,
    public_url: str | None = None,
    api_key_stdin: bool = False,
    api_key_env: str | None = None,
    api_key_command: Annotated[
        tuple[str, ...],
        Parameter(
            help="Program that prints the key, and its arguments; it must be last.",
            consume_multiple=True,
            allow_leading_hyphen=True,
        ),
    ] = (),
    common: OutputOptions = OUTPUT,
) -> ExitCode:
    """
    Save a server and its API key under a name, after testing them.

    dactl asks for the key without showing it, and saves it in a file that only you can read.
    Instead, the profile can name an environment variable or a program that has the key. The first
    profile is the default.

    $ dactl profile add prod https://da.example.com
    $ dactl profile add ci https://da.example.com --api-key-env DA_KEY
    $ dactl profile add dev https://dev.example.com --api-key-command op read op://dev/key

    Args:
        name: Name of the profile; a profile with this name is replaced.
        url: URL of the server.
        public_url: URL under which users reach the server, if it is another one.
        api_key_stdin: Read the key from the first line of standard input instead of asking for it.
        api_key_env: Environment variable that has the key.
    """
    from docassemble_client.cli.server import choose_exit_code
    from docassemble_client.cli.server_choice import ask_api_key
    from docassemble_client.client import AsyncDocassemble

    check_profile_name(name)
    check_url(url, "the URL")
    stored_key: Secret | None = None
    with end_on_interrupt():
        if api_key_env is None and not api_key_command:
            stored_key = read_secret("-") if api_key_stdin else ask_api_key()
        profile = ServerProfile(
            url=url,
            public_url=public_url,
            api_key=stored_key,
            api_key_env=api_key_env,
            api_key_command=api_key_command or None,
        )
        api_key = profile.fetch_api_key()
    async with AsyncDocassemble(profile.url, api_key) as da:
        report = await da.doctor()
    if not report.ok:
        common.show(report, str(report))
        common.note("the profile was not saved")
        return choose_exit_code(report)
    profiles = read_profiles()
    path = write_profiles(
        Profiles(default=profiles.default or name, by_name={**profiles.by_name, name: profile})
    )
    privileges = f" ({', '.join(report.privileges)})" if report.privileges else ""
    owner = f"Key of {report.owner}{privileges}. " if report.owner else ""
    text = f"{owner}Saved as profile {name} in {shorten_path(path)}."
    common.show(_describe(name, profile, profiles.default or name), text)
    return ExitCode.DONE


@app.command(name="list")
def list_profiles(*, common: OutputOptions = OUTPUT) -> None:
    """
    List the profiles; the default has a star.

    $ dactl profile list
    """
    profiles = read_profiles()
    descriptions = [
        _describe(name, profile, profiles.default) for name, profile in profiles.by_name.items()
    ]
    if common.json:
        common.show_items(descriptions)
        return
    rows = [
        [f"{'*' if item['default'] else ' '} {item['name']}", item["url"]] for item in descriptions
    ]
    for line in output.align(rows):
        output.write_line(line)


@app.command
def show(name: str | None = None, /, *, common: OutputOptions = OUTPUT) -> None:
    """
    Show a profile; its key only with --reveal.

    $ dactl profile show prod

    Args:
        name: Name of the profile; by default the one that commands use.
    """
    profiles = read_profiles()
    profile = profiles.get(name)
    names = [key for key, value in profiles.by_name.items() if value is profile]
    common.show(_describe(names[0], profile, profiles.default))


@app.command
def use(name: str, /, *, common: OutputOptions = OUTPUT) -> None:
    """
    Make a profile the default.

    $ dactl profile use prod

    Args:
        name: Name of the profile.
    """
    profiles = read_profiles()
    profiles.get(name)
    write_profiles(evolve(profiles, default=name))
    common.show({"kind": "Profile", "name": name}, f"{name} is the default")


@app.command
def remove(name: str, /, *, yes: bool = False, common: OutputOptions = OUTPUT) -> ExitCode:
    """
    Remove a profile and its API key from your computer.

    $ dactl profile remove old --yes

    Args:
        name: Name of the profile.
        yes: Remove it.
    """
    profiles = read_profiles()
    profiles.get(name)
    if not confirm(f"remove the profile {name} with its key", yes=yes):
        return ExitCode.WRONG_USAGE
    remaining = {key: profile for key, profile in profiles.by_name.items() if key != name}
    default = None if profiles.default == name else profiles.default
    write_profiles(Profiles(default=default, by_name=remaining))
    common.show(None, "removed")
    return ExitCode.DONE


@app.command(name="import")
def import_profiles(path: str = _FOREIGN_FILE, /, *, common: OutputOptions = OUTPUT) -> None:
    """
    Add the servers of docassemblecli as profiles; those that you have are kept.

    $ dactl profile import

    Args:
        path: Its file.
    """
    # Path.expanduser would raise RuntimeError for a user without a home folder.
    servers = _parse_servers(read_yaml(os.path.expanduser(path)), path)  # noqa: PTH111
    profiles = read_profiles()
    new = {name: profile for name, profile in servers.items() if name not in profiles.by_name}
    if new:
        by_name = {**profiles.by_name, **new}
        write_profiles(Profiles(default=profiles.default or next(iter(new)), by_name=by_name))
    text = f"added: {', '.join(new) or 'none'}"
    kept = [name for name in servers if name not in new]
    common.show({"kind": "ImportedProfiles", "added": [*new], "kept": kept}, text)


def _parse_servers(content: Any, path: str) -> dict[str, ServerProfile]:
    """Read the servers of docassemblecli: a list, or in old files one of them."""
    servers: Any = [content] if is_mapping(content) else content
    try:
        return {
            _make_name(server["apiurl"], server.get("name")): ServerProfile(
                url=server["apiurl"], api_key=Secret(server["apikey"])
            )
            for server in servers
        }
    except (KeyError, TypeError):
        message = f"{path} is not a file of docassemblecli"
        raise UsageError(message, hint="It has a list of apiurl, apikey and name") from None


def _make_name(url: str, name: str | None) -> str:
    """Make the name of a profile, from that of a server, such as localhost:8080."""
    host = url.partition("://")[2]
    return check_profile_name(re.sub(r"[^A-Za-z0-9_.-]+", "-", name or host).strip("-"))


def _describe(name: str, profile: ServerProfile, default: str | None) -> dict[str, Any]:
    """Describe a profile: its key is a secret, and the arguments of its command may contain one."""
    program, *arguments = profile.api_key_command or ("",)
    return {
        "kind": "Profile",
        "name": name,
        "url": profile.url,
        "public_url": profile.public_url,
        "api_key": profile.api_key,
        "api_key_env": profile.api_key_env,
        "api_key_command": [program, *map(Secret, arguments)] if program else None,
        "default": name == default,
    }
