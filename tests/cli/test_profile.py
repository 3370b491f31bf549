"""The command profile, and which server a command uses."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from docassemble_client._profiles import get_config_path, read_profiles
from docassemble_client.cli.app import run

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl

ADD = ("profile", "add")
DOTFILE = """\
- apiurl: http://localhost:8080
  apikey: H3PW
  name: localhost:8080
- apiurl: https://docassemble.test
  apikey: ABCD
"""


@pytest.fixture(autouse=True)
def no_server(environment: None, monkeypatch: pytest.MonkeyPatch, fake: FakeServer) -> None:
    """Unset the variables of the server."""
    for name in ("DOCASSEMBLE_URL", "DOCASSEMBLE_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ADA_KEY", fake.api_key)


def test_first_profile_is_the_default(dactl: Dactl, fake: FakeServer) -> None:
    """Commands use it without an option."""
    none = dactl("user", "show")
    added = dactl(*ADD, "prod", fake.url, "--api-key-stdin", stdin=f"{fake.api_key}\n")
    other = dactl(*ADD, "dev", fake.url, "--api-key-env", "ADA_KEY", "--json")

    assert (none.code, none.out) == (2, "")
    assert "dactl profile add" in none.err
    assert added.out == (
        f"Key of {fake.admin_email} (admin). Saved as profile prod in"
        " ~/.config/docassemble-client/config.toml.\n"
    )
    assert json.loads(other.out)["api_key_env"] == "ADA_KEY"
    assert dactl("profile", "list").lines == [f"* prod  {fake.url}", f"  dev   {fake.url}"]
    assert [
        item["name"] for item in json.loads(dactl("profile", "list", "--json").out)["items"]
    ] == [
        "prod",
        "dev",
    ]
    assert dactl("user", "show").code == 0


def test_key_is_shown_only_with_reveal(dactl: Dactl, fake: FakeServer) -> None:
    """In text and in JSON."""
    dactl(*ADD, "prod", fake.url, "--api-key-stdin", stdin=fake.api_key)

    hidden = dactl("profile", "show")
    revealed = dactl("profile", "show", "prod", "--reveal")

    assert "api_key: ***" in hidden.lines
    assert f"api_key: {fake.api_key}" in revealed.lines


def test_program_prints_the_key(dactl: Dactl, fake: FakeServer) -> None:
    """Its options are not those of dactl."""
    added = dactl(*ADD, "prod", fake.url, "--api-key-command", "printenv", "ADA_KEY")
    refused = dactl(*ADD, "other", fake.url, "--api-key-command", "sh", "-c", "exit 1")

    assert added.code == 0
    assert read_profiles().by_name["prod"].api_key_command == ("printenv", "ADA_KEY")
    assert refused.code == 2
    assert dactl("doctor", "--profile", "prod").code == 0


def test_arguments_of_the_program_are_shown_only_with_reveal(
    dactl: Dactl, fake: FakeServer
) -> None:
    """They may contain a secret."""
    code = f"print({fake.api_key!r})"
    dactl(*ADD, "prod", fake.url, "--api-key-command", sys.executable, "-c", code)

    hidden = dactl("profile", "show", "--json")
    revealed = dactl("profile", "show", "--json", "--reveal")

    assert json.loads(hidden.out)["api_key_command"] == [sys.executable, "***", "***"]
    assert json.loads(revealed.out)["api_key_command"] == [sys.executable, "-c", code]


def test_wrong_key_is_not_saved(dactl: Dactl, fake: FakeServer) -> None:
    """The exit code is that of doctor."""
    result = dactl(*ADD, "prod", fake.url, "--api-key-stdin", stdin="wrong\n")

    assert (result.code, result.err) == (3, "the profile was not saved\n")
    assert "not accepted" in result.out
    assert not get_config_path().exists()


def test_key_needs_a_terminal_or_a_pipe(dactl: Dactl, fake: FakeServer) -> None:
    """A key is never an argument; an empty one is refused."""
    no_terminal = dactl(*ADD, "prod", fake.url)
    empty = dactl(*ADD, "prod", fake.url, "--api-key-stdin")
    two_sources = dactl(*ADD, "p", fake.url, "--api-key-env", "ADA_KEY", "--api-key-command", "x")

    assert "there is no terminal" in no_terminal.err
    assert [no_terminal.code, empty.code, two_sources.code] == [2, 2, 2]


def test_key_is_asked_for_on_a_terminal(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without echo; test_secrets.py does it on a real terminal."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: f" {fake.api_key}\n")

    assert run(["user", "show", "--url", fake.url]) == 0
    assert fake.admin_email in capsys.readouterr().out


def test_default_changes(dactl: Dactl, fake: FakeServer) -> None:
    """`use` chooses it, and `remove` deletes a profile with its key."""
    for name in ("prod", "dev"):
        dactl(*ADD, name, fake.url, "--api-key-env", "ADA_KEY")

    used = dactl("profile", "use", "dev")
    refused = dactl("profile", "remove", "dev")
    removed = dactl("profile", "remove", "dev", "--yes")
    kept = dactl("profile", "remove", "none", "--yes")

    assert used.out == "dev is the default\n"
    assert (refused.code, kept.code) == (2, 2)
    assert removed.out == "removed\n"
    assert read_profiles().by_name.keys() == {"prod"}
    assert read_profiles().default is None
    assert dactl("profile", "remove", "prod", "--yes").code == 0


def test_servers_of_docassemblecli_are_imported(dactl: Dactl) -> None:
    """Those that have a profile already are kept."""
    dotfile = Path.home() / ".docassemblecli"
    dotfile.parent.mkdir(parents=True, exist_ok=True)
    dotfile.write_text(DOTFILE, encoding="utf-8")

    first = dactl("profile", "import")
    second = json.loads(dactl("profile", "import", "--json").out)

    names = ["localhost-8080", "docassemble.test"]
    assert first.out == "added: localhost-8080, docassemble.test\n"
    assert second == {"kind": "ImportedProfiles", "added": [], "kept": names}
    assert read_profiles().default == "localhost-8080"
    assert read_profiles().by_name["localhost-8080"].url == "http://localhost:8080"


@pytest.mark.parametrize("text", ["a: 1", "- 1", "- apiurl: x", "1"])
def test_other_files_are_not_imported(dactl: Dactl, text: str) -> None:
    """The error says what the file should contain."""
    Path("servers.yml").write_text(text, encoding="utf-8")

    result = dactl("profile", "import", "servers.yml")

    assert (result.code, result.out) == (2, "")
    assert dactl("profile", "import", "none.yml").code == 2


def test_single_server_is_imported(dactl: Dactl) -> None:
    """Old versions of docassemblecli wrote it without a list."""
    Path("servers.yml").write_text("apiurl: http://localhost\napikey: H3\n", encoding="utf-8")

    assert dactl("profile", "import", "servers.yml").out == "added: localhost\n"


@pytest.mark.parametrize(
    ("url_variable", "key_variable"),
    [
        ("DOCASSEMBLE_BASE_URL", "DOCASSEMBLE_API_KEY"),
        ("DOCASSEMBLEAPIURL", "DOCASSEMBLEAPIKEY"),
        ("SERVER_URL", "DOCASSEMBLE_DEVELOPER_API_KEY"),
    ],
)
def test_variables_of_other_tools_are_read(
    dactl: Dactl,
    fake: FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    url_variable: str,
    key_variable: str,
) -> None:
    """A line on stderr names them; --quiet omits it."""
    monkeypatch.setenv(url_variable, fake.url)
    monkeypatch.setenv(key_variable, fake.api_key)

    result = dactl("user", "show")

    assert result.code == 0
    assert result.err.startswith(f"using {url_variable} and {key_variable};")
    assert dactl("user", "show", "--quiet").err == ""


def test_an_option_comes_before_the_environment(
    dactl: Dactl, fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then DOCASSEMBLE_PROFILE, then the URL and key, then the default profile."""
    ana = fake.add_user("ana@example.com", "user")
    bob = fake.add_user("bob@example.com", "user")
    for name, key in (("default", fake.api_key), ("ana", ana.api_key), ("bob", bob.api_key)):
        dactl(*ADD, name, fake.url, "--api-key-stdin", stdin=key)

    def show_owner(*options: str, stdin: str = "") -> str:
        data = json.loads(dactl("user", "show", "--json", *options, stdin=stdin).out)
        return str(data["email"])

    owners = [show_owner()]
    monkeypatch.setenv("DOCASSEMBLE_URL", fake.url)
    monkeypatch.setenv("DOCASSEMBLE_API_KEY", ana.api_key)
    owners.append(show_owner())
    monkeypatch.setenv("DOCASSEMBLE_PROFILE", "bob")
    owners += [show_owner(), show_owner("--profile", "ana")]
    owners.append(show_owner("--url", fake.url, "--api-key-stdin", stdin=fake.api_key))

    assert owners == [
        fake.admin_email,
        "ana@example.com",
        "bob@example.com",
        "ana@example.com",
        fake.admin_email,
    ]


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "https://docassemble.test", "--profile", "prod"),
        ("--api-key-stdin",),
        ("--profile", "none"),
        ("--url", "docassemble.test", "--api-key-stdin"),
    ],
    ids=" ".join,
)
def test_contradictions_are_refused(
    dactl: Dactl, fake: FakeServer, options: tuple[str, ...]
) -> None:
    """URL and key come from the same place."""
    result = dactl("user", "list", *options, stdin="key")

    assert (result.code, result.out, fake.received_requests) == (2, "", [])


def test_file_that_others_can_read_is_refused(dactl: Dactl, fake: FakeServer) -> None:
    """The hint says how to protect it."""
    dactl(*ADD, "prod", fake.url, "--api-key-stdin", stdin=fake.api_key)
    os.chmod(get_config_path(), 0o644)  # noqa: PTH101 - as a user would

    result = dactl("user", "list")

    assert result.code == 2
    assert "hint: Run: chmod 600" in result.err
