"""Axes, lines and distributions: what the plots are drawn from."""

from __future__ import annotations

import math

import msgspec
import pytest
import report_summaries as made
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from wireswarm.metrics import Histogram
from wireswarm.reports.charts import heat, small, spread, times
from wireswarm.reports.charts.frame import line, runs
from wireswarm.reports.charts.scale import Linear, Log, Time, value_scale
from wireswarm.reports.charts.svg import element, text
from wireswarm.reports.distribution import Distribution
from wireswarm.reports.summary import Series

AMOUNTS = st.floats(min_value=1e-3, max_value=1e9)


@given(st.floats(min_value=0, max_value=1e9))
def test_a_linear_axis_holds_its_values_with_few_ticks(high: float) -> None:
    scale = Linear(high, 100.0, 0.0)
    ticks = scale.ticks()

    assert scale.high >= high * (1 - 1e-9)
    assert 2 <= len(ticks) <= 8
    assert (scale.at(ticks[0]), scale.at(ticks[-1])) == (pytest.approx(100.0), pytest.approx(0.0, abs=1e-6))


@given(st.floats(min_value=-1e6, max_value=1e6), st.floats(min_value=0, max_value=1e6))
def test_a_linear_axis_need_not_begin_at_zero(low: float, more: float) -> None:
    scale = Linear(low + more, 100.0, 0.0, low=low)

    assert scale.low <= low + 1e-3
    assert scale.high >= (low + more) * (1 - 1e-9) - 1e-3
    assert scale.low < scale.high
    assert len(scale.ticks()) <= 9


@given(AMOUNTS, AMOUNTS)
def test_a_logarithmic_axis_holds_its_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    scale = Log(low, high, 0.0, 100.0)

    assert scale.low <= low * (1 + 1e-6)
    assert scale.high >= high * (1 - 1e-6)
    assert -1e-6 <= scale.at(low) <= scale.at(high) <= 100 + 1e-6
    assert scale.at(0.0) == 0.0
    assert 1 <= len(scale.ticks()) <= 14
    assert all(0.0 - 1 <= scale.at(tick) <= 100.0 + 1 for tick in scale.ticks())


@given(st.floats(min_value=0, max_value=1e8))
def test_times_have_at_most_ten_steps(end: float) -> None:
    ticks = Time(end, 0.0, 100.0).ticks()

    assert ticks[0] == 0
    assert len(ticks) <= 11


def test_the_axis_fits_the_values() -> None:
    assert isinstance(value_scale([1.0, 20.0], 0, 1), Linear)
    assert isinstance(value_scale([1.0, 30.0], 0, 1), Log)
    assert isinstance(value_scale([], 0, 1), Linear)


def test_lines_are_broken_where_there_is_nothing_and_single_places_are_dots() -> None:
    places = [(0.0, 1.0), (1.0, 2.0), None, (3.0, 0.0), None, None, (6.0, 1.0), (7.0, 1.0)]

    assert [len(run) for run in runs(places)] == [2, 1, 2]
    drawn = line(places, "p95")
    assert drawn.count("<path") == 2
    assert drawn.count("<circle") == 1


def test_what_is_written_into_a_drawing_is_escaped() -> None:
    assert element("g", class_='"><script>', data_x=1.25) == Markup('<g class="&#34;&gt;&lt;script&gt;" data-x="1.2"/>')
    assert text("<b>\x1b[31m", 1, 2) == Markup('<text x="1" y="2">&lt;b&gt;</text>')


@pytest.mark.parametrize("length", [0, 1, 2, 7, 149, 151, 600])
def test_time_lines_of_any_length_are_drawn(length: int) -> None:
    points = (made.timeline() * 11)[:length]
    timeline = [msgspec.structs.replace(point, start_s=float(index)) for index, point in enumerate(points)]
    end = times.end_of(timeline, float(length))

    for chart in (times.throughput, times.latency, times.users, heat.heat_map):
        drawn = str(chart(timeline, end))
        assert "nan" not in drawn
        assert "inf" not in drawn


def test_the_heat_map_counts_every_request_once() -> None:
    points = made.timeline()
    cells, most = heat._cells(points, Log(1.0, 10_000.0, 100.0, 0.0))

    assert sum(count for _, count in cells.values()) == sum(point.count - point.failures for point in points)
    assert most == max(count for _, count in cells.values())
    assert len({first for first, _ in cells}) == made.SECONDS


def test_the_heat_map_stays_small_on_a_long_run() -> None:
    points = [msgspec.structs.replace(point, start_s=float(index)) for index, point in enumerate(made.timeline() * 10)]

    assert len(heat.heat_map(points, 600.0)) < 150_000


@pytest.mark.parametrize("values", [[], [5.0], [0.0, 0.0], [-5.0, 5.0], [1e9, 1e9 + 1]])
def test_watched_values_of_any_kind_are_drawn(values: list[float]) -> None:
    series = Series(name="x", unit="", points=[(float(index), value) for index, value in enumerate(values)])

    assert "nan" not in times.watched(series, 10.0)


@pytest.mark.parametrize("limit", [0.0, 100.0, -3.0])
@pytest.mark.parametrize("value", [None, 0.0, 50.0, 1e9, -1.0])
def test_margins_of_any_threshold_are_drawn_or_left_out(limit: float, value: float | None) -> None:
    drawn = small.margin(made.threshold("p95 < 1ms", "total", passed=False, value=value, limit=limit))

    assert bool(drawn) == (value is not None and value >= 0 and limit >= 0)


@given(st.lists(st.integers(0, 3_600_000_000), min_size=1, max_size=200), st.sampled_from([0, 50, 90, 99.9, 100]))
def test_a_distribution_has_the_percentiles_of_its_histogram(values: list[int], percent: float) -> None:
    histogram = Histogram()
    histogram.record_all(values)
    distribution = Distribution(histogram.buckets())

    assert distribution.count == len(values)
    assert distribution.percentile(percent) == pytest.approx(histogram.percentile(percent) / 1000, rel=1e-3)
    limit = distribution.percentile(percent)
    assert distribution.above(limit) == sum(value / 1000 > limit for value in values)
    assert distribution.above(-1.0) == len(values)
    mean, variance = distribution.moments()
    assert mean == pytest.approx(math.fsum(values) / len(values) / 1000, rel=1.1e-3, abs=1e-3)
    assert variance >= 0


def test_an_empty_distribution_is_all_zero() -> None:
    distribution = Distribution([])

    assert (distribution.count, distribution.percentile(99), distribution.moments()) == (0, 0.0, (0.0, 0.0))
    assert spread.percentile_plot([spread.Curve(distribution, "total")]).count("<path") == 0
