"""The charts of a search: load against latency, and load against errors, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from wireswarm.capacity.curve import Point
from wireswarm.capacity.model import Capacity
from wireswarm.capacity.wording import told
from wireswarm.reports.charts.frame import FOOT, LEFT, RIGHT, TOP, WIDTH, area, line, value_axis
from wireswarm.reports.charts.scale import Linear, Scale, value_scale
from wireswarm.reports.charts.svg import element, group, picture, text
from wireswarm.reports.figures import duration, round_duration, round_number, share

_HEAD: Final = 34.0
"""Height above the plot for what the marks are called, in two rows: the result and the knee may be near each other."""
_NAMES: Final = ("p99", "p95", "p50")


def latency_chart(points: Sequence[Point], found: Capacity, height: float = 380) -> Markup:
    """Percentiles over the load, on a logarithmic axis where they differ much; the result and the knee are marked."""
    bottom = height - FOOT
    x = Linear(points[-1].rate, LEFT, RIGHT, ticks=10)
    values = [value for point in points for name in _NAMES if (value := getattr(point, f"{name}_ms"))]
    y = value_scale(values, bottom, _HEAD)
    marks = [*_marks(found, x, bottom)]
    for name in _NAMES:
        places = [None if (v := getattr(p, f"{name}_ms")) is None else (x.at(p.rate), y.at(v)) for p in points]
        dots = [element("circle", cx=place[0], cy=place[1], r=3) for place in places if place]
        marks += [line(places, name), group(dots, class_=f"line {name}")]
    worst = max(values, default=0.0)
    return picture(
        [*value_axis(y, round_duration), *_load_axis(x, bottom), *marks],
        width=WIDTH,
        height=height,
        title="Latency over the arrival rate",
        description=f"Up to {told(points[-1].rate)}; the highest value is {duration(worst)}.",
        class_="chart",
    )


def error_chart(points: Sequence[Point], found: Capacity, height: float = 130) -> Markup:
    """The share of failed requests over the load."""
    bottom = height - FOOT
    x = Linear(points[-1].rate, LEFT, RIGHT, ticks=10)
    worst = max(point.errors for point in points)
    y = Linear(100 * worst or 1.0, bottom, TOP, ticks=2)
    places = [(x.at(point.rate), y.at(100 * point.errors)) for point in points]
    return picture(
        [
            *value_axis(y, lambda percent: f"{round_number(percent)} %"),
            *_load_axis(x, bottom),
            *_marks(found, x, bottom, named=False),
            area(places, bottom, "failures"),
            line(places, "failures"),
        ],
        width=WIDTH,
        height=height,
        title="Failed requests over the arrival rate",
        description=f"At most {share(worst, 1)}.",
        class_="chart",
    )


def _load_axis(x: Scale, bottom: float) -> list[Markup]:
    marks: list[Markup] = [element("line", class_="axis", x1=LEFT, x2=RIGHT, y1=bottom, y2=bottom)]
    for rate in x.ticks():
        place = x.at(rate)
        marks += [
            element("line", class_="axis", x1=place, x2=place, y1=bottom, y2=bottom + 4),
            text(f"{round_number(rate)}/s", place, bottom + 17, class_="tick", text_anchor="middle"),
        ]
    return marks


def _marks(found: Capacity, x: Scale, bottom: float, *, named: bool = True) -> list[Markup]:
    marks: list[Markup] = []
    for rate, name, row in ((found.knee, "knee", 28.0), (found.rate, "holds", 12.0)):
        if rate is None:
            continue
        place = x.at(rate)
        top = row - 8 if named else TOP
        marks.append(element("line", class_=f"mark-{name}", x1=place, x2=place, y1=top, y2=bottom))
        if named:
            left = place > (LEFT + RIGHT) / 2
            anchor, shift = ("end", -6) if left else ("start", 6)
            said = f"{name} {told(rate)}"
            marks.append(text(said, place + shift, row, class_=f"mark-{name}", text_anchor=anchor))
    return marks
