"""What the figures say in words: failure bands and the trend of throughput.

The bands and the meaning of a rising, level or falling throughput are those that load testers agreed on for the Chater
service; they help to read a report and decide nothing, which is what thresholds are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean, linear_regression
from typing import Final, NamedTuple

from wireswarm.reports.figures import rate
from wireswarm.reports.summary import Point, Row, Summary

ACCEPTABLE: Final = 0.01
CRITICAL: Final = 0.05

TREND: Final = 0.10
"""A trend is a change by more than this share of the mean over the phase …"""
SIGMAS: Final = 3.0
"""… that is also this many standard errors away from none."""
LEAST_STEPS: Final = 5
"""A phase with fewer steps of the time line is too short for a trend."""


class Band(StrEnum):
    """How bad a share of failures is."""

    ACCEPTABLE = "Acceptable"
    INVESTIGATE = "Investigate"
    CRITICAL = "Critical issue"


class Trend(StrEnum):
    """Where throughput went."""

    INCREASING = "Increasing"
    PLATEAUING = "Plateauing"
    DECREASING = "Decreasing"
    UNKNOWN = "Too short to tell"


class Phase(NamedTuple):
    """The trend of throughput over a stretch of the run with one kind of load."""

    name: str
    trend: Trend
    meaning: str
    detail: str


_RISING = {
    Trend.INCREASING: "Good scaling: more users got more answers.",
    Trend.PLATEAUING: "Bottleneck identified: more users got no more answers.",
    Trend.DECREASING: "System degrading under load: more users got fewer answers.",
}
_STEADY = {
    Trend.INCREASING: "Getting faster under a steady load: caches or connections were still warming up.",
    Trend.PLATEAUING: "Level under a steady load, as it should be.",
    Trend.DECREASING: "System degrading under load: the same users got fewer and fewer answers.",
}


def failure_band(part: float) -> Band:
    """The band of a share of failures: under 1 %, up to 5 %, above."""
    if part < ACCEPTABLE:
        return Band.ACCEPTABLE
    return Band.INVESTIGATE if part <= CRITICAL else Band.CRITICAL


def band_of(row: Row) -> Band | None:
    """The band of a request; None where nothing was sent."""
    return failure_band(row.failures / row.count) if row.count else None


def bands(summary: Summary) -> dict[Band, list[Row]]:
    """The requests in each band, most failures first."""
    found: dict[Band, list[Row]] = {band: [] for band in Band}
    for row in sorted(summary.requests, key=lambda row: -row.failures / max(row.count, 1)):
        band = band_of(row)
        if band is not None:
            found[band].append(row)
    return found


def throughput_trend(timeline: Sequence[Point]) -> list[Phase]:
    """The trend while the number of users rose, and the one at full load.

    A line is fitted through the throughput of each phase. The first and the last step of the run are left out, which
    are seldom whole.
    """
    points = [point for point in timeline[1:-1] if point.duration_s > 0]
    most = max((point.users for point in points), default=0)
    if not most:
        return []
    first_full = next(index for index, point in enumerate(points) if point.users >= 0.95 * most)
    full = [point for point in points[first_full:] if point.users >= 0.95 * most]
    phases = [_phase("At full load", full, _STEADY)]
    if first_full >= LEAST_STEPS:
        phases.insert(0, _phase("While users were added", points[: first_full + 1], _RISING))
    return phases


def _phase(name: str, points: Sequence[Point], meanings: dict[Trend, str]) -> Phase:
    if len(points) < LEAST_STEPS:
        return Phase(name, Trend.UNKNOWN, "", f"{len(points)} whole steps of the time line, {LEAST_STEPS} are needed")
    rates = [point.count / point.duration_s for point in points]
    trend, before, after = _fit([point.start_s for point in points], rates)
    first, last = points[0].users, points[-1].users
    users = f"{first:,}" if first == last else f"{first:,} to {last:,}"
    detail = f"from {rate(max(before, 0.0))}/s to {rate(max(after, 0.0))}/s with {users} users"
    return Phase(name, trend, meanings[trend], detail)


def _fit(times: Sequence[float], rates: Sequence[float]) -> tuple[Trend, float, float]:
    """The trend of a series, and the ends of the line through it."""
    slope, intercept = linear_regression(times, rates)
    before, after = intercept + slope * times[0], intercept + slope * times[-1]
    rest = sum((value - intercept - slope * time) ** 2 for time, value in zip(times, rates, strict=True))
    spread = sum((time - fmean(times)) ** 2 for time in times)
    error = (rest / max(len(times) - 2, 1) / spread) ** 0.5
    if abs(after - before) <= TREND * fmean(rates) or abs(slope) <= SIGMAS * error:
        return Trend.PLATEAUING, before, after
    return (Trend.INCREASING if slope > 0 else Trend.DECREASING), before, after
