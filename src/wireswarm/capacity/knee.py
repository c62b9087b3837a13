"""The knee of a latency curve: the load from which on a little more costs much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

RISE: Final = 3.0
"""A curve whose highest latency is not so many times its lowest has no knee."""
_LEAST: Final = 3


def knee_of(points: Sequence[tuple[float, float]], *, highest: float = math.inf) -> float | None:
    """The knee by Kneedle: where the normalised curve is farthest below its diagonal.

    Satopää, Albrecht, Irwin, Raghavan: "Finding a 'Kneedle' in a Haystack", ICDCSW 2011, for a convex, increasing
    curve, without its smoothing: the points are few, and each is a percentile of many values.

    Args:
        points: loads and latencies, in any order; several of one load count as their median.
        highest: a load above this is no knee. Above its capacity a system's latency is what the step's length makes
            it, which belongs to the curve's end, and is no latency to run at.

    Returns:
        The load of one of the points; None where there are fewer than three or the curve hardly rises.
    """
    by_load: dict[float, list[float]] = {}
    for load, latency in points:
        by_load.setdefault(load, []).append(latency)
    curve = [(load, sorted(values)[(len(values) - 1) // 2]) for load, values in sorted(by_load.items())]
    if len(curve) < _LEAST:
        return None
    (first, _), (last, _) = curve[0], curve[-1]
    low, high = min(latency for _, latency in curve), max(latency for _, latency in curve)
    if high < RISE * low or low == high:
        return None
    distances = [((load - first) / (last - first) - (latency - low) / (high - low), load) for load, latency in curve]
    distance, load = max((place for place in distances if place[1] <= highest), default=(0.0, 0.0))
    return load if distance > 0 else None
