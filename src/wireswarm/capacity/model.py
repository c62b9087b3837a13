"""What a search for the capacity finds: one immutable value, saved as JSON, that its reports are functions of.

Times are seconds where the name ends in `_s` and milliseconds where it ends in `_ms`, rates are per second. `SCHEMA`
names the format; a field that is added keeps it, a field that changes its meaning does not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

SCHEMA: Final = "wireswarm-capacity/1"
MARGIN_S: Final = 1
"""Seconds of arrivals after a window of whole seconds: a run may end a little late, and then without arrivals."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts: immutable, made with keywords."""


class Outcome(StrEnum):
    """What a step says of its rate."""

    HOLDS = "holds"
    FAILS = "fails"
    """The target does not hold it."""
    GENERATOR = "generator"
    """The load generator does not, so nothing is known of the target."""


class Ended(StrEnum):
    """Why the search ended."""

    FOUND = "found"
    """The highest rate that holds is known."""
    CEILING = "ceiling"
    """The highest rate that was allowed holds."""
    GENERATOR = "generator"
    """The load generator is the limit."""
    NOTHING = "nothing"
    """Not even the first rate holds."""
    INTERRUPTED = "interrupted"
    """Somebody ended it."""


class Criterion(Record, frozen=True, kw_only=True):
    """One criterion, judged on one step."""

    expression: str
    """As it was written, with its selector."""
    subject: str
    """What it was judged on: `POST /orders`, `total`."""
    passed: bool
    due: bool = False
    """Whether it is about times from the moment that was due, which the load generator can prolong too."""
    detail: str
    """One line for people: `p95 was 612 ms, limit 500 ms`, or why there was no data."""


class Request(Record, frozen=True, kw_only=True):
    """What a step is asked to measure, by the process that runs the search."""

    criteria: list[str]
    window_s: int
    """So many seconds are measured, up to `MARGIN_S` before the last arrival; what came before is the warm-up."""
    output: str
    """Path of the file for the `Reading`."""


class Reading(Record, frozen=True, kw_only=True):
    """What a step has measured in its window, over all its processes."""

    window_s: float
    count: int
    """Exchanges: successes and failures."""
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    due_p95_ms: float | None = None
    """From the moment that was due; None where no client told it."""
    early_p50_ms: float
    """Of the first half of the window, …"""
    late_p50_ms: float
    """… and of the second: a queue that grows can be seen in the difference."""
    completed: int | None = None
    """Arrivals that were through with; None where no client tells what was due."""
    started: int
    """Arrivals that began, in the whole step with its warm-up."""
    dropped: int
    """Arrivals that no user was free for, in the whole step."""
    start_lag_p99_ms: float
    users: int
    """The most at one time."""
    cpu: float
    """Share of one core that the busiest process used."""
    criteria: list[Criterion]
    invalid: list[str]
    """Why the numbers cannot be trusted, except for what was dropped."""


class Step(Record, frozen=True, kw_only=True):
    """One step of the search: a rate, what was measured at it, and what that says."""

    rate: float
    outcome: Outcome
    reason: str
    """One line for people; empty where it holds."""
    seconds: float
    """How long arrivals came, warm-up and margin included."""
    reading: Reading


class Capacity(Record, frozen=True, kw_only=True):
    """The whole search."""

    schema: str = SCHEMA
    ended: Ended
    rate: float | None
    """The highest arrival rate that holds; None where none does."""
    fails_at: float | None
    """The lowest rate that is known not to hold; None where none is."""
    limit_at: float | None = None
    """The rate at which the load generator was the limit; None where it was not."""
    knee: float | None
    """The last rate before the p95 takes off; None where the curve has no such place."""
    advice: str = ""
    """What to do where the load generator was the limit."""
    criteria: list[str]
    precision: float
    """By how much `fails_at` may be above `rate`, as a share of it."""
    locustfile: str
    host: str = ""
    profile: str = ""
    started: str
    """ISO 8601, UTC."""
    duration_s: float
    steps: list[Step]
    """In the order in which they were run."""
    environment: dict[str, str] = {}
    """Versions of Wireswarm and Python; platform; cores."""


def encode(capacity: Capacity) -> bytes:
    """The search as one line of JSON."""
    return msgspec.json.encode(capacity) + b"\n"
