"""What a step says: that the target holds the rate, that it does not, or that the load generator does not."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from wireswarm.capacity.model import Outcome, Reading

KEEPS_UP: Final = 0.985
"""Share of what arrives that has to be through with in the same time. Where less is, and latencies rise meanwhile, a
queue grows, and every limit will be passed some time, if not in this step's."""
GROWS: Final = 1.2
"""How many times the median of a window's first half its second half's is, where a queue grows."""
_GROWS_MS: Final = 1.0
"""A rise by less is no queue."""
LATE_MS: Final = 100.0
"""Lateness of starts at p99 from which there were too few users."""
BUSY: Final = 0.9
"""Share of a core from which a process may not have done what it should."""


class Judged(NamedTuple):
    """The judgement."""

    outcome: Outcome
    reason: str
    """One line; empty where the rate holds."""
    starved: bool = False
    """Whether more users could make another outcome of it: all were busy, and the criteria hold."""


def judge_step(rate: float, seconds: float, reading: Reading, *, random: bool = False) -> Judged:
    """Judge a step.

    Args:
        rate: arrivals per second that were asked for.
        seconds: how long arrivals came.
        reading: what was measured.
        random: whether they came at random intervals, so that there may be fewer of them by chance.
    """
    broken = [criterion for criterion in reading.criteria if not criterion.passed]
    lag = behind(rate, reading, random=random)
    late = reading.dropped > 0 or reading.start_lag_p99_ms > LATE_MS
    if reading.invalid:
        return Judged(Outcome.GENERATOR, f"the load generator is the limit: {reading.invalid[0]}")
    if (broken or lag or late) and reading.cpu >= BUSY:
        return Judged(Outcome.GENERATOR, f"the load generator is the limit: it used {reading.cpu:.0%} of a core")
    if late and all(criterion.due for criterion in broken):
        started = reading.started / seconds
        return Judged(
            Outcome.GENERATOR,
            f"all {reading.users:,} users were busy, and started {started:,.1f} of {rate:g} arrivals a second",
            starved=True,
        )
    if broken:
        return Judged(Outcome.FAILS, "; ".join(_told(c.subject, c.detail) for c in broken))
    return Judged(Outcome.FAILS, lag) if lag else Judged(Outcome.HOLDS, "")


def behind(rate: float, reading: Reading, *, random: bool = False) -> str:
    """How the target falls behind; empty where it keeps up, or where nobody can tell.

    By what is through with alone a step could not be judged: where an arrival is a flow with pauses of seconds, those
    of the warm-up are not over yet. A latency that stands still says that nothing is piling up.
    """
    if reading.completed is None:
        return ""
    wanted = rate * reading.window_s
    missing = wanted * (1 - KEEPS_UP) + 2 + (3 * math.sqrt(wanted) if random else 0)
    rises = reading.late_p50_ms > max(GROWS * reading.early_p50_ms, reading.early_p50_ms + _GROWS_MS)
    if not rises or reading.completed >= wanted - missing:
        return ""
    return f"a queue grows: {reading.completed / reading.window_s:,.1f} of {rate:g} arrivals a second were answered"


def _told(subject: str, detail: str) -> str:
    return detail if subject in {"total", "run"} else f"{subject}: {detail}"
