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

pytestmark = pytest.mark.slow


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


HUNG = (
    PACED
    + """
import gevent
from locust import constant


class HungAfterAWait(ProtobufUser):
    fixed_count = 2
    wait_time = constant(100)  # most users wait when their test ends

    @task
    def look(self):
        self.client.get("/health")

    def on_stop(self):
        gevent.sleep(1000)


class HungAfterATask(HungAfterAWait):
    wait_time = constant(0.05)


class Stubborn(HungAfterAWait):
    def on_stop(self):
        while True:
            try:
                gevent.sleep(1000)
            except BaseException:
                pass
"""
)


def test_on_stop_that_hangs(start: Start) -> None:
    options = ("-u", 8, "-r", 8, "-t", "3s")
    runs = {
        (kind, seconds): start(f"{kind}{seconds}", HUNG, *options, "-s", seconds, kind=kind)
        for kind in (LOCAL, FORKED)
        for seconds in (0, 2)
    }
    for run in runs.values():
        run.line("limit reached")
    watch = Stopwatch()
    for (_, seconds), run in runs.items():
        run.end()
        assert watch() <= seconds + SOONER_OR_LATER
        assert run.process.returncode == 1, run.output
        summary = run.check_reports()
        assert summary.total.count <= run.received() <= summary.total.count + summary.abandoned
        told = {f"TimeoutError: {name}.on_stop did not end in time and was killed" for name in CULPRITS}
        assert dict(summary.exceptions) == dict.fromkeys(told, 2)
        assert all(text in run.output for text in told)


CULPRITS = "HungAfterAWait", "HungAfterATask", "Stubborn"

RAISING = (
    PACED
    + """
from locust import events



def raise_in(event):
    def raising(**_):
        raise LookupError(event)

    getattr(events, event).add_listener(raising)


for name in NAMES:
    raise_in(name)
"""
)


def test_listeners_that_raise(start: Start) -> None:
    events = ("test_start", "spawning_complete", "test_stopping", "test_stop"), ("request",), ("quitting",)
    target, options = start.target(), ("-u", 4, "-r", 4, "-t", "4s", "-s", 2)
    runs = {
        (names, processes): start(
            f"{names[0]}{processes}", RAISING.replace("NAMES", repr(names)), *options, kind=kind, target=target
        )
        for names in events
        for kind, processes in ((LOCAL, 1), (FORKED, 3))
    }
    reported = 0
    for (names, processes), run in runs.items():
        assert seconds_to_end(run) <= 2 + SOONER_OR_LATER
        assert run.process.returncode == 1, run.output
        summary = run.check_reports()
        reported += summary.total.count
        assert (summary.verdict, summary.exit_code) == ("failed", 1)
        times = summary.total.count if names == ("request",) else processes
        for name in names:
            assert run.output.count(f"\nLookupError: {name}") >= (20 if names == ("request",) else processes)
        if names != ("quitting",):  # that is after the summary was made, and its traceback is on the terminal
            assert dict(summary.exceptions) == {f"listener: LookupError: {name}": times for name in names}
    assert reported == sum(count["received"] for count in target.counters().values())


STARTING = (
    PACED
    + """

class Dying(ProtobufUser):
    fixed_count = 2

    @task
    def look(self):
        self.client.get("/health")

    def on_start(self):
        raise ValueError("this user cannot live")


class Failing(Dying):
    def on_start(self):
        pass

    def on_stop(self):
        raise ValueError("this user cannot die")
"""
)


def test_users_whose_start_or_stop_raises(start: Start) -> None:
    options = ("-u", 8, "-r", 8, "-t", "3s", "-s", 2)
    for run in [start(kind, STARTING, *options, kind=kind) for kind in (LOCAL, FORKED)]:
        assert seconds_to_end(run) <= 2 + SOONER_OR_LATER
        assert run.process.returncode == 1, run.output
        summary = run.check_reports()
        assert summary.total.count == run.received() > 20
        assert dict(summary.exceptions) == {
            "ValueError: this user cannot live": 2,
            "ValueError: this user cannot die": 2,
        }
