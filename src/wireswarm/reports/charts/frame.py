"""What the charts have in common: the plot's place in the drawing, grid and axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final

from markupsafe import Markup

from wireswarm.reports.charts.scale import Scale
from wireswarm.reports.charts.svg import element, group, path, text
from wireswarm.reports.figures import clock

WIDTH: Final = 1000.0
LEFT: Final = 64.0
RIGHT: Final = WIDTH - 16.0
TOP: Final = 12.0
FOOT: Final = 26.0
"""Height of the labels below the plot."""

Place = tuple[float, float]


def value_axis(scale: Scale, label: Callable[[float], str], *, end: float = RIGHT) -> list[Markup]:
    """Lines across the plot, and their values to the left."""
    marks: list[Markup] = []
    for value in scale.ticks():
        y = scale.at(value)
        marks += [
            element("line", class_="grid", x1=LEFT, x2=end, y1=y, y2=y),
            text(label(value), LEFT - 8, y + 3.5, class_="tick", text_anchor="end"),
        ]
    return marks


def time_axis(scale: Scale, bottom: float) -> list[Markup]:
    """Times below the plot."""
    marks: list[Markup] = [element("line", class_="axis", x1=LEFT, x2=RIGHT, y1=bottom, y2=bottom)]
    for seconds in scale.ticks():
        x = scale.at(seconds)
        marks += [
            element("line", class_="axis", x1=x, x2=x, y1=bottom, y2=bottom + 4),
            text(clock(seconds), x, bottom + 17, class_="tick", text_anchor="middle"),
        ]
    return marks


def line(places: Iterable[Place | None], name: str) -> Markup:
    """A line through places, broken where there is none; a place that stands alone is a dot."""
    marks: list[Markup] = []
    for run in runs(places):
        if len(run) == 1:
            marks.append(element("circle", cx=run[0][0], cy=run[0][1], r=2.5))
        else:
            marks.append(element("path", d=path(run)))
    return group(marks, class_=f"line {name}", data_series=name)


def area(places: Iterable[Place | None], bottom: float, name: str) -> Markup:
    """The surface between places and the bottom of the plot."""
    marks = [
        element("path", d=path([(run[0][0], bottom), *run, (run[-1][0], bottom)]) + "Z")
        for run in runs(places)
        if len(run) > 1
    ]
    return group(marks, class_=f"area {name}", data_series=name)


def runs(places: Iterable[Place | None]) -> list[list[Place]]:
    """The places that follow each other without a gap."""
    return [[place for place in run if place] for there, run in groupby(places, key=bool) if there]
