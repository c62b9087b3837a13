"""Durations counted in buckets: how exact they stay, alone and merged."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.metrics import Histogram
from wireswarm.metrics.histogram import COARSE, MAX_MICROSECONDS, bucket_of, coarse, highest_of

durations = st.integers(min_value=0, max_value=MAX_MICROSECONDS)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def truth(values: list[int], percent: float) -> int:
    """The nearest-rank percentile of the values themselves."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(percent * len(ordered) / 100 - 1e-9)) - 1]


@given(durations)
def test_a_bucket_is_at_most_a_thousandth_of_its_values_wide(value: int) -> None:
    highest = highest_of(bucket_of(value))

    assert value <= highest <= value + value / 1000


@given(durations)
def test_buckets_follow_each_other_without_gap(value: int) -> None:
    highest = highest_of(bucket_of(value))

    assert bucket_of(highest) == bucket_of(value)
    assert bucket_of(highest + 1) == bucket_of(value) + 1


def test_several_percentiles_at_once_are_those_of_the_values() -> None:
    values, numbers, percents = [], random.Random(1), (0, 1, 50, 75, 90, 95, 99, 99.9, 100)
    for count in (1, 2, 99, 1000):
        values += [int(numbers.lognormvariate(9, 2)) for _ in range(count)]
        found = histogram_of(values).percentiles(percents)

        assert found == pytest.approx([truth(values, percent) for percent in percents], rel=0.001)
        assert found[-1] == max(values)
    assert Histogram().percentiles(percents) == [0] * len(percents)


@pytest.mark.parametrize("value", [0, 1, 2047, 2048, 4095, 4096, 1_000_000])
def test_the_layout_is_that_of_hdr_histogram(value: int) -> None:
    # Its published formula, for a unit of 1 and 2,048 sub-buckets.
    bucket = max(0, value.bit_length() - 11)
    sub_bucket = value >> bucket

    assert bucket_of(value) == ((bucket + 1) << 10) + sub_bucket - 1024


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: int(rng.expovariate(1 / 5_000)),
        lambda rng: int(rng.lognormvariate(9, 1.5)),
        lambda rng: rng.randrange(1_000_000),
        lambda rng: 5_000 if rng.random() < 0.98 else 2_000_000,
        lambda rng: abs(int(rng.gauss(100, 20))),
    ],
    ids=["exponential", "lognormal", "uniform", "two peaks", "narrow"],
)
def test_percentiles_are_within_a_thousandth_of_the_sorted_values(draw) -> None:
    rng = random.Random(7)
    values = [draw(rng) for _ in range(100_000)]
    shards = [histogram_of(values[n::8]) for n in range(8)]
    merged = Histogram()
    for shard in shards:
        merged.merge(shard)

    for percent in (50, 90, 95, 99, 99.9):
        assert merged.percentile(percent) == pytest.approx(truth(values, percent), rel=0.001)
        assert merged.percentile(percent) == histogram_of(values).percentile(percent)
    assert merged.percentile(100) == max(values)


@given(st.lists(durations), st.lists(durations))
def test_merging_is_the_same_as_recording_all(first: list[int], second: list[int]) -> None:
    merged = histogram_of(first)
    merged.merge(histogram_of(second))

    assert merged.to_message() == histogram_of(first + second).to_message()


@given(st.lists(durations))
def test_a_message_carries_everything(values: list[int]) -> None:
    histogram = histogram_of(values)

    copy = Histogram.from_message(histogram.to_message())

    assert copy.to_message() == histogram.to_message()
    assert copy.total == len(values)


@pytest.mark.parametrize("few", [[], [0, 1, 5, 5], list(range(0, 20_000, 7))])
@pytest.mark.parametrize("seed", range(3))
def test_one_with_many_buckets_is_the_same_in_all(few: list[int], seed: int) -> None:
    """From 513 buckets on they are kept otherwise."""
    many = random.Random(seed).sample(range(200_000), 3_000)
    merged, recorded = Histogram(), Histogram()
    for start in range(0, len(many), 500):
        part = Histogram()
        part.record_all(many[start : start + 500])
        merged.merge_message(part.to_message())
    for value in many:
        recorded.record(value)
    small = Histogram()
    small.record_all(few)
    merged.merge(small)
    merged.record_all(few)
    for value in [*few, *few]:
        recorded.record(value)
    merged.record(7)
    recorded.record(7)
    whole = Histogram()
    whole.merge(merged)
    for found in (merged, whole, Histogram.from_message(merged.to_message())):
        assert found.buckets() == recorded.buckets()
        assert (found.total, found.sum, found.maximum) == (recorded.total, recorded.sum, recorded.maximum)
        assert found.percentiles((50, 99, 100)) == recorded.percentiles((50, 99, 100))
        assert found.share_at_or_below(9_999) == recorded.share_at_or_below(9_999)


def test_the_999th_of_a_thousand_is_the_999th_at_99_9_percent() -> None:
    assert histogram_of(list(range(1, 1001))).percentile(99.9) == 999


@pytest.mark.parametrize(("value", "counted_as"), [(-5, 0), (MAX_MICROSECONDS + 1, MAX_MICROSECONDS)])
def test_what_is_out_of_range_is_clamped_and_counted(value: int, counted_as: int) -> None:
    histogram = histogram_of([value])

    assert (histogram.total, histogram.clamped) == (1, 1)
    assert histogram.percentile(50) == counted_as


def test_nothing_recorded_is_zero() -> None:
    assert Histogram().percentile(99) == 0


@given(st.lists(st.integers(min_value=-10, max_value=MAX_MICROSECONDS + 10)))
def test_recording_all_at_once_is_the_same_as_one_by_one(values: list[int]) -> None:
    at_once = Histogram()
    at_once.record_all(values)

    one_by_one = histogram_of(values)
    assert at_once.buckets() == one_by_one.buckets()
    assert (at_once.minimum, at_once.maximum) == (one_by_one.minimum, one_by_one.maximum)
    assert (at_once.total, at_once.sum, at_once.clamped) == (len(values), *_sum_and_clamped(values))


def _sum_and_clamped(values: list[int]) -> tuple[int, int]:
    inside = [min(max(value, 0), MAX_MICROSECONDS) for value in values]
    return sum(inside), sum(a != b for a, b in zip(inside, values, strict=True))


@given(st.lists(durations, min_size=1))
def test_buckets_make_the_histogram_again(values: list[int]) -> None:
    histogram = histogram_of(values)
    exact = {"minimum": histogram.minimum, "maximum": histogram.maximum, "total_us": histogram.sum}

    copy = Histogram.from_buckets(histogram.buckets(), **exact)
    estimate = Histogram.from_buckets(histogram.buckets())

    assert copy.to_message() == Histogram.from_message(copy.to_message()).to_message()
    assert (copy.mean, copy.percentile(50), copy.percentile(100)) == (
        histogram.mean,
        histogram.percentile(50),
        max(values),
    )
    assert estimate.mean == pytest.approx(histogram.mean, rel=0.001)
    assert estimate.percentile(100) == pytest.approx(max(values), rel=0.001)


def test_the_share_that_is_not_longer() -> None:
    histogram = histogram_of([100, 200, 300, 400])

    assert histogram.share_at_or_below(300) == 0.75
    assert histogram.share_at_or_below(MAX_MICROSECONDS * 2) == 1.0
    assert histogram.share_at_or_below(-1) == 0.0
    assert Histogram().share_at_or_below(10) == 0.0


@given(durations)
def test_coarse_buckets_are_less_than_a_hundredth_wide(value: int) -> None:
    highest = highest_of(coarse(bucket_of(value)))

    assert value <= highest <= value * 1.008
    assert COARSE[bucket_of(value)] == coarse(bucket_of(value))
