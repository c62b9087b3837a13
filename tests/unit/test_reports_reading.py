"""Failure bands and the trend of throughput."""

from __future__ import annotations

import random

import pytest
import report_summaries as made

from wireswarm.reports.reading import Band, Trend, band_of, bands, failure_band, throughput_trend
from wireswarm.reports.summary import Point


@pytest.mark.parametrize(
    ("part", "band"),
    [
        (0.0, Band.ACCEPTABLE),
        (0.00999, Band.ACCEPTABLE),
        (0.01, Band.INVESTIGATE),
        (0.05, Band.INVESTIGATE),
        (0.0501, Band.CRITICAL),
        (1.0, Band.CRITICAL),
    ],
)
def test_the_bands(part: float, band: Band) -> None:
    assert failure_band(part) is band


def test_requests_by_band_the_worst_first() -> None:
    found = bands(made.rich())

    assert [row.name for row in found[Band.CRITICAL]] == ["/eater_get_today"]
    assert [row.name for row in found[Band.INVESTIGATE]] == ["/modify_food_record"]
    assert [row.name for row in found[Band.ACCEPTABLE]][:2] == ["/eater_receive_photo", "/get_recommendation"]
    assert band_of(made.empty().total) is None


def points(rates: list[float], users: list[int]) -> list[Point]:
    """A time line of a second a step."""
    return [
        Point(
            start_s=float(second),
            duration_s=1.0,
            users=many,
            count=round(rate),
            failures=0,
            p50_ms=1,
            p95_ms=1,
            p99_ms=1,
            max_ms=1,
        )
        for second, (rate, many) in enumerate(zip(rates, users, strict=True))
    ]


RAMP = list(range(1, 31))


@pytest.mark.parametrize(
    ("rates", "users", "phase", "trend"),
    [
        ([10.0 * step for step in RAMP], RAMP, "While users were added", Trend.INCREASING),
        ([100.0] * 30, RAMP, "While users were added", Trend.PLATEAUING),
        ([300 - 5.0 * step for step in RAMP], RAMP, "While users were added", Trend.DECREASING),
        ([100.0 + step for step in RAMP], [20] * 30, "At full load", Trend.INCREASING),
        ([100.0] * 30, [20] * 30, "At full load", Trend.PLATEAUING),
        ([300 - 5.0 * step for step in RAMP], [20] * 30, "At full load", Trend.DECREASING),
    ],
)
def test_the_trend_is_read_with_the_load(rates: list[float], users: list[int], phase: str, trend: Trend) -> None:
    found = {one.name: one for one in throughput_trend(points(rates, users))}

    assert found[phase].trend is trend
    assert found[phase].meaning


def test_noise_is_no_trend() -> None:
    random_ = random.Random(5)
    for _ in range(200):
        rates = [random_.gauss(200, 40) for _ in range(40)]
        (phase,) = throughput_trend(points(rates, [20] * 40))
        if phase.trend is not Trend.PLATEAUING:
            pytest.fail(f"{phase}: three standard errors should be crossed once in 370 times, and by 10 % more seldom")


def test_short_runs_and_runs_without_users_have_no_trend() -> None:
    assert throughput_trend([]) == []
    assert throughput_trend(points([1.0] * 10, [0] * 10)) == []
    (phase,) = throughput_trend(points([1.0] * 5, [3] * 5))
    assert (phase.trend, phase.meaning) == (Trend.UNKNOWN, "")
