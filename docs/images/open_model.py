"""Draws `open-model.svg`: the same freeze of a target as an open and as a closed load see it.

`python docs/images/open_model.py` writes it anew. Nothing is measured: arrivals and users are those of
`wireswarm.load`, with a clock that only this script moves, and a target that answers after 2 ms unless it is frozen.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from wireswarm.load import Constant, Desk, Stripes, Ticket, plan_arrivals
from wireswarm.reports.charts.frame import LEFT, RIGHT, WIDTH, time_axis, value_axis
from wireswarm.reports.charts.scale import Linear, Time
from wireswarm.reports.charts.svg import element, group, picture, text

PICTURE: Final = Path(__file__).with_name("open-model.svg")

SECONDS: Final = 20.0
FREEZE: Final = (9.0, 11.0)
ANSWER: Final = 0.002
"""Seconds that the target takes when it is not frozen."""
USERS: Final = 10
RATE: Final = 100
"""Arrivals per second; also the requests per second of the closed load, as long as the target answers."""

_PANEL: Final = 150.0
_HEAD: Final = 46.0
_FOOT: Final = 40.0
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}text.title{font-size:15px;font-weight:600;fill:#1f2328}"
    "text.limit{fill:#bc4c00;font-weight:600}.grid{stroke:#d0d7de;stroke-width:.7}.axis{stroke:#8c959f}"
    ".frozen{fill:#54aeff;fill-opacity:.18}.wait{fill:none;stroke:#0969da;stroke-width:1.2}"
    ".limit{stroke:#bc4c00;stroke-width:1.5;stroke-dasharray:6 4}text.limit{stroke:none}"
)


class Request(NamedTuple):
    """One that was sent."""

    due: float
    """When it should have begun; for a closed load, when it did."""
    sent: float
    done: float


def done_at(sent: float) -> float:
    """When the target has answered."""
    begins = FREEZE[1] if FREEZE[0] <= sent < FREEZE[1] else sent
    return begins + ANSWER


def open_load() -> list[Request]:
    """People keep coming, and ten users take turns at what arrives."""
    desk = Desk(max_lateness=10.0)
    desk.begin(plan_arrivals(Constant(RATE, SECONDS), {"User": 1}), Stripes({"User": ["me"]}), "me")
    requests: list[Request] = []
    busy: list[float] = []
    for _ in range(USERS):
        desk.ask(Ticket("User"), 0.0)

    def start(now: float, ticket: Ticket) -> None:
        assert ticket.arrival is not None  # noqa: S101 - it was given one
        requests.append(Request(ticket.arrival.at, now, done_at(now)))
        heapq.heappush(busy, requests[-1].done)

    now = 0.0
    while not math.isinf(now):
        desk.look_ahead(now)
        for ticket in desk.advance(now):
            start(now, ticket)
        while busy and busy[0] <= now:
            heapq.heappop(busy)
            free = Ticket("User")
            if desk.ask(free, now):
                start(now, free)
        now = max(math.nextafter(now, math.inf), min([desk.next_at, *busy]))
    return requests


def closed_load() -> list[Request]:
    """Ten users, each of which asks again a moment after it has had its answer."""
    pause = USERS / RATE - ANSWER
    ready = [number / RATE for number in range(USERS)]
    requests: list[Request] = []
    while ready[0] < SECONDS:
        sent = heapq.heappop(ready)
        requests.append(Request(sent, sent, done_at(sent)))
        heapq.heappush(ready, requests[-1].done + pause)
    return requests


def p95(seconds: Sequence[float]) -> float:
    """The value that one in twenty exceeds."""
    return sorted(seconds)[math.ceil(0.95 * len(seconds)) - 1]


def draw() -> str:
    """The file's content."""
    opened, closed = open_load(), closed_load()
    from_due = [request.done - request.due for request in opened]
    from_sent = [request.done - request.sent for request in closed]
    stuck = sum(request.due < FREEZE[1] and request.done > FREEZE[1] for request in closed)
    height = 2 * (_HEAD + _PANEL + _FOOT)
    panels = [
        _panel(
            0.0,
            opened,
            from_due,
            f"Open load: {RATE} arrive every second, whatever the target does",
            f"{len(opened):,} requests. A tenth of them fall into the freeze, and wait for what is left of it.",
        ),
        _panel(
            _HEAD + _PANEL + _FOOT,
            closed,
            from_sent,
            f"Closed load: {USERS} users, each of whom waits for an answer before asking again",
            f"{len(closed):,} requests. {stuck} of them are slow; the {len(opened) - len(closed)} others of that time "
            "were never sent, and so were never slow.",
        ),
    ]
    drawing = picture(
        [
            element("style", escape(_STYLE)),
            element("rect", x=0, y=0, width=WIDTH, height=height, fill="#ffffff"),
            *panels,
        ],
        width=WIDTH,
        height=height,
        title="The same freeze as an open and as a closed load see it",
        description=f"p95 is {_told(p95(from_due))} for the open load and {_told(p95(from_sent))} for the closed one",
        xmlns="http://www.w3.org/2000/svg",
    )
    return f"{drawing}\n"


def _panel(top: float, requests: list[Request], waits: list[float], title: str, said: str) -> Markup:
    bottom = _HEAD + _PANEL
    x, y = Time(SECONDS, LEFT, RIGHT), Linear(2.0, bottom, _HEAD)
    needles = "".join(
        f"M{x.at(request.due):.1f} {bottom:.0f}V{y.at(wait):.1f}"
        for request, wait in zip(requests, waits, strict=True)
        if wait > 0.05
    )
    limit = p95(waits)
    marks = [
        element("rect", class_="frozen", x=x.at(FREEZE[0]), y=_HEAD, width=x.at(2) - LEFT, height=_PANEL),
        text("the target is frozen", x.at(sum(FREEZE) / 2), bottom + 34, text_anchor="middle"),
        *value_axis(y, lambda seconds: f"{seconds:g} s"),
        element("path", class_="wait", d=f"M{LEFT:.0f} {y.at(ANSWER):.1f}H{RIGHT:.0f}"),
        element("path", class_="wait", d=needles),
        element("line", class_="limit", x1=LEFT, x2=RIGHT, y1=y.at(limit), y2=y.at(limit)),
        text(f"p95: {_told(limit)}", RIGHT, y.at(limit) - 7, class_="limit", text_anchor="end"),
        *time_axis(x, bottom),
        text(title, LEFT, 20, class_="title"),
        text(said, LEFT, 38),
    ]
    return group(marks, transform=f"translate(0 {top:g})")


def _told(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"Written: {PICTURE}")
