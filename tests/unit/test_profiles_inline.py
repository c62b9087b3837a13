"""A rate of arrivals as one line of text, as options and messages to workers have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.load import Constant, Product, Shape, Spike, Stage, Stages, Steps, Sum, Wave, ramp
from wireswarm.profiles.inline import format_rate, is_shape_text, parse_rate_text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (Constant(5), "5/s"),
        (Stages((Stage(120, 200), Stage(0, 5))), "120s:200/s,0s:5/s"),
        (Constant(5, 60), '{type = "constant", level = 5, duration = "60s"}'),
        (Stages((Stage(60, 5),), 3), '{type = "stages", stages = ["60s:5"], start = 3}'),
        (Wave(10, 100, 300, 6), '{type = "wave", low = 10, high = 100, period = "300s", cycles = 6}'),
        (Wave(0.5, 1e-7, 1.5), '{type = "wave", low = 0.5, high = 1e-07, period = "1.5s"}'),
        (
            Spike(1, 2, 0, 60, 5, 3),
            '{type = "spike", baseline = 1, peak = 2, spike = "60s", recovery = "5s", cycles = 3, rise = 0.3}',
        ),
        (Steps((1, 2.5), 60), '{type = "steps", levels = [1, 2.5], each = "60s"}'),
        (
            Sum((Constant(1), Wave(1, 2, 3) * 2)),
            '{type = "sum", shapes = [{type = "constant", level = 1}, {type = "product", shapes = '
            '[{type = "wave", low = 1, high = 2, period = "3s"}, {type = "constant", level = 2}]}]}',
        ),
    ],
)
def test_what_is_written_down_is_read_back(rate: Shape, text: str) -> None:
    assert format_rate(rate) == text
    assert parse_rate_text(f" {text} ") == rate
    assert is_shape_text(text) == text.startswith("{")


LEVELS = st.floats(1e-6, 1e6, allow_nan=False)
TIMES = st.integers(1, 10**9).map(lambda milliseconds: milliseconds / 1000)
SHAPES: st.SearchStrategy[Shape] = st.recursive(
    st.one_of(
        st.builds(Constant, LEVELS, TIMES),
        st.builds(Wave, LEVELS, LEVELS, TIMES, st.floats(0.1, 100)),
        st.builds(Spike, LEVELS, LEVELS, TIMES, TIMES, TIMES, st.floats(0.1, 100), st.floats(0, 1)),
        st.builds(Steps, st.lists(LEVELS, min_size=1, max_size=5).map(tuple), TIMES),
    ),
    lambda inner: st.builds(Sum, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    max_leaves=5,
)


@given(SHAPES)
def test_nothing_is_lost_on_the_way_to_workers(rate: Shape) -> None:
    assert parse_rate_text(format_rate(rate)) == rate


def test_units_may_be_written_as_in_a_profile() -> None:
    text = '{type = "ramp", peak = "600/m", up = "1m"}'
    assert parse_rate_text(text) == ramp(10, 60)
    assert parse_rate_text("90/m") == Constant(1.5)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "a shape that is no table on one line"),
        ("{}", r"a shape with type = nothing \(allowed: constant, ramp,"),
        ('{type = "wave"}\nusers = 5', "more than a shape"),
        ('{type = "wave", low = 1}', r"a shape with high = nothing \(allowed: .*; period = nothing \(allowed: "),
        ('{type = "constant", level = 0}', "a rate of 0, with which nobody arrives"),
        ("{a = " * 2000, "a shape that is no table on one line"),
        ("fast", "the rate 'fast'"),
    ],
)
def test_what_is_none(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=f"^{found}"):
        parse_rate_text(text)


def test_a_shape_of_somebody_elses_cannot_be_written_down() -> None:
    class Own(Constant):
        pass

    class Other(Shape):
        duration = 5.0
        _level = corners = None  # type: ignore[assignment]

    assert format_rate(Own(5)) == "5/s"
    with pytest.raises(TypeError, match="not a shape of a profile: Other"):
        format_rate(Other())  # type: ignore[abstract]


def test_a_product_of_endless_shapes_is_looked_at_for_a_while_only() -> None:
    rate = Product((Wave(0, 1, 60), Constant(2)))
    assert parse_rate_text(format_rate(rate)) == rate
