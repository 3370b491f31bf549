"""How many rows may be under way at a time: the server decides by how it answers."""

from __future__ import annotations

_CUT = 0.5
_SMOOTHING = 0.2
_SLOW = 2.0  # times as long as at its best, smoothed, counts as slow
_GRACE = 0.05  # seconds that never count as slow
_FORGETTING = 1.01  # by which the best time grows with each row, so that it is no record for ever


class Pace:
    """
    A limit between 1 and the most that is wanted.

    It starts at 1 and grows by one with each row that went well (so it doubles in the time of a
    row). When rows take twice as long as at their best, or calls fail, it is halved, at most once
    in as many signals as it allowed rows. Half of where it stood it reaches again as fast; from
    there on it grows by one in the time of a row.

    It knows no clock and no server: whoever uses it tells it what happened.

    Attributes:
        most: What the limit never exceeds.
    """

    def __init__(self, most: int) -> None:
        """
        Begin at 1.

        Args:
            most: How many rows may be under way at most.
        """
        self.most = most
        self._limit = 1.0
        self._cautious_from = float(most)
        self._best = self._recent = 0.0
        self._signals = 0
        self._went_well = True

    @property
    def limit(self) -> int:
        """How many rows may be under way now."""
        return int(self._limit)

    def succeeded(self, seconds: float | None) -> None:
        """
        Tell of a row that the server took well.

        Args:
            seconds: How long it took for all calls of the row; None where it was not all of them.
        """
        self._signals += 1
        if seconds is not None and self._slower(seconds):
            self._cut()
            return
        self._went_well = True
        step = 1.0 if self._limit < self._cautious_from else 1.0 / self._limit
        self._limit = min(float(self.most), self._limit + step)

    def failed(self) -> None:
        """Tell of a call that the server, or the way to it, did not take or answer."""
        self._signals += 1
        self._cut()

    def _slower(self, seconds: float) -> bool:
        self._recent += (seconds - self._recent) * (_SMOOTHING if self._best else 1.0)
        self._best = min(self._best * _FORGETTING, self._recent) if self._best else self._recent
        return self._recent > _SLOW * self._best + _GRACE

    def _cut(self) -> None:
        # Rows that began before the last cut still tell of the time before it.
        if self._signals < self._limit:
            return
        self._signals = 0
        half = max(1.0, self._limit * _CUT)
        if self._went_well:
            self._cautious_from = half
        self._went_well = False
        self._limit = half
