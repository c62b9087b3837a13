"""Two runs beside each other: what changed by more than is tolerated and by more than chance.

`noise` has the method by which chance is told from change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from statistics import median
from typing import Final

import msgspec

from wireswarm.errors import ConfigurationError
from wireswarm.reports import noise
from wireswarm.reports.distribution import Distribution
from wireswarm.reports.summary import Batch, Latency, Record, Row, Summary

COMPARISON_SCHEMA: Final = "wireswarm-comparison/1"
_LATENCIES: Final[Mapping[str, float | None]] = {"p50": 50, "p95": 95, "p99": 99, "mean": None}
"""What is compared, and the percent of percentiles."""
_TRIM: Final = 0.5
"""A batch that is shorter than this share of the longest is left out: the last one of a run says little."""


class State(StrEnum):
    """What became of one figure of one request."""

    SAME = "same"
    """Within the tolerance."""
    BETTER = "better"
    WORSE = "worse"
    """A regression: beyond the tolerance, and more than chance."""
    NOISE = "noise"
    """Beyond the tolerance, but chance may have done it."""
    UNKNOWN = "unknown"
    """One of the runs has too few requests to tell."""


class Tolerance(Record, frozen=True, kw_only=True):
    """How much may change without being called a change. A time has to exceed both limits."""

    relative: float = 0.10
    """Of latencies and rates, as a share of the baseline."""
    time_ms: float = 5.0
    """Of latencies."""
    errors: float = 0.005
    """Of the share of failures, as a difference of shares: 0.005 is half a percentage point."""


class Change(Record, frozen=True, kw_only=True):
    """One figure of one request in both runs."""

    metric: str
    """`p50`, `p95`, `p99`, `mean`, `rps`, `errors`."""
    unit: str
    """`ms`, `/s`, or empty for a share."""
    base: float
    new: float
    state: State

    @property
    def difference(self) -> float:
        """New less base."""
        return self.new - self.base

    @property
    def relative(self) -> float | None:
        """The difference as a share of the base; None where that is zero."""
        return self.difference / self.base if self.base else None


class Pair(Record, frozen=True, kw_only=True):
    """One request that both runs made, or the total."""

    type: str
    name: str
    base_count: int
    new_count: int
    changes: list[Change]


class Comparison(Record, frozen=True, kw_only=True):
    """Two runs beside each other."""

    schema: str = COMPARISON_SCHEMA
    tolerance: Tolerance
    pairs: list[Pair]
    """The total first, then the requests, then flows."""
    vanished: list[str] = msgspec.field(default_factory=list)
    """Requests that only the baseline made."""
    appeared: list[str] = msgspec.field(default_factory=list)
    """Requests that only the new run made."""
    notes: list[str] = msgspec.field(default_factory=list)
    """Why the runs may not be comparable."""

    @property
    def regressions(self) -> list[tuple[Pair, Change]]:
        """What got worse."""
        return [(pair, change) for pair in self.pairs for change in pair.changes if change.state is State.WORSE]

    @property
    def passed(self) -> bool:
        """Whether nothing got worse."""
        return not self.regressions


def compare(base: Summary, new: Summary, tolerance: Tolerance | None = None) -> Comparison:
    """Compare a run with an earlier one.

    Raises:
        ConfigurationError: the runs have no request in common, so there is nothing to compare.
    """
    allowed = tolerance or Tolerance()
    before, after = _rows(base), _rows(new)
    common = [key for key in before if key in after]
    if not common:
        raise ConfigurationError("found two runs without a request in common; allowed: runs of the same load test")
    pairs = [(base.total, new.total), *((before[key], after[key]) for key in common)]
    return Comparison(
        tolerance=allowed,
        pairs=[_pair(one, two, base.run.duration_s, new.run.duration_s, allowed) for one, two in pairs],
        vanished=[_label(row) for key, row in before.items() if key not in after],
        appeared=[_label(row) for key, row in after.items() if key not in before],
        notes=list(_notes(base, new)),
    )


def _rows(summary: Summary) -> dict[tuple[str, str], Row]:
    """The requests and flows that were made."""
    rows = [*summary.requests, *(flow.row for flow in summary.flows)]
    return {(row.type, row.name): row for row in rows if row.count}


def _label(row: Row) -> str:
    return f"{row.type} {row.name}".strip()


def _pair(base: Row, new: Row, base_s: float, new_s: float, tolerance: Tolerance) -> Pair:
    return Pair(
        type=base.type,
        name=base.name,
        base_count=base.count,
        new_count=new.count,
        changes=[
            *_latencies(base, new, tolerance),
            _rate(base, new, base_s, new_s, tolerance),
            _errors(base, new, tolerance),
        ],
    )


def _latencies(base: Row, new: Row, tolerance: Tolerance) -> Iterator[Change]:
    enough = min(base.latency.count, new.latency.count) >= noise.LEAST_REQUESTS
    for metric in _LATENCIES:
        before, after = _latency(base.latency, metric), _latency(new.latency, metric)
        apart = abs(after - before)
        beyond = apart > tolerance.time_ms and apart > tolerance.relative * before
        real = enough and beyond and _latencies_differ(base, new, metric)
        state = _state(beyond, real, worse=after > before) if enough else State.UNKNOWN
        yield Change(metric=metric, unit="ms", base=before, new=after, state=state)


def _latencies_differ(base: Row, new: Row, metric: str) -> bool:
    percent = _LATENCIES[metric]
    one, two = Distribution(base.latency.buckets), Distribution(new.latency.buckets)
    if percent is None:
        return noise.means_differ(one, two) and _batches_differ(base, new, metric, 1)
    # A batch's percentile means something only if there is a request above it.
    needed = 1 / (1 - percent / 100)
    return noise.percentiles_differ(one, two, percent) and _batches_differ(base, new, metric, needed)


def _latency(of: Latency | Batch, metric: str) -> float:
    value: float = getattr(of, f"{metric}_ms")
    return value


def _batches_differ(base: Row, new: Row, metric: str, needed: float) -> bool:
    """Whether the batches' latencies differ; true where they cannot tell, with fewer successes each than are needed."""
    parts = [[batch for batch in _whole(row) if batch.count > batch.failures] for row in (base, new)]
    if any(not part or median(batch.count - batch.failures for batch in part) < needed for part in parts):
        return True
    one, two = ([_latency(batch, metric) for batch in part] for part in parts)
    return noise.batches_differ(one, two)


def _rate(base: Row, new: Row, base_s: float, new_s: float, tolerance: Tolerance) -> Change:
    beyond = abs(new.rps - base.rps) > tolerance.relative * base.rps
    enough = max(base.count, new.count) >= noise.LEAST_REQUESTS and min(base_s, new_s) > 0
    real = enough and beyond and noise.rates_differ(base.count, base_s, new.count, new_s)
    if real:
        one, two = ([batch.count / batch.duration_s for batch in _whole(row)] for row in (base, new))
        real = noise.batches_differ(one, two)
    state = _state(beyond, real, worse=new.rps < base.rps) if enough else State.UNKNOWN
    return Change(metric="rps", unit="/s", base=base.rps, new=new.rps, state=state)


def _errors(base: Row, new: Row, tolerance: Tolerance) -> Change:
    if not (base.count and new.count):
        return Change(metric="errors", unit="", base=0.0, new=0.0, state=State.UNKNOWN)
    before, after = base.failures / base.count, new.failures / new.count
    beyond = abs(after - before) > tolerance.errors
    real = noise.shares_differ(base.failures, base.count, new.failures, new.count)
    state = _state(beyond, real, worse=after > before)
    return Change(metric="errors", unit="", base=before, new=after, state=state)


def _state(beyond: bool, real: bool, *, worse: bool) -> State:
    if not beyond:
        return State.SAME
    if not real:
        return State.NOISE
    return State.WORSE if worse else State.BETTER


def _whole(row: Row) -> list[Batch]:
    """The batches, without those that were cut short."""
    longest = max((batch.duration_s for batch in row.batches), default=0.0)
    return [batch for batch in row.batches if batch.duration_s > _TRIM * longest]


def _notes(base: Summary, new: Summary) -> Iterator[str]:
    for name, summary in (("baseline", base), ("new run", new)):
        if summary.validity.state == "INVALID":
            yield f"the {name} is INVALID: {'; '.join(summary.validity.reasons) or 'its numbers cannot be trusted'}"
    if base.run.users != new.run.users:
        yield f"the baseline had {base.run.users:,} users, the new run {new.run.users:,}"
    for what, old, fresh in (
        ("load", base.run.arrival_rate or "by users", new.run.arrival_rate or "by users"),
        ("host", base.run.host, new.run.host),
    ):
        if old != fresh:
            yield f"the baseline's {what} was {old or 'not named'}, the new run's {fresh or 'not named'}"
    longer = max(base.run.duration_s, new.run.duration_s)
    if longer > 1.5 * min(base.run.duration_s, new.run.duration_s):
        yield f"the baseline lasted {base.run.duration_s:.0f} s, the new run {new.run.duration_s:.0f} s"
