"""A heat map: how many requests took how long, over the time of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from wireswarm.metrics.histogram import highest_of
from wireswarm.reports.charts.frame import FOOT, LEFT, RIGHT, TOP, WIDTH, time_axis, value_axis
from wireswarm.reports.charts.scale import Log, Time
from wireswarm.reports.charts.svg import element, picture
from wireswarm.reports.figures import round_duration
from wireswarm.reports.summary import Point

LEVELS: Final = 8
COLUMNS: Final = 150
ROWS: Final = 36
_LEAST_MS: Final = 0.001


def heat_map(timeline: Sequence[Point], end_s: float, height: float = 260) -> Markup:
    """Columns are steps of time, rows latencies on a logarithmic axis, and the colour tells how many there were.

    Colours grow with the logarithm of the number, so that single slow requests are seen beside thousands of fast ones.
    """
    bottom = height - FOOT
    x = Time(end_s, LEFT, RIGHT)
    values = [highest_of(index) / 1000 for point in timeline for index, _ in point.buckets]
    y = Log(max(min(values, default=1.0), _LEAST_MS), max(max(values, default=1.0), _LEAST_MS), bottom, TOP)
    cells, most = _cells(timeline, y)
    paths: list[list[str]] = [[] for _ in range(LEVELS)]
    step = (bottom - TOP) / ROWS
    for (first, row), (last, count) in cells.items():
        left, right = x.at(timeline[first].start_s), x.at(timeline[last].start_s + timeline[last].duration_s)
        top = bottom - (row + 1) * step
        # Whole pixels' overlap keeps renderers from showing seams between the cells.
        paths[_level(count, most)].append(
            f"M{left:.1f} {top:.1f}h{right - left + 0.3:.1f}v{step + 0.3:.1f}h{left - right - 0.3:.1f}z"
        )
    marks = [
        element("path", class_=f"heat h{level + 1}", d="".join(parts)) for level, parts in enumerate(paths) if parts
    ]
    return picture(
        [*value_axis(y, round_duration), *marks, *time_axis(x, bottom)],
        width=WIDTH,
        height=height,
        title="Heat map of latency over time",
        description=f"The fullest cell holds {most:,} requests.",
        class_="chart timed",
        data_left=LEFT,
        data_right=RIGHT,
        data_top=TOP,
        data_bottom=bottom,
        data_end=f"{x.high:.3f}",
    )


def _cells(timeline: Sequence[Point], y: Log) -> tuple[dict[tuple[int, int], tuple[int, int]], int]:
    """Counts by first step and row, with the last step of the column; and the highest count."""
    width = math.ceil(len(timeline) / COLUMNS) or 1
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    span = math.log(y.high / y.low)
    for position, point in enumerate(timeline):
        first = position - position % width
        last = min(first + width, len(timeline)) - 1
        for index, count in point.buckets:
            share = math.log(max(highest_of(index) / 1000, y.low) / y.low) / span
            key = (first, min(int(share * ROWS), ROWS - 1))
            cells[key] = (last, cells.get(key, (0, 0))[1] + count)
    return cells, max((count for _, count in cells.values()), default=0)


def _level(count: int, most: int) -> int:
    return min(int(math.log(count) / math.log(max(most, 2)) * LEVELS), LEVELS - 1)
