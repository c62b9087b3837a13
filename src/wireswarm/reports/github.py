"""A summary as Markdown, for the step summary of a GitHub workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from wireswarm.reports.figures import clean, counted, duration, rate, share, shortened, span
from wireswarm.reports.summary import Latency, Row, Summary

MAX_ROWS: Final = 100
"""GitHub takes 1 MiB for a step."""
MAX_ERRORS: Final = 20
_MAX_TEXT: Final = 200
_MARKS: Final = {"VALID": "✅", "DEGRADED": "⚠️", "INVALID": "❌"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&@$:-])")


def render_markdown(summary: Summary) -> str:
    """The document."""
    return "\n".join(_lines(summary)) + "\n"


def _lines(summary: Summary) -> Iterator[str]:
    run, total = summary.run, summary.total
    passed = summary.verdict == "passed"
    name = text(run.profile or run.locustfile)
    yield f"## {'✅' if passed else '❌'} Load test {name + ' ' if name else ''}{'passed' if passed else 'failed'}"
    yield ""
    host = f" against {text(run.host)}" if run.host else ""
    yield (
        f"{counted(total.count, 'request')} in {span(run.duration_s)}{host}, {rate(total.rps)} per second, "
        f"{counted(run.users, 'user')}, {share(total.failures, total.count)} failed."
    )
    if summary.thresholds:
        yield from _thresholds(summary)
    yield from ["", f"### {_MARKS.get(summary.validity.state, '⚠️')} The run is {text(summary.validity.state)}", ""]
    yield from (f"- {text(reason)}" for reason in summary.validity.reasons)
    if summary.abandoned:
        yield f"- {counted(summary.abandoned, 'request')} may have been sent whose answers nobody waited for"
    yield from (f"- {text(note)}" for note in summary.notes)
    yield from _requests(summary)
    if summary.errors:
        yield from _errors(summary)


def _thresholds(summary: Summary) -> Iterator[str]:
    rows = sorted(summary.thresholds, key=lambda row: row.passed)
    yield from ["", "### Thresholds", ""]
    yield from _head("", "On", "Threshold", "Found")
    for row in rows[:MAX_ROWS]:
        aborted = " – ended the run" if row.aborted else ""
        yield _cells("✅" if row.passed else "❌", text(row.subject), text(row.expression), text(row.detail) + aborted)
    yield from _left_out(len(rows), "thresholds")


def _requests(summary: Summary) -> Iterator[str]:
    rows = sorted(summary.requests, key=lambda row: -row.count)
    yield from ["", "### Requests", ""]
    yield from _head("Request", "Count", "Per second", "Failed", "p50", "p95", "p99", "p99.9", "max", right=8)
    for row in rows[:MAX_ROWS]:
        yield _request(text(f"{row.type} {row.name}"), row)
    yield _request("**All requests**", summary.total)
    yield from _left_out(len(rows), "requests")


def _request(name: str, row: Row) -> str:
    return _cells(name, f"{row.count:,}", rate(row.rps), share(row.failures, row.count), *_latencies(row.latency))


def _latencies(latency: Latency) -> list[str]:
    values = (latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.p999_ms, latency.max_ms)
    return [duration(value) if latency.count else "–" for value in values]


def _errors(summary: Summary) -> Iterator[str]:
    yield from ["", "### Failures", ""]
    yield from _head("Count", "Of", "Failure")
    for row in summary.errors[:MAX_ERRORS]:
        yield _cells(f"{row.count:,}", text(f"{row.type} {row.name}"), text(f"{row.reason}: {row.message}"))
    if len(summary.errors) > MAX_ERRORS:
        yield from ["", f"{counted(len(summary.errors) - MAX_ERRORS, 'more kind')} of failure."]


def _left_out(count: int, what: str) -> Iterator[str]:
    if count > MAX_ROWS:
        yield from ["", f"The first {MAX_ROWS} of {count:,} {what}."]


def _head(*names: str, right: int = 0) -> list[str]:
    left = len(names) - right
    return [_cells(*names), _cells(*["---"] * left, *["---:"] * right)]


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def text(content: str) -> str:
    """A name or message as it is: nothing in it is Markdown, HTML or a mention of somebody."""
    return _SPECIAL.sub(_escaped, shortened(clean(content).strip(), _MAX_TEXT))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return f"&#{ord(character)};" if character in "<>&@|" else f"\\{character}"
