"""Accuracy of response times, and connections that are kept."""

from __future__ import annotations

import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import LocustProcess, Target, reported, write
from scripted_server import Peer, ScriptedServer, answer

LATENCIES = (5, 50, 500)
"""Milliseconds after which the targets answer."""
RUNS = 3

# 50 requests a second to every target, evenly spread: users start one after the other, and keep their pace.
PACED = """
import os
import gevent
from locust import constant_throughput, events, task
from wireswarm import ProtobufUser

HOSTS = {hosts}


class Paced(ProtobufUser):
    abstract = True
    started = 0

    def on_start(self):
        cls = type(self)
        cls.started += 1
        gevent.sleep(cls.started / 50)

    @task
    def ask(self):
        self.client.get("/health", name=type(self).__name__)


for milliseconds, host in HOSTS.items():
    users = 50 if milliseconds == 500 else 10
    globals()[f"After{{milliseconds}}"] = type(
        f"After{{milliseconds}}",
        (Paced,),
        {{
            "host": host,
            "fixed_count": users,
            "wait_time": constant_throughput(50 / users),
            "__module__": __name__,
        }},
    )


@events.request.add_listener
def keep(name, sample, exception, **_):
    assert exception is None
    print("SAMPLE", name.removeprefix("After"), sample.service_ns)
"""


def percentile(values: list[int], percent: float) -> float:
    """By nearest rank, in milliseconds."""
    ordered = sorted(values)
    return ordered[max(0, round(len(ordered) * percent / 100 + 0.5) - 1)] / 1e6


@pytest.mark.alone
def test_response_times_are_the_targets(start_target: Callable[..., Target], tmp_path: Path) -> None:
    targets = {latency: start_target(latency=f"{latency}ms") for latency in LATENCIES}
    locustfile = write(tmp_path, PACED.format(hosts={latency: target.url for latency, target in targets.items()}))
    measured: dict[tuple[int, int], list[float]] = defaultdict(list)
    for _ in range(RUNS):
        options = ("--headless", "--only-summary", "-u", 70, "-r", 70, "-t", "4s", "-s", 5)
        with LocustProcess(locustfile, *options) as run:
            assert run.end() == 0, run.output
        samples: dict[int, list[int]] = {latency: [] for latency in LATENCIES}
        for line in run.lines:
            if line.startswith("SAMPLE"):
                _, latency, took = line.split()
                samples[int(latency)].append(int(took))
        for latency, values in samples.items():
            assert len(values) > 100
            for percent in (50, 99):
                measured[latency, percent].append(percentile(values, percent) - latency)
    off = {at: statistics.median(values) for at, values in measured.items()}
    for latency in LATENCIES:
        assert abs(off[latency, 50]) <= 2, measured
        assert abs(off[latency, 99]) <= 5, measured


USERS = 1200
EACH = 5
"""Requests of a user."""

KEEPING = f"""
import gevent
from locust import constant, task
from wireswarm import ProtobufUser


class Keeping(ProtobufUser):
    wait_time = constant(0.5)
    times = finished = 0

    @task
    def ask(self):
        self.client.get("/")
        self.times += 1
        if self.times == {EACH}:
            self.wait_time = lambda: 1000
            Keeping.finished += 1
            if Keeping.finished == {USERS}:
                gevent.spawn(self.environment.runner.quit)
"""


def test_every_user_keeps_its_connection(tmp_path: Path) -> None:
    requests = Counter[int]()

    def script(peer: Peer) -> None:
        while peer.request():
            requests[peer.number] += 1
            peer.send(answer(b"hello"))

    report = tmp_path / "run"
    with ScriptedServer(script) as server:
        options = ("--headless", "--only-summary", "-u", USERS, "-r", USERS, "-t", "60s", "--host", server.url)
        with LocustProcess(write(tmp_path, KEEPING), *options, "--json-file", report) as run:
            assert run.end() == 0, run.output
        accepted = server.accepted
    assert reported(report) == {"GET /": USERS * EACH}
    assert requests.total() == USERS * EACH
    assert USERS <= accepted <= 1.05 * USERS
    assert min(requests.values()) == max(requests.values()) == EACH, "nobody has connected again"
