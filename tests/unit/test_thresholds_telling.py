"""How a judgement is put into words."""

from __future__ import annotations

import pytest

from wireswarm.thresholds import parse_threshold
from wireswarm.thresholds.telling import in_written_unit


@pytest.mark.parametrize(
    ("text", "value", "told_value"),
    [
        ("p95 < 5s", 3.08, "3.08 ms"),
        ("p95 < 5s", 612.0, "0.612 s"),
        ("p95 < 0.05s", 40.0, "0.04 s"),
        ("p95 < 2m", 90.0, "90 ms"),
    ],
)
def test_a_value_far_below_a_limit_in_seconds_is_told_in_milliseconds(text: str, value: float, told_value: str) -> None:
    threshold = parse_threshold(text, source="test")
    assert in_written_unit(threshold, value)[0] == told_value
