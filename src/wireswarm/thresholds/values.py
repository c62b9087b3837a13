"""The value of a metric, or the reason why there is none. Values are in the unit that thresholds are judged in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wireswarm.thresholds.metric import Metric, Source
from wireswarm.thresholds.model import Threshold
from wireswarm.thresholds.readable import DistributionLike, Readable, SeriesLike, TallyLike
from wireswarm.thresholds.units import scale_of
from wireswarm.thresholds.words import quote

_JITTER_S = 0.5
"""Seconds that a reading may come late in a window that it is still the beginning of."""


class Value(NamedTuple):
    """A value, or None and the reason."""

    value: float | None
    reason: str = ""


def value_of_requests(metric: Metric, tally: TallyLike, seconds: float, *, idle: bool = False) -> Value:
    """A metric of one request, or of the total.

    Args:
        metric: of that scope.
        tally: what was counted.
        seconds: in which it was.
        idle: whether it is about a part of the run only, where nothing counted means idleness and not lack of data.
    """
    count = tally.count
    match metric.source:
        case Source.LATENCY:
            return _latency(metric, tally.ok, count)
        case Source.DUE:
            if tally.due is None:
                return Value(None, "nothing was scheduled (--arrival-rate), so nothing was due")
            return _latency(metric, tally.due, count)
    if not count and not idle:
        return Value(None, "there were no requests")
    match metric.source:
        case Source.ERRORS:
            return Value(100 * tally.failures / count) if count else Value(None, "there were no requests")
        case Source.FAILURES:
            return Value(tally.failures)
        case Source.COUNT:
            return Value(count)
    return Value(count / seconds) if seconds > 0 else Value(None, "no second was complete")


def _latency(metric: Metric, distribution: DistributionLike, count: int) -> Value:
    if not distribution.total:
        return Value(None, f"none of the {count:,} requests succeeded" if count else "there were no requests")
    match metric.aggregate:
        case "max":
            microseconds: float = distribution.maximum
        case "min":
            microseconds = distribution.minimum
        case "mean":
            microseconds = distribution.mean
        case _:
            microseconds = distribution.percentile(metric.percent)
    return Value(microseconds / 1000)


def value_of_run(metric: Metric, results: Readable) -> Value:
    """A metric of the run as a whole."""
    match metric.source:
        case Source.DROPPED:
            if not results.dropped and results.total.due is None:
                return Value(None, "nothing was scheduled (--arrival-rate), so nothing could be dropped")
            return Value(results.dropped)
        case Source.ABANDONED:
            if not results.abandoned and not results.total.count:
                return Value(None, "there were no requests")
            return Value(results.abandoned)
    workers = results.workers.values()
    # A process that has run for a moment has used some CPU; nothing at all is no reading.
    busiest = max((w.cpu_max if metric.aggregate == "max" else w.cpu_mean for w in workers), default=0.0)
    return Value(100 * busiest) if busiest > 0 else Value(None, "no process has told its CPU time")


def value_of_series(threshold: Threshold, results: Readable, *, final: bool) -> Value:
    """A watched series, over its last window or as a whole."""
    metric = threshold.metric
    series = results.series.get(metric.series)
    if series is None or not series.points:
        return Value(None, _nothing_read(metric.series, series))
    points = series.points
    if threshold.window_s is not None:
        start = points[-1][0] - threshold.window_s + _JITTER_S
        if start < points[0][0] and not final:
            return Value(None, "no window is complete")
        first = max((index for index, (moment, _) in enumerate(points) if moment <= start), default=0)
        points = points[first:]
    if metric.aggregate == "growth" and len(points) < 2:
        return Value(None, f"{quote(metric.series)} was read only once")
    return Value(_aggregate(metric.aggregate, [value for _, value in points]) * scale_of(series.unit))


def _nothing_read(name: str, series: SeriesLike | None) -> str:
    failed = f" ({series.errors:,} readings failed)" if series is not None and series.errors else ""
    return f"nothing was read from {quote(name)}{failed}"


def _aggregate(aggregate: str, values: Sequence[float]) -> float:
    match aggregate:
        case "max":
            return max(values)
        case "min":
            return min(values)
        case "mean":
            return sum(values) / len(values)
        case "last":
            return values[-1]
    return values[-1] - values[0]
