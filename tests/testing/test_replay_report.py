"""The fake server responds to recorded requests with the recorded status and shape."""

from __future__ import annotations

import pytest

from tests.recording import read_all
from tests.testing.replay_exchanges import ReplayedExchange, replay
from tests.testing.replay_report import (
    compute_match_share,
    make_label,
    read_allowed_differences,
    uses_recorded_interview,
)

SCENARIOS = read_all()
ALLOWED_DIFFERENCES = read_allowed_differences()
MIN_MATCH_SHARE = 0.95
REPLAYED: dict[str, list[ReplayedExchange]] = {}


async def replay_once(name: str) -> list[ReplayedExchange]:
    """Replay a recording; cached."""
    if name not in REPLAYED:
        REPLAYED[name] = await replay(name, SCENARIOS[name])
    return REPLAYED[name]


@pytest.mark.parametrize("name", SCENARIOS)
async def test_recorded_requests_get_responses_of_the_same_shape(name: str) -> None:
    """Status, types, keys and error texts are as recorded, unless a reason is listed."""
    differences = {
        make_label(exchange): exchange.differences
        for exchange in await replay_once(name)
        if exchange.differences
    }
    allowed = ALLOWED_DIFFERENCES.get(name, {})

    assert {label: texts for label, texts in differences.items() if label not in allowed} == {}
    assert allowed.keys() - differences.keys() == set()


async def test_most_responses_have_the_recorded_shape() -> None:
    """At least 95 % of all complete recordings, even if a reason is listed."""
    exchanges = [exchange for name in SCENARIOS for exchange in await replay_once(name)]

    assert compute_match_share(exchanges) >= MIN_MATCH_SHARE


async def test_most_responses_have_the_recorded_shape_without_recorded_interviews() -> None:
    """At least 95 % of the responses that the fake server does not take from recordings."""
    exchanges = [
        exchange
        for name, scenario in SCENARIOS.items()
        if not uses_recorded_interview(scenario)
        for exchange in await replay_once(name)
    ]

    assert compute_match_share(exchanges) >= MIN_MATCH_SHARE
    assert len(exchanges) >= 2500


def test_only_existing_recordings_are_listed() -> None:
    """Delete the reasons for a recording together with it."""
    assert ALLOWED_DIFFERENCES.keys() - SCENARIOS.keys() == set()
