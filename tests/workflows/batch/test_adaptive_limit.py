"""The concurrency limit of a batch, driven by hand without clock or server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docassemble_client.workflows.batch.adaptive_limit import AdaptiveLimit


def record_successes(limiter: AdaptiveLimit, count: int, seconds: float = 1.0) -> int:
    """Record successful rows, and return the limit."""
    for _ in range(count):
        limiter.record_success(seconds)
    return limiter.limit


def test_limit_starts_at_four_and_doubles_up_to_the_maximum() -> None:
    """Each successful row raises the limit by one, so each round is twice as large."""
    limiter = AdaptiveLimit(32)

    limits = [limiter.limit, *(record_successes(limiter, count) for count in (4, 8, 16, 50))]

    assert limits == [4, 8, 16, 32, 32]


@pytest.mark.parametrize("maximum", [1, 3])
def test_limit_starts_at_the_maximum_if_it_is_small(maximum: int) -> None:
    """A caller who allows one row at a time gets one."""
    assert AdaptiveLimit(maximum).limit == maximum


def test_failures_halve_the_limit_once_per_round() -> None:
    """Rows that started at the same time fail for the same reason, which counts once."""
    limiter = AdaptiveLimit(16)
    record_successes(limiter, 15)

    limiter.record_failure()
    first = limiter.limit
    for _ in range(7):
        limiter.record_failure()
    same_round = limiter.limit
    limiter.record_failure()

    assert (first, same_round, limiter.limit) == (8, 8, 4)


def test_limit_never_falls_below_one() -> None:
    """A batch always makes progress."""
    limiter = AdaptiveLimit(16)
    record_successes(limiter, 15)

    for _ in range(100):
        limiter.record_failure()

    assert limiter.limit == 1


def test_limit_recovers_fast_to_half_and_then_by_one_per_round() -> None:
    """After an outage half of the old limit is regained quickly."""
    limiter = AdaptiveLimit(16)
    record_successes(limiter, 15)
    for _ in range(40):
        limiter.record_failure()

    assert limiter.limit == 1
    assert record_successes(limiter, 7) == 8
    assert record_successes(limiter, 7) == 8
    assert record_successes(limiter, 2) == 9
    assert record_successes(limiter, 200) == 16


def test_slow_rows_halve_the_limit() -> None:
    """Three times the best time, smoothed, is too slow; a single slow row is not."""
    limiter = AdaptiveLimit(8)
    record_successes(limiter, 20)

    assert record_successes(limiter, 1, seconds=5.0) == 8
    assert record_successes(limiter, 5, seconds=5.0) == 4


def test_rows_without_a_time_are_not_compared() -> None:
    """A row that ended early shows that the server responds, not how fast."""
    limiter = AdaptiveLimit(8)
    record_successes(limiter, 20)

    for _ in range(20):
        limiter.record_success(None)

    assert record_successes(limiter, 5) == 8


def test_best_time_is_forgotten_slowly() -> None:
    """One fast row does not reduce the limit for all later rows."""
    limiter = AdaptiveLimit(4)
    limiter.record_success(0.2)

    assert record_successes(limiter, 400) == 4


@given(st.integers(1, 50), st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=200))
def test_limit_stays_between_one_and_the_maximum(
    max_limit: int, signals: list[float | None]
) -> None:
    """Any sequence of successes and failures."""
    limiter = AdaptiveLimit(max_limit)

    for seconds in signals:
        if seconds is None:
            limiter.record_failure()
        else:
            limiter.record_success(seconds)

        assert 1 <= limiter.limit <= max_limit
