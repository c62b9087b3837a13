"""From what a run has measured to its summary."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from wireswarm.auth import redact
from wireswarm.metrics import FLOW, STEP, Histogram, Key, Results, Tally
from wireswarm.metrics import Point as MeasuredPoint
from wireswarm.metrics import Validity as MeasuredValidity
from wireswarm.reports.summary import (
    Batch,
    ErrorRow,
    FlowRow,
    Generator,
    Latency,
    Point,
    Row,
    Run,
    Series,
    Step,
    Summary,
    ThresholdRow,
    Validity,
    Worker,
)
from wireswarm.thresholds import Judgement

TOTAL: Final = "total"
"""Name of the row of all exchanges. Its type is empty."""


def build_summary(
    results: Results,
    judgements: Iterable[Judgement],
    *,
    run: Run,
    validity: MeasuredValidity,
    exit_code: int,
    steps: Mapping[str, Sequence[str]] | None = None,
    notes: Iterable[str] = (),
) -> Summary:
    """Sum up a run that has ended.

    Args:
        results: all that was measured, with the workers' last reports.
        judgements: the thresholds on final data.
        run: what was run.
        validity: whether the numbers can be trusted.
        exit_code: of the run; it passed where this is 0.
        steps: the names of each flow's steps in the order in which they run. Steps without a place come last.
        notes: what readers have to know beside the notes of the results.
    """
    keys = results.keys()
    elapsed = results.elapsed_s
    return Summary(
        verdict="failed" if exit_code else "passed",
        exit_code=exit_code,
        run=run,
        validity=Validity(state=validity.state, reasons=[redact(reason) for reason in validity.reasons]),
        total=_row(Key("", TOTAL), results.total, elapsed, results.timeline),
        requests=[_row(key, results.tally(key), elapsed, results.batches(key)) for key in keys if key.is_exchange],
        flows=[_flow(key, results, steps or {}) for key in keys if key.type == FLOW],
        errors=_errors(results),
        thresholds=[_threshold(judgement) for judgement in judgements],
        abandoned=results.abandoned,
        dropped=results.dropped,
        start_retries=results.start_retries,
        exceptions=exceptions_of(results),
        counters=dict(results.counters),
        generator=_generator(results),
        timeline=[_point(point) for point in results.timeline],
        series=[
            Series(
                name=series.name,
                unit=series.unit,
                points=[point for point in series.points if math.isfinite(point[1])],
                errors=series.errors,
            )
            for series in results.series.values()
        ],
        notes=[redact(note) for note in (*results.notes, *notes)],
    )


def exceptions_of(results: Results) -> list[tuple[str, int]]:
    """The exceptions of users and listeners, as a summary has them."""
    return [(redact(text), count) for text, count in results.exceptions.items()]


def latency(histogram: Histogram) -> Latency:
    """A histogram as a summary has it; all zero where nothing was recorded."""
    if not histogram.total:
        return Latency()
    p50, p75, p90, p95, p99, p999 = histogram.percentiles((50, 75, 90, 95, 99, 99.9))
    return Latency(
        count=histogram.total,
        min_ms=histogram.minimum / 1000,
        mean_ms=histogram.mean / 1000,
        p50_ms=p50 / 1000,
        p75_ms=p75 / 1000,
        p90_ms=p90 / 1000,
        p95_ms=p95 / 1000,
        p99_ms=p99 / 1000,
        p999_ms=p999 / 1000,
        max_ms=histogram.maximum / 1000,
        clamped=histogram.clamped,
        buckets=histogram.buckets(),
    )


def _row(key: Key, tally: Tally, elapsed_s: float, batches: Iterable[MeasuredPoint]) -> Row:
    return Row(
        type=key.type,
        name=redact(key.name),
        count=tally.count,
        failures=tally.failures,
        rps=tally.count / elapsed_s if elapsed_s > 0 else 0.0,
        request_bytes=tally.request_bytes,
        response_bytes=tally.response_bytes,
        latency=latency(tally.ok),
        failed=latency(tally.failed),
        response=latency(tally.due) if tally.due is not None and tally.due.total else None,
        rejected=tally.rejected,
        batches=[_batch(point) for point in batches],
    )


def _batch(point: MeasuredPoint) -> Batch:
    return Batch(
        start_s=point.start_s,
        duration_s=point.duration_s,
        count=point.count,
        failures=point.failures,
        mean_ms=point.ok.mean / 1000,
        p50_ms=point.ok.percentile(50) / 1000,
        p95_ms=point.ok.percentile(95) / 1000,
        p99_ms=point.ok.percentile(99) / 1000,
    )


def _point(point: MeasuredPoint) -> Point:
    return Point(
        start_s=point.start_s,
        duration_s=point.duration_s,
        users=point.users,
        count=point.count,
        failures=point.failures,
        p50_ms=point.ok.percentile(50) / 1000,
        p95_ms=point.ok.percentile(95) / 1000,
        p99_ms=point.ok.percentile(99) / 1000,
        max_ms=point.ok.maximum / 1000,
        buckets=point.ok.buckets(),
    )


def _flow(flow: Key, results: Results, order: Mapping[str, Sequence[str]]) -> FlowRow:
    prefix = f"{flow.name}: "
    steps = [key for key in results.keys() if key.type == STEP and key.name.startswith(prefix)]  # noqa: SIM118 - no mapping
    found = {key.name.removeprefix(prefix): key for key in steps}
    known = [name for name in order.get(flow.name, ()) if name in found]
    names = [*known, *(name for name in found if name not in known)]
    tallies = [(name, results.tally(found[name])) for name in names]
    return FlowRow(
        row=_row(flow, results.tally(flow), results.elapsed_s, results.batches(flow)),
        steps=[
            Step(name=redact(name), count=tally.count, failures=tally.failures, latency=latency(tally.ok))
            for name, tally in tallies
        ],
    )


def _errors(results: Results) -> list[ErrorRow]:
    rows = [
        ErrorRow(
            type=key.type,
            name=redact(key.name),
            reason=redact(key.reason),
            message=redact(key.message),
            count=error.count,
            first_s=error.first_s,
            last_s=error.last_s,
        )
        for key, error in results.errors.items()
    ]
    return sorted(rows, key=lambda row: (-row.count, row.type, row.name, row.message))


def _threshold(judgement: Judgement) -> ThresholdRow:
    value = judgement.value
    return ThresholdRow(
        expression=judgement.expression,
        selector=judgement.selector,
        subject=redact(judgement.subject),
        passed=judgement.passed,
        value=value if value is not None and math.isfinite(value) else None,
        limit=judgement.limit,
        unit=judgement.unit,
        detail=redact(judgement.detail),
        source=judgement.source,
        aborted=judgement.aborted,
    )


def _generator(results: Results) -> Generator:
    return Generator(
        clock=results.clock,
        delay=latency(results.delay),
        lag=latency(results.lag),
        setup=latency(results.setup),
        start_lag=latency(results.start_lag),
        workers=[
            Worker(
                name=worker.name,
                cpu_mean=worker.cpu_mean,
                cpu_max=worker.cpu_max,
                lag_p99_ms=worker.lag.percentile(99) / 1000,
                lag_max_ms=worker.lag.maximum / 1000,
                memory_mb=worker.memory_mb,
                memory_max_mb=worker.memory_max_mb,
                connections_max=worker.connections_max,
                state="done" if worker.state == "running" else worker.state,
                users_max=worker.users_max,
            )
            for worker in results.workers.values()
        ],
    )
