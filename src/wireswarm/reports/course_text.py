"""The course of a profile's load as a picture in a terminal, of block characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from wireswarm.load.shapes import Segment
from wireswarm.profiles import Course
from wireswarm.reports.charts.scale import Linear, Time
from wireswarm.reports.figures import clock, round_number

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_LEAST_WIDTH: Final = 20
_GAP: Final = 2
"""Spaces between two times below the axis."""


def draw_course(course: Course, width: int, height: int = 12) -> list[str]:
    """Lines of text, none wider than `width` where that is 20 or more: levels upwards, time to the right.

    Each column shows the highest level of its time, so that no peak is too short to be seen.
    """
    scale = Linear(course.peak(), 0.0, float(height))
    labels = {round(scale.at(value)): round_number(value) for value in scale.ticks()}
    margin = max(len(label) for label in labels.values())
    columns = max(width, _LEAST_WIDTH) - margin - 2
    filled = [round(scale.at(level) * 8) for level in _highest(course.segments(), course.end, columns)]
    lines = []
    for row in range(height, 0, -1):
        cells = "".join(_BLOCKS[min(max(eighths - (row - 1) * 8, 0), 8)] for eighths in filled)
        lines.append(f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}{cells}".rstrip())
    marks, times = _time_axis(course.end, columns)
    lines.append(f"{labels[0]:>{margin}} └{marks}")
    lines.append(f"{'':{margin + 2}}{times}".rstrip())
    return lines


def _highest(segments: Sequence[Segment], end: float, columns: int) -> list[float]:
    highest = [0.0] * columns
    step = end / columns
    for piece in segments:
        first = min(int(piece.start / step), columns - 1)
        last = min(max(math.ceil(piece.end / step) - 1, first), columns - 1)
        for column in range(first, last + 1):
            sides = (max(column * step, piece.start), min((column + 1) * step, piece.end))
            highest[column] = max(highest[column], *(_level(piece, side) for side in sides))
    return highest


def _level(piece: Segment, time: float) -> float:
    length = piece.end - piece.start
    return piece.start_level + (piece.end_level - piece.start_level) * ((time - piece.start) / length if length else 0)


def _time_axis(end: float, columns: int) -> tuple[str, str]:
    """The axis with its marks, and the times below it, as many as there is room for."""
    axis, times = ["─"] * columns, ""
    scale = Time(end, 0.0, float(columns - 1))
    for seconds in scale.ticks():
        place, label = round(scale.at(seconds)), clock(seconds)
        start = max(place - len(label) // 2, 0)
        if start + len(label) > columns:
            start = columns - len(label)
        if times and start < len(times) + _GAP:
            continue
        axis[place] = "┬"
        times = f"{times:<{start}}{label}"
    return "".join(axis), times
