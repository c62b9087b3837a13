"""Stages as text, there and back, and any shape as stages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.load import Constant, Spike, Stage, Stages, Steps, Wave, as_stages, format_stages, parse_stages
from wireswarm.load.stages import plain


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("2m:200,5m:200,2m:0", [(120, 200), (300, 200), (120, 0)]),
        (" 30s:20 , 1m30s: 7.5", [(30, 20), (90, 7.5)]),
        ("1500ms:1,0s:100,10:100", [(1.5, 1), (0, 100), (10, 100)]),
    ],
)
def test_reading_stages(text: str, stages: list[tuple[float, float]]) -> None:
    assert parse_stages(text) == Stages(tuple(Stage(*stage) for stage in stages))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "the stage ''"),
        ("2m:200,,2m:0", "the stage ''"),
        ("2m:200,", "the stage ''"),
        ("2m", "the stage '2m'"),
        ("2m:", "the stage '2m:'"),
        (":20", "the stage ':20'"),
        ("2m:-5", "the stage '2m:-5'"),
        ("2m:1e9", "the stage '2m:1e9'"),
        ("2m:200/s", "the stage '2m:200/s'"),
        ("2 minutes:5", "the stage '2 minutes:5'"),
        (f"2m:{'9' * 400}", "the stage '2m:99999999999999999'…"),
        ("0s:5,0s:6", "stages that take no time"),
    ],
)
def test_what_are_no_stages(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(found)}$"):
        parse_stages(text)


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(0, 10**10)).map(
            lambda pair: Stage(pair[0] / 1000, pair[1] / 1000)
        ),
        min_size=1,
    )
)
def test_stages_survive_being_written_down(stages: list[Stage]) -> None:
    assert parse_stages(format_stages(Stages(tuple(stages)))) == Stages(tuple(stages))


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (0.00001, "0.00001"), (1234567.0, "1234567"), (2.5, "2.5"), (1 / 3, "0.333333333")]
)
def test_numbers_have_no_exponent(number: float, text: str) -> None:
    assert plain(number) == text


@pytest.mark.parametrize("shape", [Constant(5, 10), Steps((3, 1, 2), 10), Spike(2, 20, 5, 10, 5, 2), Wave(1, 9, 60, 2)])
def test_any_shape_can_be_written_as_stages(shape: Constant | Steps | Spike | Wave) -> None:
    stages = as_stages(shape)
    assert stages.duration == pytest.approx(shape.duration)
    for tenth in range(1, 200):
        time = shape.duration * (tenth + 0.03) / 201
        assert stages.level(time) == pytest.approx(shape.level(time), abs=0.05)


def test_stages_of_a_shape_end_where_they_are_told_to() -> None:
    assert as_stages(Constant(5), end=30) == Stages((Stage(0, 5), Stage(30, 5)))
    assert as_stages(Stages((Stage(10, 20), Stage(10, 0))), end=15) == Stages((Stage(10, 20), Stage(5, 10)))
    assert as_stages(Steps((1, 2), 10), end=10) == Stages((Stage(0, 1), Stage(10, 1)))
    with pytest.raises(ValueError, match="without an end"):
        as_stages(Constant(5))
