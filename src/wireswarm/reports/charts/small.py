"""Pictures the height of a line, for the cells of tables."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from wireswarm.reports.charts.frame import line
from wireswarm.reports.charts.svg import element, picture
from wireswarm.reports.summary import ThresholdRow


def sparkline(values: Sequence[float | None], title: str, *, width: float = 80, height: float = 20) -> Markup:
    """How a value moved, from its own zero."""
    high = max((value for value in values if value is not None), default=0.0) or 1.0
    step = (width - 4) / max(len(values) - 1, 1)
    places = [
        None if value is None else (2 + index * step, height - 2 - value / high * (height - 4))
        for index, value in enumerate(values)
    ]
    return _small([line(places, "spark")], width, height, title)


def margin(row: ThresholdRow, *, width: float = 120, height: float = 14) -> Markup:
    """How much of the limit the value takes: the mark is the limit. Nothing where there is no value."""
    if row.value is None or row.limit < 0 or row.value < 0:
        return Markup("")
    whole = max(row.limit * 1.5, min(row.value, row.limit * 3)) or 1.0
    filled = min(row.value / whole, 1.0) * width
    at = row.limit / whole * width
    name = "within" if row.passed else "beyond"
    marks = [
        element("rect", class_="track", x=0, y=4, width=width, height=height - 8, rx=3),
        element("rect", class_=name, x=0, y=4, width=max(filled, 2), height=height - 8, rx=3),
        element("line", class_="limit", x1=at, x2=at, y1=0, y2=height),
    ]
    return _small(marks, width, height, row.detail)


def share_bar(part: float, title: str, name: str, *, width: float = 80, height: float = 8) -> Markup:
    """A share between 0 and 1 as a bar."""
    filled = max(min(part, 1.0) * width, 1.5 if part > 0 else 0)
    marks = [
        element("rect", class_="track", x=0, y=0, width=width, height=height, rx=3),
        element("rect", class_=name, x=0, y=0, width=filled, height=height, rx=3),
    ]
    return _small(marks, width, height, title)


def stage_bar(start: float, middle: float, end: float, whole: float, title: str, *, width: float = 260) -> Markup:
    """One stage of a waterfall: from its start to its middle value solid, on to its high value faint."""
    height = 14.0
    scale = width / (whole or 1.0)
    marks = [
        element("rect", class_="track", x=0, y=6, width=width, height=2),
        element("rect", class_="tail", x=start * scale, y=3, width=max((end - start) * scale, 1), height=8, rx=2),
        element("rect", class_="stage", x=start * scale, y=3, width=max((middle - start) * scale, 1), height=8, rx=2),
    ]
    return _small(marks, width, height, title)


def _small(marks: Sequence[Markup], width: float, height: float, title: str) -> Markup:
    return picture(marks, width=width, height=height, title=title, class_="small", width_=width, height_=height)
