"""Arrival rates as people write them."""

from __future__ import annotations

import pytest

from wireswarm.load import Constant, Stage, Stages, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [("200/s", 200), ("200", 200), ("0.5/s", 0.5), (" 90/m ", 1.5), ("7200 / h", 2)],
)
def test_a_rate_is_per_second_unless_it_says_otherwise(text: str, rate: float) -> None:
    assert parse_rate(text) == Constant(rate)


def test_stages_lead_from_rate_to_rate() -> None:
    assert parse_rate("30s:120/m, 1m:2/s,0s:0") == Stages((Stage(30, 2), Stage(60, 2), Stage(0, 0)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "-1/s",
        "1/d",
        "1e3/s",
        "0/s",
        "nan",
        "10s:",
        ":5",
        "10s:x",
        "10s:0",
        "0s:5",
        "10x:5",
        "9" * 400,
        "1s:5,",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"rate|stage"):
        parse_rate(text)
