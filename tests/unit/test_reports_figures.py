"""Figures and names as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireswarm.reports import figures


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0 ms"),
        (0.0005, "0 µs"),
        (0.352, "352 µs"),
        (0.9996, "1.000 ms"),
        (1.5, "1.50 ms"),
        (35.24, "35.2 ms"),
        (612, "612 ms"),
        (999.6, "1.000 s"),
        (1204, "1.20 s"),
        (59_949, "59.9 s"),
        (90_000, "1.5 min"),
    ],
)
def test_durations_have_three_digits_and_the_unit_that_fits(milliseconds: float, shown: str) -> None:
    assert figures.duration(milliseconds) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (0, 0, "0 %"),
        (0, 10, "0 %"),
        (1, 1_000_000, "< 0.01 %"),
        (5, 1200, "0.42 %"),
        (5, 100, "5.0 %"),
        (99_999, 100_000, "> 99.9 %"),
        (7, 7, "100 %"),
    ],
)
def test_a_part_is_never_shown_as_nothing_or_as_all(part: int, whole: int, shown: str) -> None:
    assert figures.share(part, whole) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_times_of_the_run(seconds: float, shown: str) -> None:
    assert figures.clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(20, "20.0 s"), (60, "1 min"), (750, "12 min 30 s"), (7500, "2 h 5 min")]
)
def test_spans(seconds: float, shown: str) -> None:
    assert figures.span(seconds) == shown


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (1500, "1.50 kB"), (2.5e13, "25.0 TB")])
def test_sizes(count: float, shown: str) -> None:
    assert figures.size(count) == shown


def test_round_values_have_no_zeros_to_spare() -> None:
    assert [figures.round_duration(value) for value in (0.2, 50, 2000)] == ["200 µs", "50 ms", "2 s"]
    assert [figures.round_number(value) for value in (0.5, 20, 1500)] == ["0.5", "20", "1,500"]


def test_escapes_of_terminals_go_as_a_whole_and_other_controls_are_replaced() -> None:
    assert figures.clean("a\x1b[31mb\x1b]0;title\x07c\x1b[0m") == "abc"
    assert figures.clean("a\nb\x00c\u202ed") == "a b\ufffdc\ufffdd"


@given(st.text())
def test_what_was_cleaned_is_one_line_of_harmless_characters(text: str) -> None:
    cleaned = figures.clean(text)

    assert all(character.isprintable() or character.isspace() or ord(character) > 0xA0 for character in cleaned)
    assert not set(cleaned) & set("\n\r\x1b\x00\x7f\x9b\u202e")
    assert figures.clean(cleaned) == cleaned


@given(st.text(), st.integers(min_value=3, max_value=30))
def test_what_is_cut_keeps_both_ends(text: str, length: int) -> None:
    cut = figures.shortened(text, length)

    assert len(cut) <= length
    assert cut == text or (cut[0] == text[0] and cut[-1] == text[-1])
