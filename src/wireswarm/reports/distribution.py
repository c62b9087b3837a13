"""What can still be asked of a latency distribution that was saved as buckets."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from wireswarm.metrics.histogram import highest_of

Buckets = Sequence[tuple[int, int]]
"""Pairs of a bucket's index and its count, sorted by index."""


class Distribution:
    """Durations in milliseconds, from buckets. Each is its bucket's upper edge, up to 0.1 % above what was measured."""

    def __init__(self, buckets: Buckets) -> None:
        self._values = [highest_of(index) / 1000 for index, _ in buckets]
        self._counts = [count for _, count in buckets]
        self._seen = list(accumulate(self._counts))

    @property
    def count(self) -> int:
        """How many durations there are."""
        return self._seen[-1] if self._seen else 0

    def at_rank(self, rank: int) -> float:
        """The duration at a rank, from 1 for the shortest to `count`; ranks beyond count as the first or last."""
        if not self._seen:
            return 0.0
        return self._values[bisect_left(self._seen, min(max(rank, 1), self.count))]

    def percentile(self, percent: float) -> float:
        """The shortest duration that at least so many percent are not longer than; 0 where there is none."""
        return self.at_rank(math.ceil(percent / 100 * self.count - 1e-9))

    def above(self, milliseconds: float) -> int:
        """How many are longer than one of the durations."""
        position = bisect_right(self._values, milliseconds)
        return self.count - (self._seen[position - 1] if position else 0)

    def moments(self) -> tuple[float, float]:
        """Mean and variance; zeros where there are no durations."""
        count = self.count
        if not count:
            return 0.0, 0.0
        weighted = list(zip(self._values, self._counts, strict=True))
        mean = sum(value * times for value, times in weighted) / count
        squares = sum((value - mean) ** 2 * times for value, times in weighted)
        return mean, squares / max(count - 1, 1)
