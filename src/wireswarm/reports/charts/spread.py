"""The percentile-distribution plot that HdrHistogram made common: each further nine is as wide as the one before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from wireswarm.reports.charts.frame import FOOT, LEFT, RIGHT, TOP, WIDTH, Place, line, value_axis
from wireswarm.reports.charts.scale import value_scale
from wireswarm.reports.charts.svg import element, picture, text
from wireswarm.reports.distribution import Distribution
from wireswarm.reports.figures import round_duration

_PLACES: Final = 160
_LABELS: Final = (0.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 99.999, 99.9999)


class Curve(NamedTuple):
    """One distribution, and the class that colours it."""

    distribution: Distribution
    name: str


def percentile_plot(curves: Sequence[Curve], height: float = 300) -> Markup:
    """Latency by percentile. A curve ends where its single longest request stands for the rest."""
    bottom = height - FOOT
    nines = max([1.0, *(math.log10(curve.distribution.count) for curve in curves if curve.distribution.count)])
    sampled = [_sampled(curve.distribution) for curve in curves]
    y = value_scale([value for points in sampled for _, value in points], bottom, TOP)

    def x_at(depth: float) -> float:
        return LEFT + depth / nines * (RIGHT - LEFT - 20)

    marks = []
    for curve, points in zip(reversed(curves), reversed(sampled), strict=True):
        places: list[Place | None] = [(x_at(depth), y.at(value)) for depth, value in points]
        marks.append(line(places, curve.name))
    axis = [element("line", class_="axis", x1=LEFT, x2=RIGHT, y1=bottom, y2=bottom)]
    for percent in _LABELS:
        depth = -math.log10(1 - percent / 100)
        if depth <= nines + 0.01:
            x = x_at(depth)
            axis += [
                element("line", class_="grid", x1=x, x2=x, y1=TOP, y2=bottom),
                text(f"{percent:g} %", x, bottom + 17, class_="tick", text_anchor="middle"),
            ]
    return picture(
        [*value_axis(y, round_duration), *axis, *marks],
        width=WIDTH,
        height=height,
        title="Latency by percentile",
        description="A logarithmic axis: 90, 99, 99.9 percent are equally far apart.",
        class_="chart",
    )


def _sampled(distribution: Distribution) -> list[tuple[float, float]]:
    """Depths in nines, and the latency there."""
    count = distribution.count
    if not count:
        return []
    end = math.log10(count) if count > 1 else 0.0
    if not end:
        return [(0.0, distribution.at_rank(1))]
    depths = [end * index / _PLACES for index in range(_PLACES + 1)]
    return [(depth, distribution.percentile(100 * (1 - 10**-depth))) for depth in depths]
