"""Runs of a master and its workers, with `--processes` and as commands of their own: nothing lost, nobody left."""

from __future__ import annotations

import csv
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    QUICK_CHATER,
    SINGLE_CALLS,
    LocustProcess,
    Target,
    chater_iterations,
    failures,
    flows,
    master_port,
    received,
    reported,
    write,
)

HEADLESS = ("--headless", "--only-summary")


@contextmanager
def cluster(
    locustfile: Path, *options: object, workers: int = 2, worker_options: tuple[str, ...] = ()
) -> Iterator[tuple[LocustProcess, list[LocustProcess]]]:
    """A master with these options and its workers, each a command of its own."""
    port = master_port()
    with ExitStack() as stack:
        master = stack.enter_context(
            LocustProcess(locustfile, "--master", *port, "--expect-workers", workers, *HEADLESS, *options)
        )
        yield (
            master,
            [
                stack.enter_context(LocustProcess(locustfile, "--worker", *port, *worker_options))
                for _ in range(workers)
            ],
        )


@pytest.fixture
def one_command(tmp_path: Path) -> Callable[..., LocustProcess]:
    """A master and two workers by `--processes 2`."""

    def start(text: str, *options: object) -> LocustProcess:
        return LocustProcess(write(tmp_path, text), "--processes", 2, *master_port(), *HEADLESS, *options)

    return start


def worker_pids(run: LocustProcess) -> list[int]:
    """The processes that a run with `--processes` has forked."""
    children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_iterations_of_forked_workers(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 20, "-r", 20, "--iterations", 200, "-s", 10, "--host", target.url, "--json-file", report)
    with one_command(QUICK_CHATER, *options) as run:
        assert run.end() == 0, run.output
    assert chater_iterations(report) == 200
    assert reported(report) == received(target.counters())


def test_iterations_and_options_of_a_cluster(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(), tmp_path / "run"
    (tmp_path / "locustfile.toml").write_text(
        '[profiles.ours]\nusers = 20\nspawn_rate = 20\ntags = ["full_flow", "auth"]\n'
    )
    options = ("--load-profile", "ours", "--iterations", 200, "-s", 10, "--host", target.url, "--json-file", report)
    with cluster(write(tmp_path, QUICK_CHATER), *options) as (master, workers):
        assert master.end() == 0, master.output
        assert [worker.end() for worker in workers] == [0, 0]
    assert reported(report) == received(target.counters())
    assert chater_iterations(report) == 200
    assert {name for name in SINGLE_CALLS if reported(report)[name]} == {"POST /eater_auth"}, "the profile's tags"


COUNTED = """
import wireswarm
from locust import HttpUser, between, events, task


class Counted(HttpUser):
    wait_time = between(0.01, 0.03)

    @task
    def look(self):
        self.client.get("/health")


@events.test_start.add_listener
def started(environment, **_):
    print(type(environment.runner).__name__, "STARTED", flush=True)


@events.test_stop.add_listener
def stopped(environment, **_):
    print(type(environment.runner).__name__, "STOPPED", flush=True)
"""


def test_few_iterations_for_many_workers(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    few, lonely = start_target(), start_target()
    with (
        # Fewer than users and workers, and one user for two workers.
        one_command(COUNTED, "-u", 8, "-r", 8, "--iterations", 1, "--host", few.url) as one,
        one_command(COUNTED, "-u", 1, "-r", 1, "--iterations", 30, "--host", lonely.url) as other,
    ):
        assert one.end() == 0, one.output
        assert other.end() == 0, other.output
    assert received(few.counters()) == {"GET /health": 1}
    assert received(lonely.counters()) == {"GET /health": 30}


SIGNALS = ("SIGTERM", "SIGINT")


@pytest.mark.parametrize("ends_by", ["run-time", *SIGNALS])
def test_nothing_is_lost_however_the_run_ends(
    ends_by: str, one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(latency="300ms", jitter="200ms"), tmp_path / "run"
    # The ramp-up goes on beyond the end: it must not start users that nobody stops.
    limit = ("-t", "2s") if ends_by == "run-time" else ()
    options = ("-u", 100, "-r", 10, *limit, "--host", target.url, "--json-file", report)
    with one_command(COUNTED, *options) as run:
        if not limit:
            run.until(lambda: received(target.counters()).total() > 30)
            run.signal(signal.Signals[ends_by], whole_group=True)
        assert run.end() == 0, run.output
    assert reported(report) == received(target.counters())
    assert reported(report)["GET /health"] > 15
    assert run.output.count("MasterRunner STARTED") == run.output.count("MasterRunner STOPPED") == 1
    assert run.output.count("WorkerRunner STARTED") == run.output.count("WorkerRunner STOPPED") == 2


STOPPED_FLOW = """
import gevent
from locust import task
from wireswarm import Flow, ProtobufUser, step


class Stopped(ProtobufUser):
    @task
    class Upload(Flow):
        cleanup_timeout = 30

        @step
        def begin(self):
            for _ in range(3):
                self.defer(self.user.client.get, "/health", name="clean-up")
            self.user.client.get("/health", name="begin")
            print("BEGUN", flush=True)

        @step
        def wait_for_ever(self):
            gevent.sleep(1000)
"""


def test_a_flow_that_is_stopped_on_a_worker_does_its_clean_ups(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target(latency="500ms")
    with ExitStack() as stack:
        runs = {}
        for wait in ("0", "1"):
            options = ("-u", 4, "-r", 4, "-s", wait, "--host", target.url, "--json-file", tmp_path / wait)
            runs[wait] = stack.enter_context(one_command(STOPPED_FLOW, *options))
        for wait, run in runs.items():
            run.line("BEGUN", 4)
            run.signal(signal.SIGTERM)  # the master alone: it is the one that stops the workers
            assert run.end() == 0, run.output
            assert reported(tmp_path / wait) == {"GET begin": 4, "GET clean-up": 12}
            assert flows(tmp_path / wait) == 0
    assert received(target.counters()) == {"GET /health": 32}


def test_a_bug_in_a_step_is_told_once_on_a_worker(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    text = STOPPED_FLOW.replace("gevent.sleep(1000)", "len(7)")
    options = ("-u", 2, "-r", 2, "--iterations", 4, "--host", target.url, "--json-file", report, "--csv", report)
    with one_command(text, *options) as run:
        assert run.end() == 1, run.output
    assert run.output.count("TypeError: object of type 'int' has no len()") == 4
    assert failures(report) == {"FLOW upload": 4}
    with Path(f"{report}_exceptions.csv").open(encoding="utf-8") as file:
        assert [int(row["Count"]) for row in csv.DictReader(file)] == [4]


def test_a_worker_that_is_killed_does_not_keep_the_run_from_its_end(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target]
) -> None:
    target = start_target()
    with (
        one_command(COUNTED, "-u", 4, "-r", 4, "--iterations", 700, "--host", target.url) as one_of_two,
        one_command(COUNTED, "-u", 4, "-r", 4, "--host", target.url) as both,
    ):
        for run in (one_of_two, both):
            run.line("All users spawned")
        both.until(lambda: received(target.counters()).total() > 50)
        os.kill(worker_pids(one_of_two)[0], signal.SIGKILL)
        for pid in worker_pids(both):
            os.kill(pid, signal.SIGKILL)
        one_of_two.line(r"A worker is gone; \d+ iterations may never be done")
        done = int(one_of_two.line(r"All (\d+) iterations are done").group(1))
        assert 350 <= done < 700
        assert one_of_two.end() == 0, one_of_two.output
        both.line("No worker is left")
        assert both.end() == 1, "a run without workers is not a success"


def test_a_worker_that_is_told_to_quit_leaves_its_iterations_to_the_others(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 4, "-r", 4, "--iterations", 400, "--host", target.url, "--json-file", report)
    with one_command(COUNTED, *options) as run:
        run.line("All users spawned")
        run.until(lambda: received(target.counters()).total() > 50)
        os.kill(worker_pids(run)[0], signal.SIGTERM)
        assert run.end() == 0, run.output
    assert reported(report) == received(target.counters()) == {"GET /health": 400}


def test_a_frozen_worker_that_comes_back_goes_on(
    one_command: Callable[..., LocustProcess], start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = ("-u", 2, "-r", 2, "--iterations", 300, "--host", target.url, "--json-file", report)
    with one_command(COUNTED, *options) as run:
        run.line("All users spawned")
        run.until(lambda: received(target.counters()).total() > 20)
        frozen = worker_pids(run)[0]
        os.kill(frozen, signal.SIGSTOP)
        try:
            run.line("A worker is gone")
        finally:
            os.kill(frozen, signal.SIGCONT)
        assert run.end() == 0, run.output
    assert reported(report) == received(target.counters())
    assert reported(report)["GET /health"] <= 300
