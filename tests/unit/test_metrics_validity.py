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


# A loop that is late by a whole second each time is looked at a few times in all: no p99, and no doubt either.
RARE: dict[str, Any] = {"lag_count": 12, "lag_p99_ms": 900.0, "lag_max_ms": 900.0, "lag_sum_s": 10.0}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "INVALID"),
        ({"lag_sum_s": 9.9}, "VALID"),
        ({"lag_count": 5}, "INVALID"),
        ({"lag_count": 4}, "VALID"),
        ({"measured_s": 0.3, "lag_sum_s": 0.9}, "INVALID"),
        ({"measured_s": 0.3, "lag_sum_s": 0.4}, "VALID"),
    ],
    ids=["half the run", "less than half", "five looks", "one long stand-still", "shorter than a second", "in it"],
)
def test_a_loop_that_is_late_for_half_the_run_is_too_late(changes: dict[str, Any], state: str) -> None:
    verdict, reasons = judge(RARE | changes)

    assert verdict == state
    assert ["was late for" in reason for reason in reasons] == [True] * (state == "INVALID")


def test_what_it_says_of_a_loop_that_is_late_for_half_the_run() -> None:
    assert judge(RARE)[1] == ["w1 was late for 10 of 20 s: event-loop lag 900 ms at most"]


def test_many_looks_are_judged_by_their_p99_and_not_by_their_sum() -> None:
    assert judge({"lag_count": 100, "lag_p99_ms": 40.0, "lag_sum_s": 15.0}) == ("VALID", [])


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
        ("DEGRADED", {}, {"nothing": True}, "no request was made"),
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


def test_a_run_without_a_request_says_so_when_it_is_over_and_one_that_only_sends_does_not() -> None:
    results = Results()
    assert judge_validity(RunReadings.of(results)) == ("VALID", [])
    assert judge_validity(RunReadings.of(results_of(Recorder(), 3.0))) == (
        "DEGRADED",
        ["nothing was measured: no request was made"],
    )

    sending = Recorder()
    sending.count({"emits": 3})
    assert judge_validity(RunReadings.of(results_of(sending, 3.0))) == ("VALID", [])


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


def test_a_task_that_leaves_the_loop_no_time_makes_the_run_invalid_however_seldom_it_looked() -> None:
    recorder = Recorder()
    for second in range(10):
        recorder.on_request("GET", "/burn", 5.0, 0)
        recorder.lag(0.8)
        recorder.tick(second + 1.0, 1)
        recorder.observe(Reading(1.0, 0.6, 80.0, 1, 1))

    state, reasons = judge_validity(RunReadings.of(results_of(recorder, 10.0)))

    assert state == "INVALID"
    assert reasons == ["local was late for 8 of 10 s: event-loop lag 800 ms at most"]


def test_an_idle_run_is_valid() -> None:
    recorder = Recorder()
    for second in range(20):
        recorder.on_request("GET", "/x", 5.0, 0)
        for _ in range(20):
            recorder.lag(0.0005)
        recorder.tick(second + 1.0, 1)
        recorder.observe(Reading(1.0, 0.1, 80.0, 1, 1))

    assert judge_validity(RunReadings.of(results_of(recorder, 20.0))) == ("VALID", [])
