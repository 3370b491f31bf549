"""Reports how many recorded exchanges the fake server answers with a response of the same shape."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.recording import read_all
from tests.testing.replay_exchanges import ReplayedExchange, find_replayed_interviews, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.recording import Scenario

DIFFERENCES_FILE = Path(__file__).with_name("differences.yaml")


def read_allowed_differences() -> dict[str, dict[str, str]]:
    """Read the exchanges that may differ: reasons by recording and label."""
    reasons = yaml.safe_load(DIFFERENCES_FILE.read_text(encoding="utf-8")) or {}
    allowed: dict[str, dict[str, str]] = {}
    for reason, recordings in reasons.items():
        for recording, labels in recordings.items():
            allowed.setdefault(recording, {}).update(dict.fromkeys(labels, reason))
    return allowed


def make_label(exchange: ReplayedExchange) -> str:
    """Name an exchange within its recording."""
    return f"{exchange.number} {exchange.recorded.operation}"


def compute_match_share(exchanges: Sequence[ReplayedExchange]) -> float:
    """Compute the share of exchanges without differences."""
    return sum(not exchange.differences for exchange in exchanges) / len(exchanges)


def uses_recorded_interview(scenario: Scenario) -> bool:
    """Whether a recording is about an interview that the fake server itself replays."""
    return any(recording.filename in scenario.test for recording in find_replayed_interviews())


async def main() -> None:
    """Print differences that are not allowed, and the share of equal exchanges."""
    allowed = read_allowed_differences()
    scenarios = read_all()
    exchanges = [
        exchange
        for name, scenario in scenarios.items()
        for exchange in await replay(name, scenario)
    ]
    for exchange in exchanges:
        label = make_label(exchange)
        if exchange.differences and label not in allowed.get(exchange.scenario, {}):
            print(f"{exchange.scenario}: {label}", *exchange.differences[:5], sep="\n    ")
    print(f"{compute_match_share(exchanges):.1%} of {len(exchanges)} responses have the same shape")
    own = [
        exchange
        for exchange in exchanges
        if not uses_recorded_interview(scenarios[exchange.scenario])
    ]
    print(f"{compute_match_share(own):.1%} of {len(own)} without recorded interviews")


if __name__ == "__main__":
    asyncio.run(main())
