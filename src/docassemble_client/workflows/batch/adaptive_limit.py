"""Adapts the number of concurrent rows to how the server responds."""

from __future__ import annotations

_INITIAL_LIMIT = 4  # docassemble finishes four rows at once sooner than one after the other
_DECREASE_FACTOR = 0.5
_SMOOTHING_FACTOR = 0.2
# Smoothed time of a row divided by the best time. With four rows at once, a busy server takes up to
# three times as long for each, and still finishes more of them.
_SLOW_RATIO = 3.0
_IGNORED_SECONDS = 0.05  # differences below this never count as slow
_BEST_TIME_GROWTH = 1.01  # per row, so that an old best time is forgotten


class AdaptiveLimit:
    """
    An AIMD limit between 1 and a maximum.

    The limit starts at 4 and grows by 1 with each successful row, so it doubles with each round of
    rows. It is halved when calls fail or rows take three times their best time, at most once per
    round. After that it grows fast up to half of its earlier value, then by 1 per round.

    It has no clock and sends nothing: the caller records successes and failures.

    Attributes:
        max_limit: Maximum of the limit.
    """

    def __init__(self, max_limit: int) -> None:
        """
        Start with a limit of 4, or with the maximum if it is less.

        Args:
            max_limit: Maximum number of concurrent rows.
        """
        self.max_limit = max_limit
        self._limit = float(min(_INITIAL_LIMIT, max_limit))
        self._slow_start_threshold = float(max_limit)
        self._best_seconds = self._smoothed_seconds = 0.0
        self._results_since_decrease = 0
        self._succeeded_since_decrease = True

    @property
    def limit(self) -> int:
        """How many rows may run now."""
        return int(self._limit)

    def record_success(self, seconds: float | None) -> None:
        """
        Record a row that succeeded.

        Args:
            seconds: Total time of the row's calls; None if the row ended before all of them.
        """
        self._results_since_decrease += 1
        if seconds is not None and self._is_slow(seconds):
            self._decrease()
            return
        self._succeeded_since_decrease = True
        step = 1.0 if self._limit < self._slow_start_threshold else 1.0 / self._limit
        self._limit = min(float(self.max_limit), self._limit + step)

    def record_failure(self) -> None:
        """Record a call that failed on the server or on the way to it."""
        self._results_since_decrease += 1
        self._decrease()

    def _is_slow(self, seconds: float) -> bool:
        smoothing = _SMOOTHING_FACTOR if self._best_seconds else 1.0
        self._smoothed_seconds += (seconds - self._smoothed_seconds) * smoothing
        if self._best_seconds:
            best = min(self._best_seconds * _BEST_TIME_GROWTH, self._smoothed_seconds)
        else:
            best = self._smoothed_seconds
        self._best_seconds = best
        return self._smoothed_seconds > _SLOW_RATIO * best + _IGNORED_SECONDS

    def _decrease(self) -> None:
        # Rows that started before the last decrease report the time before it.
        if self._results_since_decrease < self._limit:
            return
        self._results_since_decrease = 0
        half = max(1.0, self._limit * _DECREASE_FACTOR)
        if self._succeeded_since_decrease:
            self._slow_start_threshold = half
        self._succeeded_since_decrease = False
        self._limit = half
