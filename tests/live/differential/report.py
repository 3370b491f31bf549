"""Counts and groups the differences of a run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from attrs import define, field, frozen

from tests.live.differential.runner import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.live.differential.comparison import Difference

_KNOWN = Path(__file__).parent / "known_differences.yaml"


@frozen
class KnownDifference:
    """
    A difference that stays, and why.

    Attributes:
        call: Pattern of method and route.
        kind: Pattern of the kind of difference.
        real: Pattern of what the real server sends.
        fake: Pattern of what the fake server sends.
        reason: Why the fake server differs.
    """

    call: re.Pattern[str]
    kind: str
    real: re.Pattern[str]
    fake: re.Pattern[str]
    reason: str

    @classmethod
    def from_entry(cls, entry: Mapping[str, str]) -> KnownDifference:
        """Make one of an entry of the data file."""
        return cls(
            re.compile(entry["call"]),
            entry["kind"],
            re.compile(entry.get("real", "")),
            re.compile(entry.get("fake", "")),
            entry["reason"],
        )

    def matches(self, operation: str, difference: Difference) -> bool:
        """Whether it describes a difference of an operation."""
        return (
            re.fullmatch(self.kind, difference.kind) is not None
            and self.call.fullmatch(operation) is not None
            and self.real.search(difference.real) is not None
            and self.fake.search(difference.fake) is not None
        )


def read_known_differences() -> list[KnownDifference]:
    """Read the data file."""
    entries = yaml.safe_load(_KNOWN.read_text(encoding="utf-8"))
    return [KnownDifference.from_entry(entry) for entry in entries]


@define
class Report:
    """
    Counts of a run.

    Attributes:
        calls: Number of calls.
        refusals: Number of calls that both servers refused with the same status.
        successes: Number of calls that both servers accepted with the same status.
        accepted: Number of calls that only the real server refused.
        kinds: Number of calls with a difference of a kind, known ones included.
        groups: Results by operation, kind and the start of the difference, without known ones.
    """

    calls: int = 0
    refusals: int = 0
    successes: int = 0
    accepted: int = 0
    kinds: Counter[str] = field(factory=Counter)
    groups: defaultdict[tuple[str, str, str, str], list[Result]] = field(
        factory=lambda: defaultdict(list)
    )
    known: list[KnownDifference] = field(factory=read_known_differences)

    def add(self, result: Result) -> None:
        """Count a result."""
        self.calls += 1
        if result.real.status == result.fake.status:
            self.refusals += result.real.is_refusal
            self.successes += not result.real.is_refusal
        self.accepted += result.real.is_refusal and not result.fake.is_refusal
        self.kinds.update({difference.kind for difference in result.differences})
        operation = result.call.operation
        for difference in result.differences:
            if not any(entry.matches(operation, difference) for entry in self.known):
                name = operation, difference.kind, difference.real[:60], difference.fake[:60]
                self.groups[name].append(result)

    def get_shares(self) -> dict[str, float]:
        """Return the shares of calls: equal status, shape and error text, and wrongly accepted."""
        return {
            "status": 1 - self.kinds["status"] / max(1, self.calls),
            "shape": 1 - (self.kinds["shape"] + self.kinds["type"]) / max(1, self.successes),
            "text": 1 - self.kinds["text"] / max(1, self.refusals),
            "accepted": self.accepted / max(1, self.calls),
        }

    def iter_lines(self) -> Iterator[str]:
        """Describe the counts and the groups, the largest first."""
        for (operation, kind, *_), results in sorted(
            self.groups.items(), key=lambda item: (-len(item[1]), item[0])
        ):
            result = results[0]
            difference = next(item for item in result.differences if item.kind == kind)
            yield f"{len(results)} calls of {operation}: {kind}"
            yield f"    {result.sequence}: {result.call}"
            yield f"    real: {difference.real}"
            yield f"    fake: {difference.fake}"
        shares = self.get_shares()
        yield (
            f"{self.calls} calls ({self.successes} accepted, {self.refusals} refused by both): "
            f"status equal {shares['status']:.2%}, shape {shares['shape']:.2%}, "
            f"error text {shares['text']:.2%}; "
            f"accepted by the fake server only {shares['accepted']:.2%}; "
            f"values differ in {self.kinds['value']}, headers in {self.kinds['header']} calls"
        )
