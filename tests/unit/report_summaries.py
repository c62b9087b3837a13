"""Summaries as runs leave them, made up, for the tests of reports."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache

import msgspec

from wireswarm.metrics import Histogram
from wireswarm.reports.build import latency
from wireswarm.reports.summary import (
    Batch,
    ErrorRow,
    FlowRow,
    Generator,
    Latency,
    Point,
    Row,
    Run,
    Series,
    Step,
    Summary,
    ThresholdRow,
    Validity,
    Worker,
)

SECONDS = 60
HOSTILE = '"><script>alert(1)</script>\x1b[31m\x1b]0;title\x07 | \u202e `x` & \x00\x85'


def durations(random_: random.Random, median_ms: float, count: int, *, spread: float = 0.5) -> Latency:
    """A log-normal distribution."""
    histogram = Histogram()
    for _ in range(count):
        histogram.record(round(median_ms * 1000 * math.exp(random_.gauss(0, spread))))
    return latency(histogram)


def batches(random_: random.Random, median_ms: float, count: int, failures: int = 0, number: int = 16) -> list[Batch]:
    """The same, in stretches."""
    made = []
    for index in range(number):
        part = durations(random_, median_ms, max(count // number, 1))
        start = index * SECONDS / number
        made.append(
            Batch(
                start_s=start,
                duration_s=SECONDS / number,
                count=max(count // number, 1) + failures // number,
                failures=failures // number,
                mean_ms=part.mean_ms,
                p50_ms=part.p50_ms,
                p95_ms=part.p95_ms,
                p99_ms=part.p99_ms,
            )
        )
    return made


def row(name: str, median_ms: float, count: int, *, failures: int = 0, type_: str = "POST", seed: int = 1) -> Row:
    """A request."""
    random_ = random.Random(f"{name}{seed}")
    return Row(
        type=type_,
        name=name,
        count=count,
        failures=failures,
        rps=count / SECONDS,
        request_bytes=count * 350,
        response_bytes=count * 1200,
        latency=durations(random_, median_ms, count - failures),
        failed=durations(random_, median_ms / 2, failures),
        batches=batches(random_, median_ms, count - failures, failures),
    )


def run(**changes: object) -> Run:
    """What was run."""
    made = Run(
        started="2026-03-14T09:26:53+00:00",
        duration_s=float(SECONDS),
        locustfile="locustfiles/chater.py",
        profile="load",
        host="http://127.0.0.1:8000",
        users=50,
        processes=2,
        ended_by="run time",
        tags=["full_flow"],
        environment={
            "Wireswarm": "0.1.0",
            "Locust": "2.47.0",
            "Python": "3.11.2",
            "Platform": "Linux 6.1",
            "Cores": "2",
        },
    )
    return msgspec.structs.replace(made, **changes)


def timeline(seed: int = 7) -> list[Point]:
    """A ramp of fifteen seconds, then full load, with a slow stretch in the middle."""
    random_ = random.Random(seed)
    points = []
    for second in range(SECONDS):
        users = min(50, 4 + second * 3)
        count = int(users * 6 * random_.uniform(0.93, 1.07))
        slow = 3.0 if 32 <= second < 38 else 1.0
        failures = int(count * 0.04) if slow > 1 else int(random_.random() < 0.2)
        part = durations(random_, (30 + users / 2) * slow, count - failures)
        points.append(
            Point(
                start_s=float(second),
                duration_s=1.0,
                users=users,
                count=count,
                failures=failures,
                p50_ms=part.p50_ms,
                p95_ms=part.p95_ms,
                p99_ms=part.p99_ms,
                max_ms=part.max_ms,
                buckets=part.buckets,
            )
        )
    return points


def threshold(
    expression: str, subject: str, *, passed: bool, value: float | None, limit: float, unit: str = "ms"
) -> ThresholdRow:
    """A threshold that was judged."""
    found = (
        "no data: nothing matched"
        if value is None
        else f"{expression.split(maxsplit=1)[0]} was {value:g} {unit}, limit {limit:g} {unit}"
    )
    return ThresholdRow(
        expression=expression,
        selector="" if subject == "total" else subject,
        subject=subject,
        passed=passed,
        value=value,
        limit=limit,
        unit=unit,
        detail=found,
        source="chater.toml: thresholds",
    )


@cache
def rich() -> Summary:
    """A run with something of everything."""
    requests = [
        row("/eater_receive_photo", 320.0, 1500, failures=12),
        row("/modify_food_record", 45.0, 2400, failures=60),
        row("/manual_weight", 28.0, 2400),
        row("/eater_get_today", 85.0, 3600, failures=250, type_="GET"),
        row("/delete_food", 52.0, 2250),
        row("/get_recommendation", 150.0, 900, failures=3),
        row("/eater_auth", 0.4, 50),
    ]
    points = timeline()
    count, failures = sum(one.count for one in requests), sum(one.failures for one in requests)
    total = row("total", 70.0, count, failures=failures, type_="")
    random_ = random.Random(3)
    total = msgspec.structs.replace(total, response=durations(random_, 85.0, count - failures, spread=0.7))
    steps = [
        Step(name=name, count=500 - index, failures=index, latency=durations(random_, median, 500 - index))
        for index, (name, median) in enumerate(
            {"upload_photo": 330.0, "modify_record": 45.0, "weigh": 28.0, "today": 90.0, "delete": 50.0}.items()
        )
    ]
    memory = [(float(second), 180 + second * 0.9 + random_.uniform(-3, 3)) for second in range(0, SECONDS, 2)]
    return Summary(
        verdict="failed",
        exit_code=3,
        run=run(),
        validity=Validity(
            state="DEGRADED", reasons=["worker-2 used 91 % of its core for 4 s", "12 answers had no kernel stamp"]
        ),
        total=total,
        requests=requests,
        flows=[FlowRow(row=row("full_flow", 560.0, 490, failures=4, type_="FLOW"), steps=steps)],
        errors=[
            ErrorRow(
                type="GET",
                name="/eater_get_today",
                reason="status",
                message="status 500, expected 200",
                count=250,
                first_s=12.0,
                last_s=58.4,
            ),
            ErrorRow(
                type="POST",
                name="/modify_food_record",
                reason="deadline",
                message="no answer within 30 s",
                count=60,
                first_s=32.0,
                last_s=37.9,
            ),
            ErrorRow(
                type="POST",
                name="/eater_receive_photo",
                reason="reset",
                message="connection reset by peer",
                count=15,
                first_s=33.0,
                last_s=36.0,
            ),
        ],
        thresholds=[
            threshold("p95 < 500ms", "total", passed=True, value=212.0, limit=500.0),
            threshold("errors < 1%", "total", passed=False, value=2.48, limit=1.0, unit="%"),
            threshold("p95 < 5s", "POST /eater_receive_photo", passed=True, value=731.0, limit=5000.0),
            threshold("p99 < 500ms", "POST /nowhere", passed=False, value=None, limit=500.0),
            threshold("rss_MB.growth < 100MB", "run", passed=True, value=52.0, limit=100.0, unit="MB"),
        ],
        abandoned=3,
        start_retries=1,
        exceptions=[("KeyError: 'id' in ChaterUser.modify", 2)],
        counters={"connects": 52, "stale_reconnects": 4, "unstamped": 12, "sio_bytes_sent": 123456},
        generator=Generator(
            clock="mixed",
            delay=durations(random_, 0.2, 5000),
            lag=durations(random_, 0.3, 600),
            setup=durations(random_, 1.4, 56),
            workers=[
                Worker(
                    name="host_1a2b",
                    cpu_mean=0.48,
                    cpu_max=0.71,
                    lag_p99_ms=2.1,
                    lag_max_ms=9.4,
                    memory_mb=96,
                    users_max=25,
                    connections_max=26,
                ),
                Worker(
                    name="host_3c4d",
                    cpu_mean=0.83,
                    cpu_max=0.96,
                    lag_p99_ms=8.8,
                    lag_max_ms=41.0,
                    memory_mb=99,
                    users_max=25,
                    connections_max=26,
                ),
                Worker(name="host_5e6f", cpu_mean=0.1, cpu_max=0.2, state="lost"),
            ],
        ),
        timeline=points,
        series=[
            Series(name="rss_MB", unit="MB", points=memory),
            Series(name="pool.open", unit="", points=[(0.0, 4.0), (30.0, 10.0), (59.0, 10.0)], errors=2),
        ],
        notes=["the time line of batches was merged to 3.75 s"],
    )


def empty(**changes: object) -> Summary:
    """A run that sent nothing."""
    made = Summary(
        verdict="passed",
        exit_code=0,
        run=run(duration_s=0.0, users=0, environment={}, tags=[]),
        validity=Validity(state="VALID"),
        total=Row(type="", name="total", count=0, failures=0, rps=0.0),
    )
    return msgspec.structs.replace(made, **changes)


def of_requests(requests: Sequence[Row], **changes: object) -> Summary:
    """A run of these requests, without a time line."""
    count, failures = sum(one.count for one in requests), sum(one.failures for one in requests)
    total = row("total", 40.0, count, failures=failures, type_="") if count else empty().total
    return empty(requests=list(requests), total=total, run=run(), **changes)


def many(names: int) -> Summary:
    """A run of many requests, with everything that goes with them."""
    template = row("/x", 40.0, 320, failures=3)
    requests = [
        msgspec.structs.replace(template, name=f"/orders/{index:04}/items/{{item}}/attachments", count=320 + index)
        for index in range(names)
    ]
    rows = [
        threshold("p95 < 500ms", f"POST {one.name}", passed=index % 7 > 0, value=80.0, limit=500.0)
        for index, one in enumerate(requests)
    ]
    errors = [
        ErrorRow(
            type="POST",
            name=one.name,
            reason="status",
            message=f"status {500 + index}",
            count=1,
            first_s=1.0,
            last_s=2.0,
        )
        for index, one in enumerate(requests)
    ]
    workers = [Worker(name=f"worker-{index}", cpu_mean=0.5, cpu_max=0.6) for index in range(names)]
    return msgspec.structs.replace(
        rich(), requests=requests, thresholds=rows, errors=errors, generator=Generator(workers=workers)
    )


def hostile() -> Summary:
    """Names and messages from somebody who wants to break out of the report."""
    bad = row(HOSTILE, 10.0, 50, failures=2)
    return empty(
        run=run(
            locustfile=HOSTILE,
            profile=HOSTILE,
            host=HOSTILE,
            environment={HOSTILE: HOSTILE},
            ended_by=HOSTILE,
            tags=[HOSTILE],
        ),
        validity=Validity(state="INVALID", reasons=[HOSTILE]),
        total=bad,
        requests=[bad, row("/ok", 10.0, 60)],
        flows=[FlowRow(row=bad, steps=[Step(name=HOSTILE, count=1, failures=0)])],
        errors=[
            ErrorRow(type=HOSTILE, name=HOSTILE, reason=HOSTILE, message=HOSTILE, count=1, first_s=0.0, last_s=0.0)
        ],
        thresholds=[
            msgspec.structs.replace(
                threshold("p95 < 1ms", HOSTILE, passed=False, value=2.0, limit=1.0), detail=HOSTILE, source=HOSTILE
            )
        ],
        exceptions=[(HOSTILE, 1)],
        counters={HOSTILE: 1},
        generator=Generator(workers=[Worker(name=HOSTILE)]),
        timeline=timeline(),
        series=[Series(name=HOSTILE, unit=HOSTILE, points=[(0.0, 1.0), (1.0, 2.0)])],
        notes=[HOSTILE],
    )
