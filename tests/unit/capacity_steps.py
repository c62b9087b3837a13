"""Readings and steps of a search for the capacity, as tests want them."""

from __future__ import annotations

from typing import Any

import msgspec

from wireswarm.capacity import Capacity, Criterion, Ended, Outcome, Reading, Step

HELD = Criterion(expression="p95 < 500ms", subject="total", passed=True, detail="p95 was 5 ms, limit 500 ms")
BROKEN = Criterion(expression="p95 < 500ms", subject="total", passed=False, detail="p95 was 612 ms, limit 500 ms")
LATE = Criterion(
    expression="due_p95 < 1s", subject="total", passed=False, due=True, detail="due_p95 was 2 s, limit 1 s"
)


def reading(rate: float = 100, seconds: float = 13, **changes: Any) -> Reading:
    """One that holds."""
    return msgspec.structs.replace(
        Reading(
            window_s=10,
            count=int(10 * rate),
            failures=0,
            p50_ms=3,
            p95_ms=5,
            p99_ms=8,
            max_ms=9,
            due_p95_ms=6,
            early_p50_ms=3,
            late_p50_ms=3,
            completed=int(10 * rate),
            started=int(seconds * rate),
            dropped=0,
            start_lag_p99_ms=1,
            users=20,
            cpu=0.1,
            criteria=[HELD],
            invalid=[],
        ),
        **changes,
    )


def step(rate: float, outcome: Outcome = Outcome.HOLDS, reason: str = "", **changes: Any) -> Step:
    """One at a rate."""
    return Step(rate=rate, outcome=outcome, reason=reason, seconds=13, reading=reading(rate, **changes))


def found(**changes: Any) -> Capacity:
    """A search that came to its end."""
    slow = {"p50_ms": 500.0, "p95_ms": 612.0, "p99_ms": 700.0, "criteria": [BROKEN]}
    result = Capacity(
        ended=Ended.FOUND,
        rate=293.4,
        fails_at=306.4,
        knee=293.4,
        criteria=["p95 < 500ms", "errors < 1%"],
        precision=0.05,
        locustfile="orders.py",
        host="http://127.0.0.1:8000",
        started="2026-01-02T03:04:05+00:00",
        duration_s=150,
        steps=[
            step(160),
            step(320, Outcome.FAILS, BROKEN.detail, failures=32, **slow),
            step(293.4),
            step(306.4, Outcome.FAILS, BROKEN.detail, **slow),
        ],
        environment={"wireswarm": "0.1.0"},
    )
    return msgspec.structs.replace(result, **changes)
