"""The course of a profile's load as a picture of its own: one SVG file that needs nothing else."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup, escape

from wireswarm.profiles import Course
from wireswarm.reports.charts.frame import FOOT, LEFT, RIGHT, TOP, WIDTH, area, line, time_axis, value_axis
from wireswarm.reports.charts.scale import Linear, Time
from wireswarm.reports.charts.svg import element, group, picture, text
from wireswarm.reports.figures import clean, round_number, span

_HEAD: Final = 30.0
"""Height of the title above the plot."""
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#57606a}text.title{font-size:15px;font-weight:600;fill:#1f2328}"
    ".grid{stroke:#d0d7de;stroke-width:.7}.axis{stroke:#8c959f}"
    ".line path{fill:none;stroke:#0969da;stroke-width:2}.area path{fill:#0969da;fill-opacity:.15}"
)


def render_course(course: Course, title: str, height: float = 320.0) -> str:
    """The file's content.

    Args:
        course: what to draw.
        title: what stands above it.
        height: of the picture, which is 1000 wide.
    """
    bottom = height - FOOT - _HEAD
    x, y = Time(course.end, LEFT, RIGHT), Linear(course.peak(), bottom, TOP)
    places = [
        (x.at(time), y.at(level))
        for piece in course.segments()
        for time, level in ((piece.start, piece.start_level), (piece.end, piece.end_level))
    ]
    plot = [*value_axis(y, round_number), area(places, bottom, "load"), line(places, "load"), *time_axis(x, bottom)]
    unit = "arrivals per second" if course.plan.is_rate else "users"
    drawing = picture(
        [
            element("style", escape(_STYLE)),
            element("rect", x=0, y=0, width=WIDTH, height=height, fill="#ffffff"),
            text(clean(title), LEFT, _HEAD - 10, class_="title"),
            text(unit, RIGHT, _HEAD - 10, text_anchor="end"),
            group([Markup("").join(plot)], transform=f"translate(0 {_HEAD:g})"),
        ],
        width=WIDTH,
        height=height,
        title=title,
        description=f"{unit} over {span(course.end)}" + ("" if course.ends else ", and on"),
        xmlns="http://www.w3.org/2000/svg",
    )
    return f"{drawing}\n"
