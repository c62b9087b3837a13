"""Whether a run's numbers can be trusted: a pure function of what the run said about itself.

`INVALID`: numbers are missing, or are those of the load generator instead of the system's. `DEGRADED`: the numbers are
right, but whoever reads them has to know something. The limits are the constants below. They leave room for a machine
that does other work too, so a short run there is not called bad because of one late second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from wireswarm.metrics.results import Results

BUSY_SHARE: Final = 0.2
"""A process is saturated when it had a whole core's work for that share of the run …"""
BUSY_SECONDS: Final = 5.0
"""… and for so many seconds."""
LAG_INVALID_MS: Final = 100.0
"""Event-loop lag at p99 from which users start so late that the load is another than was asked for, and a program's own
clock measures the program."""
LAG_DEGRADED_MS: Final = 50.0
LATE_SHARE: Final = 0.5
"""Share of the run from which a loop was late too often to be looked at, …"""
LATE_LOOKS: Final = 5
"""… unless that was one long stand-still."""
STALL_MS: Final = 1_000.0
"""Event-loop lag from which one such moment is worth telling."""
DELAY_DEGRADED_MS: Final = 50.0
"""Generator's delay at p99 from which users send their next request noticeably late."""
START_LAG_DEGRADED_MS: Final = 100.0
"""Lateness at p99 of scheduled starts."""
CLOCK_STEP_INVALID_S: Final = 1.0
"""The machine's clock was set by so much: response times end by that clock."""
ENOUGH: Final = 100
"""Values below which a p99 is nothing but the worst of a few."""

VALID: Final = "VALID"
DEGRADED: Final = "DEGRADED"
INVALID: Final = "INVALID"


class Validity(NamedTuple):
    """The judgement."""

    state: str
    """`VALID`, `DEGRADED` or `INVALID`."""
    reasons: list[str]
    """One line each, the gravest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """One process, as far as validity goes."""

    name: str
    state: str = "done"
    silent_s: float = 0.0
    """How long before the end it reported for the last time."""
    measured_s: float = 0.0
    busy_s: float = 0.0
    lag_count: int = 0
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0
    lag_sum_s: float = 0.0
    """All lag together: a loop that is always late is looked at too seldom for a p99."""
    clock_steps: int = 0
    clock_step_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReadings:
    """All that validity is judged by."""

    clock: str = ""
    """As `Results.clock`."""
    other_clients: bool = False
    """Whether there were exchanges of other clients, whose response times end by the program's clock."""
    workers: list[WorkerView] = field(default_factory=list)
    delay_count: int = 0
    delay_p99_ms: float = 0.0
    start_count: int = 0
    start_lag_p99_ms: float = 0.0
    dropped: int = 0
    abandoned: int = 0
    rejected: int = 0
    clamped: int = 0
    merged_names: int = 0
    merged_errors: int = 0
    lost_rows: Mapping[str, int] = field(default_factory=dict)
    """As `Results.lost_rows`."""
    nothing: bool = False
    """The run is over, and nothing was ever asked or sent."""

    @classmethod
    def of(cls, results: Results) -> RunReadings:
        """Those of a run, so far or at its end."""
        total = results.total
        return cls(
            clock=results.clock,
            # Exchanges that failed without an answer end by the program's clock too, and by no other.
            other_clients=total.ok.total > results.delay.total + results.unstamped,
            workers=[
                WorkerView(
                    name=worker.name,
                    state=worker.state,
                    silent_s=max(0.0, results.elapsed_s - worker.last_report_s),
                    measured_s=worker.measured_s,
                    busy_s=worker.busy_s,
                    lag_count=worker.lag.total,
                    lag_p99_ms=worker.lag.percentile(99) / 1000,
                    lag_max_ms=worker.lag.maximum / 1000,
                    lag_sum_s=worker.lag.sum / 1e6,
                    clock_steps=worker.clock_steps,
                    clock_step_s=worker.clock_step_s,
                )
                for worker in results.workers.values()
            ],
            delay_count=results.delay.total,
            delay_p99_ms=results.delay.percentile(99) / 1000,
            start_count=results.start_lag.total,
            start_lag_p99_ms=results.start_lag.percentile(99) / 1000,
            dropped=results.dropped,
            abandoned=results.abandoned,
            rejected=sum(results.tally(key).rejected for key in results.keys()),  # noqa: SIM118 - no mapping
            clamped=total.ok.clamped + total.failed.clamped,
            merged_names=results.merged_names,
            merged_errors=results.merged_errors,
            lost_rows=dict(results.lost_rows),
            nothing=results.finished and not results.keys() and not results.counters,
        )


def judge_validity(readings: RunReadings) -> Validity:
    """Judge a run by its readings."""
    invalid: list[str] = []
    degraded: list[str] = []
    for worker in readings.workers:
        _judge_presence(worker, invalid, degraded)
        _judge_speed(worker, readings, invalid, degraded)
        _judge_clock(worker, invalid, degraded)
    if readings.dropped:
        invalid.append(f"{readings.dropped:,} scheduled arrivals were dropped: no user was free for them")
    _judge_lateness(readings, degraded)
    _judge_counts(readings, degraded)
    state = INVALID if invalid else DEGRADED if degraded else VALID
    return Validity(state, [*invalid, *degraded])


def _judge_presence(worker: WorkerView, invalid: list[str], degraded: list[str]) -> None:
    if worker.state == "lost":
        invalid.append(
            f"worker {worker.name} was lost, and what it measured since its last report, "
            f"{worker.silent_s:.0f} s before the end, is missing"
        )
    elif worker.state == "left":
        degraded.append(f"worker {worker.name} stopped before the end of the run; its measurements are complete")


def _judge_speed(worker: WorkerView, readings: RunReadings, invalid: list[str], degraded: list[str]) -> None:
    # With the kernel's stamps a full core delays the next request, but no response time.
    stamped = readings.clock == "kernel" and not readings.other_clients
    if worker.busy_s >= BUSY_SECONDS and worker.busy_s >= BUSY_SHARE * worker.measured_s:
        busy = f"{worker.name} used a whole core for {worker.busy_s:.0f} of {worker.measured_s:.0f} s"
        if stamped:
            degraded.append(f"{busy}: response times are the kernel's, but it may not have offered the load it should")
        else:
            invalid.append(f"{busy}: response times contain its own delays")
    if worker.lag_count >= ENOUGH and worker.lag_p99_ms > LAG_INVALID_MS:
        invalid.append(
            f"{worker.name} was late: event-loop lag {worker.lag_p99_ms:.0f} ms at p99, limit {LAG_INVALID_MS:.0f} ms"
        )
    elif LATE_LOOKS <= worker.lag_count < ENOUGH and worker.lag_sum_s >= LATE_SHARE * max(worker.measured_s, 1.0):
        invalid.append(
            f"{worker.name} was late for {worker.lag_sum_s:.0f} of {worker.measured_s:.0f} s: event-loop lag "
            f"{worker.lag_max_ms:.0f} ms at most"
        )
    elif worker.lag_count >= ENOUGH and worker.lag_p99_ms > LAG_DEGRADED_MS:
        degraded.append(f"{worker.name} was a little late: event-loop lag {worker.lag_p99_ms:.0f} ms at p99")
    if worker.lag_max_ms > STALL_MS:
        degraded.append(f"{worker.name} stood still for {worker.lag_max_ms / 1000:.1f} s")


def _judge_clock(worker: WorkerView, invalid: list[str], degraded: list[str]) -> None:
    if worker.clock_steps:
        text = f"the clock of {worker.name} was set {worker.clock_steps} times, by up to {worker.clock_step_s:.3f} s"
        (invalid if worker.clock_step_s >= CLOCK_STEP_INVALID_S else degraded).append(text)


def _judge_lateness(readings: RunReadings, degraded: list[str]) -> None:
    if readings.delay_count >= ENOUGH and readings.delay_p99_ms > DELAY_DEGRADED_MS:
        degraded.append(
            f"answers were read late, {readings.delay_p99_ms:.0f} ms at p99: users sent less than they could"
        )
    if readings.start_count >= ENOUGH and readings.start_lag_p99_ms > START_LAG_DEGRADED_MS:
        degraded.append(f"scheduled starts were late, {readings.start_lag_p99_ms:.0f} ms at p99")


def _judge_counts(readings: RunReadings, degraded: list[str]) -> None:
    if readings.nothing:
        degraded.append("nothing was measured: no request was made")
    for count, text in (
        (readings.abandoned, "requests were abandoned: their users were ended before the answer was judged"),
        (readings.rejected, "response times were no numbers, and are in no percentile"),
        (readings.clamped, "response times were negative or over an hour, and count as 0 or an hour"),
        (readings.merged_names, "events are counted as (other): too many request names"),
        (readings.merged_errors, "failures are counted as (other): too many different messages"),
    ):
        if count:
            degraded.append(f"{count:,} {text}")
    for path, rows in readings.lost_rows.items():
        degraded.append(f"up to {rows:,} rows of {path} were lost with workers that are gone, used or not")
