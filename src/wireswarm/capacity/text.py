"""A search for the capacity in a terminal: a line for each step while it goes on, then the curve and the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from wireswarm.capacity.curve import Point, curve_of
from wireswarm.capacity.model import Capacity, Ended, Outcome, Step
from wireswarm.capacity.wording import headline, sentences, told
from wireswarm.reports.charts.scale import Linear, value_scale
from wireswarm.reports.figures import UNKNOWN, clean, duration, round_duration, round_number, share, span

_MARKS: Final = {Outcome.HOLDS: "✓", Outcome.FAILS: "✗", Outcome.GENERATOR: "!"}
_STYLES: Final = {Ended.FOUND: "green", Ended.CEILING: "green", Ended.NOTHING: "red"}
_CURVES: Final = (("p50_ms", "·"), ("p99_ms", "×"), ("p95_ms", "●"))
"""Attributes of a point and what they are drawn as; later ones are drawn over earlier ones."""
_LIMIT, _KNEE = "│", "┊"
_HEIGHT: Final = 14
_LEAST_WIDTH: Final = 40
_MOST_WIDTH: Final = 110


def head_line() -> str:
    """What stands above the lines of steps."""
    return f"{'step':>4} {'rate':>11}   {'p50':>9} {'p95':>9} {'p99':>9} {'errors':>9}  {'users':>6}"


def step_line(step: Step, number: int, *, again: bool = False) -> str:
    """A step that is over.

    Args:
        step: the step.
        number: which.
        again: whether it is repeated with more users.
    """
    reading = step.reading
    there = reading.count > reading.failures
    latencies = (reading.p50_ms, reading.p95_ms, reading.p99_ms)
    cells = " ".join(f"{duration(value) if there else UNKNOWN:>9}" for value in latencies)
    errors = share(reading.failures, reading.count) if reading.count else UNKNOWN
    line = f"{number:>4} {told(step.rate):>11} {_MARKS[step.outcome]} {cells} {errors:>9}  {reading.users:>6,}"
    said = f"{step.reason}; again with more" if again else step.reason
    return f"{line}  {said}".rstrip()


def show_capacity(found: Capacity, console: Console) -> None:
    """Print the curve and the result."""
    points = curve_of(found.steps)
    if len(points) > 1:
        console.print()
        for row in draw_curve(points, found, console.width):
            console.print(Text(row, style="cyan"), soft_wrap=True)
    console.print()
    console.print(Text(headline(found), style=f"bold {_STYLES.get(found.ended, 'yellow')}"), soft_wrap=True)
    for sentence in sentences(found):
        console.print(Text(clean(sentence)), soft_wrap=True)
    console.print(Text(f"{len(found.steps)} steps in {span(found.duration_s)}", style="dim"))


def draw_curve(points: Sequence[Point], found: Capacity, width: int) -> list[str]:
    """Lines of text: the load to the right, latencies upwards, the errors below."""
    values = [value for point in points for name, _ in _CURVES if (value := getattr(point, name)) is not None]
    y = value_scale(values, 0.0, float(_HEIGHT - 1))
    labels = {round(y.at(value)): round_duration(value) for value in y.ticks()}
    margin = max([len("errors"), *map(len, labels.values())])
    columns = min(max(width, _LEAST_WIDTH), _MOST_WIDTH) - margin - 3
    x = Linear(points[-1].rate, 0.0, float(columns - 1))
    grid = [[" "] * columns for _ in range(_HEIGHT)]
    for rate, mark in ((found.knee, _KNEE), (found.rate, _LIMIT)):
        if rate is not None:
            for row in grid:
                row[round(x.at(rate))] = mark
    for name, mark in _CURVES:
        for point in points:
            value = getattr(point, name)
            if value is not None:
                grid[round(y.at(value))][round(x.at(point.rate))] = mark
    lines = [
        f"{labels.get(number, ''):>{margin}} {'┤' if number in labels else '│'}{''.join(row)}".rstrip()
        for number, row in reversed(list(enumerate(grid)))
    ]
    return [*lines, *_feet(points, found, x, margin, columns)]


def _feet(points: Sequence[Point], found: Capacity, x: Linear, margin: int, columns: int) -> Iterator[str]:
    axis, loads = ["─"] * columns, [" "] * (columns + 2)
    free = 0
    for rate in x.ticks():
        place, label = round(x.at(rate)), round_number(rate)
        axis[place] = "┬"
        start = min(max(place - len(label) // 2, 0), len(loads) - len(label))
        if start >= free:
            loads[start : start + len(label)] = label
            free = start + len(label) + 2
    yield f"{'':>{margin}} └{''.join(axis)}"
    yield f"{'':>{margin}}  {''.join(loads)}".rstrip() + "  arrivals/s"
    if any(point.errors for point in points):
        cells = [" "] * columns
        for point in points:
            cells[round(x.at(point.rate))] = _level(point.errors)
        worst = max(points, key=lambda point: point.errors)
        yield f"{'errors':>{margin}}  {''.join(cells)}".rstrip() + f"  at most {share(worst.errors, 1)}"
    marks = ["· p50", "● p95", "× p99"]
    marks += [f"{_LIMIT} holds"] if found.rate is not None else []
    marks += [f"{_KNEE} knee"] if found.knee is not None and found.knee != found.rate else []
    marks += ["the knee is there as well"] if found.knee is not None and found.knee == found.rate else []
    yield f"{'':>{margin}}  {'   '.join(marks)}"


def _level(errors: float) -> str:
    return "▁▂▃▄▅▆▇█"[min(int(errors * 8), 7)] if errors else "·"
