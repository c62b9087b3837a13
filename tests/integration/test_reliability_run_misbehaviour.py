"""Locustfiles that misbehave: the run ends all the same, says what happened, and is no success."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target
from reliability_runs import FORKED, LOCAL, PACED, Run, Start, Stopwatch


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


SOONER_OR_LATER = 10.0
"""Seconds beyond the stop timeout within which a run has to end, whatever its locustfile does."""


def seconds_to_end(run: Run) -> float:
    """How long it takes from the end of its run time."""
    run.line("limit reached")
    watch = Stopwatch()
    run.end()
    return watch()


HUNG = PACED + """
import gevent
from locust import HttpUser, constant, events


class HungInAWait(ProtobufUser):
    fixed_count = 2
    wait_time = constant(100)  # most users wait when their test ends

    @task
    def look(self):
        self.client.get("/health")

    def on_stop(self):
        gevent.sleep(1000)


class HungInATask(HungInAWait):
    wait_time = constant(0)


class Stubborn(HungInAWait):
    def on_stop(self):
        while True:
            try:
                gevent.sleep(1000)
            except BaseException:
                pass
"""


@pytest.mark.parametrize("kind", [LOCAL, FORKED])
def test_on_stop_that_hangs(kind: str, start: Start) -> None:
    options = ("-u", 8, "-r", 8, "-t", "3s")
    runs = {seconds: start(f"s{seconds}", HUNG, *options, "-s", seconds, kind=kind) for seconds in (0, 2)}
    for seconds, run in runs.items():
        took = seconds_to_end(run)
        print(kind, seconds, took, run.output, run.summary().exceptions, run.summary().notes, run.summary().validity)
        continue
        assert seconds_to_end(run) <= seconds + SOONER_OR_LATER
        assert run.process.returncode == 1
        summary = run.check_reports()
        assert summary.total.count == run.received()
        assert summary.exceptions
    assert 0
