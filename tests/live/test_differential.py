"""The fake server responds to random calls like the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.live.differential.report import Report
from tests.live.differential.runner import run

if TYPE_CHECKING:
    from tests.live.conftest import Server

_SEED = "live session"  # always the same calls, so that a failure can be repeated
_CALLS = 300


def test_random_calls_have_only_known_differences(server: Server) -> None:
    """`python -m tests.live.differential` makes more calls, with other seeds."""
    report = Report()
    for result in run(server.url, server.api_key, seed=_SEED, count=_CALLS):
        report.add(result)

    assert not report.groups, "\n".join(report.iter_lines())
