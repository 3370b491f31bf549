"""The command interview."""

from __future__ import annotations

import json
from pathlib import Path
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


def test_interviews_are_checked(dactl: Dactl, fake: FakeServer) -> None:
    """The exit code is 1 if one failed, and 4 if one could not be checked."""
    make_letter_server(fake=fake)

    passed = dactl("interview", "check", I, "--junit", "interviews.xml")
    failed = dactl("interview", "check", I, "docassemble.demo:none.yml", "--json")
    fake.fail("sessions.start", status=500, times=1000)
    unknown = dactl("interview", "check", I)

    assert passed.code == 0
    assert passed.lines[0].split()[:2] == [I, "ok"]
    assert Path("interviews.xml").read_text(encoding="utf-8").startswith("<?xml")
    data = json.loads(failed.out)
    assert (failed.code, data["kind"], data["total"], data["failed"]) == (
        1,
        "InterviewCheckReport",
        2,
        1,
    )
    assert unknown.code == 4


def test_advertised_interviews_are_checked(dactl: Dactl) -> None:
    """By default, or those with a tag."""
    everything = dactl("interview", "check")

    assert everything.code == 1  # it asks for a variable that no question sets
    assert everything.lines[-1] == "1 of 1 interviews failed"
    assert dactl("interview", "check", "--tag", "none").code == 0


def test_nothing_is_checked_if_the_report_cannot_be_written(dactl: Dactl, fake: FakeServer) -> None:
    """The checks may take minutes."""
    assert dactl("interview", "check", I, "--junit", "nosuch/interviews.xml").code == 2
    assert fake.received_requests == []
