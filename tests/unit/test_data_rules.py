"""Rules of generated messages: what contradicts itself is told."""

from __future__ import annotations

from typing import Any

import pytest

from wireswarm.data.rules import parse_rule


@pytest.mark.parametrize(
    ("rule", "key", "found"),
    [
        ({"choices": [1, 2], "min": 1}, "min", "it beside choices"),
        ({"choices": ["a"], "pattern": "[a-z]"}, "pattern", "it beside choices"),
        ({"pattern": "[a-z]+", "length": 4}, "length", "it beside pattern"),
    ],
)
def test_what_says_all_of_a_value_stands_alone(rule: dict[str, Any], key: str, found: str) -> None:
    _, problems = parse_rule(rule)
    assert [(problem.key, problem.found) for problem in problems] == [(key, found)]


def test_how_many_and_how_often_go_with_either() -> None:
    _, problems = parse_rule({"choices": ["a", "b"], "count": [1, 3], "probability": 0.5})
    assert problems == []
