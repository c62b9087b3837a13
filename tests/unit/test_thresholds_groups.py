"""Thresholds of several places together, and those of the environment."""

from __future__ import annotations

import pytest

from wireswarm.errors import ConfigurationError
from wireswarm.thresholds import (
    Threshold,
    check_series,
    longest_window,
    merge_thresholds,
    parse_thresholds,
    thresholds_from_environment,
)


def parse(*texts: str) -> tuple[Threshold, ...]:
    return parse_thresholds(texts)


def merged(*groups: tuple[Threshold, ...]) -> list[str]:
    return [str(threshold) for threshold in merge_thresholds(*groups)]


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ("p95 < 2s", ["p95 < 2s"]),
        ("p95 <= 2s", ["p95 <= 2s"]),
        ("*: p95 < 2s", ["p95 < 2s"]),
        ("p95 > 2s", ["p95 < 1s", "p95 > 2s"]),
        ("p99 < 2s", ["p95 < 1s", "p99 < 2s"]),
        ("GET /x: p95 < 2s", ["p95 < 1s", "GET /x: p95 < 2s"]),
        ("p95 < 2s over 10s", ["p95 < 1s", "p95 < 2s over 10s"]),
    ],
)
def test_a_later_group_replaces_what_an_earlier_one_says_about_the_same(later: str, expected: list[str]) -> None:
    assert merged(parse("p95 < 1s"), parse(later)) == expected


def test_windows_of_different_lengths_replace_each_other() -> None:
    assert merged(parse("errors < 1% over 30s"), parse("errors < 9% over 5s")) == ["errors < 9% over 5s"]


def test_thresholds_of_one_group_replace_none_of_their_own() -> None:
    assert merged(parse("errors < 1%"), parse("errors < 5%", "errors < 2%")) == ["errors < 5%", "errors < 2%"]


def test_what_is_written_twice_holds_once() -> None:
    assert merged(parse("errors < 1%", "errors < 1%")) == ["errors < 1%"]
    assert merged() == []


def test_the_longest_window_over_requests() -> None:
    assert longest_window(parse("p95 < 1s")) is None
    assert longest_window(parse("p95 < 1s over 30s", "errors < 1% over 1m", "memory_growth < 5MB over 10m")) == 60


UNITS = {"memory": "MB", "heap": "B", "queue": "", "pods": "pods", "lag": "s", "busy": "%"}


@pytest.mark.parametrize(
    "text",
    [
        "memory_growth < 5GB",
        "heap.growth < 5KiB",
        "queue.max < 5",
        "pods.min >= 3",
        "lag.max < 5ms",
        "busy.mean < 50%",
        "p95 < 5s",
    ],
)
def test_a_limit_that_fits_the_series(text: str) -> None:
    assert check_series(parse(text), UNITS) == []


MEMORY = "an amount of memory in B, KB, MB, GB, KiB, MiB or GiB, such as 50MB"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("memory.max < 5", f'where the unit of "memory" is "MB"; allowed: {MEMORY}'),
        ("memory.max < 5s", f'where the unit of "memory" is "MB"; allowed: {MEMORY}'),
        ("queue.max < 5MB", 'where the unit of "queue" is none; allowed: a number without a unit'),
        ("pods.max < 5%", 'where the unit of "pods" is "pods"; allowed: a number without a unit'),
        ("lag.max < 5", 'where the unit of "lag" is "s"; allowed: a duration in us, ms, s or m, such as 500ms'),
        ("busy.max < 0.5", 'where the unit of "busy" is "%"; allowed: a percentage of one core, such as 80%'),
        (
            "queues.max < 5",
            'where no series "queues" is watched (did you mean "queue"?); '
            "allowed: memory, heap, queue, pods, lag, busy",
        ),
    ],
)
def test_a_limit_that_does_not(text: str, found: str) -> None:
    assert check_series(parse(text), UNITS) == [f'--threshold: found "{text}", {found}']


def test_memory_growth_needs_a_watch_of_memory() -> None:
    (problem,) = check_series(parse("memory_growth < 5MB"), {})
    assert problem == (
        '--threshold: found "memory_growth < 5MB", where no series "memory" is watched; '
        "allowed: nothing, because there is no [watch.memory] table in the profile file"
    )
    (problem,) = check_series(parse("memory_growth < 5MB"), {"memory": "pages"})
    assert problem.endswith("allowed: a unit of B, KB, MB, GB, KiB, MiB, GiB for that series")


# ---- The environment -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"P95_THRESHOLD_MS": "", "ERROR_RATE_THRESHOLD": " "}, []),
        ({"P95_THRESHOLD_MS": "1000", "ERROR_RATE_THRESHOLD": "0.01"}, ["p95 < 1000ms", "errors < 1%"]),
        ({"P95_THRESHOLD_MS": " 0.5 "}, ["p95 < 0.5ms"]),
        ({"ERROR_RATE_THRESHOLD": "0"}, ["errors < 0%"]),
        ({"ERROR_RATE_THRESHOLD": "1.0"}, ["errors < 100%"]),
        ({"ERROR_RATE_THRESHOLD": "0.001"}, ["errors < 0.1%"]),
    ],
)
def test_the_thresholds_of_the_environment(environ: dict[str, str], expected: list[str]) -> None:
    assert [str(threshold) for threshold in thresholds_from_environment(environ)] == expected


def test_a_threshold_of_the_environment_says_where_it_is_from() -> None:
    (threshold,) = thresholds_from_environment({"P95_THRESHOLD_MS": "1000"})
    assert (threshold.source, threshold.selector, threshold.limit) == ("P95_THRESHOLD_MS", "", 1000.0)


@pytest.mark.parametrize("p95", ["fast", "-1", "nan", "inf", "1s", "1e999"])
@pytest.mark.parametrize("share", ["1%", "-0.1", "1.01", "nan", "5"])
def test_wrong_variables_are_told_together(p95: str, share: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        thresholds_from_environment({"P95_THRESHOLD_MS": p95, "ERROR_RATE_THRESHOLD": share})
    assert caught.value.problems == (
        f'P95_THRESHOLD_MS: found "{p95}"; allowed: milliseconds, such as 1000',
        f'ERROR_RATE_THRESHOLD: found "{share}"; allowed: a share from 0 to 1, such as 0.01',
    )
