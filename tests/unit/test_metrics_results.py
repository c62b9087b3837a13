"""Merging over workers: exact, each report once, whatever way it takes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.metrics import Histogram, Key, Recorder, Results
from wireswarm.metrics.timeline import Series, TimeLine

X = Key("GET", "/x")


def reports_of(count: int, *, each: int = 3, run: str = "") -> list[dict[str, Any]]:
    recorder = Recorder()
    recorder.restart(run)
    reports = []
    for number in range(count):
        for _ in range(each):
            recorder.on_request("GET", "/x", number + 1.0, 1, exception=ValueError("no"))
        recorder.count({"connects": 1}, abandoned=1)
        recorder.tick(number + 1.0, 2)
        reports.append(recorder.take_report(number + 1.0, stopped=number == count - 1))
    return reports


def deliver(results: Results, worker: str, report: dict[str, Any], **fields: Any) -> bool:
    """As a worker sends it that began when the master did."""
    return results.add(worker, report | {"elapsed": results.elapsed_s} | fields)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), max_size=40))
def test_each_report_counts_once_in_whatever_order_and_however_often_it_comes(
    arrivals: list[tuple[str, int]],
) -> None:
    reports = {"a": reports_of(5), "b": reports_of(5, each=7)}
    results = Results()
    results.tick(5.0)
    new = [deliver(results, worker, reports[worker][number]) for worker, number in arrivals]

    wanted = set(arrivals)
    count = sum(3 if worker == "a" else 7 for worker, _ in wanted)
    assert sum(new) == len(wanted)
    assert results.total.count == results.tally(X).count == count
    assert sum(error.count for error in results.errors.values()) == count
    assert results.abandoned == results.counters.get("connects", 0) == len(wanted)
    assert sum(point.count for point in results.timeline) == sum(point.count for point in results.batches(X)) == count


def test_reports_of_another_run_are_ignored() -> None:
    results = Results()
    results.restart("new")

    assert not results.add("a", reports_of(1, run="old")[0])
    assert results.add("a", reports_of(1, run="new")[0])
    assert results.total.count == 3


def test_five_distributions_over_eight_workers_are_as_if_recorded_by_one() -> None:
    rng = random.Random(3)
    draws = [
        lambda: rng.expovariate(1 / 5),
        lambda: rng.lognormvariate(2, 1.5),
        lambda: rng.random() * 1000,
        lambda: 5.0 if rng.random() < 0.98 else 2000.0,
        lambda: abs(rng.gauss(0.1, 0.02)),
    ]
    results = Results()
    results.tick(1.0)
    recorders = [Recorder() for _ in range(8)]
    alone: list[list[float]] = [[draw() for _ in range(4_000)] for draw in draws]
    for kind, values in enumerate(alone):
        for number, value in enumerate(values):
            recorders[number % 8].on_request("GET", f"/{kind}", value, 0)
    for number, recorder in enumerate(recorders):
        results.add(str(number), recorder.take_report(1.0))

    for kind, values in enumerate(alone):
        unsharded = Histogram()
        unsharded.record_all([int(value * 1000) for value in values])
        merged = results.tally(Key("GET", f"/{kind}")).ok
        assert merged.buckets() == unsharded.buckets()
        assert (merged.sum, merged.minimum, merged.maximum) == (unsharded.sum, unsharded.minimum, unsharded.maximum)


def test_a_sliding_window_is_of_the_seconds_that_all_workers_have_told() -> None:
    results = Results()
    results.keep_windows(10)
    fast, slow = reports_of(8), reports_of(8)
    for report in fast:
        results.tick(report["elapsed"])
        deliver(results, "fast", report, stopped=False)
    for report in slow[:6]:
        deliver(results, "slow", report)

    tally, seconds = results.over(4, X)

    assert (tally.count, seconds) == (4 * 3 * 2, 4.0)
    assert tally.failed.minimum == 3_000  # seconds 2 to 5, whose times are 3 to 6 ms
    assert tally.failed.maximum == 6_000
    assert results.over(4, None)[0].count == tally.count
    assert results.over(10, X)[1] == 6.0
    assert results.over(None, X) == (results.tally(X), 8.0)
    assert results.over(4, Key("GET", "/unknown"))[0].count == 0


def test_windows_forget_what_is_too_old() -> None:
    results = Results()
    results.keep_windows(5)
    for report in reports_of(200):
        results.tick(report["elapsed"])
        deliver(results, "a", report, stopped=False)

    tally, seconds = results.over(5, X)
    assert (tally.count, seconds) == (15, 5.0)
    assert results.over(200, X)[0].count <= 60 * 3


@pytest.mark.parametrize("window", [1, 7, 10, 25, 60])
def test_a_long_window_is_exactly_its_seconds(window: int) -> None:
    results = Results()
    results.keep_windows(60)
    for number, report in enumerate(reports_of(77)):
        results.tick(number + 1.0)
        deliver(results, "a", report, stopped=False)

    tally, seconds = results.over(window, X)

    assert (tally.count, seconds) == (3 * window, float(window))
    assert tally.failed.minimum == (77 - window + 1) * 1000
    assert results.over(window, None)[0].count == tally.count


def test_a_worker_that_comes_later_counts_when_it_was() -> None:
    results = Results()
    results.tick(10.0)
    first = reports_of(1)[0]
    first["elapsed"] = 1.0
    results.add("late", first)

    (point,) = [point for point in results.timeline if point.count]
    assert point.start_s == 9.0


def test_how_workers_end() -> None:
    results = Results()
    results.tick(3.0)
    for name in ("done", "left", "silent"):
        results.add(name, reports_of(2)[0])
    results.expect("never")
    results.add("left", reports_of(2)[1])
    results.tick(9.0)
    results.add("done", reports_of(2)[1])
    results.lose("done")  # gone after its last report, which is no loss
    results.finish(8.5)

    states = {worker.name: worker.state for worker in results.workers.values()}
    assert states == {"done": "done", "left": "left", "silent": "lost", "never": "lost"}


def test_a_lost_worker_that_reports_again_is_not_lost() -> None:
    results = Results()
    results.tick(3.0)
    first, second, third = reports_of(3)
    results.add("a", first)
    results.lose("a")
    assert results.workers["a"].lost
    results.add("a", second)
    assert not results.workers["a"].lost
    results.add("a", third)
    results.finish(3.0)
    assert results.workers["a"].state == "done"


def test_users_of_all_workers_are_added_up() -> None:
    results = Results()
    results.tick(3.0)
    for name in ("a", "b"):
        for report in reports_of(3):
            deliver(results, name, report)

    assert [point.users for point in results.timeline] == [4, 4, 4]
    assert results.users_max == 4


def test_the_run_lasted_until_its_last_request() -> None:
    recorder, results = Recorder(), Results()
    recorder.on_request("GET", "/x", 1.0, 1)
    recorder.tick(1.0, 1)
    recorder.tick(2.0, 1)
    results.tick(2.4)
    results.add("local", recorder.take_report(2.4, stopped=True))
    results.finish(2.0)
    results.tick(99.0)

    assert results.elapsed_s == 1.0 + 0.0


def cell(second: int, *, ok: int = 1, failed: int = 0) -> list[Any]:
    def times(count: int) -> list[int]:
        histogram = Histogram()
        histogram.record_all([5_000] * count)
        return histogram.to_message()

    return [second, 0, 0, 0, 0, times(ok), times(failed), []]


@given(st.lists(st.integers(0, 3_000), max_size=200))
def test_a_time_line_stays_short_and_loses_nothing(seconds: list[int]) -> None:
    line = TimeLine(16)
    for second in seconds:
        made = cell(second, ok=2, failed=1)
        line.add_cell(made, made[5], second)

    points = line.points(3_001.0)

    assert len(points) <= 16
    assert sum(point.count for point in points) == 3 * len(seconds)
    assert sum(point.failures for point in points) == len(seconds)
    for point in points:
        inside = [s for s in seconds if point.start_s <= s < point.start_s + line.step_s]
        assert point.count == 3 * len(inside)
        assert point.ok.total == 2 * len(inside)
        assert point.ok.maximum == (5_000 if inside else 0)


def test_a_series_stays_short_by_averaging() -> None:
    series = Series("rss", "MB")
    for second in range(5_000):
        series.add(float(second), 100.0 + second)
    series.add(5_000.0, None)

    assert 300 <= len(series.points) <= 600
    assert series.errors == 1
    assert all(value == seconds + 100.0 for seconds, value in series.points)


def test_a_lost_master_of_the_past_does_not_shift_the_time() -> None:
    results = Results()
    results.tick(30.0)
    for number, report in enumerate(reports_of(3)):  # kept, and sent together a moment ago
        results.add("a", report | {"elapsed": 30.0, "second": number + 1})

    assert [point.start_s for point in results.timeline if point.count] == [0.0, 1.0, 2.0]


def test_exceptions_of_many_texts_are_counted_together() -> None:
    results = Results()
    for number in range(1_200):
        results.count_exception(f"ValueError: {number}")

    assert len(results.exceptions) == 1_001
    assert results.exceptions["(other)"] == 200


def test_too_many_names_of_many_workers_are_counted_together() -> None:
    results = Results()
    for worker in range(3):
        recorder = Recorder()
        for number in range(600):
            for time in (1.0, None):
                recorder.on_request("GET", f"/{worker}/{number}", time, 1, exception=ValueError(f"{worker} {number}"))
        results.add(str(worker), recorder.take_report(1.0))

    assert results.total.count == 3_600
    assert results.merged_names == results.tally(Key("*", "(other)")).count == 3_600 - 2_000
    assert len(results.keys()) <= 1_001
    assert sum(error.count for error in results.errors.values()) == 3_600
    assert len(results.errors) <= 1_001
    assert len(results.notes) == 2


def test_a_cell_that_comes_after_its_window_is_gone_counts_in_the_whole_and_in_no_window() -> None:
    results, reports = Results(), reports_of(1)
    results.keep_windows(5)
    results.restart()
    results.tick(200.0)
    recorder = Recorder()
    recorder.tick(199.0, 1)
    recorder.on_request("GET", "/x", 1.0, 1)
    recorder.tick(200.0, 1)
    deliver(results, "a", recorder.take_report(200.0))
    late = reports[0]

    assert deliver(results, "b", late)
    assert results.tally(X).count == 4
    assert results.over(5, X)[0].count == results.over(5, None)[0].count == 1


def test_notes_say_what_was_counted_together() -> None:
    recorder = Recorder()
    for number in range(1_002):
        recorder.on_request("GET", f"/{number}", 1.0, 1, exception=ValueError(f"no {number}"))
    recorder.tick(1.0, 1)
    results = Results()
    results.tick(1.0)
    results.add("a", recorder.take_report(1.0, stopped=True))

    names, errors = results.notes
    assert names.startswith("2 events are counted as (other): more than 1,000 request names. Give requests a name")
    assert errors == "2 failures are counted as (other): there were more than 1,000 classes."


def test_only_the_last_minute_of_users_is_kept_apart_by_worker() -> None:
    results, reports = Results(), reports_of(100)
    for report in reports:
        results.tick(report["elapsed"])
        deliver(results, "a", report)

    assert results.users_max == 2
    assert [point.users for point in results.timeline] == [2] * 100


def test_a_key_that_nobody_used_is_empty() -> None:
    results = Results()

    assert results.tally(X).count == 0
    assert results.batches(X) == []
    tally, seconds = results.over(None, X)
    assert (tally.count, seconds) == (0, 0.0)


def test_a_step_joins_the_total_of_no_window() -> None:
    results, recorder = Results(), Recorder()
    results.keep_windows(5)
    results.restart()
    recorder.on_request("FLOW", "checkout", 3.0, 0)
    recorder.on_request("GET", "/x", 1.0, 0)
    recorder.tick(1.0, 1)
    results.tick(1.0)
    deliver(results, "a", recorder.take_report(1.0))

    assert results.over(5, None)[0].count == 1
    assert results.over(5, Key("FLOW", "checkout"))[0].count == 1


@pytest.mark.parametrize(
    ("end_s", "steps"), [(3.0, [1.0, 1.0, 1.0]), (3.2, [1.0, 1.0, 1.2]), (3.6, [1.0, 1.0, 1.0, 0.6])]
)
def test_a_moment_at_the_end_is_no_step_of_its_own(end_s: float, steps: list[float]) -> None:
    line, one = TimeLine(600), [0, 1000, 1000, 1000, 1000, 1]
    for second in range(4 if end_s > 3 else 3):
        line.add_cell([second, 0, 0, 0, 0, one, [], []], one, second)
        line.add_users(second + 1, second)
    points = line.points(end_s)
    assert [point.duration_s for point in points] == pytest.approx(steps)
    assert sum(point.count for point in points) == sum(point.ok.total for point in points) == (4 if end_s > 3 else 3)
    assert points[-1].users == (4 if end_s > 3 else 3)
