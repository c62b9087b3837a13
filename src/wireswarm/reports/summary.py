"""What is left of a run: one immutable value that every report is a function of, and that is saved as JSON.

Times are seconds since the run's start where the name ends in `_s`, and milliseconds where it ends in `_ms`. Shares are
between 0 and 1. `SCHEMA` names the format; a field that is added keeps it, a field that changes its meaning does not.
"""

from __future__ import annotations

from typing import Final

import msgspec

SCHEMA: Final = "wireswarm-summary/1"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts: immutable, made with keywords."""


class Latency(Record, frozen=True, kw_only=True):
    """A distribution of durations."""

    count: int = 0
    min_ms: float = 0.0
    mean_ms: float = 0.0
    p50_ms: float = 0.0
    p75_ms: float = 0.0
    p90_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    max_ms: float = 0.0
    clamped: int = 0
    """How many were negative or over an hour, and count as 0 or an hour."""
    buckets: list[tuple[int, int]] = []
    """Pairs of a bucket's index (`wireswarm.metrics.histogram`) and its count, sorted: all that a later look needs."""


class Batch(Record, frozen=True, kw_only=True):
    """One request over one stretch of the run, to judge how much it varies."""

    start_s: float
    duration_s: float
    count: int
    failures: int
    mean_ms: float = 0.0
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Row(Record, frozen=True, kw_only=True):
    """All exchanges of one type and name, or of all."""

    type: str
    name: str
    count: int
    """Successes and failures."""
    failures: int
    rps: float
    """`count` by the duration of the run."""
    request_bytes: int = 0
    response_bytes: int = 0
    latency: Latency = Latency()
    """Service time of the successes: from sending to the complete answer."""
    failed: Latency = Latency()
    """Service time of the failures, which would make the successes look faster than they are, or slower."""
    response: Latency | None = None
    """Response time of the successes from the moment they were due, where the load was scheduled."""
    rejected: int = 0
    """Events whose response time was no number. They count in `count`, and in no distribution."""
    batches: list[Batch] = []


class Step(Record, frozen=True, kw_only=True):
    """One step of a flow."""

    name: str
    count: int
    failures: int
    latency: Latency = Latency()


class FlowRow(Record, frozen=True, kw_only=True):
    """All runs of one flow: its active time, without think time."""

    row: Row
    steps: list[Step] = []


class ErrorRow(Record, frozen=True, kw_only=True):
    """Equal failures of one request."""

    type: str
    name: str
    reason: str
    """A `wireswarm.sample.Reason`; the exception's type for another client's failure."""
    message: str
    count: int
    first_s: float
    last_s: float


class ThresholdRow(Record, frozen=True, kw_only=True):
    """One threshold, judged on one request, on the total, or on the run."""

    expression: str
    """As it was written, without the selector."""
    selector: str
    """As it was written; empty for the total."""
    subject: str
    """What it was judged on: `POST /orders`, `FLOW checkout`, `total`, `run`."""
    passed: bool
    value: float | None
    """In the unit that the expression uses; None where there was no data, which is no pass."""
    limit: float
    unit: str
    """`ms`, `%`, `/s`, `MB`, or empty for a count."""
    detail: str
    """One line for people: `p95 was 612 ms, limit 500 ms`, or why there was no data."""
    source: str
    """Where it comes from: `--threshold`, or the file and key."""
    aborted: bool = False
    """Whether it ended the run."""


class Validity(Record, frozen=True, kw_only=True):
    """Whether the numbers can be trusted."""

    state: str
    """`VALID`, `DEGRADED` (the numbers are right, but there is something to know) or `INVALID`."""
    reasons: list[str] = []


class Worker(Record, frozen=True, kw_only=True):
    """One process that generated load."""

    name: str
    cpu_mean: float = 0.0
    """Share of one core."""
    cpu_max: float = 0.0
    lag_p99_ms: float = 0.0
    lag_max_ms: float = 0.0
    memory_mb: float = 0.0
    """At the end."""
    memory_max_mb: float = 0.0
    connections_max: int = 0
    """The most sockets that were open at a time."""
    state: str = "done"
    """`done`, `lost`, or `left` for one that was told to stop before the end."""
    users_max: int = 0


class Generator(Record, frozen=True, kw_only=True):
    """What the load generator says about itself."""

    clock: str = ""
    """`kernel`, `program` or `mixed`; empty where no client of ours was used."""
    delay: Latency = Latency()
    """How much later than its arrival an answer was read."""
    lag: Latency = Latency()
    """How late the event loop woke."""
    setup: Latency = Latency()
    """Setting up connections: name look-up, TCP and TLS handshake."""
    start_lag: Latency = Latency()
    """How late scheduled flows started."""
    workers: list[Worker] = []


class Point(Record, frozen=True, kw_only=True):
    """One step of the time line, over all exchanges."""

    start_s: float
    duration_s: float
    users: int
    count: int
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    buckets: list[tuple[int, int]] = []
    """As in `Latency`, of the successes: what the heat map is drawn from."""


class Series(Record, frozen=True, kw_only=True):
    """A value over time that was read from outside, such as the target's memory."""

    name: str
    unit: str
    points: list[tuple[float, float]] = []
    """Seconds and values."""
    errors: int = 0
    """How many readings failed."""


class Run(Record, frozen=True, kw_only=True):
    """What was run, where."""

    started: str
    """ISO 8601, UTC."""
    duration_s: float
    locustfile: str = ""
    profile: str = ""
    host: str = ""
    """Without credentials."""
    users: int = 0
    """The most at one time."""
    processes: int = 1
    """How many generated load."""
    arrival_rate: str = ""
    ended_by: str = ""
    """`run time`, `iterations`, `arrivals`, `signal`, `threshold`, `shape`, `set-up`, `web`; empty if unknown."""
    tags: list[str] = []
    exclude_tags: list[str] = []
    insecure: list[str] = []
    """Clients that verified no certificate."""
    environment: dict[str, str] = {}
    """Versions of Wireswarm, Locust, Python; platform; cores."""


class Summary(Record, frozen=True, kw_only=True):
    """A whole run."""

    schema: str = SCHEMA
    verdict: str
    """`passed` or `failed`: what the exit code says."""
    exit_code: int
    run: Run
    validity: Validity
    total: Row
    """All exchanges merged, flows apart."""
    requests: list[Row] = []
    flows: list[FlowRow] = []
    errors: list[ErrorRow] = []
    thresholds: list[ThresholdRow] = []
    abandoned: int = 0
    """Requests that may have been sent, whose task was ended before the answer was judged."""
    dropped: int = 0
    """Scheduled arrivals that no user was free for."""
    start_retries: int = 0
    """`on_start` that had to be tried again."""
    exceptions: list[tuple[str, int]] = []
    """Exceptions of tasks and listeners, and how often."""
    counters: dict[str, int] = {}
    """`wireswarm.sample.Counter` by its value."""
    generator: Generator = Generator()
    timeline: list[Point] = []
    series: list[Series] = []
    notes: list[str] = []
    """What else whoever reads the report has to know, such as that names were merged into `(other)`."""
