"""Shapes: their levels by arithmetic, their straight pieces by their levels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.load import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp

STAGES = Stages((Stage(10, 20), Stage(0, 50), Stage(10, 50), Stage(5, 0)))


def levels(shape: Shape, *times: float) -> list[float]:
    return [round(shape.level(time), 9) for time in times]


@pytest.mark.parametrize(
    ("shape", "duration", "expected"),
    [
        (Constant(5, 10), 10, {-1: 0, 0: 5, 9.9: 5, 10: 0}),
        (Constant(5), math.inf, {0: 5, 1e9: 5}),
        (STAGES, 25, {0: 0, 5: 10, 9: 18, 10: 50, 19: 50, 22.5: 25, 25: 0}),
        (Stages((Stage(10, 0),), start=10), 10, {0: 10, 5: 5}),
        (ramp(100, 300, 600, 300), 1200, {0: 0, 150: 50, 300: 100, 899: 100, 1050: 50}),
        (ramp(100, 10), 10, {5: 50, 10: 0}),
        (Wave(10, 100, 300, 6), 1800, {0: 10, 75: 55, 150: 100, 300: 10, 1650: 100, 1800: 0}),
        (Steps((10, 25, 50), 180), 540, {0: 10, 179.9: 10, 180: 25, 539: 50, 540: 0}),
        # Two minutes of baseline, one of spike, of which the first 30 % rises, three of recovery; three times.
        (Spike(20, 200, 120, 60, 180, 3), 1080, {0: 20, 119: 20, 129: 110, 138: 200, 179: 200, 270: 110, 489: 110}),
        (Constant(5, 10) + Constant(3, 20), 20, {5: 8, 15: 3, 20: 0}),
        (Constant(5, 10) * 2, 10, {5: 10}),
        (2 * Wave(10, 100, 300) * Constant(1, 150), 150, {75: 110, 150: 0}),
    ],
)
def test_levels(shape: Shape, duration: float, expected: dict[float, float]) -> None:
    assert shape.duration == duration
    assert levels(shape, *expected) == list(expected.values())


@pytest.mark.parametrize(
    ("shape", "peak"),
    [
        (Constant(5), 5),
        (STAGES, 50),
        (Wave(10, 100, 300), 100),
        (Wave(100, 10, 300, 0.25), 100),
        (Wave(10, 100, 300, 0.25), 55),
        (Spike(20, 200, 120, 60, 180), 200),
        (Steps((1, 9, 3), 1), 9),
        (STAGES + Constant(1, 30), 51),
        (STAGES * 3, 150),
        (Stages(()), 0),
    ],
)
def test_peaks(shape: Shape, peak: float) -> None:
    assert shape.peak() == pytest.approx(peak, rel=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-1), "not negative"),
        (lambda: Constant(math.nan), "not negative"),
        (lambda: Stages((Stage(1, -1),)), "not negative"),
        (lambda: Wave(1, 2, 0), "takes no time"),
        (lambda: Steps((1,), 0), "takes no time"),
        (lambda: Spike(1, 2, 0, 0, 0), "takes no time"),
        (lambda: Spike(1, 2, 1, 1, 1, rise=1.5), "share from 0 to 1"),
        (lambda: Sum(()), "no shapes"),
        (lambda: Product(()), "no shapes"),
    ],
)
def test_numbers_that_are_no_shape(make: Callable[[], Shape], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_shape_cannot_be_changed_and_equal_ones_are_equal() -> None:
    with pytest.raises(AttributeError):
        STAGES.start = 1  # type: ignore[misc]
    assert Stages(STAGES.stages) == STAGES
    assert hash(Stages(STAGES.stages)) == hash(STAGES)


def test_an_endless_shape_has_endless_pieces() -> None:
    pieces = list(itertools.islice(Wave(0, 10, 64).segments(), 200))
    assert [(piece.start, piece.end) for piece in pieces] == [(float(n), float(n + 1)) for n in range(200)]
    (only,) = Constant(3).segments()
    assert only == (0.0, math.inf, 3.0, 3.0)


LEVELS = st.integers(0, 1000).map(float)
SECONDS = st.integers(1, 600).map(float)
SIMPLE: st.SearchStrategy[Shape] = st.one_of(
    st.builds(Constant, LEVELS, SECONDS),
    st.builds(Wave, LEVELS, LEVELS, SECONDS, st.sampled_from([0.5, 1.0, 3.0])),
    st.builds(Spike, LEVELS, LEVELS, SECONDS, SECONDS, SECONDS, st.sampled_from([1.0, 2.0])),
    st.builds(Steps, st.lists(LEVELS, min_size=1, max_size=5).map(tuple), SECONDS),
    st.lists(st.builds(Stage, SECONDS, LEVELS), min_size=1, max_size=5).map(lambda stages: Stages(tuple(stages))),
)
SHAPES = st.one_of(SIMPLE, st.builds(lambda a, b: a + b, SIMPLE, SIMPLE), st.builds(lambda a, b: a * b, SIMPLE, SIMPLE))


@given(SHAPES)
def test_the_straight_pieces_are_without_gaps_and_as_high_as_the_shape(shape: Shape) -> None:
    pieces = list(shape.segments())
    assert pieces[0].start == 0
    assert pieces[-1].end == shape.duration
    assert all(a.end == b.start for a, b in itertools.pairwise(pieces))
    peak = max(1.0, shape.peak())
    for piece in pieces[:: max(len(pieces) // 50, 1)]:
        middle = (piece.start + piece.end) / 2
        drawn = (piece.start_level + piece.end_level) / 2
        assert drawn == pytest.approx(shape.level(middle), abs=0.01 * peak)


def test_the_product_with_an_endless_shape_ends_with_the_other() -> None:
    found = list((Stages([Stage(100.0, 10)]) * Wave(1, 2, 30)).corners())
    assert found == sorted(found)
    assert found[-1] == 100.0
