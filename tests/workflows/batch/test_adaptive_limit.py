"""The pace of a batch follows how the server answers; no clock, no server: told by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docassemble_client.workflows.batch.adaptive_limit import Pace


def after(pace: Pace, count: int, seconds: float = 1.0) -> int:
    """Tell of so many rows that went well, and return the limit."""
    for _ in range(count):
        pace.succeeded(seconds)
    return pace.limit


def test_pace_begins_at_one_and_doubles_up_to_the_most() -> None:
    """Each good row makes room for one more, so that each round is twice as large."""
    pace = Pace(8)

    limits = [pace.limit, after(pace, 1), after(pace, 2), after(pace, 4), after(pace, 50)]

    assert limits == [1, 2, 4, 8, 8]


def test_failure_halves_the_pace_once_a_round() -> None:
    """Rows that began at the same time tell of the same trouble, which counts once."""
    pace = Pace(16)
    after(pace, 15)

    pace.failed()
    first = pace.limit
    for _ in range(7):
        pace.failed()
    still = pace.limit
    pace.failed()

    assert (first, still, pace.limit) == (8, 8, 4)


def test_endless_failure_leaves_one_row() -> None:
    """The pace never stands still."""
    pace = Pace(16)
    after(pace, 15)

    for _ in range(100):
        pace.failed()

    assert pace.limit == 1


def test_pace_recovers_fast_to_half_and_then_row_by_row() -> None:
    """After an outage half of the old pace comes back soon, the rest one for each round."""
    pace = Pace(16)
    after(pace, 15)
    for _ in range(40):
        pace.failed()

    assert pace.limit == 1
    assert after(pace, 7) == 8
    assert after(pace, 7) == 8
    assert after(pace, 2) == 9
    assert after(pace, 200) == 16


def test_rows_that_take_longer_halve_the_pace() -> None:
    """Twice the best time, smoothed, is too slow; a single slow row is not."""
    pace = Pace(8)
    after(pace, 20)

    assert after(pace, 1, seconds=3.0) == 8
    assert after(pace, 5, seconds=3.0) == 4


def test_times_that_mean_nothing_are_not_compared() -> None:
    """A row that broke off early says that the server answers, not how fast."""
    pace = Pace(8)
    after(pace, 20)

    for _ in range(20):
        pace.succeeded(None)

    assert after(pace, 5) == 8


def test_server_that_stays_slower_becomes_the_usual() -> None:
    """The best time is forgotten slowly, so that one lucky row does not slow down all others."""
    pace = Pace(4)
    pace.succeeded(0.2)

    assert after(pace, 400) == 4


@given(st.integers(1, 50), st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=200))
def test_pace_stays_between_one_and_the_most(most: int, signals: list[float | None]) -> None:
    """Whatever it is told."""
    pace = Pace(most)

    for seconds in signals:
        if seconds is None:
            pace.failed()
        else:
            pace.succeeded(seconds)

        assert 1 <= pace.limit <= most
