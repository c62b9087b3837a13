"""What is measured in real runs is what the target has received: over workers that leave, freeze, and die.

Most of a run's time is waiting, so they go on side by side, each against a target of its own.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, master_port, received, write

LOCUSTFILE = """
import json
from pathlib import Path

import gevent
import wireswarm
from locust import HttpUser, constant, events, task
from wireswarm import Flow, ProtobufUser, step
from wireswarm.metrics import RunReadings, judge_validity
from wireswarm.plugin.measuring import results_of


class Walker(ProtobufUser):
    wait_time = constant(WAIT)

    @task
    class Walk(Flow):
        @step
        def look(self):
            self.user.client.get("/health")


class Stock(HttpUser):
    wait_time = constant(WAIT)

    @task
    def look(self):
        self.client.get("/health", name="stock")


@events.quitting.add_listener
def dump(environment, **_):
    results = results_of(environment)
    if results is None or not results.finished:
        return
    state, reasons = judge_validity(RunReadings.of(results))
    Path(__file__).with_suffix(".json").write_text(json.dumps({
        "total": results.total.count,
        "failures": results.total.failures,
        "counts": {" ".join(key): results.tally(key).count for key in results.keys()},
        "timeline": sum(point.count for point in results.timeline),
        "delays": results.delay.total + results.unstamped,
        "setups": results.setup.total,
        "connects": results.counters.get("connects", 0),
        "exceptions": results.exceptions,
        "notes": results.notes,
        "abandoned": results.abandoned,
        "states": sorted(worker.state for worker in results.workers.values()),
        "users": results.users_max,
        "elapsed": results.elapsed_s,
        "cpu": sum(worker.cpu_mean for worker in results.workers.values()),
        "state": state,
        "reasons": reasons,
    }))
"""


class Measured(LocustProcess):
    """A run, the target that it loads, and what it has measured."""

    target: Target
    dump: Path

    @property
    def received(self) -> int:
        """How many requests the target has had."""
        return sum(received(self.target.counters()).values())

    def workers(self) -> list[int]:
        """The processes that it has forked."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def until_received(self, count: int) -> None:
        """Wait for so many requests."""
        self.until(lambda: self.received >= count)

    def measured(self, code: int = 0) -> dict[str, Any]:
        """Wait for its end; what it says then."""
        assert self.end() == code, self.output
        assert "Traceback" not in self.output, self.output
        measured: dict[str, Any] = json.loads(self.dump.read_text("utf-8"))
        assert measured["timeline"] == measured["total"]
        return measured


Start = Callable[..., Measured]


@pytest.fixture
def start(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def run(name: str, *options: object, wait: float = 0.02, text: str = "", **knobs: object) -> Measured:
            target = start_target(**knobs)
            locustfile = write(tmp_path, LOCUSTFILE.replace("WAIT", str(wait)) + text, f"{name}.py")
            common = ("--headless", "--only-summary", "--host", target.url)
            process = stack.enter_context(Measured(locustfile, *options, *common))
            process.target, process.dump = target, locustfile.with_suffix(".json")
            return process

        yield run


TWO = ("--processes", 2)
LATE = re.compile("late|stood still")
"""What so many processes on one machine may say of themselves."""


def test_what_is_measured_is_what_the_target_received(start: Start) -> None:
    local = start("local", "-u", 4, "-r", 4, "--iterations", 100)
    forks = start("forks", *TWO, *master_port(), "-u", 8, "-r", 8, "--iterations", 200)
    timed = start("timed", *TWO, *master_port(), "-u", 8, "-r", 8, "-t", "3s", latency="300ms", jitter="200ms")
    interrupted = start("interrupted", *TWO, *master_port(), "-u", 4, "-r", 4, latency="500ms")
    reset = start("reset", *TWO, *master_port(), "-u", 4, "-r", 1, "-t", "7s", "--reset-stats")
    hurt = start("hurt", *TWO, *master_port(), "-u", 4, "-r", 4, "-t", "3s", "-s", 1, text=HURT)

    interrupted.until_received(20)
    interrupted.signal(signal.SIGINT, whole_group=True)

    for run, iterations in ((local, 100), (forks, 200)):
        measured = run.measured()
        counts = measured["counts"]
        assert measured["total"] == run.received == iterations
        assert (
            counts["FLOW walk"]
            == counts["STEP walk: look"]
            == counts["GET /health"]
            == iterations - counts["GET stock"]
        )
        assert measured["delays"] == counts["GET /health"]
        assert measured["setups"] == measured["connects"] > 0
        assert measured["failures"] == measured["abandoned"] == 0
        assert set(measured["states"]) == {"done"}
        assert measured["cpu"] > 0
        assert not [reason for reason in measured["reasons"] if not LATE.search(reason)]

    measured = timed.measured()
    assert measured["total"] == timed.received, "those that ended during the stop are in"
    assert (measured["users"], measured["states"]) == (8, ["done", "done"])
    assert 2.5 <= measured["elapsed"] <= 6

    measured = interrupted.measured()
    assert measured["total"] == interrupted.received
    assert measured["states"] == ["done", "done"], "all were told to end, so none has left the others"

    measured = reset.measured()
    assert 0 < measured["total"] < reset.received, "what was before the last user's start is forgotten"
    assert measured["elapsed"] < 6

    measured = json.loads(hurt.dump.read_text("utf-8")) if hurt.end() else {}
    assert measured["exceptions"]["ZeroDivisionError: division by zero"] >= 1
    assert measured["exceptions"]["listener: KeyError: 'listener'"] == 3, "on the master and two workers"
    assert any("did not end within the stop timeout" in note for note in measured["notes"])


HURT = """


class Hanging(Stock):
    fixed_count = 1

    @task
    def hang(self):
        gevent.sleep(100)


class Dividing(Stock):
    fixed_count = 1

    @task
    def divide(self):
        1 / 0


@events.test_stop.add_listener
def broken(**_):
    raise KeyError("listener")
"""


@pytest.mark.slow
def test_workers_that_leave_freeze_and_die(start: Start) -> None:
    users = ("-u", 4, "-r", 4)
    told = start("told", *TWO, *master_port(), *users, "--iterations", 300, wait=0.05)
    frozen = start("frozen", *TWO, *master_port(), *users, "--iterations", 600, wait=0.05)
    killed = start("killed", *TWO, *master_port(), *users, "-t", "9s", wait=0.1)
    for run, how in ((told, signal.SIGTERM), (frozen, signal.SIGSTOP), (killed, signal.SIGKILL)):
        run.until_received(100)
        os.kill(run.workers()[0], how)
    frozen.line("failed to send heartbeat")
    os.kill(frozen.workers()[0], signal.SIGCONT)

    measured = told.measured()
    assert measured["total"] == told.received == 300
    assert measured["states"] == ["done", "left"]
    assert measured["state"] == "DEGRADED"
    assert any("stopped before the end" in reason for reason in measured["reasons"])

    measured = killed.measured()
    assert measured["states"] == ["done", "lost"]
    assert measured["state"] == "INVALID"
    assert any("was lost" in reason for reason in measured["reasons"])
    assert 0 <= killed.received - measured["total"] <= 2 * 10 * 4, "an interval of 3 s of its two users"

    measured = frozen.measured()
    assert measured["total"] == frozen.received == 600, "none twice, none lost"
    assert measured["states"] == ["done", "done"]
    assert any("stood still" in reason for reason in measured["reasons"]), measured["reasons"]
