"""The curve of load against latency, out of the steps of a search: one point for each rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from wireswarm.capacity.model import Outcome, Reading, Step


class Point(NamedTuple):
    """One rate; the median of its steps where there were several."""

    rate: float
    steps: int
    outcome: Outcome
    """What most of them say."""
    p50_ms: float | None
    """None where nothing succeeded; so for the others."""
    p95_ms: float | None
    p99_ms: float | None
    errors: float
    """Share of the exchanges that failed."""


def curve_of(steps: Sequence[Step]) -> list[Point]:
    """The points by their rate. Steps that say nothing of the target are none."""
    by_rate: dict[float, list[Step]] = {}
    for step in steps:
        if step.outcome is not Outcome.GENERATOR and step.reading.count:
            by_rate.setdefault(step.rate, []).append(step)
    return [_point(rate, by_rate[rate]) for rate in sorted(by_rate)]


def _point(rate: float, steps: Sequence[Step]) -> Point:
    readings = [step.reading for step in steps]
    succeeded = [reading for reading in readings if reading.count > reading.failures]
    fails = sum(step.outcome is Outcome.FAILS for step in steps)
    return Point(
        rate=rate,
        steps=len(steps),
        outcome=Outcome.FAILS if 2 * fails > len(steps) else Outcome.HOLDS,
        p50_ms=_median(reading.p50_ms for reading in succeeded),
        p95_ms=_median(reading.p95_ms for reading in succeeded),
        p99_ms=_median(reading.p99_ms for reading in succeeded),
        errors=median(_errors(reading) for reading in readings),
    )


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _errors(reading: Reading) -> float:
    return reading.failures / reading.count
