"""The open load's reliability tests, as functions of how long they last."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import Any

from locust_process import master_port
from reliability_runs import LOCAL, Run, Start

from wireswarm.metrics.histogram import highest_of
from wireswarm.reports.summary import Latency, Summary

HEALTH = """
from locust import constant, task
from wireswarm import ProtobufUser


class Visitor(ProtobufUser):
    wait_time = constant(30)  # which an arrival rate ignores

    @task
    def look(self):
        self.client.get("/health")
"""


def above(latency: Latency, milliseconds: float) -> int:
    """How many values of a distribution are longer than that."""
    return sum(count for index, count in latency.buckets if highest_of(index) > milliseconds * 1000)


def freeze(run: Run, seconds: float) -> float:
    """Stop the target for a while.

    Returns:
        How long it was, which on a busy machine is more.
    """
    process: Any = run.target.process  # type: ignore[attr-defined]
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        time.sleep(seconds)  # how long it is stopped is what the test is about
    finally:
        process.send_signal(signal.SIGCONT)
    return time.monotonic() - began


def coordinated_omission(start: Start, total_s: float) -> tuple[Summary, Summary]:
    """A tenth of the time nobody is answered; open and closed load side by side.

    Returns:
        Their summaries.
    """
    frozen_s, rate = total_s / 10, 100
    options = ("-u", 10, "-t", f"{total_s:g}s", "--fail-on-invalid")
    opened = start("open", HEALTH, *options, "--arrival-rate", f"{rate}/s", kind=LOCAL)
    closed = start(
        "closed", HEALTH.replace("constant(30)", "constant(0.1)"), *options, "-r", 10, kind=LOCAL, target=opened.target
    )
    opened.until_received(rate * total_s / 2)
    frozen_s = freeze(opened, frozen_s)
    summary, other = opened.ends(), closed.ends()

    assert summary.total.response is not None
    counts = summary.total.count, opened.received() - other.total.count
    assert counts == (rate * total_s, rate * total_s), (counts, summary.errors, other.errors)
    assert summary.dropped == 0
    # How late this machine wakes anybody, whatever is tested on it.
    busy_ms = max(20, summary.generator.lag.p99_ms, other.generator.lag.p99_ms)
    late = above(summary.generator.start_lag, busy_ms)
    assert abs(late - rate * (frozen_s - busy_ms / 1000)) <= 0.15 * rate * frozen_s, (late, busy_ms)
    # A twentieth of all requests wait longer: those of the beginning of the freeze.
    expected_ms = (frozen_s - 0.05 * total_s) * 1000
    slack_ms = 0.1 * expected_ms + busy_ms - 20
    found = summary.total.response.p95_ms, summary.total.latency.p95_ms, other.total.latency.p95_ms
    assert abs(found[0] - expected_ms) <= slack_ms, (found, expected_ms, busy_ms)
    assert found[1] < slack_ms, "service time, beside it"
    assert other.total.response is None
    assert found[2] < slack_ms
    assert any("scheduled starts were late" in reason for reason in summary.validity.reasons)
    return summary, other


SENT = (
    HEALTH
    + """

import os
from pathlib import Path

from locust import events


@events.request.add_listener
def note(sample, **_):
    SENT.write(f"{sample.sent}\\n")


SENT = None


@events.test_start.add_listener
def begin(environment, **_):
    global SENT
    SENT = Path(__file__).with_name(f"sent-{os.getpid()}").open("w")


@events.test_stop.add_listener
def end(environment, **_):
    SENT.close()
"""
)


def rate_holds(start: Start, workers: int, seconds: int, name: str) -> Summary:
    """So many arrivals a second, on so many workers."""
    options = ["-u", 12, "-t", f"{seconds}s", "--arrival-rate", "100/s"]
    kind = LOCAL
    if workers > 1:
        options += ["--processes", workers, *master_port()]
    run = start(name, SENT, *options, kind=kind)
    summary = run.ends()
    total = 100 * seconds
    assert abs(summary.total.count - total) <= 0.005 * total
    assert summary.total.count == run.received() == run.answered()
    assert summary.dropped == 0
    assert summary.generator.start_lag.count == summary.total.count
    files = list(run.folder.glob("sent-*"))
    sent = sorted(int(line) for file in files for line in file.read_text("utf-8").splitlines())
    assert len([file for file in files if file.stat().st_size]) == workers
    seconds_of = Counter((moment - sent[0]) // 1_000_000_000 for moment in sent)
    assert all(abs(seconds_of[second] - 100) <= 10 for second in range(seconds)), seconds_of
    return summary


def overload(start: Start, seconds: int, *options: object) -> Summary:
    """Five users, a target that does not answer, and ten arrivals a second."""
    run = start(
        "overload", HEALTH, "-u", 5, "-t", f"{seconds}s", "-s", 1, "--arrival-rate", "10/s", *options, latency="1h"
    )
    summary = run.ends(4)
    assert run.received() == 5
    assert summary.generator.start_lag.count == 5
    assert summary.dropped == 10 * seconds - 5
    assert summary.validity.state == "INVALID"
    assert any("scheduled arrivals were dropped" in reason for reason in summary.validity.reasons)
    assert (summary.total.count, summary.abandoned) == (0, 5)
    return summary


WAITS = """

import os
import time
from pathlib import Path

# Importing takes a busy machine longer than the test may take.
print("all is imported")
while os.environ.get("WAIT_FOR") and not Path(os.environ["WAIT_FOR"]).exists():
    time.sleep(0.05)
"""
"""The end of a locustfile with which a worker joins when that file is there, and not when it is ready."""
