"""The command key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


def test_new_key_is_revealed_once(dactl: Dactl) -> None:
    """Its value is shown only with --reveal; a second run has no value."""
    hidden = dactl("key", "ensure", "ci", "--permission", "manage_packages")
    revealed = dactl("key", "ensure", "other", "--reveal")
    data = json.loads(dactl("key", "ensure", "third", "--json").out)
    again = dactl("key", "ensure", "other", "--reveal")

    assert hidden.out.startswith("The key 'ci' is new.")
    assert hidden.out.endswith("It is shown with --reveal.\n")
    assert revealed.out.strip().isalnum()
    assert (data["kind"], data["key"], data["created"]) == ("EnsuredApiKey", "***", True)
    assert "already exists" in again.out


def test_keys_of_a_user_are_listed_and_deleted(dactl: Dactl, fake: FakeServer) -> None:
    """The key to delete comes from a file or standard input."""
    user = fake.add_user("ana@example.com", "user")
    owner = ("--user", "ana@example.com")
    created = dactl("key", "ensure", "ci", *owner, "--reveal").out

    refused = dactl("key", "delete", "-", *owner, stdin=created)
    done = dactl("key", "delete", "-", *owner, "--yes", stdin=created)

    assert refused.code == 2
    assert done.out == "deleted\n"
    assert [line.split()[0] for line in dactl("key", "list", "--user", user.id).lines] == ["test"]


def test_own_key_is_deleted(dactl: Dactl) -> None:
    """Without --user, the keys are your own."""
    created = dactl("key", "ensure", "ci", "--reveal").out

    result = dactl("key", "delete", "-", "--yes", stdin=created)

    assert result.out == "deleted\n"
    assert [line.split()[0] for line in dactl("key", "list").lines] == ["default"]
