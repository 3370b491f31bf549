"""Tells how much of what was recorded the fake server answers in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests.recording import read_all
from tests.testing.replaying import Replayed, played_back, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.recording import Scenario

LISTED = Path(__file__).with_name("differences.yaml")


def listed() -> dict[str, dict[str, str]]:
    """Read which exchanges may differ: the reason by recording and exchange."""
    reasons = yaml.safe_load(LISTED.read_text(encoding="utf-8")) or {}
    found: dict[str, dict[str, str]] = {}
    for reason, recordings in reasons.items():
        for recording, exchanges in recordings.items():
            found.setdefault(recording, {}).update(dict.fromkeys(exchanges, reason))
    return found


def label(one: Replayed) -> str:
    """Name an exchange within its recording."""
    return f"{one.number} {one.recorded.operation}"


def share(made: Sequence[Replayed]) -> float:
    """Part of the exchanges that do not differ."""
    return sum(not one.differences for one in made) / len(made)


def is_played_back(scenario: Scenario) -> bool:
    """Whether it is about an interview that the fake server has from this very recording."""
    return any(one.filename in scenario.test for one in played_back())


def main() -> None:
    """Print what differs and is not listed, and the share of what is equal."""
    known = listed()
    scenarios = read_all()
    made = [one for name, scenario in scenarios.items() for one in replay(name, scenario)]
    for one in made:
        if one.differences and label(one) not in known.get(one.scenario, {}):
            print(f"{one.scenario}: {label(one)}", *one.differences[:5], sep="\n    ")
    print(f"{share(made):.1%} of {len(made)} recorded answers come in the same shape")
    own = [one for one in made if not is_played_back(scenarios[one.scenario])]
    print(f"{share(own):.1%} of {len(own)} without those that are played back from recordings")


if __name__ == "__main__":
    main()
