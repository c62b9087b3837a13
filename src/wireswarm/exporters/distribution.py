"""Histograms as exporters give them on: cumulative buckets with fixed bounds, and the percentiles of an interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from wireswarm.metrics.histogram import bucket_of, highest_of

BOUNDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""Upper bounds of the exported buckets, in seconds."""

Buckets = Sequence[tuple[int, int]]
"""Pairs of a bucket's index in `wireswarm.metrics.histogram` and its count, sorted by index."""


def cumulative(buckets: Buckets, bounds_s: Sequence[float] = BOUNDS) -> list[tuple[str, int]]:
    """How many durations are not longer than each bound, as Prometheus wants them, `+Inf` last.

    A duration at a bound counts as not longer, and so does one that shares the bound's bucket, at most 0.1 % above it.
    """
    result, seen, position = [], 0, 0
    for bound in bounds_s:
        last = bucket_of(round(bound * 1e6))
        while position < len(buckets) and buckets[position][0] <= last:
            seen += buckets[position][1]
            position += 1
        result.append((str(bound), seen))
    result.append(("+Inf", seen + sum(count for _, count in buckets[position:])))
    return result


class Quantiles(NamedTuple):
    """Durations in milliseconds."""

    p50: float
    p95: float
    p99: float
    max: float


def quantiles(buckets: Buckets) -> Quantiles | None:
    """The percentiles of counts, within 0.1 %; None where there are none."""
    total = sum(count for _, count in buckets)
    if not total:
        return None
    # The epsilon as in `Histogram.percentile`.
    wanted = [max(1, math.ceil(percent / 100 * total - 1e-9)) for percent in (50, 95, 99, 100)]
    return Quantiles(*(highest_of(index) / 1000 for index in _ranked(buckets, wanted)))


def _ranked(buckets: Buckets, ranks: Iterable[int]) -> Iterable[int]:
    seen, position = 0, -1
    for rank in ranks:
        while seen < rank:
            position += 1
            seen += buckets[position][1]
        yield buckets[position][0]
