"""Saved runs as the thresholds' evaluator reads them, and judged by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wireswarm.metrics import FLOW, STEP, Histogram, Key, Tally
from wireswarm.reports.summary import Latency, Row, Series, Step, Summary, ThresholdRow, Worker
from wireswarm.thresholds import Evaluator, Judgement, Threshold


class SavedRun:
    """A summary as a `wireswarm.thresholds.Readable`. Percentiles are the ones of the run, from the same buckets."""

    def __init__(self, summary: Summary) -> None:
        self.total = _tally(summary.total)
        self._tallies = {Key(row.type, row.name): _tally(row) for row in summary.requests}
        for flow in summary.flows:
            name = flow.row.name
            self._tallies[Key(FLOW, name)] = _tally(flow.row)
            self._tallies.update({Key(STEP, f"{name}: {step.name}"): _step(step) for step in flow.steps})
        self.elapsed_s = summary.total.count / summary.total.rps if summary.total.rps else summary.run.duration_s
        self.dropped = summary.dropped
        self.abandoned = summary.abandoned
        self.workers: Mapping[str, Worker] = {worker.name: worker for worker in summary.generator.workers}
        self.series: Mapping[str, Series] = {series.name: series for series in summary.series}

    def keys(self) -> list[Key]:
        """All requests, flows and steps."""
        return list(self._tallies)

    def tally(self, key: Key) -> Tally:
        """What is known of one of them."""
        return self._tallies[key]

    def over(self, window_s: float | None, key: Key | None) -> tuple[Tally, float]:
        """The whole run; nothing is known of windows."""
        tally = self.total if key is None else self._tallies[key]
        return tally, self.elapsed_s if window_s is None else 0.0


def judge_summary(summary: Summary, thresholds: Iterable[Threshold]) -> list[Judgement | ThresholdRow]:
    """Judge a saved run.

    Thresholds over a window can only be judged while a run goes on: of those that it was judged by, the saved
    judgements are taken, and others have no data.
    """
    found: list[Judgement | ThresholdRow] = []
    for threshold in thresholds:
        known = [
            row
            for row in summary.thresholds
            if (row.selector, row.expression) == (threshold.selector, threshold.expression)
        ]
        if threshold.window_s is not None and known:
            found += known
        else:
            found += Evaluator([threshold]).judge(SavedRun(summary), summary.run.duration_s, final=True)
    return found


def _tally(row: Row) -> Tally:
    tally = Tally()
    tally.ok = _histogram(row.latency)
    tally.failed = _histogram(row.failed)
    if row.response is not None:
        tally.due = _histogram(row.response)
    tally.rejected = row.rejected
    tally.rejected_failures = max(row.failures - row.failed.count, 0)
    tally.request_bytes, tally.response_bytes = row.request_bytes, row.response_bytes
    return tally


def _step(step: Step) -> Tally:
    """A step's failures have no times of their own in a summary."""
    tally = Tally()
    tally.ok = _histogram(step.latency)
    tally.rejected = tally.rejected_failures = step.failures
    return tally


def _histogram(latency: Latency) -> Histogram:
    if not latency.buckets:
        return Histogram()
    return Histogram.from_buckets(
        latency.buckets,
        minimum=round(latency.min_ms * 1000),
        maximum=round(latency.max_ms * 1000),
        total_us=round(latency.mean_ms * 1000 * latency.count),
        clamped=latency.clamped,
    )
