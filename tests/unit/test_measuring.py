"""How measuring is hooked into Locust: resets, reports that are sent until they are acknowledged, lost workers."""

from __future__ import annotations

import logging
from argparse import Namespace
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from locust.env import Environment
from locust.runners import STATE_MISSING, STATE_RUNNING, STATE_STOPPED, MasterRunner, WorkerRunner
from manual_clock import ManualClock

from wireswarm.metrics import Key, Results
from wireswarm.plugin.measuring import install_measuring, report_often, results_of
from wireswarm.plugin.readings import ClockWatch, ProcessReadings

_STARTED: list[Environment] = []


@pytest.fixture(autouse=True)
def _end_what_was_started() -> Iterator[None]:
    """Otherwise the seconds of these tests go on in others."""
    yield
    for environment in _STARTED:
        environment.events.test_stop.fire(environment=environment)
    _STARTED.clear()


def begin(environment: Environment) -> None:
    _STARTED.append(environment)
    environment.events.test_start.fire(environment=environment)


class Wire:
    """What lies between a master and its workers: messages that a test passes on, or loses."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, str | None]] = []

    def send_message(self, kind: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((kind, data, client_id))


class Clients(dict[str, Any]):
    @property
    def all(self) -> list[Any]:
        return list(self.values())


def runner_of(kind: type, environment: Environment, wire: Wire) -> Any:
    """A runner that opens no socket."""
    runner = object.__new__(kind)
    runner.environment = environment
    runner.greenlet = None
    runner.user_greenlets = ()
    runner.state = STATE_RUNNING
    runner.custom_messages = {}
    runner.send_message = wire.send_message
    runner.clients = Clients()
    environment.runner = runner
    return runner


class Swarm:
    """A master and its workers."""

    def __init__(self, *workers: str, **settings: Any) -> None:
        self.wire = Wire()
        self.master = Environment(parsed_options=Namespace(stop_timeout=0), **settings)
        self.runner = runner_of(MasterRunner, self.master, self.wire)
        install_measuring(self.master)
        self.workers = {name: self._worker(name) for name in workers}
        self.start()

    def _worker(self, name: str) -> Environment:
        environment = Environment()
        runner_of(WorkerRunner, environment, self.wire)
        install_measuring(environment)
        self.runner.clients[name] = SimpleNamespace(id=name, state=STATE_RUNNING)
        return environment

    def start(self) -> None:
        begin(self.master)
        for worker in self.workers.values():
            worker.parsed_options = Namespace(**vars(self.master.parsed_options))  # type: ignore[arg-type]
            worker.runner.state = STATE_RUNNING  # type: ignore[union-attr]
            begin(worker)

    def request(self, name: str, count: int = 1) -> None:
        for _ in range(count):
            self.workers[name].events.request.fire(
                request_type="GET", name="/x", response_time=1.0, response_length=1, exception=None
            )

    def report(self, name: str, *, lost: bool = False) -> dict[str, Any]:
        data: dict[str, Any] = {}
        self.workers[name].events.report_to_master.fire(client_id=name, data=data)
        if not lost:
            self.master.events.worker_report.fire(client_id=name, data=data)
        return data

    def deliver(self, kind: str) -> None:
        """What the master has sent, to the workers that it is for."""
        sent, self.wire.sent = self.wire.sent, []
        for message, data, client in sent:
            for name, worker in self.workers.items():
                if message == kind and client in (None, name):
                    listener, _ = worker.runner.custom_messages[message]  # type: ignore[union-attr]
                    listener(environment=worker, msg=SimpleNamespace(data=data))

    def stop_worker(self, name: str) -> None:
        worker = self.workers[name]
        worker.runner.state = STATE_STOPPED  # type: ignore[union-attr]
        worker.events.test_stop.fire(environment=worker)

    def stop(self) -> None:
        self.master.events.test_stopping.fire(environment=self.master)
        self.master.events.test_stop.fire(environment=self.master)

    @property
    def results(self) -> Results:
        results = results_of(self.master)
        assert results is not None
        return results


def test_reports_are_merged_and_acknowledged() -> None:
    swarm = Swarm("a", "b")
    swarm.request("a", 3)
    swarm.request("b", 4)
    swarm.report("a")
    swarm.report("b")

    assert swarm.results.total.count == 7
    assert [(kind, client, data["sequences"]) for kind, data, client in swarm.wire.sent] == [
        ("wireswarm-reports-taken", "a", [1]),
        ("wireswarm-reports-taken", "b", [1]),
    ]


def test_a_report_that_was_lost_is_sent_again_and_counts_once() -> None:
    swarm = Swarm("a")
    swarm.request("a", 3)
    swarm.report("a", lost=True)
    swarm.request("a", 2)
    data = swarm.report("a")

    assert len(data["wireswarm_reports"]) == 2
    assert swarm.results.total.count == 5
    swarm.report("a")  # before the acknowledgement: everything comes again
    assert swarm.results.total.count == 5
    swarm.deliver("wireswarm-reports-taken")
    assert len(swarm.report("a")["wireswarm_reports"]) == 1


def test_workers_report_every_second_where_that_is_asked_for_and_while_they_run() -> None:
    swarm, sent = Swarm("a"), []
    worker = swarm.workers["a"]
    worker.runner._send_stats = lambda: sent.append(swarm.report("a"))  # type: ignore[union-attr]
    tick = worker.events.test_start._handlers[0].__self__.tick
    tick()
    assert sent == []

    report_often(swarm.master, often=True)
    swarm.start()
    swarm.request("a", 3)
    tick()
    assert len(sent) == 1
    assert swarm.results.total.count == 3
    worker.runner.state = STATE_STOPPED  # type: ignore[union-attr]
    tick()
    assert len(sent) == 1

    report_often(swarm.master, often=False)
    swarm.start()
    tick()
    assert len(sent) == 1
    report_often(Environment(), often=True)  # for library use, without options, there is nobody to tell


def test_a_master_that_is_away_for_long_loses_nothing() -> None:
    swarm = Swarm("a")
    for _ in range(30):
        swarm.request("a", 2)
        data = swarm.report("a", lost=True)
    assert len(data["wireswarm_reports"]) == 20

    swarm.report("a")
    swarm.deliver("wireswarm-reports-taken")
    swarm.report("a")

    assert swarm.results.total.count == 60


def test_what_was_measured_before_the_test_does_not_count_in_it() -> None:
    swarm = Swarm("a")
    swarm.request("a", 3)
    old = swarm.report("a", lost=True)
    vars(swarm.workers["a"])["wireswarm_abandoned"] = 5
    swarm.start()
    swarm.master.events.worker_report.fire(client_id="a", data=old)
    swarm.request("a", 1)
    swarm.report("a")

    assert swarm.results.total.count == 1
    assert swarm.results.abandoned == 0


def test_reset_stats_begins_anew_on_master_and_workers() -> None:
    swarm = Swarm("a", "b", reset_stats=True)
    swarm.request("a", 3)
    swarm.report("a")
    swarm.master.events.spawning_complete.fire(user_count=2)
    swarm.request("b", 5)  # before the master's word has come
    assert swarm.results.total.count == 0
    swarm.deliver("wireswarm-run")
    swarm.request("b", 1)
    swarm.report("b")

    assert swarm.results.total.count == 1


def test_counters_and_exceptions_of_workers_arrive() -> None:
    swarm = Swarm("a")
    counts = vars(swarm.workers["a"])
    counts.update(wireswarm_abandoned=2, wireswarm_start_retries=3, wireswarm_counters={"connects": 4})
    swarm.workers["a"].events.user_error.fire(user_instance=None, exception=ValueError("boom"), tb=None)
    swarm.report("a")
    swarm.report("a")

    results = swarm.results
    assert (results.abandoned, results.start_retries, results.counters) == (2, 3, {"connects": 4})
    assert results.exceptions == {"ValueError: boom": 1}


def test_how_workers_end_is_known() -> None:
    swarm = Swarm("done", "killed", "missing")
    for name in swarm.workers:
        swarm.request(name)
        swarm.report(name)
    del swarm.runner.clients["killed"]
    swarm.runner.clients["missing"].state = STATE_MISSING
    swarm.stop_worker("done")
    swarm.report("done")
    swarm.stop()

    states = {worker.name: worker.state for worker in swarm.results.workers.values()}
    assert states == {"done": "done", "killed": "lost", "missing": "lost"}


def test_a_worker_that_never_reported_is_lost_too() -> None:
    swarm = Swarm("a")
    swarm.stop()

    assert swarm.results.workers["a"].lost


def test_an_end_without_test_stop_is_one() -> None:
    swarm = Swarm("a")
    swarm.master.events.quitting.fire(environment=swarm.master, reverse=True)

    assert swarm.results.finished
    swarm.stop()
    assert swarm.results.workers["a"].lost


def test_the_last_report_has_what_happened_until_the_end() -> None:
    swarm = Swarm("a")
    swarm.report("a")
    swarm.workers["a"].events.test_stop.add_listener(lambda **_: swarm.request("a"))
    swarm.request("a", 2)
    swarm.stop_worker("a")
    swarm.report("a")
    swarm.stop()

    assert swarm.results.total.count == 3
    assert swarm.results.workers["a"].state == "done"


def local(**settings: Any) -> Environment:
    environment = Environment(**settings)
    environment.create_local_runner()
    install_measuring(environment)
    return environment


def fire(environment: Environment) -> None:
    environment.events.request.fire(request_type="GET", name="/x", response_time=1.0, response_length=1, exception=None)


def end(environment: Environment) -> Results:
    environment.runner.state = STATE_STOPPED  # type: ignore[union-attr]
    environment.events.test_stopping.fire(environment=environment)
    environment.events.test_stop.fire(environment=environment)
    results = results_of(environment)
    assert results is not None
    return results


def test_in_one_process_listeners_see_complete_results() -> None:
    seen = []
    environment = Environment()
    environment.create_local_runner()
    environment.events.test_start.add_listener(lambda **_: fire(environment))
    environment.events.test_stop.add_listener(lambda **_: seen.append(results_of(environment).total.count))  # type: ignore[union-attr]
    environment.events.test_stop.add_listener(lambda **_: fire(environment))
    install_measuring(environment)
    begin(environment)
    fire(environment)
    results = end(environment)

    assert seen == [2]
    assert results.total.count == results.tally(Key("GET", "/x")).count == 3
    assert results.workers["local"].state == "done"


def test_in_one_process_a_second_test_and_reset_stats_begin_anew() -> None:
    environment = local(reset_stats=True)
    begin(environment)
    fire(environment)
    assert end(environment).total.count == 1
    begin(environment)
    fire(environment)
    fire(environment)
    environment.events.spawning_complete.fire(user_count=1)
    fire(environment)

    assert end(environment).total.count == 1


def test_exceptions_of_listeners_are_counted() -> None:
    environment = local()
    begin(environment)

    def broken(**_kwargs: Any) -> None:
        raise KeyError("gone")

    environment.events.request.add_listener(broken)
    fire(environment)
    fire(environment)
    results = end(environment)
    fire(environment)

    assert results.exceptions == {"listener: KeyError: 'gone'": 2}
    assert not logging.getLogger().filters


def test_the_line_about_the_clock_is_told_at_the_end(caplog: Any) -> None:
    environment = local()
    begin(environment)
    results = end(environment)
    results.unstamped = 12
    with caplog.at_level("INFO", "locust.stats_logger"):
        environment.events.quit.fire(exit_code=0)

    assert "Response times of 12 answers end by the program's clock" in caplog.text


def test_a_clock_that_is_set_is_noticed_and_one_that_is_turned_is_not() -> None:
    clock = ManualClock()
    watch = ClockWatch(clock)
    clock.advance(1.0)
    assert watch.step() == 0.0
    clock.now += 0.0005
    assert watch.step() == 0.0
    clock.now -= 2.5
    assert watch.step() == pytest.approx(-2.5)
    assert watch.step() == 0.0


def test_a_look_at_this_process() -> None:
    clock = ManualClock()
    readings = ProcessReadings(clock)
    clock.advance(2.0)
    reading = readings.look(7)

    assert (reading.seconds, reading.users) == (2.0, 7)
    assert reading.cpu_s >= 0
    assert reading.memory_mb > 1
