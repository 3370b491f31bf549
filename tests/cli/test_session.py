"""The command session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from docassemble_client.cli.output import align
from tests.guides.sessions import SURVEY, prepare_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


@pytest.fixture(autouse=True)
def survey(fake: FakeServer, environment: None) -> None:
    """Add a survey with the answers of two users."""
    prepare_server(fake)


def test_sessions_are_listed(dactl: Dactl) -> None:
    """Without their answers."""
    result = dactl("session", "list", "-i", SURVEY)
    data = json.loads(dactl("session", "list", "-i", SURVEY, "--json").out)

    assert [line.split()[2] for line in result.lines] == ["ada@example.com", "alan@example.com"]
    assert data["items"][0]["filename"] == SURVEY
    assert dactl("session", "list", "-i", "docassemble.demo:none.yml").out == ""


def test_old_sessions_are_deleted_only_with_yes(dactl: Dactl) -> None:
    """Without --yes they are counted."""
    cleanup = ("session", "cleanup", "--older-than", "0s", "-i", SURVEY)

    report = dactl("session", "cleanup", "--older-than", "6000w", "-i", SURVEY)
    refused = dactl(*cleanup)
    data = json.loads(dactl("session", "cleanup", "--older-than", "1s", "--json").out)

    assert report.out == "0 of 2 sessions are stale; nothing was deleted (dry run)\n"
    assert report.err == "nothing was deleted; add --yes to do it\n"
    assert refused.code == 2
    assert (data["kind"], data["dry_run"], data["listed"]) == ("CleanupReport", True, 2)


def test_deletion_of_everything_is_explicit(dactl: Dactl) -> None:
    """Without a filter, --yes is not enough."""
    refused = dactl("session", "cleanup", "--older-than", "1s", "--yes")
    done = dactl("session", "cleanup", "--older-than", "6000w", "--yes", "--all")

    assert refused.code == 2
    assert done.out == "0 of 2 sessions are stale: 0 deleted\n"


def test_empty_table_has_no_lines() -> None:
    """An empty list prints nothing."""
    assert align([]) == []
