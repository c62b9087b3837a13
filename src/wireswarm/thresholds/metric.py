"""The metrics that a threshold can be about. A new one is an entry in `METRICS` and, for its value, in `values`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from wireswarm.thresholds.units import COUNT, CPU, DURATION, MEMORY, RATE, SHARE, Quantity
from wireswarm.thresholds.words import did_you_mean

LONGEST_WINDOW_S: Final = 600
"""The longest window over requests: each second of it is kept for each request."""
LONGEST_SERIES_WINDOW_S: Final = 86_400
"""The longest window over a watched series, of which a few values a minute are kept."""


class Scope(Enum):
    """What a metric is measured on."""

    REQUESTS = "requests"
    """A request, a flow, or the total of all requests."""
    RUN = "run"
    """The run as a whole: such a threshold has no selector, and no window."""
    SERIES = "series"
    """A watched series: no selector."""


class Source(Enum):
    """Where a metric's value is taken from."""

    LATENCY = "latency"
    """Service times of successes."""
    DUE = "due"
    """Response times of successes from the moment they were due."""
    ERRORS = "errors"
    FAILURES = "failures"
    COUNT = "count"
    RPS = "rps"
    DROPPED = "dropped"
    ABANDONED = "abandoned"
    CPU = "cpu"
    SERIES = "series"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured."""

    name: str
    """As it is written: `p99.9`, `errors`, `heap.growth`."""
    source: Source
    quantity: Quantity | None
    """What its limit may be; None for a watched series, which only the profile file knows the unit of."""
    aggregate: str = ""
    """Of a distribution, of readings or of a series: `percentile`, `max`, `min`, `mean`, `last`, `growth`."""
    percent: float = 0.0
    """Of a percentile."""
    series: str = ""
    """The watched series' name."""

    @property
    def scope(self) -> Scope:
        """What it is measured on."""
        if self.source is Source.SERIES:
            return Scope.SERIES
        on_run = self.source in {Source.DROPPED, Source.ABANDONED, Source.CPU}
        return Scope.RUN if on_run else Scope.REQUESTS

    @property
    def longest_window_s(self) -> int:
        """The longest window that it may be judged over; 0 for none."""
        return {Scope.REQUESTS: LONGEST_WINDOW_S, Scope.RUN: 0, Scope.SERIES: LONGEST_SERIES_WINDOW_S}[self.scope]


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("max", Source.LATENCY, DURATION, "max"),
            Metric("min", Source.LATENCY, DURATION, "min"),
            Metric("mean", Source.LATENCY, DURATION, "mean"),
            Metric("errors", Source.ERRORS, SHARE),
            Metric("failures", Source.FAILURES, COUNT),
            Metric("count", Source.COUNT, COUNT),
            Metric("rps", Source.RPS, RATE),
            Metric("due_max", Source.DUE, DURATION, "max"),
            Metric("due_min", Source.DUE, DURATION, "min"),
            Metric("due_mean", Source.DUE, DURATION, "mean"),
            Metric("dropped", Source.DROPPED, COUNT),
            Metric("abandoned", Source.ABANDONED, COUNT),
            Metric("cpu", Source.CPU, CPU, "mean"),
            Metric("cpu.max", Source.CPU, CPU, "max"),
            Metric("memory_growth", Source.SERIES, MEMORY, "growth", series="memory"),
        )
    }
)
"""Every metric by its name, but for percentiles and what is watched."""

ALLOWED: Final = f"p50, p95, p99.9 or any other percentile, due_p99, {', '.join(METRICS)}, or NAME.growth of a watch"

AGGREGATES: Final = ("max", "min", "mean", "last", "growth")
"""What a watched series is reduced to."""

_PERCENTILE = re.compile(r"(due_)?p([0-9]+(?:\.[0-9]+)?)")
_SERIES = re.compile(rf"([A-Za-z][A-Za-z0-9_-]*)\.({'|'.join(AGGREGATES)})")
# What other tools call the same.
_ALIASES: Final = {
    "avg": "mean",
    "average": "mean",
    "med": "p50",
    "median": "p50",
    "error_rate": "errors",
    "fail_ratio": "errors",
    "requests": "count",
    "throughput": "rps",
    "memory": "memory_growth",
}


def find_metric(name: str) -> Metric | None:
    """The metric of that name."""
    if name in METRICS:
        return METRICS[name]
    if match := _PERCENTILE.fullmatch(name):
        percent = float(match[2])
        source = Source.DUE if match[1] else Source.LATENCY
        return Metric(name, source, DURATION, "percentile", percent) if percent <= 100 else None
    if match := _SERIES.fullmatch(name):
        return Metric(name, Source.SERIES, None, match[2], series=match[1])
    return None


def hint(name: str) -> str:
    """A parenthesis with the metric that was probably meant."""
    folded = name.casefold()
    if folded in _ALIASES:
        return f' (did you mean "{_ALIASES[folded]}"?)'
    plain = re.sub(r"[()%_]", "", folded)  # p(95), as k6 writes it, 95% and P95
    plain = plain if plain.startswith("p") else f"p{plain}"
    if _PERCENTILE.fullmatch(plain):
        return f' (did you mean "{plain}"?)' if float(plain[1:]) <= 100 else ""
    if "." in name:
        return did_you_mean(name, [f"{name.partition('.')[0]}.{aggregate}" for aggregate in AGGREGATES])
    return did_you_mean(name, [*METRICS, "p50", "p95", "p99", "due_p99"])
