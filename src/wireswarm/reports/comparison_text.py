"""A comparison in a terminal."""

from __future__ import annotations

from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wireswarm.reports.compare import Change, Comparison, Pair, State
from wireswarm.reports.figures import clean, counted, duration, rate, share

MAX_PAIRS: Final = 60
MAX_NAMES: Final = 20
MAX_REGRESSIONS: Final = 40
_STYLES: Final = {State.WORSE: "bold red", State.BETTER: "green", State.NOISE: "yellow"}


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print what changed, and the verdict."""
    shown = _most_changed(comparison)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("Request", overflow="fold", ratio=1, min_width=14)
    for name in ("p50", "p95", "p99", "mean", "req/s", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for pair in shown:
        name = f"{pair.type} {pair.name}" if pair.type else "All requests"
        table.add_row(Text(clean(name)), *(_relative(change) for change in pair.changes))
    console.print(table, highlight=False)
    if len(shown) < len(comparison.pairs):
        _say(console, f"{len(comparison.pairs) - len(shown):,} more have not got worse", "dim")
    _say(console, "~ may be chance; ? too few requests to tell", "dim")
    _names(console, "Only in the baseline", comparison.vanished, "yellow")
    _names(console, "Only in the new run", comparison.appeared, "")
    for note in comparison.notes:
        _say(console, f"Mind: {clean(note)}", "yellow")
    _verdict(console, comparison)


def told(pair: Pair, change: Change) -> str:
    """A change as a sentence: `POST /orders: p95 was 612 ms, the baseline's 480 ms (+27.5 %)`."""
    name = clean(f"{pair.type} {pair.name}".strip())
    relative = f" ({_signed(change.relative)})" if change.relative is not None else ""
    values = f"{_value(change, change.new)}, the baseline's {_value(change, change.base)}"
    return f"{name}: {change.metric} was {values}{relative}"


def _most_changed(comparison: Comparison) -> list[Pair]:
    """The total and the requests that got worse, and of the others as many as there is room for."""
    total, *pairs = comparison.pairs
    pairs.sort(key=lambda pair: not any(change.state is State.WORSE for change in pair.changes))
    return [total, *pairs[:MAX_PAIRS]]


def _relative(change: Change) -> Text:
    if change.state is State.UNKNOWN:
        return Text("?", style="dim")
    if change.metric == "errors":
        text = f"{change.difference * 100:+.1f}pp"
    elif change.relative is None:
        text = "new" if change.new else "0 %"
    else:
        text = _signed(change.relative, digits=0)
    mark = "~" if change.state is State.NOISE else ""
    return Text(mark + text.replace(" ", ""), style=_STYLES.get(change.state, ""))


def _signed(part: float, digits: int = 1) -> str:
    return f"{part * 100:+,.{digits}f} %"


def _value(change: Change, value: float) -> str:
    if change.unit == "ms":
        return duration(value)
    return f"{rate(value)}/s" if change.unit == "/s" else share(value, 1)


def _names(console: Console, what: str, names: list[str], style: str) -> None:
    if names:
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        _say(console, f"{what}: {', '.join(clean(name) for name in names[:MAX_NAMES])}{more}", style)


def _verdict(console: Console, comparison: Comparison) -> None:
    regressions = comparison.regressions
    for pair, change in regressions[:MAX_REGRESSIONS]:
        _say(console, f"✗ {told(pair, change)}", "red")
    if len(regressions) > MAX_REGRESSIONS:
        _say(console, f"✗ and {len(regressions) - MAX_REGRESSIONS:,} more", "red")
    if regressions:
        _say(console, f"WORSE: {counted(len(regressions), 'regression')}", "bold red")
    else:
        _say(console, "NO WORSE than the baseline", "bold green")


def _say(console: Console, text: str, style: str) -> None:
    console.print(Text(text, style=style), highlight=False)
