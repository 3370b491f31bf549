"""The command interview."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.workflows.letters import I, make_letter_server

if TYPE_CHECKING:
    from docassemble_client.testing import FakeServer
    from tests.cli.conftest import Dactl


def test_interviews_are_listed(dactl: Dactl, fake: FakeServer) -> None:
    """Those that the server advertises."""
    fake.add_interview(I, dispatch="letter", title="Letter")

    assert f"{I}                 Letter" in dactl("interview", "list").lines


def test_variables_are_listed(dactl: Dactl, fake: FakeServer) -> None:
    """The names that the interview uses."""
    make_letter_server(fake=fake)

    result = dactl("interview", "fields", I)
    data = json.loads(dactl("interview", "fields", I, "--json").out)

    assert "name" in [line.split()[0] for line in result.lines]
    assert data["kind"] == "InterviewFields"


def test_cache_is_cleared(dactl: Dactl, fake: FakeServer) -> None:
    """The server reads the interviews again."""
    assert dactl("interview", "clear-cache").out == "cleared\n"
    assert fake.received_requests[0].operation == "interviews.clear_cache"
