"""Judging thresholds: on what they match, over the whole run and windows, live and at the end, without data."""

from __future__ import annotations

import msgspec
import pytest
from manual_clock import ManualClock
from threshold_fakes import FakeResults, FakeSeries, FakeWorker

from wireswarm.metrics import Recorder, Results
from wireswarm.reports.summary import ThresholdRow
from wireswarm.thresholds import Evaluator, Judgement, Readable, parse_threshold


def judge(results: Readable, *texts: str) -> list[Judgement]:
    """At the end of the run."""
    evaluator = Evaluator(parse_threshold(text, source="--threshold") for text in texts)
    return evaluator.judge(results, results.elapsed_s, final=True)


def judge_one(results: Readable, text: str) -> Judgement:
    (judgement,) = judge(results, text)
    return judgement


@pytest.fixture
def results() -> FakeResults:
    """Two requests and a flow in two seconds: 100 successes of 1 to 100 ms, 20 of 200 ms with 5 failures."""
    results = FakeResults()
    results.second("GET", "/a", ok_ms=range(1, 101))
    results.second("POST", "/b", ok_ms=[200] * 20, failures=5)
    results.also("FLOW", "checkout", ok_ms=[5000])
    results.also("STEP", "checkout: pay", ok_ms=[3000])
    return results


# ---- Metrics ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "unit", "passed"),
    [
        ("p50 < 1s", 60.0, "ms", True),
        ("GET /a: p95 < 96ms", 95.0, "ms", True),
        ("GET /a: p95 < 94ms", 95.0, "ms", False),
        ("POST /b: max <= 200ms", 200.0, "ms", True),
        ("GET /a: p99.5 < 1s", 100.0, "ms", True),
        ("GET /a: p0 > 1ms", 1.0, "ms", False),
        ("max < 0.3s", 200.0, "ms", True),
        ("min >= 1000us", 1.0, "ms", True),
        ("GET /a: mean < 50ms", 50.5, "ms", False),
        ("errors < 4%", 4.0, "%", False),
        ("errors < 0.05", 4.0, "%", True),
        ("POST /b: errors <= 20%", 20.0, "%", True),
        ("failures == 5", 5.0, "", True),
        ("count == 125", 125.0, "", True),
        ("count > 125", 125.0, "", False),
        ("rps > 62/s", 62.5, "/s", True),
        ("FLOW checkout: p95 < 4s", 5000.0, "ms", False),
        ("STEP checkout: pay: p95 < 4s", 3000.0, "ms", True),
    ],
)
def test_a_metric_of_requests(results: FakeResults, text: str, value: float, unit: str, passed: bool) -> None:
    judgement = judge_one(results, text)
    assert judgement.value == pytest.approx(value, rel=0.001)
    assert (judgement.unit, judgement.passed) == (unit, passed)


def test_due_times_are_those_of_scheduled_load(results: FakeResults) -> None:
    results.second("GET", "/c", ok_ms=[1, 1], due_ms=[70, 80])
    assert judge_one(results, "GET /c: due_p100 < 75ms").value == pytest.approx(80)
    assert judge_one(results, "due_mean < 76ms").passed
    assert judge_one(results, "due_min >= 70ms").passed
    assert judge_one(results, "due_max > 80ms").passed is False


def test_the_cpu_is_that_of_the_busiest_process(results: FakeResults) -> None:
    results.workers = {"a": FakeWorker(0.3, 0.99), "b": FakeWorker(0.85, 0.9)}
    assert judge_one(results, "cpu < 80%").value == pytest.approx(85)
    assert judge_one(results, "cpu.max < 95%").value == pytest.approx(99)
    assert judge_one(results, "cpu < 80%").subject == "run"


def test_dropped_and_abandoned(results: FakeResults) -> None:
    results.dropped, results.abandoned = 3, 2
    assert [j.value for j in judge(results, "dropped < 3", "abandoned == 2")] == [3, 2]
    assert [j.passed for j in judge(results, "dropped < 3", "abandoned == 2")] == [False, True]


@pytest.mark.parametrize(("metric", "value"), [("max", 30), ("min", 5), ("mean", 16.25), ("last", 20), ("growth", 10)])
def test_a_watched_series(results: FakeResults, metric: str, value: float) -> None:
    results.series["queue"] = FakeSeries("", [(0, 10), (5, 30), (10, 5), (15, 20)])
    assert judge_one(results, f"queue.{metric} < 1000").value == pytest.approx(value)


def test_the_units_of_a_limit_and_of_a_series_are_converted(results: FakeResults) -> None:
    results.series["memory"] = FakeSeries("MiB", [(0, 100), (5, 200)])
    results.series["lag"] = FakeSeries("s", [(0, 1.5)])
    growth = judge_one(results, "memory_growth < 105MB")
    assert (growth.value, growth.unit, growth.passed) == (pytest.approx(104.8576), "MB", True)
    assert judge_one(results, "lag.last < 1400ms").detail == "lag.last was 1,500 ms, limit 1,400 ms"


# ---- What is judged --------------------------------------------------------------------------------------------------


def subjects(results: FakeResults, selector: str) -> list[str]:
    return [judgement.subject for judgement in judge(results, f"{selector}: count > 0")]


def test_the_total_leaves_flows_and_their_steps_out(results: FakeResults) -> None:
    assert judge_one(results, "count == 125").subject == "total"
    assert judge_one(results, "*: max < 201ms").passed


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("GET /a", ["GET /a"]),
        ("/b", ["POST /b"]),
        ("* /?", ["GET /a", "POST /b"]),
        ("/*", ["GET /a", "POST /b"]),
        ("P*", ["POST /b"]),
        ("**", ["GET /a", "POST /b"]),
        ("FLOW *", ["FLOW checkout"]),
        ("STEP *", ["STEP checkout: pay"]),
        ("STEP checkout: *", ["STEP checkout: pay"]),
    ],
)
def test_what_a_selector_matches(results: FakeResults, selector: str, expected: list[str]) -> None:
    assert subjects(results, selector) == expected


def test_a_name_is_matched_whatever_its_type(results: FakeResults) -> None:
    results.second("DELETE", "/b", ok_ms=[1])
    assert subjects(results, "/b") == ["DELETE /b", "POST /b"]


def test_a_name_that_looks_like_a_glob_is_matched_by_itself_first() -> None:
    results = FakeResults()
    results.second("GET", "/a?", ok_ms=[1])
    results.also("GET", "/ab", ok_ms=[1])
    results.also("GET", "/files [upload]", ok_ms=[1])
    assert subjects(results, "GET /a?") == ["GET /a?"]
    assert subjects(results, "/a?") == ["GET /a?"]
    assert subjects(results, "* /a?") == ["GET /a?", "GET /ab"]
    assert subjects(results, "/files [upload]") == ["GET /files [upload]"]
    assert subjects(results, "/files [upl*") == ["GET /files [upload]"]


def test_each_match_is_judged_by_itself(results: FakeResults) -> None:
    assert [(j.subject, j.passed) for j in judge(results, "* /*: errors < 1%")] == [
        ("GET /a", True),
        ("POST /b", False),
    ]


def test_a_judgement_has_all_that_a_row_of_the_summary_has(results: FakeResults) -> None:
    judgement = judge_one(results, "POST /b: max < 190ms")
    row = ThresholdRow(**{name: getattr(judgement, name) for name in ThresholdRow.__struct_fields__})
    assert row == ThresholdRow(
        expression="max < 190ms",
        selector="POST /b",
        subject="POST /b",
        passed=False,
        value=200.0,
        limit=190.0,
        unit="ms",
        detail="max was 200 ms, limit 190 ms",
        source="--threshold",
        aborted=False,
    )
    assert msgspec.json.decode(msgspec.json.encode(row), type=ThresholdRow) == row


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("max < 1us", "max was 200,000 us, limit 1 us"),
        ("GET /a: p95 < 0.05s", "p95 was 0.095 s, limit 0.05 s"),
        ("errors < 0.01", "errors was 4%, limit 1%"),
        ("rps > 1000", "rps was 62.5, limit 1,000"),
        ("rps > 1000/s", "rps was 62.5/s, limit 1,000/s"),
        ("count > 1000", "count was 125, limit 1,000"),
    ],
)
def test_the_detail_speaks_in_the_unit_of_the_limit(results: FakeResults, text: str, detail: str) -> None:
    assert judge_one(results, text).detail == detail


def test_a_value_that_is_nearly_the_limit_is_told_apart_from_it() -> None:
    results = FakeResults()
    results.second(ok_ms=[500.012])
    assert judge_one(results, "max < 500ms").detail == "max was 500.01 ms, limit 500 ms"
    results.series["clients"] = FakeSeries("", [(0, 1_234_567)])
    assert judge_one(results, "clients.max < 1234567").detail == "clients.max was 1,234,567, limit 1,234,567"


# ---- No data ---------------------------------------------------------------------------------------------------------


def no_data(results: FakeResults, text: str) -> str:
    judgement = judge_one(results, text)
    assert (judgement.passed, judgement.value) == (False, None)
    assert judgement.detail.startswith("no data: ")
    return judgement.detail.removeprefix("no data: ")


def test_what_matches_nothing_fails_and_says_what_there_was(results: FakeResults) -> None:
    there = "there were: FLOW checkout, GET /a, POST /b, STEP checkout: pay"
    assert no_data(results, "POST /x: p95 < 1s") == f'nothing matched "POST /x" (did you mean "POST /b"?); {there}'
    assert (
        no_data(results, "checkout: p95 < 1s") == f'nothing matched "checkout" (did you mean "FLOW checkout"?); {there}'
    )
    assert no_data(results, "ZZZ*: p95 < 1s") == f'nothing matched "ZZZ*"; {there}'
    assert judge_one(results, "POST /x: p95 < 1s").subject == "POST /x"


def test_many_requests_are_not_all_listed() -> None:
    results = FakeResults()
    results.second(ok_ms=[1])
    for number in range(20):
        results.also("GET", f"/{number:02}", ok_ms=[1])
    assert no_data(results, "POST: p95 < 1s").endswith("GET /08, GET /09 and 11 more")


@pytest.mark.parametrize(
    "text",
    ["p95 < 1s", "errors < 1%", "failures == 0", "count < 5", "rps < 5/s", "abandoned == 0", "errors < 1% over 5s"],
)
def test_a_run_without_requests_has_no_data(text: str) -> None:
    assert no_data(FakeResults(), text) == "there were no requests"


def test_no_data_of_a_selector_in_a_run_without_requests() -> None:
    assert no_data(FakeResults(), "GET /x: p95 < 1s") == "there were no requests"


def test_response_times_are_those_of_successes() -> None:
    results = FakeResults()
    results.second(failures=1200)
    assert no_data(results, "p95 < 1s") == "none of the 1,200 requests succeeded"
    assert judge_one(results, "errors < 1%").value == 100


def test_what_needs_scheduled_load_fails_without_it(results: FakeResults) -> None:
    assert no_data(results, "due_p99 < 1s") == "nothing was scheduled (--arrival-rate), so nothing was due"
    assert no_data(results, "dropped == 0") == "nothing was scheduled (--arrival-rate), so nothing could be dropped"


def test_nothing_dropped_of_scheduled_load_is_a_pass(results: FakeResults) -> None:
    results.second(ok_ms=[1], due_ms=[2])
    assert judge_one(results, "dropped == 0").passed


def test_no_readings_are_no_data(results: FakeResults) -> None:
    assert no_data(results, "cpu < 80%") == "no process has told its CPU time"
    assert no_data(results, "memory_growth < 5MB") == 'nothing was read from "memory"'
    results.series["memory"] = FakeSeries("MB", errors=7)
    assert no_data(results, "memory_growth < 5MB") == 'nothing was read from "memory" (7 readings failed)'
    results.series["memory"].points = [(0, 5)]
    assert no_data(results, "memory_growth < 5MB") == '"memory" was read only once'


def test_saved_results_without_seconds_have_no_windows(results: FakeResults) -> None:
    results.has_windows = False
    assert no_data(results, "p95 < 1s over 5s") == "no second of a window is known"


# ---- Windows ---------------------------------------------------------------------------------------------------------


def live(results: FakeResults, evaluator: Evaluator, final: bool = False) -> Judgement:
    (judgement,) = evaluator.judge(results, results.elapsed_s, final)
    return judgement


def evaluator_of(text: str, *, abort_after_s: float | None = None) -> Evaluator:
    return Evaluator([parse_threshold(text, source="--threshold", abort_after_s=abort_after_s)])


def test_a_window_that_was_breached_fails_the_run_although_later_ones_were_not() -> None:
    results, evaluator = FakeResults(), evaluator_of("p95 < 100ms over 2s")
    passed = []
    for milliseconds in (10, 10, 500, 10, 10, 10, 10):
        results.second(ok_ms=[milliseconds])
        passed.append(live(results, evaluator).passed)
    judgement = live(results, evaluator, final=True)
    assert passed == [False, True, False, False, False, False, False]
    assert judgement.value == pytest.approx(500, rel=0.001)
    assert judgement.detail == "p95 over 2s was 500 ms at worst, limit 100 ms"
    assert judgement.breached_since_s is None
    assert judge_one(results, "GET /x: p50 < 100ms").passed


def test_the_worst_window_under_a_lower_limit_is_the_lowest() -> None:
    results, evaluator = FakeResults(), evaluator_of("rps >= 2/s over 2s")
    for count in (4, 4, 1, 1, 4, 4):
        results.second(ok_ms=[1] * count)
        live(results, evaluator)
    judgement = live(results, evaluator, final=True)
    assert (judgement.passed, judgement.value) == (False, 1.0)


def test_the_worst_window_of_a_count_that_has_to_be_equal_is_the_farthest() -> None:
    results, evaluator = FakeResults(), evaluator_of("count == 4 over 1s")
    for count in (4, 1, 5):
        results.second(ok_ms=[1] * count)
        live(results, evaluator)
    assert live(results, evaluator, final=True).value == 1


def test_a_window_is_judged_when_it_is_complete() -> None:
    results, evaluator = FakeResults(), evaluator_of("p95 < 100ms over 3s")
    results.second(ok_ms=[500])
    results.second(ok_ms=[500])
    assert live(results, evaluator).detail == "no data: no window is complete"
    results.second(ok_ms=[500])
    assert live(results, evaluator).value == pytest.approx(500, rel=0.001)


def test_a_run_that_is_shorter_than_the_window_is_judged_as_one() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 1% over 60s")
    results.second(ok_ms=[1], failures=1)
    assert live(results, evaluator).value is None
    judgement = live(results, evaluator, final=True)
    assert (judgement.passed, judgement.value) == (False, 50.0)


def test_an_idle_window_has_no_percentile_but_a_rate() -> None:
    results = FakeResults()
    percentile, rate, errors = (evaluator_of(f"{m} over 1s") for m in ("p95 < 1s", "rps > 0.5/s", "errors < 1%"))
    results.second(ok_ms=[1])
    for evaluator in (percentile, rate, errors):
        assert live(results, evaluator).passed
    results.second()
    assert live(results, percentile).passed
    assert live(results, errors).passed
    assert live(results, rate).value == 0.0
    assert not live(results, rate).passed


def test_memory_growth_over_a_window_is_the_steepest_part() -> None:
    results, evaluator = FakeResults(), evaluator_of("memory_growth < 50MB over 10s")
    results.second(ok_ms=[1])
    results.series["memory"] = series = FakeSeries("MB")
    seen = []
    for moment, value in enumerate([100, 110, 150, 165, 166, 167]):
        series.points.append((5.02 * moment, value))
        seen.append(live(results, evaluator).value)
    assert seen == [None, None, 50, 55, 55, 55]
    assert live(results, evaluator, final=True).detail == "memory_growth over 10s was 55 MB at worst, limit 50 MB"
    assert judge_one(results, "memory_growth < 50MB").value == 67


def test_memory_growth_of_a_run_shorter_than_its_window() -> None:
    results, evaluator = FakeResults(), evaluator_of("memory_growth < 50MB over 10m")
    results.series["memory"] = FakeSeries("MB", [(0, 100), (30, 160)])
    assert live(results, evaluator).value is None
    assert live(results, evaluator, final=True).value == 60


def test_why_a_window_has_no_data() -> None:
    results = FakeResults()
    results.second(failures=2)
    results.second()
    assert no_data(results, "p95 < 1s over 1s") == "none of the 2 requests succeeded"
    assert no_data(results, "due_p95 < 1s over 1s").startswith("nothing was scheduled")
    assert no_data(results, "errors < 1% over 1s") == "there were no requests in the last window"


# ---- Breached since, and aborting ------------------------------------------------------------------------------------


def test_since_when_a_threshold_has_been_breached() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 10% over 1s")
    since = []
    for failures in (0, 1, 1, 0, 1):
        results.second(ok_ms=[1], failures=failures)
        since.append(live(results, evaluator).breached_since_s)
    assert since == [None, 2.0, 2.0, None, 5.0]


def test_the_run_ends_when_a_threshold_was_breached_for_long_enough_without_a_break() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 10% over 1s", abort_after_s=3)
    aborts = []
    for failures in (1, 1, 1, 0, 1, 1, 1, 1):
        results.second(ok_ms=[1], failures=failures)
        aborts.append(live(results, evaluator).abort)
    assert aborts == [False] * 7 + [True]


def test_a_run_that_a_threshold_ended_fails_by_it_although_the_last_answers_were_good() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 40%", abort_after_s=1)
    for _ in range(2):
        results.second(ok_ms=[1], failures=1)
        live(results, evaluator)
    results.second(ok_ms=[1] * 10)
    judgement = live(results, evaluator, final=True)
    assert judgement.value < 40  # type: ignore[operator]
    assert (judgement.passed, judgement.aborted) == (False, True)
    assert judgement.detail.endswith("; breached for 1 s, which ended the run")


def test_the_last_look_ends_nothing() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 40%", abort_after_s=5)
    results.second(failures=1)
    live(results, evaluator)
    (judgement,) = evaluator.judge(results, 100.0, final=True)
    assert (judgement.passed, judgement.aborted) == (False, False)


def test_without_abort_after_nothing_ends_the_run() -> None:
    results, evaluator = FakeResults(), evaluator_of("errors < 40%")
    for _ in range(100):
        results.second(failures=1)
        assert not live(results, evaluator).abort


def test_what_has_no_data_yet_ends_no_run() -> None:
    results, evaluator = FakeResults(), evaluator_of("GET /later: errors < 40%", abort_after_s=1)
    for _ in range(5):
        results.second(failures=1)
        judgement = live(results, evaluator)
        assert (judgement.abort, judgement.breached_since_s) == (False, None)


def test_each_match_is_remembered_by_itself() -> None:
    results = FakeResults()
    evaluator = evaluator_of("* /*: errors < 10% over 1s", abort_after_s=1)
    for _ in range(3):
        results.second("GET", "/good", ok_ms=[1])
        results.also("GET", "/bad", failures=1)
        evaluator.judge(results, results.elapsed_s)
    assert [(j.subject, j.abort) for j in evaluator.judgements] == [("GET /bad", True), ("GET /good", False)]


# ---- The real results ------------------------------------------------------------------------------------------------


def test_the_results_of_a_run_can_be_judged() -> None:
    clock = ManualClock()
    recorder, results = Recorder(clock.monotonic), Results()
    results.keep_windows(2)
    evaluator = Evaluator(
        parse_threshold(text, source="--threshold")
        for text in ("p95 < 1s", "GET /x: errors < 1% over 2s", "FLOW f: max < 5s", "memory.max < 5", "dropped < 5")
    )
    for second in range(4):
        for milliseconds in (1.0, 10.0):
            recorder.on_request("GET", "/x", milliseconds, 100)
        recorder.on_request("FLOW", "f", 20.0, 0)
        clock.advance(1)
        recorder.tick(second + 1.0, users=1)
        results.tick(second + 1.0)
        results.add("local", recorder.take_report(second + 1.0))
        results.watch("memory", "").add(second, float(second))
        evaluator.judge(results, results.elapsed_s)
    results.finish(4.0)
    judgements = evaluator.judge(results, results.elapsed_s, final=True)
    assert [(j.subject, j.passed) for j in judgements] == [
        ("total", True),
        ("GET /x", True),
        ("FLOW f", True),
        ("run", True),
        ("run", False),
    ]
    assert judgements[0].value == pytest.approx(10, rel=0.001)
