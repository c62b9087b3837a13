"""Runs of a master and its workers, with `--processes` and as commands of their own: nothing lost, nobody left.

Most of a run's time is waiting, so those of a test go on side by side, each against a target of its own.
"""

from __future__ import annotations

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    QUICK_CHATER,
    SINGLE_CALLS,
    LocustProcess,
    Target,
    Web,
    chater_iterations,
    failures,
    flows,
    free_port,
    master_port,
    received,
    reported,
    write,
)

HEADLESS = ("--headless", "--only-summary")


class Cluster:
    """Starts a master and two workers, the target that they load, and ends them all with the test."""

    def __init__(self, stack: ExitStack, start_target: Callable[..., Target], folder: Path) -> None:
        self._stack = stack
        self._start_target = start_target
        self._folder = folder

    def __call__(self, name: str, text: str, *options: object, **knobs: object) -> ClusterRun:
        """By one command, with `--processes 2`."""
        return self._run(name, text, "--processes", 2, *master_port(), *options, **knobs)

    def of_three_commands(self, name: str, text: str, *options: object) -> tuple[ClusterRun, list[LocustProcess]]:
        """The master, and its workers."""
        port = master_port()
        master = self._run(name, text, "--master", *port, "--expect-workers", 2, *options)
        worker = (self._folder / f"{name}.py", "--worker", *port)
        return master, [self._stack.enter_context(LocustProcess(*worker)) for _ in range(2)]

    def _run(self, name: str, text: str, *options: object, **knobs: object) -> ClusterRun:
        target, report = self._start_target(**knobs), self._folder / name
        common = (*HEADLESS, "--host", target.url, "--json-file", report, "--csv", report)
        locustfile = write(self._folder, text, f"{name}.py")
        return self._stack.enter_context(ClusterRun(locustfile, *options, *common)).against(target, report)


class ClusterRun(LocustProcess):
    """The command that the master is."""

    def against(self, target: Target, report: Path) -> ClusterRun:
        """Remember where it sends its requests, and where it reports them."""
        self.target = target
        self.report = report
        return self

    def received(self) -> dict[str, int]:
        """The requests that the target has received."""
        return received(self.target.counters())

    def until_received(self, count: int) -> None:
        """Wait until the target has received so many requests."""
        self.until(lambda: sum(self.received().values()) >= count)

    def workers(self) -> list[int]:
        """The processes that it has forked."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def cluster(start_target: Callable[..., Target], tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(stack, start_target, tmp_path)


COUNTED = """
import sys
import wireswarm
from locust import HttpUser, between, events, task


def tell(what):
    sys.stdout.write(f"{what}\\n")  # at once: several processes write to the same pipe
    sys.stdout.flush()


class Counted(HttpUser):
    wait_time = between(0.01, 0.03)

    @task
    def look(self):
        self.client.get("/health")


@events.test_start.add_listener
def started(environment, **_):
    tell(f"{type(environment.runner).__name__} STARTED")


@events.test_stop.add_listener
def stopped(environment, **_):
    tell(f"{type(environment.runner).__name__} STOPPED")
"""


def test_iterations_are_exactly_so_many_and_what_is_reported_is_what_was_received(
    cluster: Cluster, tmp_path: Path
) -> None:
    many = ("--iterations", 200, "-s", 10)
    (tmp_path / "commands.toml").write_text(
        '[profiles.ours]\nusers = 20\nspawn_rate = 20\ntags = ["full_flow", "auth"]\n', "utf-8"
    )
    forks = cluster("forks", QUICK_CHATER, "-u", 20, "-r", 20, *many)
    commands, workers = cluster.of_three_commands("commands", QUICK_CHATER, "--load-profile", "ours", *many)
    few = cluster("few", COUNTED, "-u", 8, "-r", 8, "--iterations", 1)  # for more users and workers
    lonely = cluster("lonely", COUNTED, "-u", 1, "-r", 1, "--iterations", 30)  # one user for two workers
    for run in (forks, commands, few, lonely, *workers):
        assert run.end() == 0, run.output
    assert chater_iterations(forks.report) == chater_iterations(commands.report) == 200
    for run in (forks, commands):
        assert reported(run.report) == run.received()
    calls = {name for name in SINGLE_CALLS if reported(commands.report)[name]}
    assert calls == {"POST /eater_auth"}, "the profile's tags, on workers that do not know of it"
    assert few.received() == {"GET /health": 1}
    assert lonely.received() == {"GET /health": 30}


SHAPE = """
from locust import LoadTestShape


class Rising(LoadTestShape):
    def tick(self):
        return 10 * round(self.get_run_time() + 1), 10
"""


def test_nothing_is_lost_however_the_run_ends(cluster: Cluster) -> None:
    # The ramp-up goes on beyond the end: it must not start users that nobody stops.
    options = ("-u", 100, "-r", 10)
    runs = {
        ends_by: cluster(ends_by, COUNTED, *options, *limit, latency="300ms", jitter="200ms")
        for ends_by, limit in {"run-time": ("-t", "2s"), "SIGTERM": (), "SIGINT": ()}.items()
    }
    runs["shape"] = cluster("shape", COUNTED + SHAPE, latency="1200ms", jitter="600ms")
    for name, ends_by in {"SIGTERM": "SIGTERM", "SIGINT": "SIGINT", "shape": "SIGTERM"}.items():
        runs[name].until_received(20)
        runs[name].signal(signal.Signals[ends_by], whole_group=True)
    for run in runs.values():
        assert run.end() == 0, run.output
        assert "Traceback" not in run.output, run.output
        assert reported(run.report) == run.received()
        assert reported(run.report)["GET /health"] > 15
        with Path(f"{run.report}_stats.csv").open(encoding="utf-8") as file:
            assert [int(row["Request Count"]) for row in csv.DictReader(file)] == [*run.received().values()] * 2
        assert run.output.count("MasterRunner STARTED") == run.output.count("MasterRunner STOPPED") == 1
        assert run.output.count("WorkerRunner STARTED") == run.output.count("WorkerRunner STOPPED") == 2


FLOW = """
import sys
import gevent
from locust import task
from wireswarm import Flow, ProtobufUser, step


class Walker(ProtobufUser):
    @task
    class Upload(Flow):
        cleanup_timeout = 30

        @step
        def begin(self):
            for _ in range(3):
                self.defer(self.user.client.get, "/health", name="clean-up")
            self.user.client.get("/health", name="begin")
            sys.stdout.write("BEGUN\\n")
            sys.stdout.flush()

        @step
        def wait_for_ever(self):
            gevent.sleep(1000)
"""


def test_flows_on_workers(cluster: Cluster) -> None:
    users = ("-u", 4, "-r", 4)
    at_once = cluster("at_once", FLOW, *users, "-s", 0, latency="500ms")
    too_late = cluster("too_late", FLOW, *users, "-s", 1, latency="500ms")
    buggy = cluster("buggy", FLOW.replace("gevent.sleep(1000)", "len(7)"), *users, "--iterations", 4)
    for run in (at_once, too_late):
        run.line("BEGUN", 4)
        run.signal(signal.SIGTERM)  # the master alone: it is the one that stops the workers
    for run in (at_once, too_late):
        assert run.end() == 0, run.output
        assert run.received() == {"GET /health": 16}
        assert reported(run.report) == {"GET begin": 4, "GET clean-up": 12}, "clean-ups of users that were killed"
        assert flows(run.report) == 0, "a flow that is stopped from outside is no event"
    assert buggy.end() == 1, buggy.output
    told = [line for line in buggy.lines if line.startswith("TypeError: object of type 'int' has no len()")]
    assert len(told) == 4, "each is told once"
    assert failures(buggy.report) == {"FLOW upload": 4}
    with Path(f"{buggy.report}_exceptions.csv").open(encoding="utf-8") as file:
        assert [int(row["Count"]) for row in csv.DictReader(file)] == [4]


def test_a_master_that_waits_for_its_workers_can_be_ended(tmp_path: Path) -> None:
    options = ("--master", *master_port(), "--headless", "-L", "DEBUG", "--host", "http://127.0.0.1:9")
    with LocustProcess(write(tmp_path, COUNTED), *options) as run:
        run.line("Waiting for workers to be ready")
        run.signal(signal.SIGTERM)
        assert run.end() == 143, run.output
    assert "Traceback" not in run.output


def test_the_web_ui_starts_again_and_again(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, port = start_target(), free_port()
    locustfile = write(tmp_path, COUNTED)
    options = ("--processes", 2, *master_port(), "--web-host", "127.0.0.1", "--web-port", port, "-s", 0)
    with LocustProcess(locustfile, *options) as run:
        web = Web(port)
        run.line("2 workers connected")
        run.until(web.is_up)
        for number, iterations in enumerate((40, 30), start=1):
            web.swarm(user_count=4, spawn_rate=4, host=target.url, iterations=iterations)
            run.line("iterations are done", number)
            run.line("MasterRunner STOPPED", number)
            run.line("reported as ready", 2 + 2 * number)
        assert received(target.counters()) == {"GET /health": 40 + 30}
        run.until(lambda: web.result() == ("stopped", 30))
        run.signal(signal.SIGINT, whole_group=True)
        assert run.end() == 0, run.output


def test_workers_that_leave_do_not_keep_a_run_from_its_end(cluster: Cluster) -> None:
    users = ("-u", 4, "-r", 4)
    # Slowly, so that there is still something to do when it comes back.
    slow = COUNTED.replace("between(0.01, 0.03)", "between(0.05, 0.1)")
    leaving = {}
    # One after the other: the last to start must not give the first the time to get done.
    for name, text, how, options in (
        ("killed", COUNTED, signal.SIGKILL, (*users, "--iterations", 500)),
        ("frozen", slow, signal.SIGSTOP, ("-u", 8, "-r", 8, "--iterations", 2000)),
        ("told", COUNTED, signal.SIGTERM, (*users, "--iterations", 400)),
        ("alone", COUNTED, signal.SIGKILL, users),
    ):
        run = leaving[name] = cluster(name, text, *options)
        run.spawned()
        run.until_received(30)
        for worker in run.workers() if name == "alone" else run.workers()[:1]:
            os.kill(worker, how)
    killed, frozen, told, alone = leaving.values()

    assert told.end() == 0, told.output
    assert reported(told.report) == told.received() == {"GET /health": 400}, "the other worker does the rest of a share"

    frozen.line(r"A worker is gone; \d+ iterations may never be done")
    os.kill(frozen.workers()[0], signal.SIGCONT)
    assert frozen.end() == 0, frozen.output
    assert reported(frozen.report) == frozen.received() == {"GET /health": 2000}, "it was slow, not lost"

    killed.line(r"A worker is gone; \d+ iterations may never be done")
    done = int(killed.line(r"All (\d+) iterations are done").group(1))
    assert killed.end() == 0, killed.output
    assert 250 <= done < 500
    assert done <= killed.received()["GET /health"] <= 500

    alone.line("No worker is left")
    assert alone.end() == 1, "a run without workers is not a success"
