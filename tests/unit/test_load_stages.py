"""Stages as people write them."""

from __future__ import annotations

import re

import pytest

from wireswarm.load import Stage, Stages, parse_stages
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


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (0.00001, "0.00001"), (1234567.0, "1234567"), (2.5, "2.5"), (1 / 3, "0.333333333")]
)
def test_numbers_have_no_exponent(number: float, text: str) -> None:
    assert plain(number) == text
