"""What the real server answered, asked again of the fake: the same status and shape."""

from __future__ import annotations

from functools import cache

import pytest

from tests.recording import read_all
from tests.testing.replayed import is_played_back, label, listed, share
from tests.testing.replaying import Replayed, replay

SCENARIOS = read_all()
LISTED = listed()
SHARE = 0.95


@cache
def replayed(name: str) -> list[Replayed]:
    """Make the exchanges of a recording again, once."""
    return replay(name, SCENARIOS[name])


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded_requests_are_answered_in_the_same_shape(name: str) -> None:
    """Status, types, keys and words of errors are as recorded, unless a reason is listed."""
    differing = {label(one): one.differences for one in replayed(name) if one.differences}

    assert {one: found for one, found in differing.items() if one not in LISTED.get(name, {})} == {}
    assert LISTED.get(name, {}).keys() - differing.keys() == set()


def test_most_answers_are_the_same() -> None:
    """At least 95 % of all complete recordings come in the same shape, whatever is listed."""
    made = [one for name in SCENARIOS for one in replayed(name)]

    assert share(made) >= SHARE


def test_most_answers_are_the_same_that_are_no_recordings() -> None:
    """As many of those that the fake server makes itself, not from a recorded interview."""
    own = [
        one
        for name, scenario in SCENARIOS.items()
        if not is_played_back(scenario)
        for one in replayed(name)
    ]

    assert share(own) >= SHARE
    assert len(own) >= 2500


def test_only_recordings_there_are_may_differ() -> None:
    """A reason for a recording that is gone goes too."""
    assert LISTED.keys() - SCENARIOS.keys() == set()
