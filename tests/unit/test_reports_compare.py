"""Two runs beside each other: what is change, and what is chance."""

from __future__ import annotations

import io
import random

import msgspec
import pytest
import report_summaries as made
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from wireswarm.errors import ConfigurationError
from wireswarm.metrics import Histogram
from wireswarm.reports import noise
from wireswarm.reports.compare import Comparison, State, Tolerance, compare
from wireswarm.reports.comparison_text import show_comparison
from wireswarm.reports.distribution import Distribution
from wireswarm.reports.summary import Row, Summary

ANY = Tolerance(relative=0.0, time_ms=0.0, errors=0.0)


def run_of(*rows: Row, **changes: object) -> Summary:
    return made.of_requests(rows, **changes)


def states(comparison: Comparison, name: str) -> dict[str, State]:
    """What became of each figure of a request."""
    (pair,) = (pair for pair in comparison.pairs if pair.name == name)
    return {change.metric: change.state for change in pair.changes}


def test_a_run_is_no_worse_than_itself() -> None:
    comparison = compare(made.rich(), made.rich(), ANY)

    assert comparison.passed
    assert {change.state for pair in comparison.pairs for change in pair.changes} == {State.SAME}
    assert (comparison.vanished, comparison.appeared, comparison.notes) == ([], [], [])


def test_what_became_slower_is_a_regression_and_what_became_faster_is_none() -> None:
    base = run_of(made.row("/slower", 100.0, 2000), made.row("/faster", 100.0, 2000), made.row("/same", 100.0, 2000))
    new = run_of(
        made.row("/slower", 150.0, 2000), made.row("/faster", 60.0, 2000), made.row("/same", 100.0, 2000, seed=2)
    )

    comparison = compare(base, new)

    assert {
        metric: state for metric, state in states(comparison, "/slower").items() if state is State.WORSE
    }.keys() == {"p50", "p95", "p99", "mean"}
    assert states(comparison, "/faster")["p95"] is State.BETTER
    assert set(states(comparison, "/same").values()) == {State.SAME}
    assert {pair.name for pair, _ in comparison.regressions} == {"/slower"}


def test_a_difference_has_to_exceed_both_tolerances() -> None:
    base, new = run_of(made.row("/x", 2.0, 2000)), run_of(made.row("/x", 4.0, 2000))

    assert states(compare(base, new), "/x")["p50"] is State.SAME, "twice as long, but only 2 ms"
    assert states(compare(base, new, Tolerance(time_ms=1.0)), "/x")["p50"] is State.WORSE
    assert states(compare(base, new, Tolerance(time_ms=1.0, relative=2.0)), "/x")["p50"] is State.SAME


def test_a_difference_of_a_few_requests_may_be_chance() -> None:
    base, new = run_of(made.row("/x", 100.0, 25)), run_of(made.row("/x", 112.0, 25, seed=4))

    comparison = compare(base, new, ANY)

    assert State.NOISE in states(comparison, "/x").values()
    assert State.WORSE not in states(comparison, "/x").values()


def test_too_few_requests_say_nothing_of_latency() -> None:
    base, new = run_of(made.row("/x", 10.0, 5)), run_of(made.row("/x", 1000.0, 5))

    assert states(compare(base, new), "/x")["p95"] is State.UNKNOWN


def test_one_slow_moment_is_not_a_slow_run() -> None:
    """All requests of one batch were slow, which their number alone would call significant."""
    base = made.row("/x", 100.0, 1600)
    slow = made.row("/x", 100.0, 1500)
    batches = [*slow.batches[:-1], msgspec.structs.replace(slow.batches[-1], p95_ms=9000.0, mean_ms=8000.0)]
    latency = made.latency(histogram_of(slow, [8000.0] * 100))
    new = msgspec.structs.replace(slow, batches=batches, latency=latency)

    found = states(compare(run_of(base), run_of(new)), "/x")

    assert found["mean"] is State.NOISE
    assert found["p95"] is State.NOISE


def histogram_of(row: Row, further_ms: list[float]) -> Histogram:
    histogram = Histogram.from_buckets(row.latency.buckets)
    for value in further_ms:
        histogram.record(round(value * 1000))
    return histogram


def test_throughput_that_falls_is_a_regression() -> None:
    comparison = compare(run_of(made.row("/x", 10.0, 3000)), run_of(made.row("/x", 10.0, 1500)))

    assert states(comparison, "/x")["rps"] is State.WORSE
    assert (
        states(compare(run_of(made.row("/x", 10.0, 1500)), run_of(made.row("/x", 10.0, 3000))), "/x")["rps"]
        is State.BETTER
    )


def test_a_request_that_nearly_stopped_is_a_regression_of_throughput() -> None:
    comparison = compare(run_of(made.row("/x", 10.0, 3000)), run_of(made.row("/x", 10.0, 3)))

    assert states(comparison, "/x")["rps"] is State.WORSE


@pytest.mark.parametrize(("failures", "state"), [(0, State.SAME), (4, State.SAME), (8, State.NOISE), (60, State.WORSE)])
def test_failures(failures: int, state: State) -> None:
    base, new = run_of(made.row("/x", 10.0, 1000)), run_of(made.row("/x", 10.0, 1000, failures=failures))
    if state is State.NOISE:
        new = run_of(made.row("/x", 10.0, 400, failures=3))

    assert states(compare(base, new), "/x")["errors"] is state


def test_a_request_that_only_fails_now_is_a_regression() -> None:
    comparison = compare(run_of(made.row("/x", 10.0, 100)), run_of(made.row("/x", 10.0, 100, failures=100)))

    assert states(comparison, "/x") == {
        **dict.fromkeys(("p50", "p95", "p99", "mean"), State.UNKNOWN),
        "rps": State.SAME,
        "errors": State.WORSE,
    }


def test_requests_that_came_or_went_are_named_and_flows_are_compared() -> None:
    base = run_of(made.row("/x", 10.0, 100), made.row("/old", 10.0, 100))
    new = msgspec.structs.replace(
        run_of(made.row("/x", 10.0, 100), made.row("/new", 10.0, 100)), flows=made.rich().flows
    )

    comparison = compare(base, new)

    assert comparison.vanished == ["POST /old"]
    assert comparison.appeared == ["POST /new", "FLOW full_flow"]
    assert [pair.name for pair in comparison.pairs] == ["total", "/x"]
    assert [pair.name for pair in compare(made.rich(), made.rich()).pairs][-1] == "full_flow"


def test_runs_without_anything_in_common_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="without a request in common"):
        compare(run_of(made.row("/x", 10.0, 10)), run_of(made.row("/y", 10.0, 10)))
    with pytest.raises(ConfigurationError, match="without a request in common"):
        compare(made.empty(), made.empty())


def test_what_makes_runs_hard_to_compare_is_said() -> None:
    base = made.rich()
    invalid = msgspec.structs.replace(base.validity, state="INVALID", reasons=["the generator was busy"])
    run = made.run(users=100, duration_s=600.0, host="http://127.0.0.2", arrival_rate="200/s")
    new = msgspec.structs.replace(base, run=run, validity=invalid)

    assert compare(base, new).notes == [
        "the new run is INVALID: the generator was busy",
        "the baseline had 50 users, the new run 100",
        "the baseline's load was by users, the new run's 200/s",
        "the baseline's host was http://127.0.0.1:8000, the new run's http://127.0.0.2",
        "the baseline lasted 60 s, the new run 600 s",
    ]


def test_runs_of_flows_alone_are_compared() -> None:
    base = made.empty(flows=made.rich().flows, run=made.run())
    comparison = compare(base, msgspec.structs.replace(base, run=made.run(users=7)))
    file = io.StringIO()
    show_comparison(Console(file=file, width=100), comparison)

    assert [pair.name for pair in comparison.pairs] == ["total", "full_flow"]
    assert "Mind: the baseline had 50 users, the new run 7" in file.getvalue()


def test_with_few_batches_the_requests_decide() -> None:
    base, new = made.row("/x", 100.0, 2000), made.row("/x", 150.0, 2000)
    few = [msgspec.structs.replace(row, batches=row.batches[:3]) for row in (base, new)]

    assert states(compare(run_of(few[0]), run_of(few[1])), "/x")["p95"] is State.WORSE


def test_what_cannot_be_told_is_marked_and_what_came_up_is_new() -> None:
    base = run_of(made.row("/x", 10.0, 5), made.row("/y", 0.0, 100))
    new = run_of(made.row("/x", 10.0, 5), made.row("/y", 10.0, 100))
    file = io.StringIO()
    show_comparison(Console(file=file, width=100), compare(base, new))
    lines = [line.split() for line in file.getvalue().splitlines()]

    assert ["POST", "/x", "?", "?", "?", "?", "?", "+0.0pp"] in lines
    assert any(line[:3] == ["POST", "/y", "new"] for line in lines)
    assert file.getvalue().count("✗ POST /y: p50 was") == 1


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_names_what_got_worse(width: int) -> None:
    base = run_of(made.row("/x", 100.0, 2000), made.row("/gone", 10.0, 100), *made.hostile().requests)
    new = run_of(made.row("/x", 150.0, 2000, failures=100), *made.hostile().requests)
    file = io.StringIO()
    show_comparison(Console(file=file, width=width), compare(base, new))
    text = file.getvalue()

    assert "✗ POST /x: errors was 5.0 %, the baseline's 0 %" in text
    assert "Only in the baseline: POST /gone" in text
    assert "regressions" in text.splitlines()[-1]
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= width


def test_of_many_those_that_got_worse_are_shown() -> None:
    base = made.many(200)
    worse = msgspec.structs.replace(base.requests[150], latency=made.row("/x", 400.0, 320).latency, batches=[])
    new = msgspec.structs.replace(base, requests=[*base.requests[:150], worse, *base.requests[151:]])
    file = io.StringIO()
    show_comparison(Console(file=file, width=100), compare(base, new))

    assert "✗ POST /orders/0150/items/{item}/attachments: p50" in file.getvalue()
    assert "141 more have not got worse" in file.getvalue()


def test_of_many_regressions_some_are_told() -> None:
    base = made.many(100)
    slow = made.row("/x", 400.0, 320)
    worse = [msgspec.structs.replace(row, latency=slow.latency, batches=[]) for row in base.requests]
    file = io.StringIO()
    show_comparison(Console(file=file, width=100), compare(base, msgspec.structs.replace(base, requests=worse)))

    assert file.getvalue().count("✗") == 41
    assert "✗ and 360 more" in file.getvalue()
    assert file.getvalue().splitlines()[-1] == "WORSE: 400 regressions"


def test_the_rank_test_knows_its_textbook_values() -> None:
    # U = 0 of 12.5 ± √(25/12 · 11) = 4.787, so z = (12.5 − 0.5) / 4.787.
    assert noise.rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.012186, abs=1e-6)
    # Ranks 1, 3, 3, 6: U = 3 of 8 ± √(16/12 · (9 − 48/56)) = 3.295, so z = (5 − 0.5) / 3.295.
    assert noise.rank_test([1, 2, 2, 3], [2, 3, 3, 4]) == pytest.approx(0.172034, abs=1e-6)
    assert noise.rank_test([1.0] * 9, [1.0] * 9) == 1.0


@given(st.lists(st.floats(0, 1e6), min_size=8, max_size=40), st.lists(st.floats(0, 1e6), min_size=8, max_size=40))
def test_the_rank_test_is_symmetric(one: list[float], two: list[float]) -> None:
    assert noise.rank_test(one, two) == pytest.approx(noise.rank_test(two, one))
    assert 0 <= noise.rank_test(one, two) <= 1 + 1e-12


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_percentiles_of_the_same_seldom_differ(percent: float) -> None:
    random_ = random.Random(11)
    runs = [Distribution(made.durations(random_, 100.0, 300).buckets) for _ in range(400)]
    differ = sum(noise.percentiles_differ(one, two, percent) for one, two in zip(runs[::2], runs[1::2], strict=True))

    assert differ <= 6, "at 1 %, of 200 there are 2"


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_a_percentile_of_few_requests_that_are_all_slower_differs(percent: float) -> None:
    random_ = random.Random(12)
    fast = Distribution(made.durations(random_, 20.0, 60, spread=0.05).buckets)
    slow = Distribution(made.durations(random_, 40.0, 60, spread=0.05).buckets)

    assert noise.percentiles_differ(fast, slow, percent)
    assert noise.percentiles_differ(slow, fast, percent)
    assert not noise.percentiles_differ(fast, fast, percent)


def test_two_runs_of_the_same_are_seldom_called_different() -> None:
    worse = 0
    for seed in range(60):
        base, new = run_of(made.row("/x", 50.0, 800, seed=seed)), run_of(made.row("/x", 50.0, 800, seed=seed + 1000))
        worse += any(change.metric != "rps" for _, change in compare(base, new, ANY).regressions)
    assert worse <= 4, "each of four figures is asked at 1 %"
