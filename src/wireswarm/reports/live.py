"""The line that tells how a run is doing while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wireswarm.reports.figures import UNKNOWN, clean, clock, counted, duration, rate, share, shortened

_MAX_BREACHES: Final = 2
_MAX_BREACH: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a run has come to."""

    elapsed_s: float
    total_s: float | None
    """None where the run has no known end."""
    users: int
    rps: float
    """Of the last seconds."""
    p95_ms: float | None
    """None where nothing has succeeded yet."""
    count: int
    """Exchanges since the start."""
    failures: int
    breached: Sequence[str] = ()
    """Thresholds that would fail if the run ended now."""


def progress_line(progress: Progress) -> str:
    """The line, without colours and without an end of line."""
    total = clock(progress.total_s) if progress.total_s is not None else ""
    p95 = duration(progress.p95_ms) if progress.p95_ms is not None else UNKNOWN
    failures = f"{progress.failures:,} failed"
    if progress.failures:
        failures += f" ({share(progress.failures, progress.count)})"
    parts = [
        f"{clock(progress.elapsed_s)}{f'/{total}' if total else ''}",
        counted(progress.users, "user"),
        f"{rate(progress.rps)} requests/s",
        f"p95 {p95}",
        failures,
        *(f"✗ {shortened(clean(text), _MAX_BREACH)}" for text in progress.breached[:_MAX_BREACHES]),
    ]
    if len(progress.breached) > _MAX_BREACHES:
        parts.append(f"✗ {len(progress.breached) - _MAX_BREACHES} more")
    return " · ".join(parts)
