"""Charts over the time of a run: throughput, latency, users, and what was watched. All have the same time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from wireswarm.reports.charts.frame import FOOT, LEFT, RIGHT, TOP, WIDTH, Place, area, line, time_axis, value_axis
from wireswarm.reports.charts.scale import Linear, Scale, Time, value_scale
from wireswarm.reports.charts.svg import picture
from wireswarm.reports.figures import duration, round_duration, round_number, significant
from wireswarm.reports.summary import Point, Series

PERCENTILES = ("p50", "p95", "p99", "max")


def end_of(timeline: Sequence[Point], duration_s: float) -> float:
    """Where the time axis ends."""
    return max([duration_s, *(point.start_s + point.duration_s for point in timeline[-1:])])


def throughput(timeline: Sequence[Point], end_s: float, height: float = 230) -> Markup:
    """Requests and failures per second."""
    rates = [point.count / _whole(point) for point in timeline]
    failures = [point.failures / _whole(point) for point in timeline]
    plot = _Plot(end_s, height)
    y = Linear(max(rates, default=0.0), plot.bottom, TOP)
    places = plot.places(timeline, rates, y)
    failed = plot.places(timeline, failures, y)
    marks = [area(places, plot.bottom, "rps"), line(places, "rps")]
    if any(failures):
        marks += [area(failed, plot.bottom, "failures"), line(failed, "failures")]
    most, most_failed = (significant(max(values, default=0.0)) for values in (rates, failures))
    said = f"At most {most} requests and {most_failed} failures per second."
    return plot.draw(y, round_number, marks, "Requests and failures per second over time", said)


def latency(timeline: Sequence[Point], end_s: float, height: float = 250) -> Markup:
    """Percentiles of service time; gaps where nothing succeeded."""
    plot = _Plot(end_s, height)
    values = {name: [_value(point, name) for point in timeline] for name in PERCENTILES}
    y = value_scale([value for many in values.values() for value in many if value], plot.bottom, TOP)
    marks = [line(plot.places(timeline, values[name], y), name) for name in reversed(PERCENTILES)]
    worst = max((value for value in values["p95"] if value), default=0.0)
    return plot.draw(
        y, round_duration, marks, "Latency percentiles over time", f"The highest p95 is {duration(worst)}."
    )


def users(timeline: Sequence[Point], end_s: float, height: float = 120) -> Markup:
    """Concurrent users."""
    counts = [float(point.users) for point in timeline]
    plot = _Plot(end_s, height)
    y = Linear(max(counts, default=0.0), plot.bottom, TOP, ticks=2)
    places = plot.places(timeline, counts, y)
    marks = [area(places, plot.bottom, "users"), line(places, "users")]
    return plot.draw(y, round_number, marks, "Concurrent users over time", f"At most {max(counts, default=0.0):,.0f}.")


def watched(series: Series, end_s: float, height: float = 140) -> Markup:
    """A value that was read from the target."""
    values = [value for _, value in series.points]
    plot = _Plot(end_s, height)
    low, high = min(values, default=0.0), max(values, default=0.0)
    # From zero, except where that would hide how the value moves.
    y = Linear(high, plot.bottom, TOP, low=0.0 if 0 <= low < high * 0.6 else low, ticks=3)
    places: list[Place | None] = [(plot.x.at(time), y.at(value)) for time, value in series.points]
    said = f"Between {significant(low)} and {significant(high)} {series.unit}."
    return plot.draw(y, round_number, [line(places, "watched")], f"{series.name} over time", said)


class _Plot:
    """The common frame."""

    def __init__(self, end_s: float, height: float) -> None:
        self.height = height
        self.bottom = height - FOOT
        self.x = Time(end_s, LEFT, RIGHT)

    def places(self, timeline: Sequence[Point], values: Sequence[float | None], y: Scale) -> list[Place | None]:
        """Each step's value in the middle of the step."""
        return [
            None if value is None else (self.x.at(point.start_s + point.duration_s / 2), y.at(value))
            for point, value in zip(timeline, values, strict=True)
        ]

    def draw(
        self, y: Scale, label: Callable[[float], str], marks: Sequence[Markup], title: str, description: str
    ) -> Markup:
        """The whole chart."""
        return picture(
            [*value_axis(y, label), *time_axis(self.x, self.bottom), *marks],
            width=WIDTH,
            height=self.height,
            title=title,
            description=description,
            class_="chart timed",
            data_left=LEFT,
            data_right=RIGHT,
            data_top=TOP,
            data_bottom=self.bottom,
            data_end=f"{self.x.high:.3f}",
        )


def _whole(point: Point) -> float:
    return point.duration_s or 1.0


def _value(point: Point, name: str) -> float | None:
    value: float = getattr(point, f"{name}_ms")
    return value if point.count > point.failures else None
