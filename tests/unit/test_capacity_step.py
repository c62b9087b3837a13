"""The window of a step: what is measured in it, and that the rest is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from live_run import MILLISECOND, LiveRun, sample
from locust.event import EventHook

from wireswarm.capacity import Reading, Request
from wireswarm.metrics.readings import Reading as ProcessReading
from wireswarm.plugin import arrivals
from wireswarm.plugin.measuring import RESULTS
from wireswarm.plugin.step import Window, install_step, read_step


def due(
    run: LiveRun, milliseconds: float, kind: str = "GET", name: str = "/x", *, late: float = 0, failed: bool = False
) -> None:
    """A request or flow that was due so much earlier than it was sent."""
    measured = sample(milliseconds, kind, name, failed=failed)
    measured = measured._replace(due=measured.sent - int(late * MILLISECOND))
    run.recorder.on_request(kind, name, milliseconds, 0, sample=measured, exception=ValueError() if failed else None)


@pytest.fixture
def run() -> LiveRun:
    """Ten seconds, of which the n-th has a request of n * 10 ms; the last one a failure too."""
    run = LiveRun()
    run.results.keep_windows(60)
    for second in range(10):
        due(run, 10.0 * (second + 1), late=1)
        if second == 9:
            due(run, 1.0, failed=True)
        run.report()
    return run


def test_only_the_window_is_measured(run: LiveRun) -> None:
    reading = read_step(run.results, ["p95 < 75ms", "GET /x: errors < 1%", "due_p50 < 500ms"], 4, 8)
    assert (reading.window_s, reading.count, reading.failures, reading.completed) == (4, 4, 0, 4)
    assert reading.max_ms == pytest.approx(80, rel=0.01)
    assert reading.due_p95_ms == pytest.approx(81, rel=0.01)
    assert (reading.early_p50_ms, reading.late_p50_ms) == (pytest.approx(50, rel=0.01), pytest.approx(70, rel=0.01))
    assert [(c.expression, c.subject, c.passed, c.due) for c in reading.criteria] == [
        ("p95 < 75ms", "total", False, False),
        ("GET /x: errors < 1%", "GET /x", True, False),
        ("due_p50 < 500ms", "total", True, True),
    ]


def test_failures_count_and_are_through_with_as_well(run: LiveRun) -> None:
    reading = read_step(run.results, ["errors < 1%"], 8, 10)
    assert (reading.count, reading.failures, reading.completed) == (3, 1, 3)
    assert not reading.criteria[0].passed


def test_a_window_without_requests_holds_nothing(run: LiveRun) -> None:
    reading = read_step(run.results, ["p95 < 75ms"], 20, 24)
    assert (reading.count, reading.p95_ms, reading.completed) == (0, 0, None)
    assert (reading.criteria[0].passed, reading.criteria[0].detail) == (False, "no data: there were no requests")


def test_a_flow_is_one_arrival_whatever_its_requests() -> None:
    run = LiveRun()
    run.results.keep_windows(60)
    for failed in (False, True):
        due(run, 30, "FLOW", "buy", failed=failed)
        run.request(10)
        run.request(10)
    run.report()
    assert read_step(run.results, [], 0, 1).completed == 2


def test_without_due_moments_nobody_can_tell_what_is_through() -> None:
    run = LiveRun()
    run.results.keep_windows(60)
    run.request(10)
    run.report()
    reading = read_step(run.results, [], 0, 1)
    assert (reading.completed, reading.due_p95_ms, reading.count) == (None, None, 1)


def test_the_generator_is_told_of_for_the_whole_step() -> None:
    run = LiveRun()
    run.results.keep_windows(60)
    for _ in range(200):
        run.recorder.late(200 * MILLISECOND)
        run.recorder.lag(0.3)
    run.recorder.drop(7)
    run.recorder.observe(ProcessReading(seconds=10, cpu_s=9, memory_mb=50, users=12, connections=1))
    run.request(10)
    run.report()
    reading = read_step(run.results, ["dropped < 5", "cpu < 95%"], 0, 1)
    assert (reading.started, reading.dropped, reading.users) == (200, 7, 1)
    assert reading.start_lag_p99_ms == pytest.approx(200, rel=0.01)
    assert reading.cpu == pytest.approx(0.9)
    assert "event-loop lag 300 ms" in reading.invalid[0]
    assert "dropped" not in " ".join(reading.invalid), "that is judged apart"
    assert [criterion.passed for criterion in reading.criteria] == [False, True]


def test_a_window_is_what_thresholds_are_judged_on(run: LiveRun) -> None:
    window = Window(run.results, 0, 2)
    assert window.over(1, None) == (window.total, 2.0)
    assert window.over(None, window.keys()[0])[0].count == 2
    assert (window.abandoned, dict(window.series)) == (0, {})


def test_the_window_ends_before_arrivals_do_and_not_with_the_last_answer(tmp_path: Path) -> None:
    run = LiveRun()
    output = tmp_path / "reading.json"
    events, conductor = SimpleNamespace(test_stop=EventHook()), SimpleNamespace(last_arrival=[])
    environment = SimpleNamespace(**{RESULTS: run.results, arrivals._CONDUCTOR: conductor}, events=events)
    install_step(environment, Request(criteria=[], window_s=3, output=str(output)))  # type: ignore[arg-type]
    for second in range(8):
        if second == 6:
            for listener in conductor.last_arrival * 2:  # again by a signal, at the end of the run time
                listener()
        due(run, 10.0 * (second + 1))
        run.report()
    events.test_stop.fire()
    reading = msgspec.json.decode(output.read_bytes(), type=Reading)
    assert (reading.window_s, reading.count) == (3, 3)
    assert reading.max_ms == pytest.approx(50, rel=0.01), "a second before the last arrivals"


def test_a_worker_has_no_step(tmp_path: Path) -> None:
    events = SimpleNamespace(test_stop=EventHook())
    install_step(SimpleNamespace(events=events), Request(criteria=[], window_s=3, output=""))  # type: ignore[arg-type]
    assert not events.test_stop._handlers
