"""When a run is believed, from injected readings."""

from __future__ import annotations

from typing import Any

import pytest

from wireswarm.metrics import Reading, Recorder, Results, RunReadings, WorkerView, judge_validity

CLEAN: dict[str, Any] = {
    "name": "w1",
    "measured_s": 20.0,
    "busy_s": 1.0,
    "lag_count": 400,
    "lag_p99_ms": 4.0,
    "lag_max_ms": 120.0,
}


def judge(worker: dict[str, Any] | None = None, **run: Any) -> tuple[str, list[str]]:
    readings = {"clock": "kernel", "delay_count": 5_000, "delay_p99_ms": 3.0} | run
    return judge_validity(RunReadings(workers=[WorkerView(**(CLEAN | (worker or {})))], **readings))


def test_a_clean_run_is_valid_even_with_a_late_moment() -> None:
    assert judge() == ("VALID", [])


def test_a_short_run_is_not_judged_by_a_few_values() -> None:
    assert judge({"lag_count": 40, "lag_p99_ms": 300.0}, delay_count=20, delay_p99_ms=80.0) == ("VALID", [])


@pytest.mark.parametrize(
    ("state", "worker", "run", "reason"),
    [
        ("INVALID", {"state": "lost", "silent_s": 3.2}, {}, "w1 was lost"),
        ("DEGRADED", {"state": "left"}, {}, "w1 stopped before the end"),
        ("INVALID", {"busy_s": 18.0}, {"clock": "program"}, "whole core for 18 of 20 s"),
        ("INVALID", {"busy_s": 18.0}, {"clock": "mixed"}, "whole core"),
        ("INVALID", {"busy_s": 18.0}, {"other_clients": True}, "whole core"),
        ("DEGRADED", {"busy_s": 18.0}, {}, "may not have offered the load"),
        ("INVALID", {"lag_p99_ms": 150.0}, {}, "event-loop lag 150 ms"),
        ("DEGRADED", {"lag_p99_ms": 60.0}, {}, "event-loop lag 60 ms"),
        ("DEGRADED", {"lag_max_ms": 10_000.0}, {}, "stood still for 10.0 s"),
        ("DEGRADED", {"clock_steps": 1, "clock_step_s": 0.2}, {}, "clock of w1 was set"),
        ("INVALID", {"clock_steps": 1, "clock_step_s": 3.0}, {}, "clock of w1 was set"),
        ("INVALID", {}, {"dropped": 5}, "5 scheduled arrivals were dropped"),
        ("DEGRADED", {}, {"delay_p99_ms": 80.0}, "answers were read late"),
        ("DEGRADED", {}, {"start_count": 500, "start_lag_p99_ms": 200.0}, "starts were late"),
        ("DEGRADED", {}, {"abandoned": 2}, "2 requests were abandoned"),
        ("DEGRADED", {}, {"rejected": 1}, "no numbers"),
        ("DEGRADED", {}, {"clamped": 1}, "over an hour"),
        ("DEGRADED", {}, {"merged_names": 1}, "request names"),
        ("DEGRADED", {}, {"merged_errors": 1}, "different messages"),
    ],
)
def test_what_it_is_judged_by(state: str, worker: dict[str, Any], run: dict[str, Any], reason: str) -> None:
    verdict, reasons = judge(worker, **run)

    assert verdict == state
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_the_gravest_reason_comes_first() -> None:
    verdict, reasons = judge({"state": "left"}, dropped=1, abandoned=1)

    assert verdict == "INVALID"
    assert "dropped" in reasons[0]
    assert len(reasons) == 3


def results_of(recorder: Recorder, seconds: float) -> Results:
    results = Results()
    results.tick(seconds)
    results.add("local", recorder.take_report(seconds, stopped=True))
    results.finish(seconds)
    return results


def test_a_task_that_burns_processor_time_makes_the_run_invalid() -> None:
    recorder = Recorder()
    for second in range(10):
        recorder.on_request("GET", "/burn", 5.0, 0)
        for _ in range(20):
            recorder.lag(0.2)
        recorder.tick(second + 1.0, 1)
        recorder.observe(Reading(1.0, 0.99, 80.0, 1, 1))

    state, reasons = judge_validity(RunReadings.of(results_of(recorder, 10.0)))

    assert state == "INVALID"
    assert any("whole core for 10 of 10 s" in reason for reason in reasons)
    assert any("event-loop lag 200 ms" in reason for reason in reasons)


def test_an_idle_run_is_valid() -> None:
    recorder = Recorder()
    for second in range(20):
        recorder.on_request("GET", "/x", 5.0, 0)
        for _ in range(20):
            recorder.lag(0.0005)
        recorder.tick(second + 1.0, 1)
        recorder.observe(Reading(1.0, 0.1, 80.0, 1, 1))

    assert judge_validity(RunReadings.of(results_of(recorder, 20.0))) == ("VALID", [])
