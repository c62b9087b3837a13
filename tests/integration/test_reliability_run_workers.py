"""Workers that leave in the middle of a run, politely and not: nothing else is lost, and the run says so."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target, received
from reliability_runs import COMMANDS, FORKED, PACED, Run, Start, Stopwatch, kill

from wireswarm.reports.summary import Summary


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def states(summary: Summary) -> list[str]:
    return sorted(worker.state for worker in summary.generator.workers)


def test_a_worker_that_is_told_to_end_loses_none_of_its_samples(start: Start) -> None:
    options = ("-u", 20, "-r", 20, "-t", "5s", "-s", 10, "--fail-on-invalid")
    runs = [start(kind, PACED, *options, kind=kind, latency="250ms", jitter="150ms") for kind in (COMMANDS, FORKED)]
    for run in runs:
        run.until_received(200)
        if run.workers:
            run.workers[0].signal(signal.SIGTERM)
        else:
            kill(run.forks()[0], signal.SIGTERM)
    for run in runs:
        summary = run.ends()
        assert summary.total.count == run.received() == run.answered()
        assert summary.abandoned == 0
        assert states(summary) == ["done", "left"]
        assert summary.validity.state == "DEGRADED", summary.validity
        assert any("stopped before the end" in reason for reason in summary.validity.reasons)
        assert run.check_reports() == summary


# Every worker has a request of its own, which the target counts apart, and tells who it is.
TWO_PATHS = """
import os
from pathlib import Path
from locust import constant_throughput, events, task
from wireswarm import ProtobufUser

PATHS = "/projects", "/health"


class Paced(ProtobufUser):
    wait_time = constant_throughput(10)

    @task
    def look(self):
        self.client.get(PATHS[self.environment.runner.worker_index])


@events.test_start.add_listener
def tell(environment, **_):
    if hasattr(environment.runner, "worker_index"):
        Path(__file__).with_name(str(environment.runner.worker_index)).write_text(str(os.getpid()))
"""
NOTICED = 5.0
"""Seconds within which a worker that was killed is missed."""
INTERVAL = 3.0
"""Seconds between the reports of a worker."""


def test_a_worker_that_is_killed_is_missed(start: Start) -> None:
    # The others go on, and what they measure is exact.
    users, per_second = 20, 10 * 10  # of each worker's ten users
    options = ("-u", users, "-r", users, "-t", "14s", "-s", 10)
    strict = start("strict", TWO_PATHS, *options, "--fail-on-invalid", kind=COMMANDS)
    lenient = start("lenient", TWO_PATHS, *options, kind=FORKED)
    for run in (strict, lenient):
        run.until(lambda run=run: received(run.target.counters())["GET /projects"] >= 4.5 * per_second)
    watches = [kill_first(strict), kill_first(lenient)]
    for run, watch in zip((strict, lenient), watches, strict=True):
        run.line("failed to send heartbeat")
        assert watch() <= NOTICED
    for run, code in ((strict, 4), (lenient, 0)):
        summary = run.ends(code, workers=False)
        sent, counts = (
            received(run.target.counters()),
            {f"{row.type} {row.name}": row.count for row in summary.requests},
        )
        assert counts["GET /health"] == sent["GET /health"] >= 9 * per_second
        lost = sent["GET /projects"] - counts["GET /projects"]
        assert counts["GET /projects"] > 0
        assert 0 <= lost <= 1.1 * INTERVAL * per_second
        assert states(summary) == ["done", "lost"]
        assert summary.validity.state == "INVALID"
        assert any("was lost, and what it measured since" in reason for reason in summary.validity.reasons)
        assert run.check_reports() == summary
    assert sorted(worker.end() for worker in strict.workers) == [-signal.SIGKILL, 0]


def kill_first(run: Run) -> Stopwatch:
    """Kill the worker that sends /projects; how long ago that was."""
    kill(int((run.folder / "0").read_text("utf-8")), signal.SIGKILL)
    return Stopwatch()
