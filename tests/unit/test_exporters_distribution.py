from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wireswarm.exporters.distribution import BOUNDS, cumulative, quantiles
from wireswarm.metrics import Histogram

DURATIONS = st.lists(st.integers(0, 120_000_000), max_size=200)


def histogram_of(durations: list[int]) -> Histogram:
    histogram = Histogram()
    for microseconds in durations:
        histogram.record(microseconds)
    return histogram


@given(DURATIONS)
def test_buckets_are_cumulative_and_count_everything_once(durations: list[int]) -> None:
    buckets = cumulative(histogram_of(durations).buckets())
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    assert buckets[-1] == ("+Inf", len(durations))
    assert [float(bound) for bound, _ in buckets[:-1]] == list(BOUNDS)
    for bound, count in buckets[:-1]:
        limit = float(bound) * 1e6
        assert sum(d <= limit for d in durations) <= count <= sum(d <= limit * 1.001 for d in durations)


def test_a_duration_at_a_bound_is_within_it() -> None:
    for bound in BOUNDS:
        microseconds = round(bound * 1e6)
        counts = dict(cumulative(histogram_of([microseconds, microseconds * 2]).buckets()))
        assert counts[str(bound)] == 1


def test_bounds_rise() -> None:
    assert all(low < high for low, high in itertools.pairwise(BOUNDS))


@given(DURATIONS.filter(len))
def test_quantiles_are_those_of_the_histogram(durations: list[int]) -> None:
    histogram = histogram_of(durations)
    found = quantiles(histogram.buckets())
    assert found is not None
    for percent, milliseconds in zip((50, 95, 99, 100), found, strict=True):
        exact = histogram.percentile(percent) / 1000
        assert exact <= milliseconds <= exact * 1.001, "the top of a bucket, which the histogram cuts at its maximum"


def test_of_nothing_there_are_no_quantiles() -> None:
    assert quantiles([]) is None
