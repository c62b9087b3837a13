"""Measures what happens in an `Environment`, and brings it together: on the master, or in the only process.

A worker's reports travel inside Locust's own, numbered, and are kept and sent again until the master says that it has
them. The master merges each once. So none is lost with a connection, and none counts twice.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any, cast

import gevent
from locust.env import Environment
from locust.event import EventHook
from locust.runners import (
    STATE_MISSING,
    STATE_RUNNING,
    STATE_SPAWNING,
    STATE_STOPPED,
    MasterRunner,
    Runner,
    WorkerRunner,
)

from wireswarm.metrics import Recorder, Results
from wireswarm.plugin.delay_line import describe_delay
from wireswarm.plugin.mishaps import MishapWatch
from wireswarm.plugin.readings import ProcessReadings
from wireswarm.plugin.request_stats import collect
from wireswarm.plugin.tables import bound_failures, bound_seconds
from wireswarm.users import COUNTERS

RESULTS = "wireswarm_results"
"""Attribute of an `Environment`, of the master or the only process: its `Results`, the same for all its tests."""
RECORDER = "wireswarm_recorder"
"""Attribute of an `Environment` that has users: its `Recorder`."""

_REPORTS = "wireswarm_reports"
_TAKEN = "wireswarm-reports-taken"
_RUN = "wireswarm_run"  # among the parsed options, which Locust sends to its workers before they start
_OFTEN = "wireswarm_report_often"  # there, too
_NEW_RUN = "wireswarm-run"
_LOCAL = "local"
_MAX_PENDING = 20
"""Reports that are kept for a master that does not answer; the recorder goes on by itself."""
_LAG_SECONDS = 0.05
_LIMIT_OF_A_TICK = 0.01

# Locust's own logger for the tables at the end: no time and no name before the text.
console = logging.getLogger("locust.stats_logger")


def install_measuring(environment: Environment) -> None:
    """Measure in that environment, whichever kind of runner it has."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        _Master(environment, runner)
    elif isinstance(runner, WorkerRunner):
        _Worker(environment, runner)
    elif runner is not None:
        _Local(environment, runner)


def results_of(environment: Environment) -> Results | None:
    """What was measured; None on a worker, and where the framework is not attached."""
    return cast("Results | None", getattr(environment, RESULTS, None))


def _first(event: EventHook, listener: Callable[..., None]) -> None:
    # Before those of the locustfile, which was imported earlier: what they send at the start counts, and what they read
    # at the end is complete.
    event._handlers.insert(0, listener)


def report_often(environment: Environment, *, often: bool) -> None:
    """Have the workers of a test that begins report every second, and not every three as Locust has it, or no longer.

    For whoever has to know soon how it goes; each report costs the master time.
    """
    if environment.parsed_options is not None:
        setattr(environment.parsed_options, _OFTEN, int(often))


class _Seconds:
    """Calls a function whenever a second of the run is over."""

    def __init__(self, elapsed: Callable[[], float], tick: Callable[[], None]) -> None:
        self._elapsed = elapsed
        self._tick = tick
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        self.stop()
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def _run(self) -> None:
        while True:
            gevent.sleep(max(_LIMIT_OF_A_TICK, 1 - self._elapsed() % 1))
            self._tick()


class _Process:
    """What a process with users does: it records."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        self.environment = environment
        self.runner = runner
        self.recorder = Recorder()
        setattr(environment, RECORDER, self.recorder)
        self._readings = ProcessReadings()
        self._mishaps = MishapWatch(environment, self.count_exception, self.recorder.count_kill)
        self._seconds = _Seconds(lambda: self.recorder.elapsed_s, self.tick)
        self._lag: gevent.Greenlet[[], None] | None = None
        collect(environment, self.recorder)
        _first(environment.events.test_start, self._on_test_start)
        _first(environment.events.test_stop, self._on_test_stop)
        environment.events.test_stop.add_listener(self._on_everybody_told)

    def restart(self, run: str) -> None:
        """Another run begins."""
        self.take_counts()  # those of before
        self.recorder.restart(run)
        self._readings = ProcessReadings()

    def tick(self) -> None:
        """A second is over."""
        users = self.runner.user_count
        self.recorder.tick(self.recorder.elapsed_s, users)
        self.recorder.observe(self._readings.look(users))
        self.take_counts()

    def take_counts(self) -> None:
        """Fetch what users count beside their samples."""
        counts = vars(self.environment)
        self.recorder.count(
            counts.pop(COUNTERS, {}),
            abandoned=counts.pop("wireswarm_abandoned", 0),
            start_retries=counts.pop("wireswarm_start_retries", 0),
        )

    def take_report(self) -> dict[str, Any]:
        """Everything since the last report."""
        self.take_counts()
        return self.recorder.take_report(self.recorder.elapsed_s, stopped=self.runner.state == STATE_STOPPED)

    def count_exception(self, text: str) -> None:
        """A user or a listener has raised."""
        self.recorder.count_exception(text)

    def start_run(self) -> None:
        """A test begins."""

    def end_run(self) -> None:
        """A test has ended. Called again when all other listeners have been told."""

    def _on_test_start(self, **_kwargs: Any) -> None:
        self.start_run()
        self._mishaps.on()
        self._seconds.start()
        self._stop_lag()
        self._lag = gevent.spawn(self._watch_lag)

    def _on_test_stop(self, **_kwargs: Any) -> None:
        self._seconds.stop()
        self._stop_lag()
        self.tick()
        self.end_run()

    def _on_everybody_told(self, **_kwargs: Any) -> None:
        # What other listeners did at the end of the test counts too.
        self._mishaps.off()
        self.end_run()

    def _stop_lag(self) -> None:
        if self._lag is not None:
            self._lag.kill(block=False)
            self._lag = None

    def _watch_lag(self) -> None:
        while True:
            began = time.monotonic()
            gevent.sleep(_LAG_SECONDS)
            self.recorder.lag(time.monotonic() - began - _LAG_SECONDS)


class _Local(_Process):
    def __init__(self, environment: Environment, runner: Runner) -> None:
        super().__init__(environment, runner)
        self._results = Results()
        setattr(environment, RESULTS, self._results)
        self._stopping_s = 0.0
        _first(environment.events.test_stopping, self._on_test_stopping)
        environment.events.spawning_complete.add_listener(self._on_spawning_complete)
        environment.events.quit.add_listener(self._on_quit)

    def start_run(self) -> None:
        run = uuid.uuid4().hex
        self.restart(run)
        self._results.restart(run)

    def tick(self) -> None:
        super().tick()
        self._results.tick(self.recorder.elapsed_s)
        self._results.add(_LOCAL, self.take_report())
        bound_failures(self.environment.stats)
        bound_seconds(self.environment.stats)

    def end_run(self) -> None:
        self._results.add(_LOCAL, self.take_report())
        self._results.finish(self._stopping_s)

    def count_exception(self, text: str) -> None:
        # After the last report there is no other, and listeners are still to be told that the process ends.
        (self._results if self._results.finished else self.recorder).count_exception(text)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        self._stopping_s = self.recorder.elapsed_s

    def _on_spawning_complete(self, **_kwargs: Any) -> None:
        if self.environment.reset_stats:
            self.start_run()

    def _on_quit(self, **_kwargs: Any) -> None:
        _tell(self._results)


class _Worker(_Process):
    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        super().__init__(environment, runner)
        self._worker_runner = runner
        self._pending: dict[int, dict[str, Any]] = {}
        self._started = False
        runner.register_message(_TAKEN, self._on_taken)
        runner.register_message(_NEW_RUN, self._on_new_run)
        environment.events.report_to_master.add_listener(self._on_report)

    def start_run(self) -> None:
        self._begin(str(getattr(self.environment.parsed_options, _RUN, "")))

    def tick(self) -> None:
        super().tick()
        if getattr(self.environment.parsed_options, _OFTEN, 0) and self.runner.state in {STATE_RUNNING, STATE_SPAWNING}:
            self._worker_runner._send_stats()

    def _begin(self, run: str) -> None:
        self._started = True
        self._pending.clear()
        self.restart(run)

    def _on_new_run(self, msg: Any, **_kwargs: Any) -> None:
        if self._started:
            self._begin(msg.data["run"])

    def _on_report(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not self._started:
            return
        if len(self._pending) < _MAX_PENDING:
            report = self.take_report()
            self._pending[report["sequence"]] = report
        for report in self._pending.values():
            report["elapsed"] = self.recorder.elapsed_s  # by which the master knows when this worker began
        data[_REPORTS] = list(self._pending.values())

    def _on_taken(self, msg: Any, **_kwargs: Any) -> None:
        if msg.data["run"] == self.recorder.run:
            for sequence in msg.data["sequences"]:
                self._pending.pop(sequence, None)


class _Master:
    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._results = Results()
        setattr(environment, RESULTS, self._results)
        self._began = time.monotonic()
        self._stopping_s: float | None = None
        self._running = False
        self._seconds = _Seconds(self._elapsed, self._tick)
        self._mishaps = MishapWatch(environment, self._results.count_exception, lambda: None)
        events = environment.events
        _first(events.test_start, self._on_test_start)
        _first(events.test_stopping, self._on_test_stopping)
        _first(events.test_stop, self._on_end)
        events.test_stop.add_listener(self._on_everybody_told)
        events.quitting.add_listener(self._on_end)  # where the last worker went missing there was no test_stop
        events.spawning_complete.add_listener(self._on_spawning_complete)
        events.worker_report.add_listener(self._on_report)
        events.quit.add_listener(self._on_quit)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _on_test_start(self, **_kwargs: Any) -> None:
        self._running = True
        self._begin()
        self._mishaps.on()
        self._seconds.start()

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._stopping_s = None
        run = uuid.uuid4().hex
        self._results.restart(run)
        if self._environment.parsed_options is not None:
            setattr(self._environment.parsed_options, _RUN, run)

    def _on_spawning_complete(self, **_kwargs: Any) -> None:
        if self._environment.reset_stats and self._running:
            self._begin()
            self._runner.send_message(_NEW_RUN, {"run": self._results.run})

    def _on_report(self, client_id: str, data: dict[str, Any], **_kwargs: Any) -> None:
        reports = data.get(_REPORTS)
        if not reports:
            return
        self._results.tick(self._elapsed())
        for report in reports:
            self._results.add(client_id, report)
        taken = {"run": reports[-1]["run"], "sequences": [report["sequence"] for report in reports]}
        self._runner.send_message(_TAKEN, taken, client_id=client_id)

    def _tick(self) -> None:
        self._results.tick(self._elapsed())
        self._look_for_the_lost()
        bound_failures(self._environment.stats)
        bound_seconds(self._environment.stats)

    def _look_for_the_lost(self) -> None:
        # Locust fires no event when a worker goes missing, or comes back.
        clients = self._runner.clients
        for node in clients.all:
            if node.state in {STATE_RUNNING, STATE_SPAWNING}:
                self._results.expect(node.id)
            elif node.state == STATE_MISSING and node.id in self._results.workers:
                self._results.lose(node.id)
        for name in self._results.workers:
            if name not in clients:
                self._results.lose(name)

    def _on_test_stopping(self, **_kwargs: Any) -> None:
        if self._stopping_s is None:
            self._stopping_s = self._elapsed()

    def _on_end(self, **_kwargs: Any) -> None:
        if not self._running:
            return
        self._running = False
        self._seconds.stop()
        self._tick()
        self._results.finish(self._results.elapsed_s if self._stopping_s is None else self._stopping_s)

    def _on_everybody_told(self, **_kwargs: Any) -> None:
        self._mishaps.off()

    def _on_quit(self, **_kwargs: Any) -> None:
        _tell(self._results)


def _tell(results: Results) -> None:
    line = describe_delay(results.delay, results.unstamped)
    if line:
        console.info(line)
