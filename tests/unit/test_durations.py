from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1500ms", 1.5),
        ("50ms", 0.05),
        ("0.5ms", 0.0005),
        ("20s", 20.0),
        ("0.5s", 0.5),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1m500ms", 60.5),
        ("1h2m3s4ms", 3723.004),
        ("0", 0.0),
        ("0s", 0.0),
        ("0.05", 0.05),
        ("2", 2.0),
        (" 5m\n", 300.0),
    ],
)
def test_reads_what_people_write(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "ms",
        "-1s",
        "-1",
        "+1",
        "1x",
        "1 s",
        "5M",
        "1s2m",
        "1m1m",
        "1e3",
        "inf",
        "nan",
        ".5s",
        "1.s",
        "1,5s",
        "٣s",
    ],
)
def test_refuses_anything_else_with_the_ways_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a duration: .* \(write it as 1500ms, 20s, 5m, 1h30m, or a number of"):
        parse_duration(text)


@pytest.mark.parametrize("unit", ["", "ms", "s", "m", "h"])
def test_refuses_a_number_beyond_floats(unit: str) -> None:
    with pytest.raises(ValueError, match="too long to count"):
        parse_duration("9" * 400 + unit)


@given(st.integers(0, 10**9))
def test_whole_milliseconds_are_the_nearest_float(milliseconds: int) -> None:
    assert parse_duration(f"{milliseconds}ms") == milliseconds / 1000


@given(st.text())
def test_never_fails_in_another_way(text: str) -> None:
    try:
        assert parse_duration(text) >= 0
    except ValueError as error:
        assert "not a duration" in str(error)  # noqa: PT017 - both outcomes are fine
