"""Conservation: what is reported is what the target has had, on however many processes, however long it took."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target
from reliability_runs import KINDS, PACED, Start, Stopwatch

pytestmark = pytest.mark.slow


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_what_is_reported_is_what_was_received(start: Start) -> None:
    # 200 requests a second for 8 s: 20 users, each at its own pace.
    options = ("-u", 20, "-r", 20, "-t", "8s", "-s", 10)
    runs = [start(kind, PACED, *options, kind=kind, latency="30ms", jitter="20ms") for kind in KINDS]
    for run in runs:
        summary = run.ends()
        assert summary.total.count == run.received() == run.answered()
        assert summary.abandoned == summary.total.failures == 0
        assert summary.total.count == pytest.approx(8 * 200, rel=0.1)
        assert run.check_reports() == summary
        assert summary.total.latency.count == sum(point.count for point in summary.timeline) == summary.total.count


def test_users_that_are_cut_off_are_counted(start: Start) -> None:
    # Every user is in the middle of a request when its time is up, and is given none to end it.
    options = ("-u", 20, "-r", 20, "-t", "4s", "-s", 0)
    runs = [start(kind, PACED, *options, kind=kind, latency="1200ms", jitter="300ms") for kind in KINDS]
    for run in runs:
        summary = run.ends()
        assert summary.abandoned > 0
        assert summary.total.count <= run.received() <= summary.total.count + summary.abandoned
        assert summary.validity.state == "DEGRADED", summary.validity
        assert any("abandoned" in reason for reason in summary.validity.reasons)


SLOW = """
from locust import HttpUser, constant, task
from wireswarm import ProtobufUser



class Slow(ProtobufUser):
    fixed_count = 6

    @task
    def take_two_seconds(self):
        self.client.get("/health", name="first half")
        self.client.get("/health", name="second half")


class Stock(HttpUser):
    fixed_count = 6
    wait_time = constant(0.1)

    @task
    def take_two_seconds(self):
        self.client.get("/health", name="first half")
        self.client.get("/health", name="second half")
"""


def test_tasks_that_take_longer_than_the_end_of_the_run_lose_nothing(start: Start) -> None:
    options = ("-u", 12, "-r", 12, "-t", "5s", "-s", 10)
    runs = [start(kind, SLOW, *options, kind=kind, latency="1s") for kind in KINDS]
    for run in runs:
        run.line("limit reached")
    watch = Stopwatch()
    for run in runs:
        summary = run.ends()
        assert watch() <= 10 + 5
        assert summary.total.count == run.received() == run.answered()
        assert summary.abandoned == 0
        halves = [row.count for row in summary.requests]
        assert len(halves) == 2
        assert halves[0] == halves[1] >= 3 * 12
