"""The open load over real processes, each test a shorter one of those in `tests/soak`."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import Target
from open_model import coordinated_omission, overload, rate_holds
from reliability_runs import FORKED, LOCAL, Start

from wireswarm.load import Constant, plan_arrivals


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield Start(stack, start_target, tmp_path)


def test_a_target_that_freezes_is_felt_from_the_moment_that_was_due(start: Start) -> None:
    coordinated_omission(start, total_s=8)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
def test_the_rate_is_kept(start: Start, workers: int) -> None:
    # Where the machine is busy with other things, no timer of any process is in time: `make soak` has the bare number.
    lags: list[tuple[float, float]] = []
    while len(lags) < 3 and not (lags and lags[-1][0] <= max(20, 1.5 * lags[-1][1])):
        generator = rate_holds(start, workers, seconds=8, name=f"run-{len(lags)}").generator
        lags.append((generator.start_lag.p99_ms, generator.lag.p99_ms))
    assert any(starts <= max(20, 1.5 * loop) for starts, loop in lags), lags


def test_what_nobody_is_free_for_is_dropped(start: Start) -> None:
    overload(start, 4, "--fail-on-invalid")


NOTED = """
import os
from pathlib import Path

from locust import events, task
from wireswarm import Flow, ProtobufUser, step

HERE = Path(__file__).parent


class Look(Flow):
    think_time = 0.1

    @step
    def once(self):
        self.client.get("/health")

    @step
    def twice(self):
        self.client.get("/health")


class Reader(ProtobufUser):
    weight = 3

    @task
    class Read(Look):
        pass


class Writer(ProtobufUser):
    @task
    class Write(Look):
        pass


@events.request.add_listener
def note(request_type, name, sample, **_):
    if request_type == "FLOW":
        with (HERE / f"flows-{os.getpid()}").open("a") as file:
            file.write(f"{sample.due} {name}\\n")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LOCAL, FORKED])
def test_a_seed_is_one_plan_of_flows_however_many_workers_there_are(start: Start, kind: str) -> None:
    options = ("-u", 8, "-t", "8s", "--arrival-rate", "5/s", "--arrivals", "poisson", "--arrival-seed", 7)
    run = start("seeded", NOTED, *options, kind=kind)
    summary = run.ends()
    whole = plan_arrivals(Constant(5), {"Reader": 3, "Writer": 1}, kind="poisson", seed=7)
    planned = list(itertools.takewhile(lambda arrival: arrival.at < 8, whole))
    names = {"Reader": "read", "Writer": "write"}
    flows = [line.split() for file in run.folder.glob("flows-*") for line in file.read_text("utf-8").splitlines()]
    dues = sorted((int(due), name) for due, name in flows)
    assert sorted(name for _, name in dues) == sorted(names[arrival.user_class] for arrival in planned)
    # Workers go by when they were told of the plan, a message apart.
    first, apart = dues[0][0], 0.2
    for (due, _), arrival in zip(dues, planned, strict=True):
        assert (due - first) / 1e9 == pytest.approx(arrival.at - planned[0].at, abs=0.001 if kind == LOCAL else apart)
    assert summary.total.count == 2 * len(planned) == run.received(), "a step is a request, and no arrival"
