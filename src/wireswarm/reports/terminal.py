"""A summary in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from wireswarm.reports.figures import clean, counted, duration, rate, share, significant, span
from wireswarm.reports.summary import ErrorRow, FlowRow, Latency, Row, Summary, ThresholdRow

MAX_ROWS: Final = 60
MAX_ERRORS: Final = 15
MAX_THRESHOLDS: Final = 60
_BARS: Final = "▁▂▃▄▅▆▇█"
_STATES: Final = {"VALID": "green", "DEGRADED": "yellow", "INVALID": "bold red"}
_PERCENTILES: Final = ("p50", "p95", "p99", "p99.9", "max")


def show_summary(console: Console, summary: Summary) -> None:
    """Print a summary: the table, what went wrong, then the thresholds and the verdict, where the eye ends."""
    for part in _parts(summary, console.width):
        console.print(part, highlight=False)


def _parts(summary: Summary, width: int) -> Iterator[RenderableType]:
    yield from _requests(summary)
    if summary.flows:
        yield Text()
        yield _flows(summary.flows)
    if summary.errors:
        yield Text()
        yield _errors(summary.errors)
    yield from _lines_over_time(summary, width)
    if summary.thresholds:
        yield _thresholds(summary.thresholds)
    yield from _facts(summary)
    yield _verdict(summary)


def _requests(summary: Summary) -> Iterator[RenderableType]:
    table = _table("Request")
    for name in ("count", "req/s", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in _PERCENTILES:
        table.add_column(name, justify="right", no_wrap=True)
    rows = sorted(summary.requests, key=lambda row: -row.count)[:MAX_ROWS]
    for row in sorted(rows, key=lambda row: (row.name, row.type)):
        table.add_row(_name(f"{row.type} {row.name}"), *_figures(row))
    table.add_section()
    table.add_row(Text("All requests", style="bold"), *_figures(summary.total), style="bold")
    yield table
    left_out = len(summary.requests) - len(rows)
    more = f"the {MAX_ROWS} of {len(summary.requests):,} requests that were sent most often; " if left_out else ""
    yield Text(f"{more}latencies in ms, of successes", style="dim")


def _figures(row: Row) -> list[Text]:
    return [
        Text(f"{row.count:,}"),
        Text(rate(row.rps)),
        Text(share(row.failures, row.count).replace(" ", ""), style="red" if row.failures else ""),
        *_latencies(row.latency),
    ]


def _latencies(latency: Latency) -> list[Text]:
    values = (latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.p999_ms, latency.max_ms)
    return [Text(significant(value) if latency.count else "–") for value in values]


def _flows(flows: Sequence[FlowRow]) -> RenderableType:
    table = _table("Flow and its steps")
    for name in ("count", "failed", *_PERCENTILES):
        table.add_column(name, justify="right", no_wrap=True)
    for flow in flows[:MAX_ROWS]:
        row = flow.row
        table.add_row(_name(row.name, "bold"), *_counts(row.count, row.failures), *_latencies(row.latency))
        for step in flow.steps:
            figures = (*_counts(step.count, step.failures), *_latencies(step.latency))
            table.add_row(Text("  ") + _name(step.name), *figures)
    if len(flows) <= MAX_ROWS:
        return table
    return Group(table, Text(f"{len(flows) - MAX_ROWS:,} more flows are in the summary", style="dim"))


def _counts(count: int, failures: int) -> tuple[Text, Text]:
    return Text(f"{count:,}"), Text(f"{failures:,}", style="red" if failures else "")


def _errors(errors: Sequence[ErrorRow]) -> RenderableType:
    table = _table("Failure")
    table.add_column("of", overflow="fold", ratio=2)
    table.add_column("count", justify="right", no_wrap=True)
    for row in errors[:MAX_ERRORS]:
        failure = Text(clean(row.message), style="red")
        if clean(row.reason) not in clean(row.message):
            failure = Text(f"{clean(row.reason)}: ", style="red") + failure
        table.add_row(failure, _name(f"{row.type} {row.name}"), f"{row.count:,}")
    if len(errors) <= MAX_ERRORS:
        return table
    rest = sum(row.count for row in errors[MAX_ERRORS:])
    more = f"{counted(len(errors) - MAX_ERRORS, 'more kind')} of failure, {rest:,} in all"
    return Group(table, Text(more, style="dim"))


def _lines_over_time(summary: Summary, width: int) -> Iterator[RenderableType]:
    points = [point for point in summary.timeline if point.duration_s > 0]
    if len(points) < 2:
        return
    room = max(min(width - 40, 80), 10)
    rates = [point.count / point.duration_s for point in points]
    latencies = [point.p95_ms for point in points]
    yield Text()
    highest = f"at most {rate(max(rates))}/s"
    yield Text(f"  req/s  {sparkline(rates, room)}  {highest}", no_wrap=True, overflow="ellipsis")
    highest = f"at most {duration(max(latencies))}"
    yield Text(f"  p95    {sparkline(latencies, room)}  {highest}", no_wrap=True, overflow="ellipsis")


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as a row of bars from zero, each the highest of those that share its place."""
    step = max(len(values) / width, 1.0)
    places = range(min(len(values), width))
    peaks = [max(values[int(place * step) : max(int((place + 1) * step), int(place * step) + 1)]) for place in places]
    high = max(peaks, default=0.0)
    if high <= 0:
        return _BARS[0] * len(peaks)
    return "".join(_BARS[min(int(peak / high * len(_BARS)), len(_BARS) - 1)] for peak in peaks)


def _thresholds(rows: Sequence[ThresholdRow]) -> RenderableType:
    # Failed ones last, next to the verdict, and never cut away.
    failed = [row for row in rows if not row.passed]
    passed = [row for row in rows if row.passed]
    shown = passed[: max(MAX_THRESHOLDS - len(failed), 0)]
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=2)
    table.add_column(overflow="fold", ratio=3)
    for row in [*shown, *failed]:
        mark = Text("✓", style="green") if row.passed else Text("✗", style="bold red")
        condition = Text(clean(f"{row.subject}: {row.expression}"))
        table.add_row(mark, condition, Text(clean(row.detail), style="dim" if row.passed else "red"))
    parts: list[RenderableType] = [Text("\nThresholds", style="bold")]
    if len(shown) < len(passed):
        parts.append(Text(f"{len(passed) - len(shown):,} more have passed", style="dim"))
    return Group(*parts, table)


def _facts(summary: Summary) -> Iterator[RenderableType]:
    yield Text()
    validity = summary.validity
    style = _STATES.get(validity.state, "yellow")
    yield Text(f"The run is {clean(validity.state)}", style=style)
    yield from (Text(f"  {clean(reason)}") for reason in validity.reasons)
    if summary.abandoned:
        text = f"{counted(summary.abandoned, 'request')} may have been sent whose answers nobody waited for"
        yield Text(text, style="yellow")
    if summary.dropped:
        yield Text(f"{counted(summary.dropped, 'arrival')} found no free user", style="yellow")
    for text, count in summary.exceptions[:MAX_ERRORS]:
        yield Text(f"{count:,} × {clean(text)}", style="red")
    yield from (Text(clean(note), style="dim") for note in summary.notes)


def _verdict(summary: Summary) -> RenderableType:
    total = summary.total
    passed = summary.verdict == "passed"
    verdict = Text("PASSED", style="bold green") if passed else Text("FAILED", style="bold red")
    broken = sum(not row.passed for row in summary.thresholds)
    facts = [
        f"{counted(total.count, 'request')} in {span(summary.run.duration_s)}",
        f"{total.failures:,} failed ({share(total.failures, total.count)})" if total.failures else "none failed",
    ]
    if summary.thresholds:
        facts.append(f"{broken} of {counted(len(summary.thresholds), 'threshold')} breached")
    if not total.count:
        facts[1:2] = []
    if summary.exit_code:
        facts.append(f"exit code {summary.exit_code}")
    return verdict + Text(f": {', '.join(facts)}", style="none")


def _table(first: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column(first, overflow="fold", ratio=3, min_width=14)
    return table


def _name(text: str, style: str = "") -> Text:
    return Text(clean(text).strip(), style=style)
