"""The rows of the web UI's tables: how a test stands, as Locust's extension tabs show it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from wireswarm.auth import redact
from wireswarm.metrics import FLOW, STEP, Key, Results, Tally, Validity
from wireswarm.reports.figures import clean, clock, counted, rate, share, shortened
from wireswarm.thresholds import Judgement

MAX_PERCENTILE_ROWS: Final = 200
"""The busiest. All of them are in the report."""
MAX_THRESHOLD_ROWS: Final = 300
_MAX_TEXT: Final = 300
_PERCENTS: Final = (50, 75, 90, 95, 99, 99.9)

VERDICT: Final = "wireswarm-verdict"
PERCENTILES: Final = "wireswarm-percentiles"

# The UI sorts by a column `name` unless there is none: then the rows stay as they come.
STRUCTURES: Final[dict[str, list[tuple[str, str]]]] = {
    VERDICT: [
        ("state", "State"),
        ("subject", "Judged on"),
        ("check", "Check"),
        ("found", "Found"),
        ("source", "From"),
    ],
    PERCENTILES: [
        ("type", "Type"),
        ("request", "Name"),
        ("count", "# Requests"),
        ("failures", "# Failed"),
        ("share", "Failed (%)"),
        ("rps", "Per second"),
        ("min", "Min (ms)"),
        *((f"p{percent:g}".replace(".", ""), f"p{percent:g} (ms)") for percent in _PERCENTS),
        ("max", "Max (ms)"),
    ],
}
"""Columns of each table: their keys in the rows, and their titles."""

Row = dict[str, Any]


class Standing(NamedTuple):
    """What is known of a test, at one moment."""

    running: bool
    """It goes on: the verdict may still change."""
    exit_code: int
    """The process's, if the test were to end like this; the final one where it has ended."""
    results: Results
    judgements: Sequence[Judgement]
    validity: Validity


def verdict_rows(standing: Standing) -> list[Row]:
    """The verdict, the validity with its reasons, and every threshold, those that fail first."""
    judgements = sorted(standing.judgements, key=_rank)
    rows = [_verdict(standing), *_validity(standing.validity)]
    rows += [_threshold(judgement, standing) for judgement in judgements[:MAX_THRESHOLD_ROWS]]
    if not judgements and not standing.running:
        rows.append(_row("–", "total", "thresholds", "none was set"))
    if len(judgements) > MAX_THRESHOLD_ROWS:
        left_out = len(judgements) - MAX_THRESHOLD_ROWS
        rows.append(_row("…", "", "", f"{counted(left_out, 'more threshold')}: see the live report"))
    return rows


def percentile_rows(results: Results, pause: Callable[[], None]) -> list[Row]:
    """Counts and percentiles of the total, of the exchanges, and of the flows with their steps.

    Args:
        results: what was measured.
        pause: called between rows, each of which takes up to a millisecond: to let the load go on.
    """
    rows = [_percentiles(Key("", "total"), results.total, results.elapsed_s)]
    found = {key: results.tally(key) for key in results.keys()}  # noqa: SIM118 - no mapping
    busiest = sorted(found, key=lambda key: -found[key].count)[:MAX_PERCENTILE_ROWS]
    for key in sorted(busiest, key=_place):
        pause()
        rows.append(_percentiles(key, found[key], results.elapsed_s))
    if len(found) > len(busiest):
        rows.append({"request": f"{len(found) - len(busiest):,} more: see the live report"})
    return rows


def _verdict(standing: Standing) -> Row:
    results, total = standing.results, standing.results.total
    passed = not standing.exit_code
    if standing.running:
        state, check = ("✓ passing" if passed else "✗ failing"), "verdict so far"
    else:
        state, check = ("✓ PASSED" if passed else "✗ FAILED"), "verdict"
    if standing.exit_code:
        check += f": exit code {standing.exit_code}"
    per_second = rate(total.count / results.elapsed_s) if results.elapsed_s else "0"
    failed = f"{share(total.failures, total.count)} failed"
    facts = (clock(results.elapsed_s), counted(total.count, "request"), f"{per_second}/s", failed)
    return _row(state, "test", check, " · ".join(facts))


def _validity(validity: Validity) -> list[Row]:
    mark = "✓" if validity.state == "VALID" else "✗" if validity.state == "INVALID" else "!"
    reasons = validity.reasons or ["the load generator keeps up"]
    return [_row(f"{mark} {validity.state}", "load generator", "validity of the numbers", reason) for reason in reasons]


def _threshold(judgement: Judgement, standing: Standing) -> Row:
    if standing.running:
        state = "✓ holds" if judgement.passed else "… no data yet" if judgement.value is None else "✗ breached"
    else:
        state = "✓ passed" if judgement.passed else "✗ FAILED"
    found = f"{judgement.detail}; ended the test" if judgement.aborted else judgement.detail
    return _row(state, judgement.subject, judgement.expression, found, judgement.source)


def _rank(judgement: Judgement) -> int:
    return 2 if judgement.passed else 1 if judgement.value is None else 0


def _row(state: str, subject: str, check: str, found: str, source: str = "") -> Row:
    return {
        "state": state,
        "subject": _text(subject),
        "check": _text(check),
        "found": _text(found),
        "source": _text(source),
    }


def _place(key: Key) -> tuple[int, str, str, str]:
    # A flow's steps, "NAME: step", under it.
    if key.type in {FLOW, STEP}:
        flow = key.name.partition(": ")[0] if key.type == STEP else key.name
        return 1, flow, key.type, key.name
    return 0, key.name, key.type, ""


def _percentiles(key: Key, tally: Tally, elapsed_s: float) -> Row:
    row: Row = {
        "type": _text(key.type),
        "request": _text(key.name),
        "count": tally.count,
        "failures": tally.failures,
        "share": _rounded(tally.failures / tally.count * 100) if tally.count else 0,
        "rps": _rounded(tally.count / elapsed_s) if elapsed_s else 0,
    }
    if tally.ok.total:
        values = [tally.ok.minimum, *tally.ok.percentiles(_PERCENTS), tally.ok.maximum]
        columns = [column for column, _ in STRUCTURES[PERCENTILES][-len(values) :]]
        row |= zip(columns, (_rounded(value / 1000) for value in values), strict=True)
    return row


def _rounded(value: float) -> float:
    # A number, so that the UI sorts by it.
    return float(f"{value:.4g}")


def _text(text: str) -> str:
    return shortened(clean(redact(text)), _MAX_TEXT)
