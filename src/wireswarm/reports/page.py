"""What stands on the HTML page: the values its template shows, and how much of a large run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from wireswarm.reports import reading
from wireswarm.reports.charts import heat, small, spread, times
from wireswarm.reports.charts.svg import element, picture
from wireswarm.reports.distribution import Distribution
from wireswarm.reports.figures import clean, counted, duration, rate, share, shortened, size, span
from wireswarm.reports.reading import Band
from wireswarm.reports.summary import FlowRow, Latency, Point, Row, Run, Step, Summary, Worker

# A page of a thousand requests stays under 2 MB with these.
MAX_REQUESTS: Final = 1000
MAX_SPARKLINES: Final = 200
MAX_THRESHOLDS: Final = 300
MAX_FLOWS: Final = 50
MAX_STEPS: Final = 100
MAX_ERRORS: Final = 200
MAX_SERIES: Final = 12
MAX_WORKERS: Final = 200
MAX_CURVES: Final = 5
MAX_TIMES: Final = 60

_VALIDITY_STYLES: Final = {"VALID": "good", "DEGRADED": "warn"}
_VALIDITY_TEXTS: Final = {
    "VALID": "The load generator kept up, and nothing was lost.",
    "DEGRADED": "The numbers are right, but there is something to know.",
    "INVALID": "The numbers say as much about the load generator as about the system under test. Do not rely on them.",
}
_BAND_STYLES: Final = {Band.ACCEPTABLE: "good", Band.INVESTIGATE: "warn", Band.CRITICAL: "bad"}
_BAND_RANGES: Final = {
    Band.ACCEPTABLE: "under 1 % failed",
    Band.INVESTIGATE: "1 to 5 % failed",
    Band.CRITICAL: "more than 5 % failed",
}
_COUNTERS: Final = {
    "connects": "Connections opened",
    "stale_reconnects": "Opened again after the server had closed an idle one",
    "unstamped": "Answers without the kernel's time stamp",
    "sio_emitted": "Socket.IO events sent without waiting for an answer",
    "sio_received": "Socket.IO events that nobody waited for",
    "sio_disconnects": "Socket.IO connections lost",
    "sio_reconnects": "Socket.IO attempts to connect again",
}


class Tile(NamedTuple):
    """One of the figures at the top."""

    name: str
    value: str
    note: str = ""
    style: str = ""


class Bands(NamedTuple):
    """The requests of one failure band."""

    name: str
    range: str
    style: str
    text: str


class Flow(NamedTuple):
    """A flow with its waterfall."""

    row: Row
    steps: list[tuple[Step, Markup]]
    all_steps: Sequence[Step]


def context(summary: Summary) -> dict[str, Any]:
    """The template's variables."""
    requests = sorted(summary.requests, key=lambda row: (-row.count, row.name, row.type))[:MAX_REQUESTS]
    curves = _curves(summary, requests)
    every = -(-len(summary.timeline) // MAX_TIMES) or 1
    variables = {
        "bands": _bands(summary),
        "charts": _charts(summary, curves),
        "counters": _counters(summary),
        "curves": [(curve.name, label) for curve, label in curves],
        "data": _data(summary),
        "environment": list(summary.run.environment.items()),
        "errors": summary.errors[:MAX_ERRORS],
        "every": every,
        "exceptions": summary.exceptions[:MAX_ERRORS],
        "facts": _facts(summary),
        "flows": [_flow(flow) for flow in summary.flows[:MAX_FLOWS]],
        "measures": _measures(summary),
        "passed": summary.verdict == "passed",
        "requests": requests,
        "scheduled": [row for row in requests if row.response is not None],
        "sparklines": MAX_SPARKLINES,
        "summary": summary,
        "table_of_time": [point for point in summary.timeline[::every] if point.duration_s > 0],
        "thresholds": sorted(summary.thresholds, key=lambda row: row.passed)[:MAX_THRESHOLDS],
        "tiles": _tiles(summary),
        "title": _title(summary.run),
        "trends": reading.throughput_trend(summary.timeline),
        "validity_style": _VALIDITY_STYLES.get(summary.validity.state, "bad"),
        "validity_text": _VALIDITY_TEXTS.get(summary.validity.state, ""),
        "workers": sorted(summary.generator.workers, key=lambda worker: -worker.cpu_max)[:MAX_WORKERS],
    }
    return variables | {"parts": _parts(variables)}


def moment(started: str) -> str:
    """A date as people read it; as it is where it is none."""
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return started
    return f"{when.astimezone(UTC):%d %B %Y, %H:%M:%S} UTC".lstrip("0")


def band_style(row: Row | Step) -> str:
    """The colour of a share of failures."""
    return _BAND_STYLES[reading.failure_band(row.failures / row.count)] if row.count else ""


def spark(row: Row) -> Markup:
    """A request's p95 over time; nothing where there is no time to speak of."""
    values = [batch.p95_ms if batch.count > batch.failures else None for batch in row.batches]
    highest = max((value for value in values if value is not None), default=0.0)
    return small.sparkline(values, f"p95 up to {duration(highest)}") if len(values) > 1 else Markup("")


def cpu_bar(worker: Worker) -> Markup:
    """How busy a process was on average."""
    name = "within" if worker.cpu_mean < 0.7 else "between" if worker.cpu_mean < 0.9 else "beyond"
    return small.share_bar(worker.cpu_mean, f"{worker.cpu_mean:.0%} of one core", name)


def _title(run: Run) -> str:
    *folders, file = run.locustfile.replace("\\", "/").split("/")
    name = file.removesuffix(".py")
    if name == "locustfile" and folders:  # Locust's usual one, which the folder tells from others
        name = folders[-1] or name
    return " · ".join(filter(None, (name, run.profile))) or "Load test"


def _parts(variables: dict[str, Any]) -> list[tuple[str, str]]:
    summary: Summary = variables["summary"]
    there = {
        "thresholds": ("Thresholds", True),
        "validity": ("Validity", True),
        "reading": ("What it says", True),
        "time": ("Over time", bool(summary.timeline)),
        "distribution": ("Distribution", bool(variables["curves"])),
        "requests": ("Requests", True),
        "flows": ("Flows", bool(summary.flows)),
        "errors": ("Failures", bool(summary.errors or summary.exceptions)),
        "generator": ("Load generator", True),
        "environment": ("Environment", bool(variables["environment"])),
    }
    return [(anchor, name) for anchor, (name, shown) in there.items() if shown]


def _tiles(summary: Summary) -> list[Tile]:
    total, latency = summary.total, summary.total.latency
    band = reading.band_of(total)
    style = _BAND_STYLES[band] if band is not None and total.failures else ""
    tiles = [
        Tile("Requests", f"{total.count:,}", f"in {span(summary.run.duration_s)}"),
        Tile("Throughput", f"{rate(total.rps)}/s", counted(summary.run.users, "user")),
        Tile("Failed", share(total.failures, total.count), f"{total.failures:,} requests", style),
    ]
    if latency.count:
        values = (("p50", latency.p50_ms), ("p95", latency.p95_ms), ("p99", latency.p99_ms), ("Max", latency.max_ms))
        tiles += [Tile(name, duration(value)) for name, value in values]
    if summary.abandoned:
        tiles.append(Tile("Abandoned", f"{summary.abandoned:,}", "answer not awaited", "warn"))
    if summary.dropped:
        tiles.append(Tile("Dropped", f"{summary.dropped:,}", "no free user", "bad"))
    return tiles


def _facts(summary: Summary) -> list[tuple[str, str]]:
    run = summary.run
    facts = [
        ("Locustfile", run.locustfile),
        ("Profile", run.profile),
        ("Host", run.host),
        ("Load", run.arrival_rate),
        ("Users", f"{run.users:,} at most"),
        ("Processes", f"{run.processes:,}" if run.processes > 1 else ""),
        ("Ended by", run.ended_by),
        ("Tags", ", ".join(run.tags)),
        ("Without tags", ", ".join(run.exclude_tags)),
        ("Certificates not verified", ", ".join(run.insecure)),
        ("Sent", size(summary.total.request_bytes) if summary.total.request_bytes else ""),
        ("Received", size(summary.total.response_bytes) if summary.total.response_bytes else ""),
        ("Start retries", f"{summary.start_retries:,}" if summary.start_retries else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _bands(summary: Summary) -> list[Bands]:
    found = []
    for band, rows in reading.bands(summary).items():
        names = [f"{shortened(clean(f'{row.type} {row.name}'), 60)} ({share(row.failures, row.count)})" for row in rows]
        text = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        if band is Band.ACCEPTABLE or not rows:
            text = counted(len(rows), "request") if rows else "none"
        found.append(Bands(band.value, _BAND_RANGES[band], _BAND_STYLES[band], text))
    return found


def _curves(summary: Summary, requests: Sequence[Row]) -> list[tuple[spread.Curve, str]]:
    curves = [("total", "all requests", summary.total.latency)]
    if summary.total.response is not None:
        curves.append(("due", "all, from the moment they were due", summary.total.response))
    if len(requests) > 1:
        curves += [
            (f"c{index}", shortened(clean(f"{row.type} {row.name}"), 48), row.latency)
            for index, row in enumerate(requests[:MAX_CURVES], 1)
        ]
    return [
        (spread.Curve(Distribution(latency.buckets), name), label) for name, label, latency in curves if latency.buckets
    ]


def _charts(summary: Summary, curves: Sequence[tuple[spread.Curve, str]]) -> dict[str, Any]:
    timeline = summary.timeline
    end = times.end_of(timeline, summary.run.duration_s)
    return {
        "throughput": times.throughput(timeline, end),
        "latency": times.latency(timeline, end),
        "users": times.users(timeline, end),
        "watched": [(series, times.watched(series, end)) for series in summary.series[:MAX_SERIES]],
        "heat": heat.heat_map(timeline, end),
        "ramp": _ramp(),
        "distribution": spread.percentile_plot([curve for curve, _ in curves]),
    }


def _ramp() -> Markup:
    cells = [
        element("rect", class_=f"heat h{level + 1}", x=level * 14, y=0, width=14, height=10)
        for level in range(heat.LEVELS)
    ]
    width = 14 * heat.LEVELS
    title = "from few to many"
    return picture(cells, width=width, height=10, title=title, class_="small", width_=width, height_=10)


def _flow(flow: FlowRow) -> Flow:
    steps = flow.steps[:MAX_STEPS]
    starts = [0.0, *accumulate(step.latency.mean_ms for step in steps)]
    whole = max((start + step.latency.p95_ms for start, step in zip(starts, steps, strict=False)), default=0.0)
    whole = max(whole, starts[-1])
    bars = [
        small.stage_bar(
            start,
            start + step.latency.mean_ms,
            start + max(step.latency.p95_ms, step.latency.mean_ms),
            whole,
            f"mean {duration(step.latency.mean_ms)}, p95 {duration(step.latency.p95_ms)}",
        )
        for start, step in zip(starts, steps, strict=False)
    ]
    return Flow(flow.row, list(zip(steps, bars, strict=True)), flow.steps)


def _measures(summary: Summary) -> list[tuple[str, Latency, str]]:
    generator = summary.generator
    by = {
        "kernel": " Answers are timed by the kernel's clock, so this is not in their latency.",
        "program": " Answers are timed by the program's clock, so it is in their latency.",
        "mixed": " Some answers are timed by the kernel's clock, others by the program's.",
    }
    rows = [
        ("Delay", generator.delay, "how much later than its arrival an answer was read." + by.get(generator.clock, "")),
        ("Event-loop lag", generator.lag, "how late the generator woke up"),
        ("Connection set-up", generator.setup, "looking up names, TCP and TLS handshakes; not in the latency"),
        ("Start lag", generator.start_lag, "how late scheduled flows started"),
    ]
    return [row for row in rows if row[1].count]


def _counters(summary: Summary) -> list[tuple[str, str]]:
    return [
        (_COUNTERS.get(name, name.replace("_", " ")), size(count) if "bytes" in name else f"{count:,}")
        for name, count in sorted(summary.counters.items())
        if count
    ]


def _data(summary: Summary) -> dict[str, Any] | None:
    """The time line for the values under the pointer."""
    points = summary.timeline
    if not points:
        return None
    return {
        "time": [round(point.start_s + point.duration_s / 2, 2) for point in points],
        "start": [round(point.start_s, 1) for point in points],
        "rps": [round(point.count / (point.duration_s or 1), 2) for point in points],
        "failures": [round(point.failures / (point.duration_s or 1), 2) for point in points],
        "users": [point.users for point in points],
        **{name: [_rounded(point, name) for point in points] for name in times.PERCENTILES},
        "watched": [
            {
                "name": clean(series.name),
                "unit": clean(series.unit),
                "time": [round(time, 1) for time, _ in series.points],
                "values": [float(f"{value:.5g}") for _, value in series.points],
            }
            for series in summary.series[:MAX_SERIES]
        ],
    }


def _rounded(point: Point, name: str) -> float | None:
    value: float = getattr(point, f"{name}_ms")
    return float(f"{value:.4g}") if point.count > point.failures else None
