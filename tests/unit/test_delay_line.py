"""The line about the generator's own delay."""

from __future__ import annotations

from wireswarm.metrics import Histogram
from wireswarm.plugin.delay_line import describe_delay


def test_it_names_the_clock_and_how_late_answers_were_read() -> None:
    delays = Histogram()
    for milliseconds in range(1, 101):
        delays.record(milliseconds * 1000)

    line = describe_delay(delays, 0)

    assert "kernel's clock" in line
    assert "at the median, 99." in line
    assert "100.00 ms at most" in line


def test_answers_without_a_stamp_are_told_beside_those_with_one() -> None:
    delays = Histogram()
    delays.record(30_000)
    delays.record(10_000)

    assert "2 of 4 answers had no stamp" in describe_delay(delays, 2)


def test_without_stamps_the_delay_is_part_of_the_response_times() -> None:
    assert describe_delay(Histogram(), 1200) == (
        "Response times of 1,200 answers end by the program's clock: its own delay is part of them."
    )


def test_without_answers_there_is_no_line() -> None:
    assert describe_delay(Histogram(), 0) == ""
