"""Runs of one process, against the reference target: what was sent is what is reported, and users come to no harm."""

from __future__ import annotations

import csv
import re
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gevent
import jwt
import pytest
from locust import constant, task
from locust.env import Environment

sys.path.insert(0, str(Path(__file__).parent))

from locust_process import (
    PATIENCE,
    QUICK_CHATER,
    LocustProcess,
    Target,
    Web,
    chater_iterations,
    failures,
    flows,
    free_port,
    received,
    reported,
    write,
)

import wireswarm
from wireswarm import ProtobufUser

BASICS = ("--headless", "--only-summary")


def test_iterations_are_exactly_so_many_and_what_is_reported_is_what_was_received(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = (*BASICS, "-u", 20, "-r", 20, "--iterations", 200, "-s", 10, "--host", target.url)
    with LocustProcess(write(tmp_path, QUICK_CHATER), *options, "--json-file", report, "--csv", report) as run:
        assert run.end() == 0, run.output
    assert chater_iterations(report) == 200
    assert reported(report) == received(target.counters())
    with Path(f"{report}_stats.csv").open(encoding="utf-8") as file:
        rows = {f"{row['Type']} {row['Name']}": int(row["Request Count"]) for row in csv.DictReader(file)}
    requests = {name: count for name, count in rows.items() if not name.startswith(("FLOW", " "))}
    assert requests == received(target.counters())
    assert rows[" Aggregated"] == sum(requests.values()) + flows(report)


STOCK = """
import wireswarm
from locust import FastHttpUser, HttpUser, TaskSet, task


class Stock(HttpUser):
    @task
    class Outer(TaskSet):
        @task
        class Inner(TaskSet):
            @task(3)
            def look(self):
                self.client.get("/health")

            @task
            def leave(self):
                self.client.get("/health")
                self.interrupt()

        @task
        def wander(self):
            self.client.get("/health")
            self.interrupt(reschedule=False)


class Fast(FastHttpUser):
    @task
    def look(self):
        self.client.get("/health")
"""


@pytest.mark.parametrize(("users", "iterations"), [(4, 50), (10, 3)])
def test_iterations_of_stock_users_and_nested_task_sets(
    users: int, iterations: int, start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target = start_target()
    options = (*BASICS, "-u", users, "-r", users, "--iterations", iterations, "--host", target.url)
    with LocustProcess(write(tmp_path, STOCK), *options) as run:
        assert run.end() == 0, run.output
    assert received(target.counters()) == {"GET /health": iterations}


DYING = """
import wireswarm
from locust import User, task


class Dying(User):
    def on_start(self):
        raise ValueError("this user cannot live")

    @task
    def nothing(self):
        pass
"""


def test_iterations_that_nobody_is_left_to_do_end_the_run(tmp_path: Path) -> None:
    with LocustProcess(write(tmp_path, DYING), *BASICS, "-u", 2, "-r", 2, "--iterations", 7) as run:
        assert run.end() == 1, run.output
    assert "No users are left for the last 7 iterations" in run.output


def test_nothing_is_lost_however_the_run_ends(start_target: Callable[..., Target], tmp_path: Path) -> None:
    locustfile = write(tmp_path, QUICK_CHATER)
    with ExitStack() as stack:
        runs = {}
        for ends_by, limit in {"run-time": ("-t", "2s"), "SIGTERM": (), "SIGINT": ()}.items():
            target, report = start_target(latency="200ms", jitter="100ms"), tmp_path / ends_by
            reports = ("--json-file", report, "--html", f"{report}.html")
            options = (*BASICS, "-u", 10, "-r", 10, *limit, "--host", target.url, *reports)
            runs[ends_by] = stack.enter_context(LocustProcess(locustfile, *options)), target, report
        for ends_by, (run, target, _) in runs.items():
            if ends_by != "run-time":
                run.until(lambda target=target: received(target.counters()).total() > 30)
                run.signal(signal.Signals[ends_by])
        for run, target, report in runs.values():
            assert run.end() == 0, run.output
            assert "Traceback" not in run.output
            assert reported(report) == received(target.counters())
            assert reported(report).total() > 30
            assert {count["answered"] - count["received"] for count in target.counters().values()} == {0}
            in_html = re.findall(r'"name": "Aggregated".*?"num_requests": (\d+)', Path(f"{report}.html").read_text())
            assert int(in_html[0]) == reported(report).total() + flows(report)


STOPPED_FLOW = """
import gevent
from locust import task
from wireswarm import Flow, step
import chater

chater.ChaterUser.tasks = []


class Stopped(chater.ChaterUser):
    @task
    class Upload(Flow):
        @step
        def begin(self):
            self.defer(self.user.client.get, "/alcohol_latest")
            self.defer(self.user.login.get, "/health")
            self.user.client.get("/eater_get_today")
            print("BEGUN")

        @step
        def wait_for_ever(self):
            gevent.sleep(1000)
"""


def test_a_flow_that_is_stopped_does_its_clean_ups(start_target: Callable[..., Target], tmp_path: Path) -> None:
    locustfile = write(tmp_path, STOPPED_FLOW)
    waits = ("0", "1")
    targets = {wait: start_target(latency="100ms") for wait in waits}
    runs = {
        wait: LocustProcess(
            locustfile,
            *(*BASICS, "-u", 3, "-r", 3, "-s", wait, "--host", targets[wait].url, "--json-file", tmp_path / wait),
        )
        for wait in waits
    }
    with runs["0"], runs["1"]:
        for wait, run in runs.items():
            run.line("BEGUN", 3)
            run.signal(signal.SIGTERM)
            assert run.end() == 0, run.output
            expected = {"GET /eater_get_today": 3, "GET /alcohol_latest": 3, "GET /health": 3}
            assert received(targets[wait].counters()) == expected
            assert reported(tmp_path / wait) == expected
            assert flows(tmp_path / wait) == 0, "a flow that is stopped from outside is no event"


BUG = """
from locust import task
from wireswarm import Flow, ProtobufUser, step


class Buggy(ProtobufUser):
    @task
    class Checkout(Flow):
        @step
        def look(self):
            self.defer(self.user.client.get, "/health")

        @step
        def pay(self):
            len(7)

        @step
        def celebrate(self):
            print("NEVER")
"""


def test_a_bug_in_a_step_is_told_once_and_the_user_goes_on(start_target: Callable[..., Target], tmp_path: Path) -> None:
    target, report = start_target(), tmp_path / "run"
    options = (*BASICS, "--iterations", 3, "--host", target.url, "--json-file", report, "--csv", report)
    with LocustProcess(write(tmp_path, BUG), *options) as run:
        assert run.end() == 1, run.output
    told = [line for line in run.lines if line.startswith("TypeError: object of type 'int' has no len()")]
    assert run.output.count("Traceback") == len(told) == 3
    assert "3 × TypeError: object of type 'int' has no len()" in run.output, "and summed up at the end"
    assert "NEVER" not in run.output
    assert failures(report) == {"FLOW checkout": 3}
    assert reported(report) == {"GET /health": 3}
    with Path(f"{report}_failures.csv").open(encoding="utf-8") as file:
        assert [row["Error"] for row in csv.DictReader(file)] == ["step pay: TypeError"]
    with Path(f"{report}_exceptions.csv").open(encoding="utf-8") as file:
        assert [int(row["Count"]) for row in csv.DictReader(file)] == [3]


FAILING = """
from locust import task
from wireswarm import ProtobufUser


class Failing(ProtobufUser):
    @task
    def ask(self):
        self.client.get("/health", status=404)
        print("NEVER")
"""


def test_a_failed_request_ends_its_task_without_a_traceback(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, report = start_target(), tmp_path / "run"
    options = (*BASICS, "--iterations", 3, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, FAILING), *options) as run:
        assert run.end() == 1, run.output
    assert failures(report) == {"GET /health": 3}
    assert "Traceback" not in run.output
    assert "NEVER" not in run.output


STARTING = """
from locust import constant, events, task
from wireswarm import ProtobufUser


class Starting(ProtobufUser):
    wait_time = constant(0.05)
    failed = 0

    def on_start(self):
        self.client.get("/health", name="start")

    @task
    def ask(self):
        self.client.get("/health")


@events.request.add_listener
def tell(exception, **_):
    Starting.failed += bool(exception)
    if exception and Starting.failed % 10 == 1:
        print("FAILED", exception, flush=True)
    elif not exception and Starting.failed:
        Starting.failed = 0
        print("RECOVERED", flush=True)
"""


def test_users_whose_start_fails_try_until_it_works(start_target: Callable[..., Target], tmp_path: Path) -> None:
    port, report = free_port(), tmp_path / "run"
    host = f"http://127.0.0.1:{port}"
    options = (*BASICS, "-u", 3, "-r", 3, "--iterations", 30, "--host", host, "--json-file", report)
    with LocustProcess(write(tmp_path, STARTING), *options) as run:
        run.line(r"WARNING.*Starting.on_start: connection refused; users try again until it works \(2 times so far\)")
        start_target(port=port)
        assert run.end() == 1, run.output  # there were failures, and they count
    assert reported(report)["GET /health"] == 30
    # Each starts once; two of them may have done everything before the third one tries again.
    assert 1 <= reported(report)["GET start"] - failures(report)["GET start"] <= 3
    assert "Traceback" not in run.output


def test_users_survive_a_target_that_dies(start_target: Callable[..., Any], tmp_path: Path) -> None:
    target, report = start_target(), tmp_path / "run"
    port = target.address[1]
    options = (*BASICS, "-u", 5, "-r", 5, "--host", target.url, "--json-file", report)
    with LocustProcess(write(tmp_path, STARTING), *options) as run:
        run.spawned()
        run.until(lambda: received(target.counters()).total() > 20)
        target.process.kill()
        run.line("FAILED connection refused")
        start_target(port=port)
        run.line("RECOVERED")
        run.signal(signal.SIGTERM)
        assert run.end() == 1, run.output
    told = {line.removeprefix("FAILED ") for line in run.lines if line.startswith("FAILED ")}
    closed = {f"connection closed by the server {when} the answer" for when in ("before", "within")}
    assert told <= {"connection refused", "connection reset by the server", *closed}
    assert "Traceback" not in run.output


SECRET = jwt.encode({"email": "a@example.com"}, "fake-secret-of-the-tests-0123456789abc")
OPAQUE = "opaque-canary-0123456789"
TALKATIVE = """
import logging
import os
from locust import events, task
from wireswarm import BearerToken, ProtobufUser

TOKEN, OPAQUE = os.environ["TEST_USER_TOKEN"], os.environ["TEST_OPAQUE"]


class Talkative(ProtobufUser):
    fixed_count = 1
    auth = BearerToken.from_env("TEST_OPAQUE")

    @task
    def tell(self):
        self.client
        logging.getLogger("of.their.own").error("the token is %s", TOKEN)
        raise ValueError(f"{TOKEN} {OPAQUE} was not accepted")


class Dying(Talkative):
    def on_start(self):
        self.client
        raise ValueError(f"{TOKEN} {OPAQUE} was not accepted")
"""


@pytest.mark.parametrize("processes", [(), ("--processes", "1")], ids=["local", "worker"])
def test_a_token_in_the_text_of_an_exception_is_not_logged(processes: tuple[str, ...], tmp_path: Path) -> None:
    options = (*BASICS, "-u", 2, "-r", 2, "--iterations", 2, "--host", "http://127.0.0.1:9", *processes)
    if processes:
        options += ("--master-bind-port", (port := free_port()), "--master-port", port)
    environment = {"TEST_USER_TOKEN": SECRET, "TEST_OPAQUE": OPAQUE}
    with LocustProcess(write(tmp_path, TALKATIVE), *options, environment=environment) as run:
        assert run.end() == 1, run.output
    assert run.output.count("ValueError: *** *** was not accepted") >= 3, "from Locust twice, and from gevent"
    assert "the token is ***" in run.output
    assert OPAQUE not in run.output
    for part in SECRET.split("."):
        assert part not in run.output


PROFILED = """
[profiles.smoke]
users = 3
spawn_rate = 3
run_time = "1m"
"""


def test_the_web_ui_offers_our_options_and_starts_again_and_again(
    start_target: Callable[..., Target], tmp_path: Path
) -> None:
    target, port = start_target(), free_port()
    locustfile, profiles = write(tmp_path, FAILING.replace(", status=404", "")), tmp_path / "locustfile.toml"
    profiles.write_text(PROFILED)
    options = ("--web-host", "127.0.0.1", "--web-port", port, "--load-profile", "smoke")
    with LocustProcess(locustfile, *options) as run:
        run.line("Starting web interface")
        web = Web(port)
        run.until(web.is_up)
        page = web.get("/")
        assert '"iterations"' in page
        assert '"run_time": 60,' in page, "as its form takes it back"
        for number, iterations in enumerate((5, 3), start=1):
            web.swarm(user_count=2, spawn_rate=2, host=target.url, run_time="60", iterations=iterations)
            run.line("iterations are done", number)
            run.until(lambda wanted=iterations: web.result() == ("stopped", wanted))
            # The page parses the options again. What has become wrong since must not end the process.
            profiles.write_text("nonsense")
            assert '"iterations"' in web.get("/")
        assert received(target.counters()) == {"GET /health": 5 + 3}
        run.signal(signal.SIGTERM)
        assert run.end() == 0, run.output


@pytest.mark.parametrize(("autoquit", "ends"), [(0, True), (-1, False)])
def test_autostart_honours_autoquit(autoquit: int, ends: bool, target: Target, tmp_path: Path) -> None:
    web = ("--autostart", "--web-host", "127.0.0.1", "--web-port", free_port())
    options = (*web, *(("--autoquit", autoquit) if ends else ()), "--iterations", 2, "--host", target.url)
    with LocustProcess(write(tmp_path, FAILING.replace(", status=404", "")), *options) as run:
        run.line("All 2 iterations are done")
        if not ends:
            run.signal(signal.SIGTERM)
        assert run.end() == 0, run.output
    assert ("Got SIGTERM" in run.output) == (not ends)


class Visitor(ProtobufUser):
    """For library use: a class of the process that runs the tests."""

    wait_time = constant(0.01)

    @task
    def ask(self) -> None:
        """One request."""
        self.client.get("/health")


def test_library_use(start_target: Callable[..., Target]) -> None:
    target = start_target()
    environment = Environment(user_classes=[Visitor], host=target.url, parsed_options=Namespace(iterations=9))
    runner = environment.create_local_runner()
    wireswarm.attach(environment)
    stopped = gevent.event.Event()
    environment.events.test_stop.add_listener(lambda **_: stopped.set())
    runner.start(3, spawn_rate=3)
    assert stopped.wait(PATIENCE)
    assert environment.stats.total.num_requests == 9
    assert received(target.counters()) == {"GET /health": 9}
    runner.quit()
