"""One step of a search for the capacity: a run whose last seconds of arrivals are measured by themselves.

The run is as any other one; beside its own reports it leaves a `Reading` of the window for the process that searches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
from locust.env import Environment

from wireswarm.capacity.model import MARGIN_S, Criterion, Reading, Request
from wireswarm.metrics import Results, RunReadings, judge_validity
from wireswarm.metrics.readings import WorkerReadings
from wireswarm.metrics.tally import FLOW, Key, Tally
from wireswarm.metrics.timeline import Series
from wireswarm.metrics.validity import INVALID
from wireswarm.plugin.arrivals import on_last_arrival
from wireswarm.plugin.measuring import results_of
from wireswarm.reports.saved import write_file
from wireswarm.thresholds import Evaluator, parse_thresholds
from wireswarm.thresholds.metric import Source

_DRAIN_S: Final = 120
"""Seconds after the last arrival in which answers may still come in, while the window has to be kept."""


class Window:
    """Some seconds of a run, as thresholds are judged on: a `wireswarm.thresholds.Readable`."""

    def __init__(self, results: Results, begin_s: int, end_s: int) -> None:
        """Look at the seconds from one up to another."""
        self._results = results
        self._begin_s = begin_s
        self._end_s = end_s
        self.elapsed_s = float(end_s - begin_s)
        self.total = results.between(begin_s, end_s, None)

    def keys(self) -> list[Key]:
        """See `Readable.keys`."""
        return self._results.keys()

    def tally(self, key: Key) -> Tally:
        """See `Readable.tally`."""
        return self._results.between(self._begin_s, self._end_s, key)

    def over(self, window_s: float | None, key: Key | None) -> tuple[Tally, float]:
        """See `Readable.over`: there are no windows within this one."""
        return (self.total if key is None else self.tally(key)), self.elapsed_s

    # These are told of the run as a whole.

    @property
    def dropped(self) -> int:
        """See `Readable.dropped`."""
        return self._results.dropped

    @property
    def abandoned(self) -> int:
        """See `Readable.abandoned`."""
        return self._results.abandoned

    @property
    def workers(self) -> Mapping[str, WorkerReadings]:
        """See `Readable.workers`."""
        return self._results.workers

    @property
    def series(self) -> Mapping[str, Series]:
        """See `Readable.series`."""
        return self._results.series


def install_step(environment: Environment, request: Request) -> None:
    """Measure that environment's run as a step, where its results are."""
    results = results_of(environment)
    if results is not None:
        _Step(environment, results, request)


class _Step:
    def __init__(self, environment: Environment, results: Results, request: Request) -> None:
        self._results = results
        self._request = request
        self._end_s = 0
        results.keep_windows(request.window_s + _DRAIN_S)
        on_last_arrival(environment, self._on_last_arrival)
        environment.events.test_stop.add_listener(self._on_test_stop)

    def _on_last_arrival(self) -> None:
        if not self._end_s:
            self._end_s = int(self._results.elapsed_s)

    def _on_test_stop(self, **_kwargs: Any) -> None:
        end_s = max(0, (self._end_s or int(self._results.elapsed_s)) - MARGIN_S)
        reading = read_step(self._results, self._request.criteria, max(0, end_s - self._request.window_s), end_s)
        write_file(Path(self._request.output), msgspec.json.encode(reading))


def read_step(results: Results, criteria: Sequence[str], begin_s: int, end_s: int) -> Reading:
    """What was measured in the seconds from one up to another of a run that is over."""
    window = Window(results, begin_s, end_s)
    total, middle_s = window.total, (begin_s + end_s) // 2
    validity = judge_validity(replace(RunReadings.of(results), dropped=0))
    halves = results.between(begin_s, middle_s, None), results.between(middle_s, end_s, None)
    evaluator = Evaluator(parse_thresholds(criteria, source="--until"))
    return Reading(
        window_s=window.elapsed_s,
        count=total.count,
        failures=total.failures,
        p50_ms=total.ok.percentile(50) / 1000,
        p95_ms=total.ok.percentile(95) / 1000,
        p99_ms=total.ok.percentile(99) / 1000,
        max_ms=total.ok.maximum / 1000,
        due_p95_ms=None if total.due is None else total.due.percentile(95) / 1000,
        early_p50_ms=halves[0].ok.percentile(50) / 1000,
        late_p50_ms=halves[1].ok.percentile(50) / 1000,
        completed=_completed(window),
        started=results.start_lag.total,
        dropped=results.dropped,
        start_lag_p99_ms=results.start_lag.percentile(99) / 1000,
        users=results.users_max,
        cpu=max((worker.cpu_mean for worker in results.workers.values()), default=0.0),
        criteria=[
            Criterion(
                expression=str(judgement.threshold),
                subject=judgement.subject,
                passed=judgement.passed,
                due=judgement.threshold.metric.source is Source.DUE,
                detail=judgement.detail,
            )
            for judgement in evaluator.judge(window, window.elapsed_s, final=True)
        ],
        invalid=validity.reasons if validity.state == INVALID else [],
    )


def _completed(window: Window) -> int | None:
    """Arrivals that were through with: flows, and tasks that are no flow by their first request, which was due."""
    tallies = [(key, window.tally(key)) for key in window.keys()]  # noqa: SIM118 - no mapping
    due = [(key, tally) for key, tally in tallies if tally.due is not None]
    if not due:
        return None
    return sum(
        tally.count if key.type == FLOW else (tally.due.total if tally.due else 0) + tally.failures
        for key, tally in due
    )
