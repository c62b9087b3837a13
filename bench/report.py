"""What was measured as JSON, Markdown and a picture. Tables and pictures are functions of the saved JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cases import CASES, WIRESWARM, WIRESWARM_SOCKETIO, WRK, Case
from chart import Bar, bar_chart
from measure import Held, Measurement, Window

QUIET_PERCENT: Final = 5.0
"""More than this of a core used by others, in a median, and the report says so."""

LIMIT_PERCENT: Final = 97.0
"""A server that uses more than this of its core, in a median, is what limits the figures."""


@dataclass
class Results:
    """One case, measured."""

    case: str
    rounds: int
    seconds: float
    machine: str
    versions: list[str]
    """Of what was measured, and last of the server."""
    missing: dict[str, str] = field(default_factory=dict)
    """Contenders that are not installed, and how to."""
    failed: dict[str, str] = field(default_factory=dict)
    """Contenders that did not do their work, and what was wrong."""
    measurements: list[Measurement] = field(default_factory=list)

    def names(self) -> list[str]:
        """The contenders with figures, in the case's order."""
        measured = {m.contender for m in self.measurements}
        return [name for name in CASES[self.case].contenders if name in measured]

    def of(self, name: str) -> list[Measurement]:
        """All rounds of one contender; none of one that failed in any."""
        return [m for m in self.measurements if m.contender == name]


def path_of(folder: Path, case: Case) -> Path:
    """The JSON file of a case."""
    return folder / f"{case.protocol}_{case.name}.json"


def save(results: Results, folder: Path) -> str:
    """Write `<protocol>_<case>.json` and what is made of it, and return the table."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, CASES[results.case])
    path.write_text(json.dumps(asdict(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return render(path)


def render(path: Path) -> str:
    """Write table and picture beside the JSON, and return the table."""
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rows = [_measurement(row) for row in saved["measurements"]]
    results = Results(**saved | {"measurements": rows})
    text = markdown(results)
    path.with_suffix(".md").write_text(text, encoding="utf-8")
    path.with_suffix(".svg").write_text(picture(results), encoding="utf-8")
    return text


def _measurement(row: dict[str, Any]) -> Measurement:
    held = row.get("held")
    return Measurement(**row | {"window": Window(**row["window"]), "held": Held(**held) if held else None})


def markdown(results: Results) -> str:
    """The whole report."""
    case = CASES[results.case]
    rounds = f"{results.rounds} round{'s' if results.rounds != 1 else ''} of {results.seconds:g} s"
    server = results.versions[-1].partition(" ")[0]
    lines = [
        f"# {case.title}",
        "",
        case.description,
        f"Medians of {rounds}, the contenders in turn within each round, one core each; {server} on the other core.",
        "[How it is measured](../README.md).",
        "",
        f"![{case.title}]({path_of(Path(), case).with_suffix('.svg')})",
        "",
        *_TABLES[case.shape](results, case),
        "",
        *_notes(results, case),
        f"{results.machine}. {', '.join(results.versions)}.",
    ]
    return "\n".join(lines) + "\n"


def _throughput_table(results: Results, case: Case) -> list[str]:
    lines = [
        f"| Contender | {case.unit}/s | × {case.baseline} (min to max) | CPU µs each | peak memory MB |",
        "|---|---:|---:|---:|---:|",
    ]
    return lines + [
        f"| {name} | {_median(results, name, 'requests_per_second'):,.0f} | {_ratios(results, name, case)} "
        f"| {_median(results, name, 'cpu_us_per_request'):.1f} | {_median(results, name, 'peak_memory_mb'):.0f} |"
        for name in results.names()
    ]


def _pace_table(results: Results, case: Case) -> list[str]:
    lines = [
        "| Contender | requests/s | CPU % of a core | p50 ms | p99 ms (min to max) | peak memory MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in results.names():
        lines.append(
            f"| {name} | {_median(results, name, 'requests_per_second'):,.0f} "
            f"| {_median(results, name, 'cpu_percent'):.0f} "
            f"| {_time(results, name, 'busy', 'reported', 'p50_ms')} "
            f"| {_time(results, name, 'busy', 'reported', 'p99_ms', spread=True)} "
            f"| {_median(results, name, 'peak_memory_mb'):.0f} |"
        )
        if _times(results, name, "busy", "program", "p50_ms"):
            lines.append(
                f"| … by the program's clock | | | {_time(results, name, 'busy', 'program', 'p50_ms')} "
                f"| {_time(results, name, 'busy', 'program', 'p99_ms', spread=True)} | |"
            )
    return lines


def _clock_table(results: Results, case: Case) -> list[str]:
    lines = [
        "| Contender | alone: p50 ms | p99 ms | busy: p50 ms | p99 ms (min to max) | requests/s meanwhile |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in results.names():
        rows = [("reported", name, f"{_median(results, name, 'requests_per_second'):,.0f}")]
        rows += [("program", "… by the program's clock", ""), ("server", "… by the endpoint itself", "")]
        for clock, label, rate in rows:
            if _times(results, name, "busy", clock, "p50_ms"):
                alone = [_time(results, name, "alone", clock, key) for key in ("p50_ms", "p99_ms")]
                busy = _time(results, name, "busy", clock, "p50_ms")
                worst = _time(results, name, "busy", clock, "p99_ms", spread=True)
                lines.append(f"| {label} | {alone[0]} | {alone[1]} | {busy} | {worst} | {rate} |")
    return lines


def _held_table(results: Results, case: Case) -> list[str]:
    return _memory_rows(results, case) if case.fewer_users else _idle_rows(results)


def _memory_rows(results: Results, case: Case) -> list[str]:
    lines = [f"| Contender | KB per user and connection | over {case.baseline} |", "|---|---:|---:|"]
    base = _held(results, case.baseline, "kb_per_user") if results.of(case.baseline) else None
    for name in results.names():
        kb = _held(results, name, "kb_per_user")
        lines.append(f"| {name} | {kb:.1f} | {'–' if base is None or name == case.baseline else f'{kb - base:.1f}'} |")
    return lines


def _idle_rows(results: Results) -> list[str]:
    lines = [
        "| Contender | connections | dropped | pings answered on each | CPU % of a core | all memory, KB per user |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in results.names():
        users, dropped, pongs, kb = (
            _held(results, name, figure) for figure in ("users", "dropped", "fewest_pongs", "kb_per_user")
        )
        cpu = _median(results, name, "cpu_percent")
        lines.append(f"| {name} | {users:,.0f} | {dropped:.0f} | {pongs:.0f} or more | {cpu:.1f} | {kb:.1f} |")
    return lines


_TABLES: Final[dict[str, Callable[[Results, Case], list[str]]]] = {
    "throughput": _throughput_table,
    "pace": _pace_table,
    "clock": _clock_table,
    "held": _held_table,
}


def _notes(results: Results, case: Case) -> list[str]:
    lines = [f"- Not installed, and so not measured: {name} (`{how}`)" for name, how in results.missing.items()]
    lines += [f"- **Failed**, so no figure: {name}: {why.splitlines()[0]}" for name, why in results.failed.items()]
    limited = [name for name in results.names() if _median(results, name, "server_percent") > LIMIT_PERCENT]
    if limited:
        lines.append(f"- The server's core was the limit of these, which could do more: {', '.join(limited)}")
    noisy = [name for name in results.names() if _median(results, name, "others_percent") > QUIET_PERCENT]
    if noisy:
        lines.append(f"- **The machine was not quiet** while these ran; measure them again: {', '.join(noisy)}")
    return [*lines, ""] if lines else []


def picture(results: Results) -> str:
    """The bar chart of the case's most telling figure."""
    case = CASES[results.case]
    names = results.names()
    if case.shape == "clock":
        bars = [bar for name in names for bar in _clock_bars(results, name)]
        return bar_chart(case.title, "p99 in ms; the line is what the endpoint takes", bars, marker=20.0)
    if case.shape == "held":
        return _held_picture(results, case)
    figure, unit = ("cpu_percent", "CPU %") if case.shape == "pace" else ("requests_per_second", f"{case.unit}/s")
    if case.shape == "pace":
        unit += " of a core; requests/s in brackets"
    bars = []
    for name in names:
        value = _median(results, name, figure)
        rate = f"{_median(results, name, 'requests_per_second'):,.0f}"
        text = f"{value:.0f} % ({rate})" if case.shape == "pace" else rate
        bars.append(Bar(name, value, text, _kind(name)))
    return bar_chart(case.title, unit, bars)


def _held_picture(results: Results, case: Case) -> str:
    bars = []
    for name in results.names():
        figure = _held(results, name, "kb_per_user")
        if case.fewer_users:
            bars.append(Bar(name, figure, f"{figure:.1f} KB", _kind(name)))
        else:
            cpu = _median(results, name, "cpu_percent")
            bars.append(Bar(name, cpu, f"{cpu:.1f} % ({figure:.1f} KB each)", _kind(name)))
    return bar_chart(case.title, "KB per user" if case.fewer_users else "CPU % of a core", bars)


def _clock_bars(results: Results, name: str) -> Iterable[Bar]:
    for phase, clock, label in (
        ("alone", "reported", f"{name}, alone"),
        ("busy", "reported", "core busy"),
        ("busy", "program", "core busy, program's clock"),
    ):
        values = _times(results, name, phase, clock, "p99_ms")
        if values:
            value = statistics.median(values)
            yield Bar(label, value, f"{value:.2f}", "ours" if name == WIRESWARM and clock == "reported" else "other")


def _kind(name: str) -> Any:
    return "limit" if name == WRK else "ours" if name in {WIRESWARM, WIRESWARM_SOCKETIO} else "other"


def _median(results: Results, name: str, figure: str) -> float:
    return float(statistics.median(getattr(m.window, figure) for m in results.of(name)))


def _held(results: Results, name: str, figure: str) -> float:
    return float(statistics.median(getattr(m.held, figure) for m in results.of(name)))


def _ratios(results: Results, name: str, case: Case) -> str:
    base = {m.round: m.window.requests_per_second for m in results.of(case.baseline)}
    ratios = [m.window.requests_per_second / base[m.round] for m in results.of(name) if base.get(m.round)]
    if not ratios:
        return "–"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _times(results: Results, name: str, phase: str, clock: str, key: str) -> list[float]:
    found = [m.times.get(phase, {}).get(clock) for m in results.of(name)]
    return [times[key] for times in found if times]


def _time(results: Results, name: str, phase: str, clock: str, key: str, *, spread: bool = False) -> str:
    values = _times(results, name, phase, clock, key)
    if not values:
        return "–"
    middle = f"{statistics.median(values):.2f}"
    return f"{middle} ({min(values):.2f} to {max(values):.2f})" if spread else middle
