"""The command user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


def test_users_are_listed_in_columns(dactl: Dactl, fake: FakeServer) -> None:
    """Each user is a line: ID, e-mail address, privileges."""
    fake.add_user("ana@example.com", "advocate", "user")

    result = dactl("user", "list")

    assert result.lines == [
        f"1  {fake.admin_email}  admin",
        "3  ana@example.com    user, advocate",
    ]


def test_list_is_an_object_with_items(dactl: Dactl, fake: FakeServer) -> None:
    """`--json` writes one object."""
    fake.add_user("ana@example.com", "user", first_name="Ana")

    data = json.loads(dactl("user", "list", "--json").out)

    assert data["kind"] == "list"
    assert [item["email"] for item in data["items"]] == [fake.admin_email, "ana@example.com"]
    assert data["items"][1]["kind"] == "User"


@pytest.mark.parametrize("user", ["3", "ana@example.com", "ANA@example.com"])
def test_user_is_shown_by_id_or_address(dactl: Dactl, fake: FakeServer, user: str) -> None:
    """A number is an ID; anything else is an e-mail address."""
    fake.add_user("ana@example.com", "user")

    assert "email: ana@example.com" in dactl("user", "show", user).lines


def test_own_account_is_shown_by_default(dactl: Dactl, fake: FakeServer) -> None:
    """Without an argument, it is the owner of the key."""
    assert f"email: {fake.admin_email}" in dactl("user", "show").lines


def test_user_is_created_once(dactl: Dactl) -> None:
    """The password of a new user is shown only with --reveal; a second run changes nothing."""
    arguments = ("user", "ensure", "ana@example.com", "--privilege", "advocate")

    dry_run = dactl(*arguments, "--dry-run")
    first = dactl(*arguments, "--set", "first_name=Ana")
    second = dactl(*arguments)

    assert dry_run.out == "created, granted advocate (dry run)\n"
    assert first.lines == [
        "created, granted advocate, set first_name; password: shown once with --reveal"
    ]
    assert second.out == "nothing differs\n"


def test_password_is_revealed_or_read_from_a_file(dactl: Dactl) -> None:
    """It is never an argument."""
    revealed = dactl("user", "ensure", "ana@example.com", "--reveal", "--json")
    given = dactl(
        *("user", "ensure", "bob@example.com", "--password-file", "-", "--reveal"),
        stdin="Correct-horse-1\n",
    )

    assert len(json.loads(revealed.out)["password"]) > 5
    assert given.out == "created; password: Correct-horse-1\n"


def test_privileges_are_exact(dactl: Dactl, fake: FakeServer) -> None:
    """`--exact` revokes all others."""
    fake.add_user("ana@example.com", "user", "advocate")

    result = dactl("user", "ensure", "ana@example.com", "--privilege", "user", "--exact")

    assert result.out == "revoked advocate\n"


def test_people_are_invited(dactl: Dactl) -> None:
    """The link of an invitation is hidden."""
    hidden = dactl("user", "invite", "ana@example.com", "--no-mail")
    revealed = dactl("user", "invite", "bob@example.com", "--no-mail", "--reveal", "--json")

    assert "email: ana@example.com" in hidden.lines
    assert "url: ***" in hidden.lines
    assert json.loads(revealed.out)["items"][0]["url"].startswith("https://")


@pytest.mark.parametrize("command", ["deactivate", "delete"])
def test_account_is_removed_only_with_yes(dactl: Dactl, fake: FakeServer, command: str) -> None:
    """Without --yes the command says what it would do, and sends nothing."""
    fake.add_user("ana@example.com", "user")

    refused = dactl("user", command, "ana@example.com")
    sent = len(fake.received_requests)
    done = dactl("user", command, "ana@example.com", "--yes")

    assert (refused.code, refused.out, sent) == (2, "", 0)
    assert refused.err.endswith("nothing was changed\nhint: Add --yes to do it\n")
    assert (done.code, done.lines) == (0, [f"{command}d"])
    assert "ana@example.com" not in dactl("user", "list").out
